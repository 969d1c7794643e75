"""A program's inputs from a feature file: an array for each input tensor, under its name."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.core.precision import Precision
from hwsim.core.program import Program
from hwsim.core.tensor import Role, Tensor
from hwsim.errors import FileProblem, suggestion
from hwsim.inputs.arrays import ArrayFile, finite, open_arrays


def read_inputs(path: Path, program: Program) -> tuple[dict[str, NDArray[Any]], str]:
    """The inputs that the file has, in the shapes that the program wants, and its hash."""
    file = open_arrays(path)
    inputs = {tensor.name: tensor for tensor in program.tensors if tensor.role is Role.INPUT}
    for name in file.shapes:
        if name not in inputs:
            raise FileProblem(file.name, f"{name} is no input of the model; {suggestion(name, list(inputs))}")
    return {name: _input(file, inputs[name]) for name in file.shapes}, file.sha256


def _input(file: ArrayFile, tensor: Tensor) -> NDArray[Any]:
    """The array of one input; axes of size 1 may be left out."""
    shape = file.shapes[tensor.name]
    if [size for size in shape if size != 1] != [size for size in tensor.shape if size != 1]:
        law = f"{tensor.name} has shape {shape}, expected {tensor.shape}"
        raise FileProblem(file.name, f"{law}; the length of the audio decides how many frames there are")
    values = finite(file.name, tensor.name, file.read(tensor.name)).reshape(tensor.shape)
    if tensor.precision is not Precision.INT32:
        return values.astype(np.float32)
    if values.dtype.kind not in "iu":
        raise FileProblem(file.name, f"{tensor.name} holds indices; it must be of integers, not {values.dtype}")
    return values.astype(np.int32)
