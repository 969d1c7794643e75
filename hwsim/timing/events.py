"""The events of a schedule, unrolled for traces and memory models: what each unit does, and when."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from hwsim.errors import Unsupported
from hwsim.kernels import timeline_code as c
from hwsim.schedule.schedule import LoopSegment, OpSchedule, Preload, Schedule, ScheduleNode, Spot
from hwsim.schedule.steps import Repeat, StepTree
from hwsim.schedule.unit_table import StallReason, Unit
from hwsim.timing.timeline import encode, walked

MOST = 1_000_000
"""The most events that are listed, unless a caller asks for more; each takes some hundred bytes."""

_UNITS, _REASONS = tuple(Unit), tuple(StallReason)

Moved = tuple[tuple[Spot, int], ...]
"""Tensors, and how many bytes of each a transfer moves."""


@dataclass(frozen=True, slots=True)
class Event:
    """One piece of work of one unit: from the cycle in which it starts to the one in which the unit is free again.

    `iteration` counts the runs of the op from 0; a preload has the iteration of the next run. The unit waited for
    `reason` during the `waited` cycles before the start; without a reason it did not wait. A load's data is there one
    latency after the load's end, a tile of the array one tail after its step's end.
    """

    unit: Unit
    op: str
    iteration: int
    start: int
    end: int
    waited: int
    reason: StallReason | None
    moved: Moved


def events(schedule: Schedule, *, most: int = MOST) -> tuple[Event, ...]:
    """All events of a schedule, every loop unrolled: of each unit in the order of time; Unsupported if too many."""
    count = count_events(schedule.body)
    if count > most:
        raise Unsupported(
            f"the schedule has {count:,} events, of which {most:,} are listed at most; "
            "ask for more, or for a shorter utterance"
        )
    encoded = encode(schedule)
    rows = np.zeros((count, c.EVENT_COLUMNS), np.int64)
    walked(encoded, stop=False, events=rows)
    works = {unit: iter(pieces) for unit, pieces in _works(schedule).items()}
    return tuple(_event(row, works, encoded.ops) for row in rows.tolist())


def count_events(nodes: Iterable[ScheduleNode | StepTree]) -> int:
    """How many events nodes of a schedule have, with all loops unrolled."""
    return sum(_count(node) for node in nodes)


def _count(node: ScheduleNode | StepTree) -> int:
    match node:
        case LoopSegment() | Repeat():
            return node.times * count_events(node.body)
        case OpSchedule():
            return count_events(node.steps)
        case Preload():
            return 1
    parts = (node.array, node.vector_cycles, node.fused, node.store_bytes)
    return len(node.loads) + sum(part is not None for part in parts)


_Work = tuple[str, int, Moved]
"""A piece of work: its op, the op's iteration, and the bytes that it moves."""


def _works(schedule: Schedule) -> dict[Unit, list[_Work]]:
    """The pieces of work of each unit, in the order of the schedule, in which every unit works."""
    works: dict[Unit, list[_Work]] = {unit: [] for unit in Unit}
    runs = Counter[str]()
    for node in _unrolled(schedule.body):
        if isinstance(node, Preload):
            works[Unit.LOAD].append((node.op, runs[node.op], ((node.tensor, node.bytes),)))
        else:
            _add_works(node, runs, works)
    return works


def _add_works(op: OpSchedule, runs: Counter[str], works: dict[Unit, list[_Work]]) -> None:
    """Add the pieces of work of one run of an op and of its epilogue."""
    op_work = op.name, runs[op.name], ()
    runs[op.name] += 1
    if op.fused is not None:
        fused = op.fused[0], runs[op.fused[0]], ()
        runs[op.fused[0]] += 1
    for step in op.unrolled():
        works[Unit.LOAD] += ((*op_work[:2], op.named(load.portions)) for load in step.loads)
        if step.array is not None:
            works[Unit.ARRAY].append(op_work)
        if step.vector_cycles is not None:
            works[Unit.VECTOR].append(op_work)
        if step.fused is not None:
            works[Unit.VECTOR].append(fused)
        if step.store_bytes is not None:
            works[Unit.STORE].append((*op_work[:2], op.named(step.store_portions)))


def _unrolled(nodes: Iterable[ScheduleNode]) -> Iterator[OpSchedule | Preload]:
    for node in nodes:
        if isinstance(node, LoopSegment):
            for _ in range(node.times):
                yield from _unrolled(node.body)
        else:
            yield node


def _event(row: list[int], works: dict[Unit, Iterator[_Work]], ops: tuple[str, ...]) -> Event:
    unit = _UNITS[row[c.E_UNIT]]
    op, iteration, moved = next(works[unit])
    assert op == ops[row[c.E_OP]]
    waited = row[c.E_WAITED]
    reason = _REASONS[row[c.E_REASON]] if waited else None
    return Event(unit, op, iteration, row[c.E_START], row[c.E_END], waited, reason, moved)
