"""What real time asks of a chip: chunks as they are heard, streams at once, utterances of many lengths, fleets."""

from bisect import bisect_left
from collections.abc import Iterable
from fractions import Fraction
from itertools import accumulate
from typing import Annotated, Self

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, Remark, Whole
from hwsim.quantities.offered import as_html
from hwsim.results.figures import AttojouleCount
from hwsim.results.result import Provenance

SECOND, MS = 10**12, 10**9
"""Picoseconds."""

Count = Annotated[int, Whole()]
Long = Annotated[int, Whole(high=2**90)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread(Noun):
    """Half of all values are at most `p50`, 99 of 100 at most `p99`, all at most `most`."""

    p50: float
    p99: float
    most: float

    def check(self) -> None:
        if not self.p50 <= self.p99 <= self.most:
            raise InvalidValue("p99", self.p99, f"must lie between {self.p50} and {self.most}")

    @classmethod
    def of(cls, values: Iterable[tuple[Fraction, int]]) -> Self:
        """That of values that come so many times: percentiles are the least within which so many of a hundred are.

        >>> Spread.of([(Fraction(3), 1), (Fraction(1), 99)])
        Spread(p50=1.0, p99=1.0, most=3.0)
        """
        ordered = sorted(values)
        counts = list(accumulate(count for _, count in ordered))
        p50, p99 = (ordered[bisect_left(counts, -(-percent * counts[-1] // 100))][0] for percent in (50, 99))
        return cls(p50=float(p50), p99=float(p99), most=float(ordered[-1][0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkTime(Noun):
    """One chunk in real time; all times but durations count from the first sound of the utterance.

    Its last sound is heard at `heard_ms`, all that it looks at, look-ahead included, has `arrived_ms`. Then it waits
    `queued_ms` for the chunk before, takes `compute_ms`, and its last output is `complete_ms`. `rtf` is `compute_ms` ÷
    the length of a chunk.
    """

    chunk: Count
    heard_ms: float
    arrived_ms: float
    queued_ms: float
    compute_ms: float
    complete_ms: float
    rtf: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkedRun(Noun):
    """An utterance whose chunks are computed as they are heard.

    A sound's perceived latency is the time from it to the last output of the chunk that it is in: until the chunk is
    full, and its look-ahead heard, until the chunk before is done, and the computing. `latency_ms` is spread over all
    sounds of the utterance, equally dense; `rtf` and `compute_ms` over chunks. After its last sound a chunk needs
    `look_ahead_ms`, as the workload says, and `front_end_ms` for the frames under the windows of the first layers.
    `final_ms` is the time from the end of the speech to the last output.
    """

    chunks: Annotated[int, Whole(low=1)]
    chunk_ms: float
    look_ahead_ms: float
    front_end_ms: float
    rtf: Spread
    compute_ms: Spread
    longest_queue_ms: float
    latency_ms: Spread
    final_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkingWork(Noun):
    """The products of a stream: those of the whole utterance at once, and what chunks add.

    `cutting_macs` are those of the same chunks without look-ahead beyond those of the whole: padding of the last chunk,
    frames that two chunks need, an attention that sees less or more; fewer are negative. `look_ahead_macs` are those of
    the look-ahead. `macs` are all.
    """

    whole_macs: Count
    cutting_macs: int
    look_ahead_macs: int
    macs: Count

    def check(self) -> None:
        if self.macs != self.whole_macs + self.cutting_macs + self.look_ahead_macs:
            raise InvalidValue("macs", self.macs, "must be those of the whole utterance and those that chunks add")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPoint(Noun):
    """So many utterances at a time on one chip.

    `rtf` is that of the run in which all run together: its latency ÷ audio of one utterance. The chip recognises most
    audio if at most `at_once` of them run together and the others wait for their turn: `throughput` is that, in seconds
    of audio a second, and so never less than with fewer streams. Energy, DRAM bytes and resident bytes are those of
    the run with all together; `power_w` is that of the chip while all streams are heard, with what it draws idle.
    `chunked` says when chunks are complete, of a stream, and `latency_ms` is that of the sound that waits longest. Of
    whole utterances it is counted from their end to the end of the last turn, in turns of that one of the numbers that
    were run which is soonest, in real time if any is.
    """

    streams: Annotated[int, Whole(low=1)]
    at_once: Annotated[int, Whole(low=1)]
    cycles: Count
    run_ms: float
    rtf: float
    throughput: float
    in_real_time: bool
    energy_aj: AttojouleCount
    energy_per_audio_second_mj: float
    power_w: float
    streams_per_watt: float
    utterances_per_joule: float
    dram_mb_per_audio_second: float
    resident_bytes: Count
    latency_ms: float
    chunked: ChunkedRun | None

    def check(self) -> None:
        if self.at_once > self.streams:
            raise InvalidValue("at_once", self.at_once, f"must be at most the {self.streams} streams")


@dataclass(frozen=True, slots=True, kw_only=True)
class MostStreams(Noun):
    """The most streams in real time that were found; with one more the run was too slow, its latency above the limit,
    or it could not be planned: `beyond` is that run, if there was one."""

    streams: Count
    beyond: StreamPoint | None
    why: Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthBucket(Noun):
    """Utterances that run at one length, in batches; `padding` is the share of that time that is none of theirs."""

    length_ms: float
    utterances: Count
    batches: Count
    padding: float
    run_ms: float
    rtf: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthsStudy(Noun):
    """Utterances of many lengths, in buckets and batches.

    `padding` is the share of all computed time that is no speech, `padding_unbucketed` what it would be with all padded
    to the longest, `padding_as_they_come` in batches in their order, each padded to its longest. `empty` is the share
    of places in batches that stay empty. `latency_ms` is the time from the end of an utterance to its last output,
    `rtf` the time of its batch ÷ its own length; both are spread over utterances. `throughput` is in seconds of speech
    a second.
    """

    about: Remark
    utterances: Count
    mean_ms: float
    length_ms: Spread
    batch: Annotated[int, Whole(low=1)]
    buckets: tuple[LengthBucket, ...]
    padding: float
    padding_unbucketed: float
    padding_as_they_come: float
    empty: float
    latency_ms: Spread
    rtf: Spread
    throughput: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetResult(Noun):
    """Chips of one kind under arriving utterances, simulated one by one.

    A place takes `room` utterances at a time: a chip that recognises whole utterances, one of the streams of a chip
    that recognises chunks. Waiting is from arrival to beginning, response from arrival to last output. Over the whole
    simulated time, the utterances in the system, integrated over time, are the sum of all responses: Little's law.
    `expected_wait_ms` is Pollaczek and Khinchine's, of one place with room for one under Poisson arrivals, which
    the simulated mean approaches within about `wait_error_ms` (95 %).
    """

    chips: Annotated[int, Whole(low=1)]
    places: Annotated[int, Whole(low=1)]
    room: Annotated[int, Whole(low=1)]
    arrivals: Remark
    seed: Count
    utterances: Annotated[int, Whole(low=1)]
    simulated_seconds: float
    offered: float
    utilization: float
    wait_ms: Spread
    mean_wait_ms: float
    wait_error_ms: float | None
    expected_wait_ms: float | None
    response_ms: Spread
    mean_response_ms: float
    mean_in_system: float
    in_system_ps: Long
    responses_ps: Long

    def check(self) -> None:
        if self.in_system_ps != self.responses_ps:
            raise InvalidValue("in_system_ps", self.in_system_ps, f"must be all responses, {self.responses_ps} ps")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStudy(Noun):
    """A workload in real time on one chip: by number of streams, over lengths, and on a fleet.

    `latency_limit_ms` bounds the perceived latency of every sound, or that of whole utterances. `times` are the chunks
    of the smallest number of streams.
    """

    chip: Name
    workload: Name
    precision: Name
    audio_ms: float
    latency_limit_ms: float | None
    points: tuple[StreamPoint, ...]
    most: MostStreams | None
    work: ChunkingWork | None
    times: tuple[ChunkTime, ...]
    lengths: LengthsStudy | None
    fleet: FleetResult | None
    provenance: Provenance

    def __repr__(self) -> str:
        points = ", ".join(f"{point.streams} at RTF {point.rtf:.3g}" for point in self.points)
        return f"<StreamStudy {self.workload} in {self.precision} on {self.chip}: {points}>"

    def _repr_html_(self) -> str:
        return as_html(self)
