"""An utterance in real time: when each chunk is complete, and how long its sounds wait for that."""

from collections.abc import Sequence
from fractions import Fraction

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.chip import Chip
from hwsim.ir.nodes import views_of
from hwsim.ir.view import Share
from hwsim.ir.workload import Streaming, Workload
from hwsim.mapping.planner import Planned
from hwsim.models.catalogue import at_once, in_chunks
from hwsim.models.decoding import CHUNKS
from hwsim.results.streams import MS, SECOND, ChunkedRun, ChunkingWork, ChunkTime, Spread
from hwsim.timing.arrivals import Begun, iterations


@dataclass(frozen=True, slots=True)
class Heard:
    """The chunks of a run in real time; `begun` is in cycles of the clock, all other times are picoseconds."""

    stream: Streaming
    audio: int
    clock: int
    needed: tuple[int, ...]
    """When all that a chunk looks at has been heard, were the utterance long enough."""
    begun: tuple[Begun, ...]

    def picoseconds(self, cycles: int) -> Fraction:
        """A number of cycles as a time."""
        return Fraction(cycles * SECOND, self.clock)

    @property
    def complete(self) -> tuple[Fraction, ...]:
        """When the last output of each chunk is there."""
        return tuple(self.picoseconds(begun.complete) for begun in self.begun)

    def sounds(self, chunk: int) -> tuple[int, int]:
        """From when to when the sounds of a chunk are heard; what remains at the end belongs to the last one."""
        last = chunk == len(self.begun) - 1
        return chunk * self.stream.chunk, self.audio if last else (chunk + 1) * self.stream.chunk

    def after_the_end(self, audio: int) -> Fraction:
        """From the end of an utterance of that length, at most the run's, to its last output."""
        chunk = min(-(-audio // self.stream.chunk), len(self.begun)) - 1
        return self.complete[max(chunk, 0)] - audio


def heard(chip: Chip, workload: Workload, planned: Planned) -> Heard:
    """The run of a streamed workload whose sounds come as they are spoken.

    A chunk waits until the last frame of features that its ops read has passed; at the end of the utterance nothing
    more is waited for. What does not depend on the sounds runs from the first sound on. Each chunk is a program that is
    launched, and pays even shares of the host's steps and of the starts of ops.
    """
    stream, features = workload.streaming, workload.features
    assert stream is not None
    assert features is not None
    needed = needed_frames(workload)
    times = tuple(frames * features.frame for frames in needed)
    arrivals = [-(-min(time, workload.audio) * chip.clock // SECOND) for time in times]
    steps = Share(loop=CHUNKS, over=stream.chunks, total=workload.decoding_steps)
    starts = Share(loop=CHUNKS, over=stream.chunks, total=planned.candidate.dispatched)
    beside = [
        workload.host * steps.at({CHUNKS: chunk}) + chip.launch + chip.dispatch * starts.at({CHUNKS: chunk})
        for chunk in range(stream.chunks)
    ]
    hosted = [-(-time * chip.clock // SECOND) for time in beside] if any(beside) else []
    begun = iterations(planned.schedule, CHUNKS, features.tensor, arrivals, hosted)
    return Heard(stream, workload.audio, chip.clock, times, begun)


def needed_frames(workload: Workload) -> tuple[int, ...]:
    """For each chunk how many frames of features must have been heard, as the views of its ops say."""
    stream, features = workload.streaming, workload.features
    assert stream is not None
    assert features is not None
    ends: list[int] = [0] * stream.chunks
    for placed in workload.program.placed():
        for view in views_of(placed.op):
            if view.tensor != features.tensor:
                continue
            frames = next((window for window in view.windows if window.axis == features.frames_axis), None)
            if frames is None or not any(loop.name == CHUNKS for loop in placed.loops):
                law = "reads features of all chunks at once, which are not there yet"
                raise InvalidValue("op", placed.op.name, law)
            for chunk in range(stream.chunks):
                end = frames.start.at({CHUNKS: chunk}) + (frames.size({CHUNKS: chunk}) - 1) * frames.every + 1
                ends[chunk] = max(ends[chunk], end)
    return tuple(ends)


def chunk_times(found: Heard) -> tuple[ChunkTime, ...]:
    """All chunks, one by one."""
    times = []
    for chunk, begun in enumerate(found.begun):
        computing = found.picoseconds(begun.computing)
        times.append(
            ChunkTime(
                chunk=chunk,
                heard_ms=_ms(found.sounds(chunk)[1]),
                arrived_ms=_ms(min(found.needed[chunk], found.audio)),
                queued_ms=_ms(found.picoseconds(begun.queued)),
                compute_ms=_ms(computing),
                complete_ms=_ms(found.picoseconds(begun.complete)),
                rtf=float(computing / found.stream.chunk),
            )
        )
    return tuple(times)


def chunked_run(found: Heard) -> ChunkedRun:
    """What chunks and sounds have to wait for, in a few figures."""
    chunk, ahead = found.stream.chunk, found.stream.repeated // found.stream.chunks
    computing = [found.picoseconds(begun.computing) for begun in found.begun]
    return ChunkedRun(
        chunks=found.stream.chunks,
        chunk_ms=_ms(chunk),
        look_ahead_ms=_ms(ahead),
        front_end_ms=_ms(found.needed[0] - chunk - ahead),
        rtf=Spread.of((time / chunk, 1) for time in computing),
        compute_ms=Spread.of((time / MS, 1) for time in computing),
        longest_queue_ms=_ms(max(found.picoseconds(begun.queued) for begun in found.begun)),
        latency_ms=perceived(found),
        final_ms=_ms(found.after_the_end(found.audio)),
    )


def perceived(found: Heard) -> Spread:
    """The spread of the latency over all sounds, exactly: within a chunk it falls by as much as time passes."""
    ranges = [
        (complete - end, complete - start)
        for complete, (start, end) in zip(found.complete, map(found.sounds, range(len(found.begun))), strict=True)
    ]
    p50, p99 = (_quantile(ranges, Fraction(percent, 100)) for percent in (50, 99))
    return Spread(p50=_ms(p50), p99=_ms(p99), most=_ms(max(high for _, high in ranges)))


def _quantile(ranges: Sequence[tuple[Fraction, Fraction]], share: Fraction) -> Fraction:
    """The value below which that share of the summed lengths of the ranges lies."""
    wanted = share * sum((high - low for low, high in ranges), Fraction(0))
    changes = sorted([(low, 1) for low, _ in ranges] + [(high, -1) for _, high in ranges])
    below, dense, at = Fraction(0), 0, changes[0][0]
    for place, change in changes:
        if dense and below + dense * (place - at) >= wanted:
            return at + (wanted - below) / dense
        below, at, dense = below + dense * (place - at), place, dense + change
    return at


def chunking_work(workload: Workload) -> ChunkingWork | None:
    """The products that chunks add to those of the whole utterance, if the workload is streamed."""
    stream = workload.streaming
    if stream is None:
        return None
    whole, every = at_once(workload).program.macs, workload.program.macs
    blind = in_chunks(workload, look_ahead=0).program.macs if stream.repeated else every
    return ChunkingWork(whole_macs=whole, cutting_macs=blind - whole, look_ahead_macs=every - blind, macs=every)


def _ms(picoseconds: Fraction | int) -> float:
    return float(Fraction(picoseconds) / MS)
