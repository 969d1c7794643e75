"""A workload over a stated distribution of utterance lengths: one run for each bucket."""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

from hwsim.errors import Unsupported
from hwsim.ir.lengths import Bucket, Lengths
from hwsim.ir.limits import MOST_OPS
from hwsim.ir.program import Program
from hwsim.ir.workload import Workload
from hwsim.mapping.analysed_program import least_size
from hwsim.models.catalogue import at_length
from hwsim.results.result import BucketResult, LengthsResult, Result
from hwsim.study.facts import sizes_of


def over_lengths(workload: Workload, lengths: Lengths, run: Callable[[Workload], Result]) -> LengthsResult:
    """The results of `run` for each bucket of a distribution of the workload's lengths."""
    buckets = lengths.bucketed()
    latencies = [Fraction(run(work).summary.latency_ms) for work in _within_limits(_works(workload, buckets), sizes_of)]
    rows = [
        (bucket, -(-bucket.utterances // workload.utterances), ms)
        for bucket, ms in zip(buckets, latencies, strict=True)
    ]
    audio = sum(bucket.audio for bucket in buckets)
    padded = sum(bucket.length * bucket.utterances for bucket in buckets)
    total_ms = sum(batches * ms for _, batches, ms in rows)
    return LengthsResult(
        buckets=tuple(
            BucketResult(
                length_seconds=float(Fraction(bucket.length, 10**12)),
                utterances=bucket.utterances,
                batches=batches,
                padding=float(bucket.padding),
                latency_ms=float(ms),
            )
            for bucket, batches, ms in rows
        ),
        utterances=sum(bucket.utterances for bucket in buckets),
        padding=float(1 - Fraction(audio, padded)),
        throughput_rtf=float(total_ms / Fraction(audio, 10**9)),
        latency_p50_ms=_percentile(buckets, latencies, 50),
        latency_p99_ms=_percentile(buckets, latencies, 99),
    )


def check_lengths(workload: Workload, lengths: Lengths) -> None:
    """Refuse lengths whose ops change their sizes too often together, as far as that is known before any is planned."""
    for _ in _within_limits(_works(workload, lengths.bucketed()), least_size):
        pass


def _works(workload: Workload, buckets: Iterable[Bucket]) -> Iterator[Workload]:
    """The workload at each length."""
    return (at_length(workload, bucket.length) for bucket in buckets)


def _within_limits(works: Iterable[Workload], sizes_of: Callable[[Program], int]) -> Iterator[Workload]:
    """The workloads, as far as their ops together change their sizes no more often than those of one workload may."""
    sizes = 0
    for work in works:
        sizes += sizes_of(work.program)
        if sizes > MOST_OPS:
            raise Unsupported(
                f"{work.name}: over its lengths its ops change their sizes more than {MOST_OPS:,} times, hwsim plans "
                "no more in one run; give fewer lengths, or shorter ones"
            )
        yield work


def _percentile(buckets: tuple[Bucket, ...], latencies: list[Fraction], percent: int) -> float:
    """The least latency within which that many of a hundred utterances are ready."""
    ordered = sorted(zip(latencies, buckets, strict=True), key=lambda pair: pair[0])
    least_utterances, ready_utterances = Fraction(percent * sum(bucket.utterances for bucket in buckets), 100), 0
    for latency, bucket in ordered:
        ready_utterances += bucket.utterances
        if ready_utterances >= least_utterances:
            return float(latency)
    raise AssertionError("all utterances are in some bucket")
