"""Real time on one chip, and on a fleet of them: how many streams at once, how soon, and at what energy."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Chip
from hwsim.ir.lengths import Lengths, Share
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import in_chunks
from hwsim.quantities.fields import PICOSECONDS, whole
from hwsim.quantities.noun import must_be
from hwsim.quantities.plain_data import Objective, Progress, must_map_names, no_progress
from hwsim.results.streams import MS, StreamStudy
from hwsim.study.chunks import chunk_times, chunking_work
from hwsim.study.fleet import Fleet, Service, fleet_result
from hwsim.study.spoken import ends_in, lengths_study
from hwsim.study.stream_runs import MOST_STREAMS, Runs

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip


def stream(
    chip: "AnyChip",
    workload: Workload,
    *,
    streams: Sequence[int] = (1,),
    most: bool = False,
    latency_limit: int | str | None = None,
    chunk: int | str | None = None,
    left_context: int | str | None = None,
    look_ahead: int | str | None = None,
    lengths: Lengths | None = None,
    about_lengths: str = "as given",
    fleet: Fleet | None = None,
    objective: Objective | str = Objective.LATENCY,
    files: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
) -> StreamStudy:
    """A workload in real time: a run for each number of streams, the `most` streams in real time if asked for.

    In real time no stream falls behind what it hears, and no latency passes the limit. Times are texts such as
    `640 ms`, or picoseconds; `chunk`, `left_context` and `look_ahead` take the place of those of the workload. With
    `lengths`, or if the workload has some, utterances of these lengths run on one chip, and on a `fleet`, in batches
    of the most streams in real time that were run.
    """
    if not isinstance(chip, Chip):
        raise Unsupported(f"stream on {chip.name}: chips of analog tiles are not timed chunk by chunk; use hwsim run")
    must_be(Workload, "workload", workload)
    must_map_names(str, "a text", files=files)
    numbers, limit = _numbers(streams), _time("latency_limit", latency_limit)
    asked = {"chunk": chunk, "left_context": left_context, "look_ahead": look_ahead}
    times = {name: _time(name, value) for name, value in asked.items()}
    if any(value is not None for value in times.values()):
        workload = in_chunks(workload, **times)
    runs = Runs(chip, workload, Objective.named(objective), files or {}, progress)
    for number in numbers:
        runs.of(number)
    found = runs.most(limit) if most else None
    if found is not None and found.streams:
        numbers = sorted({*numbers, found.streams})
    points = [runs.point(number, limit) for number in numbers]
    batch = max((point.streams for point in points if point.in_real_time), default=numbers[0])
    first, spoken = runs.of(numbers[0]), workload.lengths if lengths is None else lengths
    return StreamStudy(
        chip=chip.name,
        workload=workload.name,
        precision=workload.formats,
        audio_ms=float(Fraction(workload.audio, MS)),
        latency_limit_ms=None if limit is None else float(Fraction(limit, MS)),
        points=tuple(points),
        most=found,
        work=chunking_work(workload),
        times=() if first.heard is None else chunk_times(first.heard),
        lengths=None if spoken is None else lengths_study(runs, spoken, batch, about_lengths),
        fleet=None if fleet is None else fleet_result(fleet, _service(runs, batch, spoken, fleet.chips)),
        provenance=first.result.provenance,
    )


def _service(runs: Runs, batch: int, spoken: Lengths | None, chips: int) -> Service:
    """What the chips of a fleet offer: each stream of a chip is a place; whole utterances run in batches."""
    lengths = spoken or Lengths(shares=(Share(length=runs.workload.audio, utterances=1),))
    buckets, streamed = lengths.bucketed(), runs.workload.streaming is not None
    together = batch if streamed else runs.fastest(batch).streams

    def takes(length: int) -> Fraction:
        return runs.of(together, ends_in(buckets, length)).latency(length) + (length if streamed else 0)

    return Service(chips * batch if streamed else chips, 1 if streamed else together, lengths, takes)


def _numbers(streams: Sequence[int]) -> list[int]:
    if isinstance(streams, str) or not isinstance(streams, Sequence) or not streams:
        raise InvalidValue("streams", streams, "must list at least one number of streams, such as 1, 8")
    for number in streams:
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_STREAMS:
            raise InvalidValue("streams", number, f"must be a whole number from 1 to {MOST_STREAMS}")
    return sorted(set(streams))


def _time(name: str, value: int | str | None) -> int | None:
    return None if value is None else whole(PICOSECONDS, name, value)
