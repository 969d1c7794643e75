"""Where the range of a quantiser ends: by the largest value, a percentile, the least error, or statistics."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.precision import Precision
from hwsim.quantities.quantisation import Clip

Rows = NDArray[np.float64]

STATISTICS = {2: (2.6, -1.71), 3: (7.509, -6.892), 4: (12.035, -12.03), 8: (31.76, -35.04)}
"""Of each width, the factors of the root mean square and of the mean magnitude; the form is that of Choi et al., MLSys
2019, "Accurate and efficient 2-bit quantized neural networks". The factors are those of IBM's FMS Model Optimizer
(github.com/foundation-model-stack/fms-model-optimizer, SAWB utility functions): codes 103, 403 and 803 for ranges
that are as wide on both sides, and its three-bit entry."""

FEW_VALUES = 64
"""Of fewer values, a row's statistics are no longer those of the family that it is drawn from: of normal rows, four
bits clipped by statistics err more than unclipped ones from 64 values downwards (docs/values.md)."""

_COARSE, _FINE = 40, 16
_LEAST_SHARE = 1 / 40


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of values, each value with the number of times that it occurs (None: once)."""

    values: Rows
    counts: Rows | None = None

    def mean(self, values: Rows) -> Rows:
        """The mean over each row of something that belongs to the values."""
        if self.counts is None:
            return np.asarray(values.mean(axis=1))
        return np.asarray((values * self.counts).sum(axis=1) / np.maximum(self.counts.sum(axis=1), 1))

    def percentile(self, values: Rows, percent: float) -> Rows:
        """The least value of each row that is at least as large as that share of the row."""
        order = np.argsort(values, axis=1, kind="stable")
        ordered = np.take_along_axis(values, order, axis=1)
        counts = np.ones_like(values) if self.counts is None else np.take_along_axis(self.counts, order, axis=1)
        reached = np.cumsum(counts, axis=1)
        target = reached[:, -1:] * (percent / 100)
        place = np.minimum((reached < target).sum(axis=1), values.shape[1] - 1)
        return np.asarray(ordered[np.arange(len(values)), place])


@dataclass(frozen=True, slots=True)
class Range:
    """The least and the greatest value of each row that are not clipped; zero lies between them."""

    low: Rows
    high: Rows


def clip_range(sample: Sample, precision: Precision, clip: Clip, percentile: float, symmetric: bool) -> Range:
    """The range of each row of a sample."""
    if clip is Clip.STATISTICS:
        return _symmetric(_by_statistics(sample, precision))
    if clip is Clip.PERCENTILE:
        if symmetric:
            return _symmetric(sample.percentile(np.abs(sample.values), percentile))
        high = np.maximum(sample.percentile(sample.values, percentile), 0)
        return Range(-np.maximum(sample.percentile(-sample.values, percentile), 0), high)
    occurring = sample.values if sample.counts is None else np.where(sample.counts > 0, sample.values, 0)
    full_range = _symmetric(np.abs(occurring).max(axis=1))
    if not symmetric:
        full_range = Range(np.minimum(occurring.min(axis=1), 0), np.maximum(occurring.max(axis=1), 0))
    return full_range if clip is Clip.MAX else _least_error(sample, precision, full_range, symmetric)


def _symmetric(bound: Rows) -> Range:
    return Range(-bound, bound)


def _by_statistics(sample: Sample, precision: Precision) -> Rows:
    if precision.bits not in STATISTICS:
        law = f"has no coefficients for {precision.value}; use max, percentile or mse"
        raise InvalidValue("clip", Clip.STATISTICS.value, law)
    of_rms, of_mean = STATISTICS[precision.bits]
    magnitudes = np.abs(sample.values)
    occurring = magnitudes if sample.counts is None else np.where(sample.counts > 0, magnitudes, 0)
    bound = of_rms * np.sqrt(sample.mean(magnitudes**2)) + of_mean * sample.mean(magnitudes)
    largest = occurring.max(axis=1)
    # Rows of equal values lie outside the families for which the factors were found: nothing is clipped there.
    bound = np.where((bound > 0) & (bound < largest), bound, largest)
    if sample.values.shape[1] >= FEW_VALUES:
        return bound
    # So do rows of few values, whose factors cancel: of a single value four bits would keep 0.005 of it.
    clipped, whole = (_error(sample, precision, _symmetric(high), symmetric=True) for high in (bound, largest))
    return np.where(clipped < whole, bound, largest)


def _least_error(sample: Sample, precision: Precision, full_range: Range, symmetric: bool) -> Range:
    """The share of the full range at which the error is least: a coarse search, then a fine one around the best."""

    def error(share: Rows) -> Rows:
        return _error(sample, precision, Range(full_range.low * share, full_range.high * share), symmetric)

    rows = len(sample.values)
    coarse = _best(error, [np.full(rows, share) for share in np.linspace(_LEAST_SHARE, 1, _COARSE)])
    near = np.linspace(-_LEAST_SHARE, _LEAST_SHARE, _FINE + 1)
    share = _best(error, [np.clip(coarse + difference, _LEAST_SHARE / 2, 1) for difference in near])
    return Range(full_range.low * share, full_range.high * share)


def _error(sample: Sample, precision: Precision, bounds: Range, symmetric: bool) -> Rows:
    """The mean square error of each row, quantised within those bounds."""
    steps = precision.highest if symmetric else precision.highest - precision.lowest
    low, high = bounds.low[:, None], bounds.high[:, None]
    step = np.maximum(high if symmetric else high - low, np.finfo(np.float64).tiny) / steps
    quantised = np.clip(np.rint(sample.values / step), np.rint(low / step), np.rint(high / step)) * step
    return sample.mean((quantised - sample.values) ** 2)


def _best(error: Callable[[Rows], Rows], candidates: list[Rows]) -> Rows:
    """Of each row the first candidate with the least error."""
    best, least = candidates[0], error(candidates[0])
    for candidate in candidates[1:]:
        candidate_error = error(candidate)
        best, least = np.where(candidate_error < least, candidate, best), np.minimum(candidate_error, least)
    return best
