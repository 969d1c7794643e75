"""The events of a schedule, for traces and memory models: what each unit does, and when."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.kernels import timeline_code as c
from hwsim.results.traced import Extent, Selection
from hwsim.schedule.schedule import LoopSegment, OpSchedule, Preload, Schedule, ScheduleNode
from hwsim.schedule.steps import Repeat, Step, StepTree
from hwsim.schedule.unit_table import StallReason, Unit
from hwsim.timing.pieces import Freed, Moved, Piece, SlotRing, selected
from hwsim.timing.timeline import encode, walked

MOST = 1_000_000
"""The most events that are listed, unless a caller asks for more; each takes some hundred bytes."""

MOST_WALKED = 2_000_000_000
"""The most pieces of work that are walked up to the last one that is listed: about a minute."""

_REASONS = tuple(StallReason)


@dataclass(frozen=True, slots=True)
class Event:
    """One piece of work of one unit: from the cycle in which it starts to the one in which the unit is free again.

    `iteration` counts the runs of the op from 0; a preload has the iteration of the next run. The unit waited for
    `reason` during the `waited` cycles before the start; without a reason it did not wait. A load's data is there one
    latency after the load's end, a tile of the array one tail after its step's end. From its start on, the event has
    `slots` slots of the ring `takes`, if any; after its end slots are `freed`.
    """

    unit: Unit
    op: str
    iteration: int
    start: int
    end: int
    waited: int
    reason: StallReason | None
    moved: Moved
    block: str = ""
    takes: SlotRing | None = None
    slots: int = 1
    freed: tuple[Freed, ...] = ()

    @property
    def bytes(self) -> int:
        """The bytes that it moves."""
        return sum(size for _, size in self.moved)


def events(schedule: Schedule, *, most: int = MOST) -> tuple[Event, ...]:
    """All events of a schedule, every loop unrolled, in the order of time; Unsupported if too many."""
    count = count_events(schedule.body)
    if count > most:
        raise Unsupported(
            f"the schedule has {count:,} events, of which {most:,} are listed at most; "
            "ask for more, or for a shorter utterance"
        )
    found, _ = selected_events(schedule, Selection(most=max(1, count)))
    return found


def selected_events(schedule: Schedule, selection: Selection) -> tuple[tuple[Event, ...], Extent]:
    """The events that are selected, in the order of time, and how much of the run they are."""
    pieces, extent, reach = selected(schedule, selection)
    if reach > MOST_WALKED:
        raise Unsupported(
            f"{reach:,} pieces of work come up to the last one of the trace, hwsim walks {MOST_WALKED:,}; "
            "select earlier ones, fewer iterations, or a shorter utterance"
        )
    ordered = [piece for unit in Unit for piece in pieces if piece.unit is unit]
    rows = np.zeros((len(ordered) + 1, c.EVENT_COLUMNS), np.int64)
    rows[:, c.E_UNIT] = [*(piece.unit for piece in ordered), c.E_NONE]
    rows[:-1, c.E_SKIP] = [piece.skipped for piece in ordered]
    encoded = encode(schedule)
    if ordered:
        walked(encoded, stop=False, events=rows)
    found = [_event(piece, row, encoded.ops) for piece, row in zip(ordered, rows.tolist(), strict=False)]
    return tuple(sorted(found, key=lambda event: (event.start, event.end, -event.waited))), extent


def _event(piece: Piece, row: Sequence[int], ops: tuple[str, ...]) -> Event:
    assert piece.op == ops[row[c.E_OP]]
    waited = row[c.E_WAITED]
    return Event(
        unit=piece.unit,
        op=piece.op,
        iteration=piece.iteration,
        start=row[c.E_START],
        end=row[c.E_END],
        waited=waited,
        reason=_REASONS[row[c.E_REASON]] if waited else None,
        moved=piece.moved,
        block=piece.block,
        takes=piece.takes,
        slots=piece.slots,
        freed=piece.frees,
    )


def count_events(nodes: Iterable[ScheduleNode | StepTree]) -> int:
    """How many events nodes of a schedule have, with all loops unrolled."""
    return unit_events(nodes).total()


def unit_events(nodes: Iterable[ScheduleNode | StepTree]) -> Counter[Unit]:
    """How many events each unit has in nodes of a schedule, with all loops unrolled."""
    found = Counter[Unit]()
    for node in nodes:
        match node:
            case LoopSegment() | Repeat():
                for unit, count in unit_events(node.body).items():
                    found[unit] += node.times * count
            case OpSchedule():
                found += unit_events(node.steps)
            case Preload():
                found[Unit.LOAD] += 1
            case Step():
                found[Unit.LOAD] += len(node.loads)
                found[Unit.ARRAY] += node.array is not None
                found[Unit.VECTOR] += (node.vector_cycles is not None) + (node.fused is not None)
                found[Unit.EXCHANGE] += node.exchange_bytes is not None
                found[Unit.STORE] += node.store_bytes is not None
    return found
