"""Floating-point formats, held in single precision: each value rounded to the nearest of the format, ties to even."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.quantities.precision import Precision

_FP8 = {Precision.FP8_E4M3: (3, -6, 448.0), Precision.FP8_E5M2: (2, -14, 57344.0)}
"""Bits of the fraction, least exponent of a normal number, largest finite number (Micikevicius et al., arXiv
2209.05433)."""


def rounded(values: NDArray[Any], precision: Precision) -> NDArray[np.float32]:
    """The nearest numbers of a floating-point format; fp8 saturates, as its conversion does by default.

    >>> rounded(np.array([1.0009765625, 1e6, 70000.0], np.float32), Precision.FP16)[:1]
    array([1.0009766], dtype=float32)
    >>> rounded(np.array([449.0, 0.0020]), Precision.FP8_E4M3)
    array([4.480000e+02, 1.953125e-03], dtype=float32)
    """
    match precision:
        case Precision.FP32:
            return np.asarray(values, np.float32)
        case Precision.FP16:
            with np.errstate(over="ignore"):  # what is too large becomes infinite, as the format says
                return np.asarray(values).astype(np.float16).astype(np.float32)
        case Precision.BF16:
            bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
            upper_bits = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
            return np.where(np.isnan(values), np.float32(np.nan), upper_bits.view(np.float32))
        case _:
            fraction, least, largest = _FP8[precision]
            wide = np.asarray(values, np.float64)
            exponent = np.maximum(np.frexp(wide)[1] - 1, least)
            step = np.ldexp(1.0, exponent - fraction)
            return np.asarray(np.clip(np.rint(wide / step) * step, -largest, largest), np.float32)
