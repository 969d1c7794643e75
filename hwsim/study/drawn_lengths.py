"""Lengths of utterances drawn from a distribution, and the buckets that pad them least."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate
from math import exp, gcd, log, sqrt
from random import Random
from statistics import NormalDist

import numpy as np

from hwsim.errors import InvalidValue
from hwsim.ir.lengths import Lengths, Share
from hwsim.quantities.fields import UTTERANCE, whole
from hwsim.results.streams import MS

STEP = 10 * MS
"""Lengths that are drawn are rounded to hundredths of a second."""

_QUANTILES = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
SPREADS = ("mean", *_QUANTILES)


def lognormal_lengths(*, utterances: int = 1000, seed: int = 0, **given: int | str) -> Lengths:
    """Lengths drawn from a lognormal distribution, of which two of mean, median, p90, p95 and p99 are given.

    Each length is the quantile of a number that the seed draws, rounded to 10 ms.

    >>> drawn = lognormal_lengths(median="6 s", p99="20 s", utterances=3)
    >>> [share.length // 10**9 for share in drawn.shares]
    [4640, 4990, 7010]
    """
    if isinstance(utterances, bool) or not isinstance(utterances, int) or not 1 <= utterances <= 10**6:
        raise InvalidValue("utterances", utterances, "must be a whole number from 1 to 1000000")
    location, scale = _lognormal(given)
    numbers, normal = Random(f"lengths {seed}"), NormalDist()
    counts: dict[int, int] = {}
    for _ in range(utterances):
        drawn = exp(location + scale * normal.inv_cdf(max(numbers.random(), 2**-54)))
        length = max(STEP, round(drawn / STEP) * STEP)
        counts[length] = counts.get(length, 0) + 1
    return Lengths(shares=tuple(Share(length=length, utterances=counts[length]) for length in sorted(counts)))


def _lognormal(given: Mapping[str, int | str]) -> tuple[float, float]:
    """Mean and deviation of the logarithm of a length in picoseconds."""
    for name in given:
        if name not in SPREADS:
            raise InvalidValue(name, given[name], f"is no figure of a distribution; known: {', '.join(SPREADS)}")
    if len(given) != 2:
        raise InvalidValue("lognormal", ", ".join(given), f"needs two of {', '.join(SPREADS)}")
    (first, a), (second, b) = sorted(
        ((name, whole(UTTERANCE, name, value)) for name, value in given.items()),
        key=lambda pair: SPREADS.index(pair[0]),
    )
    z = NormalDist().inv_cdf(_QUANTILES[second])
    apart = log(b / a)
    if first != "mean":
        scale = apart / (z - NormalDist().inv_cdf(_QUANTILES[first]))
        if scale < 0:
            raise InvalidValue(second, given[second], f"must be at least the {first}, {given[first]}")
        return log(a) - scale * NormalDist().inv_cdf(_QUANTILES[first]), scale
    # The mean is e^(location + scale² / 2): z · scale - scale² / 2 = log(quantile / mean), the smaller solution.
    inside = z * z - 2 * apart
    scale = z - sqrt(inside) if inside >= 0 and z else sqrt(max(0.0, inside))
    if inside < 0 or scale < 0:
        law = f"is no {second} of a lognormal distribution whose mean is {given[first]}"
        raise InvalidValue(second, given[second], law)
    return log(a) - scale * scale / 2, scale


def chosen_buckets(lengths: Lengths, count: int) -> Lengths:
    """The same utterances with that many buckets, whose bounds pad least in all; fewer, if there are fewer lengths.

    >>> shares = [Share(length=s * 10**12, utterances=n) for s, n in ((2, 5), (3, 5), (9, 1))]
    >>> [length // 10**12 for length in chosen_buckets(Lengths(shares=tuple(shares)), 2).buckets]
    [3, 9]
    """
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 1000:
        raise InvalidValue("buckets", count, "must be a whole number from 1 to 1000")
    ends = [share.length for share in lengths.shares]
    unit, before = gcd(*ends), [0, *accumulate(share.utterances for share in lengths.shares)]
    kind = np.int64 if ends[-1] // unit * before[-1] < 2**62 else object
    heard, below = np.array([end // unit for end in ends], kind), np.array(before, kind)
    # least[n]: the least time of the n shortest lengths in one bucket, two, and so on; the last begins at starts[n].
    least, starts = np.concatenate([below[:1], heard * below[1:]]), list[list[int]]()
    for _ in range(min(count, len(ends)) - 1):
        fresh, begins = least.copy(), [0] * len(least)
        for n in range(1, len(least)):
            times = least[:n] + heard[n - 1] * (below[n] - below[:n])
            begins[n] = int(np.argmin(times))
            fresh[n] = times[begins[n]]
        least, starts = fresh, [*starts, begins]
    bounds, n = [ends[-1]], len(ends)
    while starts and n:
        n = starts.pop()[n]
        bounds += [ends[n - 1]] if n else []
    return replace(lengths, buckets=tuple(reversed(bounds)))
