"""Utterances of many lengths: drawn from a distribution, put into buckets, and run in batches."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from math import exp, gcd, log, prod, sqrt
from random import Random
from statistics import NormalDist

import numpy as np

from hwsim.errors import InvalidValue, Unsupported
from hwsim.ir.lengths import Bucket, Lengths, Share
from hwsim.quantities.fields import UTTERANCE
from hwsim.results.figures import ratio
from hwsim.results.streams import LengthBucket, LengthsStudy
from hwsim.study.chunks import MS, spread_of
from hwsim.study.stream_runs import Runs

STEP = 10 * MS
"""Lengths that are drawn are rounded to hundredths of a second."""

MOST_RUNS = 200
"""The most buckets, each of which takes a run."""

_QUANTILES = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
SPREADS = ("mean", *_QUANTILES)


def lognormal_lengths(*, utterances: int = 1000, seed: int = 0, **given: int | str) -> Lengths:
    """Lengths drawn from a lognormal distribution, of which two of mean, median, p90, p95 and p99 are given.

    Each length is the quantile of a number that the seed draws, rounded to 10 ms.

    >>> drawn = lognormal_lengths(median="6 s", p99="20 s", utterances=3)
    >>> [share.length // 10**9 for share in drawn.shares]
    [4992, 7950, 8561]
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
        ((name, _length(name, value)) for name, value in given.items()), key=lambda pair: SPREADS.index(pair[0])
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


def _length(name: str, value: int | str) -> int:
    try:
        length = int(UTTERANCE.parse(value)) if isinstance(value, str) else value
    except ValueError as error:
        raise InvalidValue(name, value, str(error)) from error
    problem = UTTERANCE.broken_by(length)
    if problem is not None:
        raise InvalidValue(name, value, problem)
    return length


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
    # least[n]: the least time of the n shortest lengths in one bucket, two, and so on; the last one begins at starts[n].
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


def lengths_study(runs: Runs, lengths: Lengths, batch: int, about: str) -> LengthsStudy:
    """Utterances of these lengths in batches, all of a batch in one bucket: one run for each bucket."""
    if runs.workload.kind == "gemms":
        raise Unsupported(f"{runs.workload.name}: its products do not depend on how long an utterance is")
    buckets, shares = lengths.bucketed(), lengths.shares
    if len(buckets) > MOST_RUNS:
        law = f"must be at most {MOST_RUNS}, as each takes a run; choose so many buckets with chosen_buckets"
        raise InvalidValue("buckets", len(buckets), law)
    ran = {bucket.length: runs.of(batch, bucket.length) for bucket in buckets}
    count, speech = sum(share.utterances for share in shares), sum(share.length * share.utterances for share in shares)
    each = [(share, ran[ends_in(buckets, share.length)]) for share in shares]
    batches = [-(-bucket.utterances // batch) for bucket in buckets]
    busy = sum((n * ran[bucket.length].time for n, bucket in zip(batches, buckets, strict=True)), Fraction(0))
    return LengthsStudy(
        about=about,
        utterances=count,
        mean_ms=float(Fraction(speech, count * MS)),
        length_ms=spread_of((Fraction(share.length, MS), share.utterances) for share in shares),
        batch=batch,
        buckets=tuple(
            LengthBucket(
                length_ms=float(Fraction(bucket.length, MS)),
                utterances=bucket.utterances,
                batches=n,
                padding=float(bucket.padding),
                run_ms=float(ran[bucket.length].time / MS),
                rtf=float(ran[bucket.length].rtf),
            )
            for n, bucket in zip(batches, buckets, strict=True)
        ),
        padding=1 - ratio(speech, sum(bucket.length * bucket.utterances for bucket in buckets)),
        padding_unbucketed=1 - ratio(speech, buckets[-1].length * count),
        padding_as_they_come=1 - speech / _padded_as_they_come(lengths, batch),
        empty=1 - ratio(count, sum(batches) * batch),
        latency_ms=spread_of((one.latency(share.length) / MS, share.utterances) for share, one in each),
        rtf=spread_of((one.time / share.length, share.utterances) for share, one in each),
        throughput=float(speech / busy),
    )


def ends_in(buckets: Sequence[Bucket], length: int) -> int:
    """The length to which an utterance is padded."""
    return next(bucket.length for bucket in buckets if bucket.length >= length)


def _padded_as_they_come(lengths: Lengths, batch: int) -> float:
    """The time of all utterances, if each batch has those that come next and is as long as its longest; over all
    orders of the utterances, on average."""
    count = sum(share.utterances for share in lengths.shares)
    whole, rest = divmod(count, batch)
    return whole * batch * _longest_of(lengths, count, batch) + (
        rest * _longest_of(lengths, count, rest) if rest else 0
    )


def _longest_of(lengths: Lengths, count: int, some: int) -> float:
    """How long the longest of some utterances is on average, if they are drawn without putting back."""
    if some > count:
        return 0.0
    mean, reached, shorter = 0.0, 0.0, 0
    for share in lengths.shares:
        shorter += share.utterances
        all_in = prod((shorter - n) / (count - n) for n in range(some)) if shorter >= some else 0.0
        mean, reached = mean + share.length * (all_in - reached), all_in
    return mean
