"""Sums to numbers of few bits, by either of the two conventions that deployed networks use.

They differ in the last place: TFLite (gemmlowp) rounds twice in whole numbers, ONNX once in float32.
"""

import numpy as np

from hwsim.errors import InvalidValue
from hwsim.kernels.requantise import multiply_fixed_point
from hwsim.quantities.precision import Precision
from hwsim.tensor.fixed_point import Longs
from hwsim.tensor.formats import Array, storage


def by_fixed_point(
    sums: Array, multipliers: int | Longs, shifts: int | Longs, zero: int, precision: Precision
) -> Array:
    """sums[m, n] of 32 bits in TFLite's convention: multiplier · 2^(shift - 31), one for all or one for each column.

    `fixed_point` finds multipliers and shifts.

    >>> from hwsim.tensor.fixed_point import one_factor
    >>> by_fixed_point(np.array([[-228, 228]]), *one_factor(0.125), 0, Precision.INT8)
    array([[-29,  29]], dtype=int8)
    """
    q31, shift = (_for_each(numbers, sums.shape[1]) for numbers in (multipliers, shifts))
    out = np.empty(sums.shape, storage(precision))
    wide = np.ascontiguousarray(sums, np.int64)
    if wide.size and (wide.min() < -(2**31) or wide.max() >= 2**31):
        raise InvalidValue("sums", f"{wide.min()} to {wide.max()}", "must fit 32 bits")
    multiply_fixed_point(wide, q31, shift, zero, precision.lowest, precision.highest, out)
    return out


def _for_each(numbers: int | Longs, columns: int) -> Longs:
    entries = np.asarray(numbers, np.int64).reshape(-1)
    if entries.size not in (1, columns):
        raise InvalidValue("multipliers", entries.size, f"must be one, or one for each of {columns} columns")
    return np.ascontiguousarray(np.broadcast_to(entries, columns))


def by_float32(
    sums: Array, act_scale: float, weight_scale: float | Array, out_scale: float, zero: int, precision: Precision
) -> Array:
    """Sums in ONNX's convention; `weight_scale` is one, or one for each entry of the last axis.

    float32(sum) · float32(float32(sa · sw) / sy), rounded half to even, plus the zero point, within the format.
    """
    multiplier = np.float32(act_scale) * np.asarray(weight_scale, np.float32) / np.float32(out_scale)
    rounded = np.rint(sums.astype(np.float32) * multiplier).astype(np.float64) + zero
    return np.clip(rounded, precision.lowest, precision.highest).astype(storage(precision))
