"""A program's inputs among the arrays of a file: one for each input tensor, under its name."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import FileProblem, suggestion
from hwsim.inputs.archives import ArrayFile, finite
from hwsim.ir.nodes import Loop
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role, Tensor


def inputs_in(file: ArrayFile, program: Program) -> dict[str, NDArray[Any]]:
    """The inputs among these arrays, in the shapes that the program wants."""
    tensors = {tensor.name: tensor for tensor in program.tensors if tensor.role is Role.INPUT}
    symbols = _symbols(program)
    for name in file.shapes:
        if name not in tensors and name not in symbols:
            raise FileProblem(file.name, f"{name} is no input of the model; {suggestion(name, list(tensors))}")
    arrays = {name: _input(file, tensors[name]) for name in file.shapes if name in tensors}
    arrays |= {
        name: _indices(file, name, shape, most) for name, (shape, most) in symbols.items() if name in file.shapes
    }
    return arrays


def _input(file: ArrayFile, tensor: Tensor) -> NDArray[Any]:
    """The array of one input; axes of size 1 may be left out."""
    shape = file.shapes[tensor.name]
    if [size for size in shape if size != 1] != [size for size in tensor.shape if size != 1]:
        law = f"{tensor.name} has shape {shape}, expected {tensor.shape}"
        raise FileProblem(file.name, f"{law}; the length of the audio decides how many frames there are")
    return finite(file.name, tensor.name, file.read(tensor.name)).reshape(tensor.shape).astype(np.float32)


def _symbols(program: Program) -> dict[str, tuple[tuple[int, int], int]]:
    """Of a language model alone: the symbols that it reads, their shape, and how many there are."""
    loops = [node for node in program.body if isinstance(node, Loop) and node.name == "symbols"]
    tensors = {tensor.name: tensor for tensor in program.tensors}
    if not loops or "lm.symbol" not in tensors:
        return {}
    shape = (loops[0].most, tensors["lm.symbol"].elements)
    return {"lm.symbol": (shape, tensors["lm.embed.table"].shape[0])}


def _indices(file: ArrayFile, name: str, shape: tuple[int, int], most: int) -> NDArray[np.int32]:
    """Symbols for each step and sequence."""
    values = file.read(name)
    if values.dtype.kind not in "iu":
        raise FileProblem(file.name, f"{name} holds symbols; it must be of integers, not {values.dtype}")
    if values.size != shape[0] * shape[1]:
        raise FileProblem(file.name, f"{name} has shape {values.shape}, expected {shape}")
    if values.min() < 0 or values.max() >= most:
        raise FileProblem(file.name, f"{name} has symbols from {values.min()} to {values.max()}; there are {most}")
    return values.reshape(shape).astype(np.int32)
