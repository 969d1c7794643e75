"""Real factors as hardware multiplies by them: a multiplier of 31 bits and a shift."""

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import InvalidValue

Longs = NDArray[np.int64]


def fixed_point(factors: NDArray[np.float64]) -> tuple[Longs, Longs]:
    """Multipliers in [2^30, 2^31) and shifts, so that multiplier · 2^(shift - 31) is next to the factor, as TFLite
    chooses them; below 2^-32 it is zero.

    >>> [array.tolist() for array in fixed_point(np.array([0.5, 3.0, 0.0]))]
    [[1073741824, 1610612736, 0], [0, 2, 0]]
    """
    wide = np.asarray(factors, np.float64)
    strange = wide[~((wide >= 0) & (wide < 2.0**30))]  # a NaN too
    if strange.size:
        raise InvalidValue("factor", float(strange[0]), "must be from 0 to less than 2^30")
    mantissas, exponents = np.frexp(wide)
    multipliers = np.floor(mantissas * 2.0**31 + 0.5).astype(np.int64)
    full = multipliers == 1 << 31
    multipliers, shifts = np.where(full, 1 << 30, multipliers), exponents.astype(np.int64) + full
    lost = shifts < -31  # nothing of a number of 32 bits is left
    return np.where(lost, 0, multipliers), np.where(lost, 0, shifts)


def one_factor(factor: float) -> tuple[int, int]:
    """Multiplier and shift of one factor."""
    multipliers, shifts = fixed_point(np.array([factor], np.float64))
    return int(multipliers[0]), int(shifts[0])
