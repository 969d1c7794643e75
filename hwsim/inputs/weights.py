"""A model's parameters from a file: an array for each parameter tensor, under its name and in its shape."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import FileProblem, shown, suggestion
from hwsim.inputs.archives import finite, open_arrays
from hwsim.ir.program import Program
from hwsim.quantities.precision import Precision
from hwsim.tensor.rounding import rounded

_SHOWN = 3


def read_parameters(path: Path, program: Program) -> tuple[dict[str, NDArray[np.float32]], str]:
    """All parameters of a program by name, and the hash of the file; what is missing, extra or misshaped is named."""
    file = open_arrays(path)
    shapes = {tensor.name: tensor.shape for tensor in program.tensors if tensor.role.parameter}
    missing = [name for name in shapes if name not in file.shapes]
    extra = [name for name in file.shapes if name not in shapes]
    if missing:
        raise FileProblem(
            file.name, f"lacks {_few(missing)} of {program.name}; its arrays are named as those of `hwsim trace`"
        )
    if extra:
        raise FileProblem(
            file.name, f"has {_few(extra)}, which {program.name} lacks; {suggestion(extra[0], list(shapes)[:8])}"
        )
    for name, shape in shapes.items():
        if file.shapes[name] != shape:
            raise FileProblem(file.name, f"{name} has shape {file.shapes[name]}, expected {shape} in {program.name}")
    parameters = {name: finite(file.name, name, file.read(name)).astype(np.float32) for name in shapes}
    for name, values in parameters.items():
        _has_place(file.name, name, values, program.tensor(name).precision)
    return parameters, file.sha256


def _has_place(file: str, name: str, values: NDArray[np.float32], precision: Precision) -> None:
    """Refuse numbers that are infinite in the floating-point format in which the model keeps them."""
    if not precision.floating:
        return
    largest = np.array([-values.min(), values.max()])
    if not np.isfinite(rounded(largest, precision)).all():
        law = f"is infinite in {precision.value}; smaller weights or a wider format (precision rules) keep it finite"
        raise FileProblem(file, f"{shown(name)} holds {largest.max():g}, which {law}")


def _few(names: Sequence[str]) -> str:
    omitted = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {omitted} more" if omitted > 0 else "")
