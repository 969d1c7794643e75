"""Quantisation parameters: format, scales and zero points, by which integers stand for real numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.quantities.precision import Precision

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
_EXACT_BITS = 16
"""Formats of so many bits have no integers, less a zero point, that single precision has not."""


@dataclass(frozen=True, slots=True, eq=False)
class QuantParams:
    """An integer q stands for (q - zero) · scale. Scales and zeros broadcast against the tensor; see `by_groups`.

    Symmetric parameters leave out the lowest integer, so that the range is as wide on both sides.
    """

    precision: Precision
    scale: Floats
    zero: Ints
    symmetric: bool = True
    group: int | None = None  # this many elements of the last axis but one share an entry of that axis of the scales
    bounds: tuple[int, int] | None = None
    """The integers at which numbers are clipped, if these are not those of the format."""

    @property
    def lowest(self) -> int:
        if self.bounds is not None:
            return self.bounds[0]
        return -self.precision.highest if self.symmetric and self.precision.signed else self.precision.lowest

    @property
    def highest(self) -> int:
        return self.precision.highest if self.bounds is None else self.bounds[1]

    @property
    def single(self) -> float:
        """The scale of a tensor that has a single one."""
        return float(self.scale.reshape(-1)[0])

    @property
    def offset(self) -> int:
        """The zero point of a tensor that has a single one."""
        return int(self.zero.reshape(-1)[0])

    def quantised(self, values: NDArray[Any]) -> Ints:
        """The nearest integers: divided by the scale in single precision, halves to even, zero added, then clipped."""
        scale, zero = self._spread(values.shape)
        integers = np.asarray(values.astype(np.float32, copy=False) / scale)
        np.rint(integers, out=integers)
        if zero.any():
            integers = np.asarray(integers + zero)
        return np.asarray(np.clip(integers, self.lowest, self.highest, out=integers), np.int32)

    def real(self, integers: NDArray[Any]) -> Floats:
        """What the integers stand for."""
        scale, zero = self._spread(integers.shape)
        centred = integers - zero if zero.any() else integers
        if self.precision.bits <= _EXACT_BITS and integers.dtype.kind in "iu":
            # Single precision has these integers: their product, rounded once, is that of double precision.
            return np.asarray(np.multiply(centred, scale, dtype=np.float32, casting="unsafe"))
        return np.asarray(centred * scale, np.float32)

    def _spread(self, shape: tuple[int, ...]) -> tuple[Floats, Ints]:
        if self.group is None:
            return self.scale, self.zero
        return by_groups(self.scale, self.group, shape[-2]), by_groups(self.zero, self.group, shape[-2])


def plain(precision: Precision) -> QuantParams:
    """Integers that stand for themselves, such as indices."""
    return QuantParams(precision, np.ones((), np.float32), np.zeros((), np.int32), symmetric=False)


def even(precision: Precision, scale: float) -> QuantParams:
    """Symmetric parameters of one scale."""
    return QuantParams(precision, np.asarray(scale, np.float32), np.asarray(0, np.int32))


def by_groups(entries: NDArray[Any], group: int, elements: int) -> NDArray[Any]:
    """One entry an element of the last axis but one, from one entry a group of them."""
    return np.repeat(entries, group, axis=-2)[..., :elements, :]
