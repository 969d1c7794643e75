"""The inputs of a model file from a file of arrays: by their names in the model, with or without `in_` before them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import FileProblem, shown, suggestion
from hwsim.inputs.archives import ArrayFile, finite
from hwsim.ir.ops import Lookup
from hwsim.ir.program import Program
from hwsim.quantities.precision import Precision
from hwsim.tensor.carried import Carried, Named

PREFIX = "in_"
RESULTS = ("out_", "opt_")
"""How arrays are called that some other program made of the inputs; they are left alone."""


def carried_inputs(file: ArrayFile, carried: Carried, program: Program) -> dict[str, NDArray[Any]]:
    """The arrays of the file by the names of the program's tensors."""
    named = {one.name: one for one in carried.inputs}
    found: dict[str, NDArray[Any]] = {}
    for key in file.shapes:
        name = key if key in named else key.removeprefix(PREFIX)
        if name not in named:
            if key.startswith(RESULTS):
                continue
            raise FileProblem(file.name, f"{shown(key)} is no input of the model; {suggestion(name, list(named))}")
        one = named[name]
        found[one.view.tensor] = _input(file, key, one, carried, program)
    return found


def _input(file: ArrayFile, key: str, one: Named, carried: Carried, program: Program) -> NDArray[Any]:
    if file.shapes[key] != one.shape:
        law = f"{shown(key)} has shape {file.shapes[key]}, the model was read for {one.shape}"
        raise FileProblem(file.name, f"{law}; axes without a size of their own get one by --dim NAME=N")
    values, tensor = file.read(key), program.tensor(one.view.tensor)
    grid = carried.grids.get(tensor.name)
    if grid is not None and values.dtype.kind in "iu":
        low, high = tensor.precision.lowest, tensor.precision.highest
        if values.size and (values.min() < low or values.max() > high):
            law = f"{shown(key)} has integers from {values.min()} to {values.max()}; {tensor.precision.value} has"
            raise FileProblem(file.name, f"{law} {low} to {high}")
        return grid.real(values.astype(np.int32)).reshape(tensor.shape)
    if tensor.precision is not Precision.INT32:
        if values.dtype.kind == "b":
            return values.astype(np.float32).reshape(tensor.shape)
        return finite(file.name, key, values).astype(np.float32).reshape(tensor.shape)
    if values.dtype.kind not in "iu":
        raise FileProblem(file.name, f"{shown(key)} holds symbols; it must be of integers, not {values.dtype}")
    tables = [
        program.shapes()(placed.op.table)[0]
        for placed in program.placed()
        if isinstance(placed.op, Lookup) and placed.op.index.tensor == tensor.name
    ]
    least, most = (0, min(tables)) if tables else (-(1 << 31), 1 << 31)
    if values.size and (values.min() < least or values.max() >= most):
        raise FileProblem(
            file.name, f"{shown(key)} has symbols from {values.min()} to {values.max()}; there are {most}"
        )
    return values.astype(np.int32).reshape(tensor.shape)
