"""The timeline of a schedule whose input arrives while it runs: when each iteration of a loop is complete.

The steps, their order and what they wait for are those of the schedule. In addition the loads of an iteration wait for
its part of the input, and an iteration ends with all its stores: behind a shared port none of them waits for loads of
the next iteration, whose input may be long in coming.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.kernels import timeline_code as c
from hwsim.kernels.timeline import fresh, walk_on
from hwsim.schedule.schedule import Loaded, LoopSegment, OpSchedule, Schedule, ScheduleNode
from hwsim.schedule.steps import Load, Repeat, Ring, StepTree
from hwsim.timing.timeline import NO_LIMIT, encode


@dataclass(frozen=True, slots=True)
class Begun:
    """An iteration: when its input was there, when the one before was complete, and when it is complete itself."""

    arrived: int
    free: int
    complete: int

    @property
    def queued(self) -> int:
        """How long its input waits for the iteration before."""
        return max(0, self.free - self.arrived)

    @property
    def computing(self) -> int:
        """How long it takes from when it could begin."""
        return self.complete - max(self.arrived, self.free)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Rows of the code that run one after another: one iteration of the loop, or what stands outside it."""

    low: int
    high: int
    iteration: bool


def iterations(
    schedule: Schedule, loop: str, tensor: str, arrivals: Sequence[int], after: Sequence[int] = ()
) -> tuple[Begun, ...]:
    """All iterations of an outermost loop, each of which waits until its part of the tensor has arrived.

    `after` are cycles that pass at the end of each iteration, before it counts as complete and the next one begins.
    """
    encoded = encode(awaiting(schedule, tensor))
    if tensor not in encoded.tensors:
        raise InvalidValue("tensor", tensor, "is none that an op of the schedule loads")
    code, refs, touched, fixed, sizes, two_spaces = encoded.arrays
    fixed = fixed.copy()
    fixed[c.MOST] = NO_LIMIT
    state, place = fresh(fixed, sizes), encoded.tensors.index(tensor)
    now, ready = state[1], state[3]
    stretches = _joined(_stretches(schedule.body, 0, _ends(code), loop))
    count = sum(stretch.iteration for stretch in stretches)
    if count != len(arrivals):
        raise InvalidValue("arrivals", len(arrivals), f"must be one for each of the {count} iterations of {loop}")
    found: list[Begun] = []
    parts: dict[tuple[int, int], NDArray[np.int64]] = {}
    events = np.zeros((0, c.EVENT_COLUMNS), np.int64)
    complete = 0
    for stretch in stretches:
        arrived = 0
        if stretch.iteration:
            arrived = arrivals[len(found)]
            ready[place] = max(int(ready[place]), arrived, complete if after else 0)
        key = stretch.low, stretch.high
        if key not in parts:
            parts[key] = _part(code, stretch)
        walk_on(parts[key], refs, touched, fixed, two_spaces, events, *state)
        free, complete = complete, int(now[c.FRONTIER])
        if stretch.iteration:
            complete = max(complete, free) + (after[len(found)] if after else 0)
            found.append(Begun(arrived, free, complete))
    return tuple(found)


def awaiting(schedule: Schedule, tensor: str) -> Schedule:
    """The schedule in which loads of a tensor that no op writes wait for it, as if one did."""
    changed: dict[int, OpSchedule] = {}

    def node(old: ScheduleNode) -> ScheduleNode:
        if isinstance(old, LoopSegment):
            return replace(old, body=tuple(map(node, old.body)))
        if isinstance(old, OpSchedule):
            if id(old) not in changed:
                changed[id(old)] = _awaiting(old, tensor)
            return changed[id(old)]
        return old

    return replace(schedule, body=tuple(map(node, schedule.body)))


def _awaiting(op: OpSchedule, tensor: str) -> OpSchedule:
    if tensor not in op.operands or any(use.tensor == tensor for use in op.loaded):
        return op
    number, rings = op.operands.index(tensor), list[Ring]()
    for load in _loads_in(op.steps):
        if load.ring not in rings and any(operand == number for operand, _ in load.portions):
            rings.append(load.ring)
    return replace(op, loaded=(*op.loaded, *(Loaded(ring=ring, tensor=tensor) for ring in rings)))


def _loads_in(steps: Iterable[StepTree]) -> Iterator[Load]:
    """The loads of steps, those of repeated ones once."""
    for step in steps:
        yield from _loads_in(step.body) if isinstance(step, Repeat) else step.loads


def _part(code: NDArray[np.int64], stretch: _Stretch) -> NDArray[np.int64]:
    """The rows of a stretch, in which ends of loops name rows of the stretch."""
    rows = code[stretch.low : stretch.high].copy()
    rows[rows[:, c.KIND] == c.END, c.PARTNER] -= stretch.low
    return rows


def _ends(code: NDArray[np.int64]) -> dict[int, int]:
    """The row after the end of each loop and op, by the row of its beginning."""
    ends, open_rows = dict[int, int](), list[int]()
    for row, kind in enumerate(code[:, c.KIND].tolist()):
        if kind in (c.BEGIN, c.OP_BEGIN):
            open_rows.append(row)
        elif kind in (c.END, c.OP_END):
            ends[open_rows.pop()] = row + 1
    return ends


def _joined(stretches: Iterable[_Stretch]) -> list[_Stretch]:
    """The stretches, those outside the loop in one piece."""
    joined: list[_Stretch] = []
    for stretch in stretches:
        if joined and not joined[-1].iteration and not stretch.iteration and joined[-1].high == stretch.low:
            joined[-1] = _Stretch(joined[-1].low, stretch.high, iteration=False)
        else:
            joined.append(stretch)
    return joined


def _stretches(nodes: Iterable[ScheduleNode], at: int, ends: dict[int, int], loop: str) -> Iterator[_Stretch]:
    """The nodes from that row of the code on; segments of the loop may lie in each other, where iterations differ."""
    for node in nodes:
        end = ends.get(at, at + 1)
        if not isinstance(node, LoopSegment) or node.loop != loop:
            yield _Stretch(at, end, iteration=False)
        elif any(isinstance(inner, LoopSegment) and inner.loop == loop for inner in node.body):
            inside = tuple(_stretches(node.body, at + 1, ends, loop))
            for _ in range(node.times):
                yield from inside
        else:
            for _ in range(node.times):
                yield _Stretch(at + 1, end - 1, iteration=True)
        at = end
