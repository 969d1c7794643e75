"""Operands as users give them, checked: matrices of numbers that the declared format has."""

from functools import cache
from typing import Any

import numpy as np

from hwsim.errors import InvalidValue
from hwsim.quantities.precision import Precision
from hwsim.tensor.formats import Array, outside, storage


def checked_matrix(name: str, values: object, precision: Precision) -> Array:
    """The matrix, row by row in memory, in the type that the format is kept in.

    >>> checked_matrix("act", np.array([[1, 9]]), Precision.INT4)
    Traceback (most recent call last):
    hwsim.errors.InvalidValue: act[0, 1] = 9: must be a number of int4, from -8 to 7
    """
    matrix = np.asarray(values)
    if matrix.ndim != 2:
        raise InvalidValue(f"{name}.shape", matrix.shape, "must be two numbers: a matrix")
    if matrix.size == 0:
        raise InvalidValue(f"{name}.shape", matrix.shape, "must have at least one row and one column")
    allowed = "iuf" if precision.floating else "iu"
    if matrix.dtype.kind not in allowed:
        law = "numbers" if precision.floating else "integers"
        raise InvalidValue(
            f"{name}.dtype", str(matrix.dtype), f"must be a type of {law}, to be read as {precision.value}"
        )
    kind = storage(precision)
    if not _all_fit(matrix.dtype, precision):
        _refuse_strangers(name, matrix, precision)
    return np.ascontiguousarray(matrix, dtype=kind)


def inner_sizes_agree(act: Array, weight: Array) -> None:
    """Refuses activations [m, k] for weights with another k."""
    if act.shape[1] != weight.shape[0]:
        law = f"must have as many columns as weight has rows, {weight.shape[0]}"
        raise InvalidValue("act.shape", act.shape, law)


@cache
def _all_fit(kind: np.dtype[Any], precision: Precision) -> bool:
    """Whether no number of that type can be outside the format."""
    if precision.floating or kind.kind not in "iu":
        return False
    limits = np.iinfo(kind)
    return precision.lowest <= limits.min and limits.max <= precision.highest


def _refuse_strangers(name: str, matrix: Array, precision: Precision) -> None:
    if not precision.floating and precision.lowest <= matrix.min() and matrix.max() <= precision.highest:
        return
    strangers = outside(matrix, precision)
    if strangers.any():
        row, column = (int(i) for i in np.unravel_index(int(strangers.argmax()), matrix.shape))
        span = "" if precision.floating else f", from {precision.lowest} to {precision.highest}"
        law = f"must be a number of {precision.value}{span}"
        raise InvalidValue(f"{name}[{row}, {column}]", matrix[row, column].item(), law)
