"""The arrays of cells of one tile as readings meet them: combined, squared, cut into bytes."""

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import TypeVar, cast

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.quantities.precision import Precision
from hwsim.tensor.analog.layout import Read
from hwsim.tensor.formats import Array
from hwsim.tensor.weights import Weights

T = TypeVar("T")

_NOTHING = np.zeros((0, 0))

_DIGITS = np.array([65536.0, 256.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class Digits:
    """Currents as whole multiples of `step`, in one or three signed bytes, right to within `error` each."""

    weights: Weights
    worth: Array
    error: float
    largest: float

    @classmethod
    def of(cls, g: Array) -> "Digits":
        largest = float(np.abs(g).max()) or 1.0
        one = np.rint(g / largest * 127)
        error = float(np.abs(one * (largest / 127) - g).max())
        if error < 1e-14 * largest:
            return cls(Weights.of(one.astype(np.int8), Precision.INT8), np.array([largest / 127]), error, largest)
        step = largest / float(127 * _DIGITS.sum())
        whole = np.rint(g / step).astype(np.int64)
        low = (whole + 128) % 256 - 128
        rest = (whole - low) // 256
        middle = (rest + 128) % 256 - 128
        digits = np.concatenate([(rest - middle) // 256, middle, low], axis=1).astype(np.int8)
        error = float(np.abs(whole * step - g).max())
        return cls(Weights.of(digits, Precision.INT8), _DIGITS * step, error, largest)


@dataclass(slots=True, eq=False)
class Cells:
    """The arrays of one tile during a window of reads, and what readings of them need."""

    arrays: list[Array]
    spreads: list[Array | None]
    kept: dict[tuple[str, int], object] = field(default_factory=dict)

    def currents(self, read: Read, place: int) -> Array:
        """What the cells of a reading add up to, per full-scale input."""
        return self.keep("currents", place, lambda: self._combined(read))

    def variance(self, read: Read, place: int) -> Array | None:
        """The variance of that by white noise."""
        if self.spreads[0] is None:
            return None
        return self.keep("variance", place, lambda: self._squares(read))

    def digits(self, read: Read, place: int) -> Digits:
        return self.keep("digits", place, lambda: Digits.of(self.currents(read, place)))

    def combined(self, reads: Sequence[Read]) -> "Cells":
        """The same cells without their arrays: what these readings of linear cells need is kept."""
        for place, read in enumerate(reads):
            self.currents(read, place)
            self.variance(read, place)
        return Cells([], [None if spread is None else _NOTHING for spread in self.spreads], self.kept)

    def keep(self, what: str, place: int, make: Callable[[], T]) -> T:
        """What is made once for all vectors."""
        if (what, place) not in self.kept:
            self.kept[what, place] = make()
        return cast(T, self.kept[what, place])

    def _combined(self, read: Read) -> Array:
        (first, share), *rest = read.arrays
        total = np.array(self.arrays[first], np.float64, order="C")
        total *= share
        for array, factor in rest:
            total += np.asarray(self.arrays[array], np.float64) * factor
        return total

    def _squares(self, read: Read) -> Array:
        total = np.zeros(self.arrays[0].shape)
        for array, factor in read.arrays:
            spread = self.spreads[array]
            assert spread is not None
            total += factor * factor * (spread * spread)
        return total
