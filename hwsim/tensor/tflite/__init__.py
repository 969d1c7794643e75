"""What operators of TensorFlow Lite compute in integers, as its reference kernels do it, one rule an operator."""
