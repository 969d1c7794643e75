"""Sums to numbers of few bits, by either of the two conventions that deployed networks use.

They differ in the last place: TFLite (gemmlowp) rounds twice in whole numbers, ONNX once in float32.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np

from hwsim.core.noun import Noun, Whole
from hwsim.core.precision import Precision
from hwsim.errors import InvalidValue
from hwsim.kernels.requantise import multiply_fixed_point
from hwsim.tensor.formats import Array, storage


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPoint(Noun):
    """A multiplier as integer-only hardware has it: q31 · 2^(shift - 31).

    >>> FixedPoint.of(0.125)
    FixedPoint(q31=1073741824, shift=-2)
    """

    q31: Annotated[int, Whole(low=0, high=2**31 - 1)]
    shift: Annotated[int, Whole(low=-31, high=30)]

    @classmethod
    def of(cls, multiplier: float) -> Self:
        """The nearest one, as TFLite chooses it; below 2^-32 it is zero."""
        if not (math.isfinite(multiplier) and 0 <= multiplier < 2**30):
            raise InvalidValue("multiplier", multiplier, "must be from 0 to less than 2^30")
        mantissa, shift = math.frexp(multiplier)
        q31 = math.floor(mantissa * 2**31 + 0.5)
        if q31 == 2**31:
            q31, shift = q31 // 2, shift + 1
        return cls(q31=0, shift=0) if shift < -31 else cls(q31=q31, shift=shift)


def by_fixed_point(
    sums: Array, multipliers: FixedPoint | Sequence[FixedPoint], zero: int, precision: Precision
) -> Array:
    """sums[m, n] of 32 bits in TFLite's convention, with one multiplier or one for each column.

    >>> by_fixed_point(np.array([[-228, 228]]), FixedPoint.of(0.125), 0, Precision.INT8)
    array([[-29,  29]], dtype=int8)
    """
    each = [multipliers] * sums.shape[1] if isinstance(multipliers, FixedPoint) else list(multipliers)
    if len(each) != sums.shape[1]:
        raise InvalidValue("multipliers", len(each), f"must be one, or one for each of {sums.shape[1]} columns")
    q31 = np.array([one.q31 for one in each], np.int64)
    shift = np.array([one.shift for one in each], np.int64)
    out = np.empty(sums.shape, storage(precision))
    wide = np.ascontiguousarray(sums, np.int64)
    if wide.size and (wide.min() < -(2**31) or wide.max() >= 2**31):
        raise InvalidValue("sums", f"{wide.min()} to {wide.max()}", "must fit 32 bits")
    multiply_fixed_point(wide, q31, shift, zero, precision.lowest, precision.highest, out)
    return out


def by_float32(
    sums: Array, act_scale: float, weight_scale: float | Array, out_scale: float, zero: int, precision: Precision
) -> Array:
    """Sums in ONNX's convention; `weight_scale` is one, or one for each entry of the last axis.

    float32(sum) · float32(float32(sa · sw) / sy), rounded half to even, plus the zero point, within the format.
    """
    multiplier = np.float32(act_scale) * np.asarray(weight_scale, np.float32) / np.float32(out_scale)
    rounded = np.rint(sums.astype(np.float32) * multiplier).astype(np.float64) + zero
    return np.clip(rounded, precision.lowest, precision.highest).astype(storage(precision))
