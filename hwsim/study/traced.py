"""A run as a timeline: work and stalls of each unit as slices, slots and the DRAM's rates as levels."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from typing import TYPE_CHECKING

from hwsim.hardware.chip import Chip
from hwsim.ir.workload import Workload
from hwsim.results.traced import Level, Selection, Slice, Timeline, Track
from hwsim.schedule.unit_table import Unit
from hwsim.timing.events import Event, selected_events
from hwsim.timing.pieces import SlotRing

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip
    from hwsim.mapping.planner import Planned

WORK, STALL = "work", "stall"


def traced(chip: "AnyChip", workload: Workload, planned: "Planned | None", selection: Selection) -> Timeline:
    """The timeline of a run that was planned, or of one on tiles."""
    if not isinstance(chip, Chip):
        # Imported where it is asked for: chips of analog tiles are few.
        from hwsim.study.traced_tiles import traced_on_tiles

        return traced_on_tiles(chip, workload, selection)
    assert planned is not None
    found, extent = selected_events(planned.schedule, selection)
    units = [unit for unit in Unit if chip.cores > 1 or not unit.spec.among_cores]
    tracks = [Track(_work_track(unit), unit.key) for unit in units]
    tracks += [Track(_stall_track(unit), f"{unit.key} stalls") for unit in units]
    return Timeline(
        title=title_of(chip, workload),
        clock=chip.clock,
        tracks=tuple(sorted(tracks, key=lambda track: track.number)),
        records=_records(found, chip.clock),
        extent=extent,
        about=about(chip, workload, planned.columns.cycles),
    )


def title_of(chip: "AnyChip", workload: Workload) -> str:
    """The run in words."""
    return f"{workload.name} in {workload.formats} on {chip.name}"


def about(chip: "AnyChip", workload: Workload, cycles: int) -> tuple[tuple[str, int | str], ...]:
    """What a timeline says of its run."""
    return (
        ("chip", chip.name),
        ("workload", workload.name),
        ("precision", workload.formats),
        ("clock_hz", chip.clock),
        ("cycles", cycles),
    )


def _work_track(unit: Unit) -> int:
    return 1 + 2 * unit


def _stall_track(unit: Unit) -> int:
    return 2 + 2 * unit


def _records(events: Sequence[Event], clock: int) -> Iterator[Slice | Level]:
    """Slices and levels in the order of time."""
    of_units = [[event for event in events if event.unit is unit] for unit in Unit]
    return merge(
        *(map(_work, mine) for mine in of_units),
        *(map(_stall, (event for event in mine if event.waited)) for mine in of_units),
        *(slot_levels(events, ring) for ring in SlotRing),
        *(_rate(mine, unit, clock) for unit, mine in zip(Unit, of_units, strict=True) if unit.spec.transfers),
        key=begun,
    )


def begun(record: Slice | Level) -> int:
    """The first cycle of a record."""
    return record.start if isinstance(record, Slice) else record.at


def _work(event: Event) -> Slice:
    args: dict[str, int | str] = {"iteration": event.iteration, "start_cycle": event.start}
    args["cycles"] = event.end - event.start
    if event.block:
        args["block"] = event.block
    if event.moved:
        args |= {"bytes": event.bytes, "tensors": ", ".join(name for name, _ in event.moved)}
    return Slice(_work_track(event.unit), event.op, WORK, event.start, event.end, args)


def _stall(event: Event) -> Slice:
    assert event.reason is not None
    began = event.start - event.waited
    args: dict[str, int | str] = {"op": event.op, "iteration": event.iteration, "start_cycle": began}
    args["cycles"] = event.waited
    return Slice(_stall_track(event.unit), event.reason.in_full, STALL, began, event.start, args)


def slot_levels(events: Iterable[Event], ring: SlotRing) -> Iterator[Level]:
    """How many slots of a ring are taken, from when whoever takes them starts."""
    changes = Counter[int]()
    for event in events:
        if event.takes is ring:
            changes[event.start] += event.slots
        for freed in event.freed:
            if freed.ring is ring:
                changes[event.end + freed.after] -= freed.slots
    taken = 0
    for at in sorted(changes):
        if changes[at]:
            taken += changes[at]
            yield Level(f"slots of {ring.label}", "slots", at, taken)


def _rate(transfers: Iterable[Event], unit: Unit, clock: int) -> Iterator[Level]:
    """Bytes over time of each transfer while it lasts."""
    name, until, now = unit.spec.own.label, 0, 0.0
    for event in transfers:
        cycles = event.end - event.start
        if not cycles:  # as fast as nothing else, and over at once
            continue
        if now and until < event.start:
            yield Level(name, "GB/s", until, 0.0)
            now = 0.0
        rate, until = event.bytes * clock / cycles / 10**9, event.end
        if rate != now:
            yield Level(name, "GB/s", event.start, rate)
            now = rate
    if now:
        yield Level(name, "GB/s", until, 0.0)
