"""Which numbers a format holds, and in which type of numpy they are kept."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.quantities.precision import Precision

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Float:
    """Significant bits with the hidden one, exponent of the smallest normal number, largest number."""

    digits: int
    lowest_exponent: int
    highest: float


_FLOATS = {
    Precision.FP8_E4M3: _Float(4, -6, 448.0),
    Precision.FP8_E5M2: _Float(3, -14, 57344.0),
    Precision.FP16: _Float(11, -14, 65504.0),
    Precision.BF16: _Float(8, -126, (2 - 2**-7) * 2.0**127),
    Precision.FP32: _Float(24, -126, float(np.finfo(np.float32).max)),
}


@cache
def storage(precision: Precision) -> type[np.generic]:
    """The smallest type of numpy that holds all numbers of a format; floating-point ones are computed with in fp32.

    >>> storage(Precision.UINT4).__name__, storage(Precision.INT3).__name__, storage(Precision.BF16).__name__
    ('uint8', 'int8', 'float32')
    """
    if precision.floating:
        return np.float32
    low, high = precision.lowest, precision.highest
    types = (np.uint8, np.uint16, np.uint32) if low == 0 else (np.int8, np.int16, np.int32)
    return next(kind for kind in types if high <= np.iinfo(kind).max)


@cache
def extreme(precision: Precision) -> int:
    """The largest magnitude of an integer format."""
    return max(-precision.lowest, precision.highest)


def fits_byte(precision: Precision) -> bool:
    """Whether a number of the integer format is a byte, signed or unsigned."""
    return extreme(precision) < 256


def outside(values: Array, precision: Precision) -> NDArray[np.bool_]:
    """Where an array holds a number that the format lacks. A NaN is in no format, nor is an infinity.

    >>> outside(np.array([0.1, 0.5, 70000.0]), Precision.FP16).tolist()
    [True, False, True]
    """
    if not precision.floating:
        return np.asarray((values < precision.lowest) | (values > precision.highest))
    kind, wide = _FLOATS[precision], values.astype(np.float64)
    finite = np.isfinite(wide)
    _, exponent = np.frexp(np.where(finite, wide, 0.0))
    # A number of that exponent is a multiple of this power of two.
    power = np.maximum(exponent, kind.lowest_exponent + 1) - kind.digits
    steps = np.ldexp(np.where(finite, wide, 0.0), -power)
    return np.asarray(~finite | (np.abs(wide) > kind.highest) | (steps != np.rint(steps)))
