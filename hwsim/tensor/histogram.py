"""What values a tensor had, in bins: independent of the order and of the portions in which the values came."""

from dataclasses import field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.kernels.bins import count_in_bins

BINS = 2048


@dataclass(slots=True, eq=False)
class Histogram:
    """Counts of values in equal bins from -2^exponent to 2^exponent; the range doubles when a value lies outside.

    Doubling joins neighbouring bins, so the bins at the end are those that the last range would have had from the
    start. The least and the greatest value are kept exactly.

    >>> histogram = Histogram.of(np.array([0.5, -3.0]))
    >>> histogram.largest, int(histogram.counts.sum())
    (3.0, 2)
    """

    exponent: int = -60
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(2 * BINS, np.int64))
    least: float = 0.0
    greatest: float = 0.0

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> Self:
        """The histogram of some values."""
        histogram = cls()
        histogram.add(values)
        return histogram

    @property
    def largest(self) -> float:
        """The largest magnitude."""
        return max(-self.least, self.greatest)

    @property
    def centres(self) -> NDArray[np.float64]:
        """The middle of each bin; of the outermost bins that hold values, the extreme itself."""
        width = 2.0**self.exponent / BINS
        middles = (np.arange(-BINS, BINS) + 0.5) * width
        return np.clip(middles, self.least, self.greatest)

    def add(self, values: NDArray[np.floating]) -> None:
        """Count some more values."""
        flat = np.ascontiguousarray(values).reshape(-1)
        if not flat.size:
            return
        self.least, self.greatest = min(self.least, float(flat.min())), max(self.greatest, float(flat.max()))
        while self.largest > 2.0**self.exponent:
            self._double()
        count_in_bins(flat, BINS / 2.0**self.exponent, self.counts)

    def merge(self, other: "Histogram") -> None:
        """Count all that another histogram counted."""
        self.least, self.greatest = min(self.least, other.least), max(self.greatest, other.greatest)
        twin = Histogram(other.exponent, other.counts.copy())
        while self.exponent < twin.exponent:
            self._double()
        while twin.exponent < self.exponent:
            twin._double()
        self.counts += twin.counts

    def _double(self) -> None:
        self.exponent += 1
        if not self.counts.any():
            return
        joined = self.counts.reshape(-1, 2).sum(axis=1)
        self.counts[:] = 0
        self.counts[BINS // 2 : BINS // 2 + BINS] = joined
