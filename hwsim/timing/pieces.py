"""The pieces of work of a schedule in the order of the program: those that somebody asks for, the others only counted.

Loops in which nothing more is wanted are passed over, so that the cost is that of what is wanted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import field
from enum import IntEnum
from typing import NamedTuple

from hwsim.dataclass import dataclass
from hwsim.results.traced import Extent, Selection
from hwsim.schedule.schedule import LoopSegment, OpSchedule, Preload, Schedule, ScheduleNode, Spot
from hwsim.schedule.steps import Repeat, Ring, Step, StepTree
from hwsim.schedule.unit_table import Unit

Moved = tuple[tuple[Spot, int], ...]
"""Tensors, and how many bytes of each a transfer moves."""


class SlotRing(IntEnum):
    """All slots that steps take in turn: those of operands, as `Ring` numbers them, and those of results."""

    WEIGHTS = Ring.WEIGHTS
    ACTIVATIONS = Ring.ACTIVATIONS
    VECTOR_OPERANDS = Ring.VECTOR_OPERANDS
    ARRAY_RESULTS = 3
    VECTOR_RESULTS = 4

    @property
    def label(self) -> str:
        """The ring in words."""
        return self.name.lower().replace("_", " ")


class Freed(NamedTuple):
    """Slots of a ring that are free some cycles after a piece of work."""

    ring: SlotRing
    slots: int
    after: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of work of a unit, of which `skipped` others come between the piece before and this one.

    From its start on it has `slots` slots of the ring `takes`, if it takes any; its end frees others.
    """

    unit: Unit
    skipped: int
    op: str
    block: str
    iteration: int
    moved: Moved = ()
    takes: SlotRing | None = None
    slots: int = 1
    frees: tuple[Freed, ...] = ()


def selected(schedule: Schedule, selection: Selection) -> tuple[tuple[Piece, ...], Extent, int]:
    """The pieces that are selected, how much of the run they are, and how many come up to the last of them."""
    walk = _Walk(schedule.ports.slots, selection)
    walk.nodes(schedule.body)
    found = Extent(shown=len(walk.found), selected=walk.selected, all=sum(walk.seen.values()), of=selection)
    return tuple(walk.found), found, walk.reach


@dataclass(slots=True)
class _Counted:
    """Pieces of a node by the op whose they are and by unit, and the runs of each op."""

    pieces: Counter[tuple[str, Unit]] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)

    def add(self, other: "_Counted", times: int) -> None:
        for total, counted in ((self.pieces, other.pieces), (self.runs, other.runs)):
            for key, count in counted.items():
                total[key] += count * times  # type: ignore[index]  # each of its own kind


@dataclass(slots=True)
class _Walk:
    """What was seen so far of each unit and op; `passed` are pieces of a unit since the last one that was taken."""

    slots: int
    selection: Selection
    found: list[Piece] = field(default_factory=list)
    selected: int = 0
    reach: int = 0
    seen: Counter[Unit] = field(default_factory=Counter)
    passed: Counter[Unit] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    _counts: dict[int, _Counted] = field(default_factory=dict)  # by the identity of a node
    _matches: dict[str, bool] = field(default_factory=dict)

    def nodes(self, nodes: Iterable[ScheduleNode]) -> None:
        for node in nodes:
            match node:
                case LoopSegment():
                    self._segment(node)
                case Preload():
                    run = self.runs[node.op]
                    moved = ((node.tensor, node.bytes),)
                    self._piece(Unit.LOAD, node.op, "", run, moved)
                case OpSchedule():
                    self._op(node)

    def _segment(self, segment: LoopSegment) -> None:
        for done in range(segment.times):
            if not self._wanted_in(segment):
                self._pass(segment, segment.times - done)
                return
            self.nodes(segment.body)

    def _op(self, op: OpSchedule) -> None:
        if not self._wanted_in(op):
            self._pass(op, 1)
            return
        block = "" if op.block is None else f"{op.block.m}×{op.block.k}×{op.block.n}"
        fused = None if op.fused is None else op.fused[0]
        run, fused_run = self.runs[op.name], 0 if fused is None else self.runs[fused]
        for unit, portions, held in _pieces(op, self.slots):
            if portions is None:
                assert fused is not None
                self._piece(unit, fused, block, fused_run, (), *held)
            else:
                self._piece(unit, op.name, block, run, portions, *held)
        self.runs.update(filter(None, (op.name, fused)))

    def _piece(
        self,
        unit: Unit,
        op: str,
        block: str,
        run: int,
        moved: Moved,
        takes: SlotRing | None = None,
        slots: int = 1,
        frees: tuple[Freed, ...] = (),
    ) -> None:
        self.seen[unit] += 1
        wanted = self._matching(op) and self.selection.wants_run(run)
        self.selected += wanted
        if wanted and len(self.found) < self.selection.most:
            self.found.append(Piece(unit, self.passed[unit], op, block, run, moved, takes, slots, frees))
            self.passed[unit] = 0
            self.reach = sum(self.seen.values())
        else:
            self.passed[unit] += 1

    def _wanted_in(self, node: LoopSegment | OpSchedule) -> bool:
        """Whether the next run of a node has pieces that have to be looked at one by one."""
        full, limited = len(self.found) >= self.selection.most, self.selection.iterations is not None
        if full and not limited:
            return False
        ops = {op for op, _ in self._count(node).pieces}
        return any(self._matching(op) and self.selection.wants_run(self.runs[op]) for op in ops)

    def _pass(self, node: LoopSegment | OpSchedule, times: int) -> None:
        """Count the pieces of a node without looking at them: all that match are selected, or none."""
        counted = self._count(node)
        for (op, unit), count in counted.pieces.items():
            self.seen[unit] += count * times
            self.passed[unit] += count * times
            if self._matching(op) and self.selection.iterations is None:
                self.selected += count * times
        for op, runs in counted.runs.items():
            self.runs[op] += runs * times

    def _matching(self, op: str) -> bool:
        if op not in self._matches:
            self._matches[op] = self.selection.wants(op)
        return self._matches[op]

    def _count(self, node: LoopSegment | OpSchedule) -> _Counted:
        """The pieces of one run of an op, or of one iteration of a loop."""
        counted = self._counts.get(id(node))
        if counted is None:
            counted = self._counts[id(node)] = _Counted()
            if isinstance(node, OpSchedule):
                _count_steps(node, node.steps, 1, counted.pieces)
                counted.runs.update(filter(None, (node.name, node.fused and node.fused[0])))
            else:
                for inner in node.body:
                    if isinstance(inner, Preload):
                        counted.pieces[inner.op, Unit.LOAD] += 1
                    else:
                        counted.add(self._count(inner), inner.times if isinstance(inner, LoopSegment) else 1)
        return counted


