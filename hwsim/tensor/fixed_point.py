"""Real factors as hardware multiplies by them: a multiplier of 31 bits and a shift."""

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import InvalidValue

Longs = NDArray[np.int64]

_LARGEST_SHIFT = 30


def fixed_point(factors: NDArray[np.float64]) -> tuple[Longs, Longs]:
    """Multipliers in [2^30, 2^31) and shifts, so that multiplier · 2^(shift - 31) is next to the factor.

    >>> [array.tolist() for array in fixed_point(np.array([0.5, 3.0, 0.0]))]
    [[1073741824, 1610612736, 0], [0, 2, 0]]
    """
    mantissas, exponents = np.frexp(np.asarray(factors, np.float64))
    multipliers = np.rint(mantissas * 2.0**31).astype(np.int64)
    full = multipliers == 1 << 31
    multipliers, shifts = np.where(full, 1 << 30, multipliers), exponents.astype(np.int64) + full
    if (shifts > _LARGEST_SHIFT).any():
        raise InvalidValue("factor", float(np.max(factors)), "is too large for a multiplier of 31 bits and a shift")
    lost = shifts < -31  # nothing of a number of 32 bits is left
    return np.where(lost, 0, multipliers), np.where(lost, 0, shifts)


def one_factor(factor: float) -> tuple[int, int]:
    """Multiplier and shift of one factor."""
    multipliers, shifts = fixed_point(np.array([factor], np.float64))
    return int(multipliers[0]), int(shifts[0])
