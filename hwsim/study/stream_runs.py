"""Runs of a workload for any number of streams and any length, each made once, and what real time asks of them."""

from collections.abc import Mapping
from dataclasses import field, replace
from fractions import Fraction
from math import inf

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.ir.workload import Workload
from hwsim.mapping.planner import Planned
from hwsim.models.catalogue import at_length, with_batch
from hwsim.quantities.plain_data import Objective, Progress
from hwsim.results.figures import ratio
from hwsim.results.result import Result
from hwsim.results.streams import MS, SECOND, MostStreams, StreamPoint
from hwsim.schedule.schedule import Residency
from hwsim.study.chunks import Heard, chunked_run, heard
from hwsim.study.efficiency import ATTO
from hwsim.study.simulate import simulate

MOST_STREAMS = 65_536
"""The largest batch that a workload may have."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A run of some utterances together: its result, and its chunks in real time, if it has any."""

    result: Result
    workload: Workload
    chip: Chip
    heard: Heard | None

    @property
    def streams(self) -> int:
        return self.workload.batch

    @property
    def time(self) -> Fraction:
        """How long the run takes, in picoseconds: the host's share of the search, and starts, included."""
        summary = self.result.summary
        return self.chip.latency(summary.cycles, self.workload.host_seconds, summary.dispatched) * SECOND

    @property
    def rtf(self) -> Fraction:
        """That time ÷ the length of one utterance."""
        return self.time / self.workload.audio

    @property
    def throughput(self) -> Fraction:
        """Seconds of audio in a second."""
        return self.streams / self.rtf

    def latency(self, audio: int) -> Fraction:
        """From the end of an utterance of that length, padded to the run's, to its last output, in picoseconds."""
        return self.time if self.heard is None else self.heard.after_the_end(audio)

    @property
    def power(self) -> float:
        """Watts while all utterances are heard again and again: in standby too, while the chip waits for more."""
        drawn = self.result.efficiency
        if self.rtf >= 1:
            return drawn.average_power_w
        return self.streams * (drawn.energy_per_audio_second_mj + drawn.standby_per_audio_second_mj) / 1000


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to hear some streams: the time that it takes ÷ that which it may, and the longest latency."""

    load: Fraction
    latency: Fraction

    def excess(self, limit: int | None) -> float:
        """By how much it passes what real time allows, as a share of it; below 0 by how much it stays within."""
        late = Fraction(0) if limit is None else self.latency / max(limit, 1)
        return float(max(self.load, late) - 1)


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a workload on a chip by number of streams and length of audio."""

    chip: Chip
    workload: Workload
    objective: Objective
    files: Mapping[str, str]
    progress: Progress
    made: dict[tuple[int, int], Ran] = field(default_factory=dict)
    refused: dict[int, Unsupported] = field(default_factory=dict)

    def of(self, streams: int, audio: int | None = None) -> Ran:
        """The run of so many utterances of that length together; those of a run last as long as the workload's."""
        key = streams, self.workload.audio if audio is None else audio
        if key not in self.made:
            self.progress(len(self.made), len(self.made) + 1)
            self.made[key] = self._run(*key)
        return self.made[key]

    def _run(self, streams: int, audio: int) -> Ran:
        work = replace(with_batch(at_length(self.workload, audio), streams), lengths=None)
        found: list[Heard | None] = []

        def watch(chip: object, timed: Workload, planned: Planned | None) -> None:
            assert planned is not None
            found.append(None if timed.streaming is None else heard(self.chip, timed, planned))

        result = simulate(self.chip, work, objective=self.objective, files=self.files, watch=watch)
        return Ran(result, work, self.chip, found[0])

    def fastest(self, streams: int) -> Ran:
        """Of the runs with at most so many streams the one that recognises most audio in a second, the largest one."""
        return max(self._up_to(streams), key=lambda ran: (ran.throughput, ran.streams))

    def _alike(self) -> list[Ran]:
        """The runs of utterances as long as the workload's."""
        return [ran for (_, audio), ran in self.made.items() if audio == self.workload.audio]

    def _up_to(self, streams: int) -> list[Ran]:
        """Those of them with at most so many streams."""
        return [ran for ran in self._alike() if ran.streams <= streams]

    def point(self, streams: int, limit: int | None) -> StreamPoint:
        """What so many streams ask of the chip, and whether they are in real time."""
        ran = self.of(streams)
        summary, audio = ran.result.summary, self.workload.audio
        chunked = None if ran.heard is None else chunked_run(ran.heard)
        best, way = self.fastest(streams), self._way(ran, limit)
        spent = Fraction(summary.energy_aj, ATTO)
        heard_seconds = Fraction(streams * audio, SECOND)
        return StreamPoint(
            streams=streams,
            at_once=best.streams,
            cycles=summary.cycles,
            run_ms=float(ran.time / MS),
            rtf=float(ran.rtf),
            throughput=float(best.throughput),
            in_real_time=way.excess(limit) <= 0,
            energy_aj=summary.energy_aj,
            energy_per_audio_second_mj=ratio(spent * 1000, heard_seconds),
            power_w=ran.power,
            streams_per_watt=streams / ran.power if ran.power else 0.0,
            utterances_per_joule=ratio(streams, spent),
            dram_mb_per_audio_second=ratio(
                Fraction(summary.dram_read_bytes + summary.dram_write_bytes, 10**6), heard_seconds
            ),
            resident_bytes=_resident_bytes(ran),
            latency_ms=float(way.latency / MS),
            chunked=chunked,
        )

    def _way(self, ran: Ran, limit: int | None) -> "_Way":
        """How the streams of a run are heard, in real time if there is a way, and then as soon as can be.

        Chunks all together; whole utterances in turns of any number that was run; both in a larger run, if one was
        made, in which places stay empty.
        """
        ways = [_Way(one.rtf, _longest_wait(one)) for one in self._alike() if one.streams >= ran.streams]
        if ran.heard is None:
            ways += [
                _Way(ran.streams / one.throughput, one.time * -(-ran.streams // one.streams))
                for one in self._up_to(ran.streams)
            ]
        return min(ways, key=lambda way: (max(0.0, way.excess(limit)), way.latency))

    def most(self, limit: int | None) -> MostStreams:
        """The most streams in real time: more and more, until some are too many, and then in between.

        One more than those that were found is too many. Beyond it, the number is tried that the highest throughput of
        all these runs would serve, because plans of more streams need not be worse.
        """
        number, halve = 1, False
        while True:
            self._excess(number, limit)
            tried = sorted({one.streams for one in self._alike()} | set(self.refused))
            low = max((each for each in tried if self._excess(each, limit) <= 0), default=0)
            high = min((each for each in tried if each > low), default=MOST_STREAMS + 1)
            if low + 1 < high:
                number, halve = self._next(low, high, limit, halve), not halve
                continue
            number = int(max(one.throughput for one in self._alike())) if high <= MOST_STREAMS else high
            if number <= high or number in tried:
                break
        beyond = None if high > MOST_STREAMS or high in self.refused else self.point(high, limit)
        return MostStreams(streams=low, beyond=beyond, why=self._why(high, beyond, limit))

    def _next(self, low: int, high: int, limit: int | None, halve: bool) -> int:
        """Between what is not too much and what is: where their loads say that the bound is, or in the middle."""
        below = self._excess(low, limit) if low else -1.0
        if high > MOST_STREAMS:
            return min(MOST_STREAMS, max(2 * low, int(low / (1 + below))))
        above = self._excess(high, limit)
        if halve or above == inf:
            return (low + high) // 2
        return min(high - 1, max(low + 1, low + int((high - low) * -below / (above - below))))

    def _excess(self, streams: int, limit: int | None) -> float:
        """By how much so many streams pass what real time allows, as a share of it; what stays below it is negative."""
        if streams in self.refused:
            return inf
        try:
            ran = self.of(streams)
        except Unsupported as error:
            self.refused[streams] = error
            return inf
        return self._way(ran, limit).excess(limit)

    def _why(self, high: int, beyond: StreamPoint | None, limit: int | None) -> str:
        if high > MOST_STREAMS:
            return f"no workload has more than {MOST_STREAMS:,} utterances together"
        if beyond is None:
            return f"{high:,} cannot be planned: {self.refused[high]}"[:1000]
        if limit is not None and beyond.latency_ms * MS > limit:
            return f"{high:,} would have a latency of {beyond.latency_ms:,.6g} ms"
        load = beyond.rtf if beyond.chunked is not None else min(beyond.rtf, high / beyond.throughput)
        return f"{high:,} would have a real-time factor of {load:.4f}"


def _longest_wait(ran: Ran) -> Fraction:
    """The latency of the sound that waits longest; of whole utterances, from their end."""
    if ran.heard is None:
        return ran.time
    starts = (ran.heard.sounds(chunk)[0] for chunk in range(len(ran.heard.begun)))
    return max(complete - start for complete, start in zip(ran.heard.complete, starts, strict=True))


def _resident_bytes(ran: Ran) -> int:
    """The bytes of parameters that stay in the scratchpad."""
    parameters = {tensor.name for tensor in ran.workload.program.parameter_tensors}
    stay = (Residency.RESIDENT, Residency.PARTLY)
    return sum(each.kept_bytes for each in ran.result.tensors if each.place in stay and each.tensor in parameters)
