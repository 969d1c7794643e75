"""Utterances of many lengths on one chip: in buckets and batches, one run for each bucket."""

from collections.abc import Sequence
from fractions import Fraction
from math import prod

from hwsim.errors import InvalidValue, Unsupported
from hwsim.ir.lengths import Bucket, Lengths
from hwsim.results.figures import ratio
from hwsim.results.streams import MS, LengthBucket, LengthsStudy, Spread
from hwsim.study.stream_runs import Runs

MOST_RUNS = 200
"""The most buckets, each of which takes a run."""


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
        length_ms=Spread.of((Fraction(share.length, MS), share.utterances) for share in shares),
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
        latency_ms=Spread.of((one.latency(share.length) / MS, share.utterances) for share, one in each),
        rtf=Spread.of((one.time / share.length, share.utterances) for share, one in each),
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