def _count_steps(op: OpSchedule, steps: Iterable[StepTree], times: int, pieces: Counter[tuple[str, Unit]]) -> None:
    for node in steps:
        if isinstance(node, Repeat):
            _count_steps(op, node.body, times * node.times, pieces)
            continue
        for unit, parts in (
            (Unit.LOAD, len(node.loads)),
            (Unit.ARRAY, int(node.array is not None)),
            (Unit.VECTOR, int(node.vector_cycles is not None)),
            (Unit.EXCHANGE, int(node.exchange_bytes is not None)),
            (Unit.STORE, int(node.store_bytes is not None)),
        ):
            if parts:
                pieces[op.name, unit] += times * parts
        if node.fused is not None:
            assert op.fused is not None
            pieces[op.fused[0], Unit.VECTOR] += times


_Held = tuple[SlotRing | None, int, tuple[Freed, ...]]
_NOTHING: _Held = (None, 1, ())


def _pieces(op: OpSchedule, slots: int) -> Iterator[tuple[Unit, Moved | None, _Held]]:
    """The pieces of one run of an op: unit, bytes moved, None of the epilogue's, and the slots that it takes and frees.

    A load takes a slot when it starts, or all slots of a ring that holds one operand alone. Whoever begins a result
    takes a slot for it; whoever is last with it frees it.
    """
    single = frozenset(op.single)
    for step in op.unrolled():
        for load in step.loads:
            held: _Held = (SlotRing(load.ring), slots if load.ring in single else 1, ())
            yield Unit.LOAD, op.named(load.portions), held
        by_array = tuple(_released(step, (Ring.WEIGHTS, Ring.ACTIVATIONS), single, slots))
        by_vector = tuple(_released(step, (Ring.VECTOR_OPERANDS,), single, slots))
        results = SlotRing.VECTOR_RESULTS if step.array is None else SlotRing.ARRAY_RESULTS
        last = _last(step)
        if step.array is not None:
            complete = (Freed(results, 1, step.array.tail),) if last is Unit.ARRAY else ()
            yield Unit.ARRAY, (), (results if step.phase.opens else None, 1, by_array + complete)
        if step.vector_cycles is not None:
            done = by_vector + ((Freed(results, 1, 0),) if last is Unit.VECTOR else ())
            takes = results if step.array is None else None
            yield Unit.VECTOR, (), (takes, 1, () if step.fused else done)
            if step.fused is not None:
                yield Unit.VECTOR, None, (None, 1, done)
        if step.exchange_bytes is not None:
            freed = (Freed(results, 1, 0),) if last is Unit.EXCHANGE else ()
            yield Unit.EXCHANGE, (), (None, 1, freed)
        if step.store_bytes is not None:
            yield Unit.STORE, op.named(step.store_portions), (None, 1, (Freed(results, 1, 0),))


def _last(step: Step) -> Unit | None:
    """The unit whose end frees the slot of the result; None if the result is not complete."""
    if not step.phase.closes:
        return None
    if step.store_bytes is not None:
        return Unit.STORE
    if step.exchange_bytes is not None:
        return Unit.EXCHANGE
    return Unit.ARRAY if step.vector_cycles is None else Unit.VECTOR


def _released(step: Step, rings: Iterable[Ring], single: frozenset[Ring], slots: int) -> Iterator[Freed]:
    return (Freed(SlotRing(ring), slots if ring in single else 1, 0) for ring in rings if ring in step.releases)
