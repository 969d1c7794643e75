"""From the exact sums of a matrix product to the integers of the next tensor: offset, rescale, clip."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.kernels.rescale import requantise_rows
from hwsim.tensor.fixed_point import Longs, fixed_point
from hwsim.tensor.quant_params import Ints, QuantParams

_INT32 = np.iinfo(np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Requantiser:
    """Column n: add offsets[n] in 32 bits, multiply by factor n in fixed point, add the zero point, clip."""

    offsets: Longs
    multipliers: Longs
    shifts: Longs
    target: Longs

    @classmethod
    def of(cls, factors: NDArray[np.float64], target: QuantParams, offsets: Longs | None = None) -> Self:
        """From sums of scale s to integers of scale t the factor is s / t."""
        multipliers, shifts = fixed_point(factors)
        zeros = np.zeros(len(factors), np.int64) if offsets is None else offsets
        limits = np.array([target.offset, target.lowest, target.highest], np.int64)
        return cls(np.ascontiguousarray(zeros), multipliers, shifts, limits)

    def __call__(self, acc: NDArray[np.integer]) -> tuple[Ints, int]:
        """The results for acc[m, n], and how many of them were clipped."""
        clamped = acc if acc.dtype == np.int32 else np.clip(acc, _INT32.min, _INT32.max).astype(np.int32)
        out = np.empty(acc.shape, np.int32)
        clipped = requantise_rows(
            np.ascontiguousarray(clamped), self.offsets, self.multipliers, self.shifts, self.target, out
        )
        return out, int(clipped)
