"""What ops compute, one function each: they check their operands, allocate, and call a kernel."""
