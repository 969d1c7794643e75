"""The timeline of a schedule: when its steps run on the units of a core, and the times of each op that follow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.kernels import timeline_code as c
from hwsim.kernels.timeline import walk
from hwsim.quantities.registry import IdentityCache
from hwsim.schedule.counters import Stalls, Units
from hwsim.schedule.schedule import LoopSegment, OpSchedule, Ports, Preload, Schedule, ScheduleNode
from hwsim.schedule.unit_table import StallReason, Unit
from hwsim.timing.encode_steps import (
    LONGEST,
    NO_ROW,
    Run,
    Runs,
    Touch,
    check_longest,
    columns_of,
    op_code,
)

NO_LIMIT = 2**62

LEVELS = 8
"""Levels of one op alone: the op, its batch, and the three dimensions of its blocks, and some to spare."""


@dataclass(frozen=True, slots=True)
class EncodedSchedule:
    """A schedule ready to be walked. `ops` names the rows of the totals; `tensors` are numbered as they stand."""

    ops: tuple[str, ...]
    arrays: tuple[NDArray[np.int64], ...]  # code, refs, touched, fixed, sizes, two_spaces
    tensors: tuple[str, ...]


def encode(schedule: Schedule) -> EncodedSchedule:
    """The arrays for a schedule; Unsupported if its times might not fit 64 bits."""
    ports, writer = schedule.ports, _Writer(schedule.ports)
    check_longest(writer.nodes(schedule.body, 0).longest)
    writer.finish()
    kept = longest_period(ports) + 1
    key_at, keys = _places(writer.key_sizes, kept)
    past_at, pasts = _places(writer.past_sizes, kept)
    ops, tensors, two_spaces = writer.runs.ops, writer.runs.tensors, schedule.two_spaces
    arrays = (
        writer.code(key_at, past_at),
        _table(writer.runs.refs, 2),
        _table(writer.touched, c.TOUCHED_COLUMNS),
        fixed_of(ports),
        np.array([max(1, len(ops)), max(1, len(tensors)), writer.depth, keys, pasts], np.int64),
        np.array([int(name in two_spaces) for name in tensors] or [0], np.int64),
    )
    return EncodedSchedule(tuple(ops), arrays, tuple(tensors))


def longest_period(ports: Ports) -> int:
    """The longest period of a loop that the walk looks for, in iterations."""
    return max(16, 2 * ports.slots)


def fixed_of(ports: Ports) -> NDArray[np.int64]:
    """What holds for a whole walk with these ports."""
    fixed = np.zeros(c.FIXED, np.int64)
    fixed[: c.LIMIT] = (
        ports.latency, ports.slots, int(ports.shared), ports.store_delay, longest_period(ports), NO_LIMIT,
    )  # fmt: skip
    fixed[c.BETWEEN] = ports.exchange_latency
    return fixed


def least_key(fixed: NDArray[np.int64]) -> int:
    """The integers of a loop's key that belong to no tensor."""
    stores = int(fixed[c.DELAY]) + 1 if fixed[c.SHARED] else 0
    return c.UNITS + 1 + c.RINGS * int(fixed[c.SLOTS]) + c.PENDING_KEY * stores


def _places(sizes: Mapping[int, int], kept: int) -> tuple[dict[int, int], int]:
    """Where the snapshots of each level begin, and how much room all of them take."""
    places, at = {}, 0
    for level in sorted(sizes):
        places[level] = at
        at += sizes[level] * kept
    return places, at


def _table(rows: Sequence[Sequence[int]], columns: int) -> NDArray[np.int64]:
    return np.array(rows, np.int64).reshape(len(rows), columns)


@dataclass(slots=True)
class _Body:
    """Sums over the nodes inside a loop segment: the units and rings that they use, the cycles of one iteration if
    nothing overlaps, and how each node touches totals and tensors."""

    units: int = 0
    rings: int = 0
    loaded: int = 0
    longest: int = 0
    touches: list[Touch] = field(default_factory=list)

    def use(self, units: int, rings: int, loaded: int, longest: int) -> None:
        self.units |= units
        self.rings |= rings
        self.loaded |= loaded
        self.longest += longest


class _Writer:
    """Collects rows while it walks down a schedule's tree. Columns that depend on a row's place are filled in last."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.parts: list[NDArray[np.int64]] = []
        self.length = 0
        self.runs = Runs()
        self.touched: list[tuple[int, ...]] = []
        self.loops: list[tuple[int, ...]] = []  # of each segment: row, level, columns OP_LOW to KEY_SIZE
        self.key_sizes: dict[int, int] = {}
        self.past_sizes: dict[int, int] = {}
        self.least_key = least_key(fixed_of(ports))
        self._run_of: dict[int, Run] = {}  # by the identity of an op's schedule
        self._bodies: dict[tuple[int, ...], tuple[Touch, int]] = {}  # by the identities of the touches in them
        self._kept: list[Touch] = []  # keeps the touches of preloads, so that no others get their identity

    def nodes(self, nodes: Iterable[ScheduleNode], level: int) -> _Body:
        """Add the rows of these nodes, which lie inside `level` loops and ops; the sums over them."""
        body = _Body()
        for node in nodes:
            match node:
                case OpSchedule():
                    self._op(node, level, body)
                case LoopSegment():
                    self._segment(node, level, body)
                case Preload():
                    self._preload(node, body)
        return body

    @property
    def depth(self) -> int:
        """How deep loops and ops lie in each other."""
        return max(self.runs.depth, *self.key_sizes, 0)

    def finish(self) -> None:
        """Reserve room for the snapshots of loops in steps, once all runs are placed."""
        for level, ops in self.runs.inner_loops():
            self._room(level, self.least_key, ops)

    def code(self, key_at: Mapping[int, int], past_at: Mapping[int, int]) -> NDArray[np.int64]:
        """All rows, complete with the columns that depend on their places."""
        if not self.parts:
            return np.zeros((0, c.COLUMNS), np.int64)
        code = np.concatenate(self.parts)
        places = np.array([(key_at.get(level, 0), past_at.get(level, 0)) for level in range(self.depth + 1)], np.int64)
        self.runs.fill_in(code, places, self.least_key)
        if self.loops:
            loops = np.array(self.loops, np.int64)
            rows = loops[:, 0]
            code[rows, c.OP_LOW : c.TOUCHED_HIGH + 1] = loops[:, 2:6]
            code[rows, c.KEY_SIZE] = loops[:, 6]
            code[rows[:, None], [c.KEY_AT, c.PAST_AT]] = places[loops[:, 1]]
        return code

    def _add(self, rows: NDArray[np.int64], length: int = 1) -> int:
        """Add rows, which are copied at the end; the place of the first one."""
        at = self.length
        self.parts.append(rows)
        self.length += length
        return at

    def _row(self, *values: int) -> int:
        return self._add(np.array([(*values, *NO_ROW[len(values) :])], np.int64))

    def _segment(self, segment: LoopSegment, level: int, around: _Body) -> None:
        begin = np.zeros((1, c.COLUMNS), np.int64)
        at = self._add(begin)
        body = self.nodes(segment.body, level + 1)
        touch, touched = self._touch(body)
        begin[0, : c.RINGS_LOADED + 1] = (c.BEGIN, segment.times, body.units, body.rings, body.loaded)
        key = self.least_key + len(touch.tensors) * (1 + 2 * c.READERS)
        self.loops.append((at, level + 1, touch.low, touch.high, touched, touched + len(touch.tensors), key))
        self._room(level + 1, key, touch.high - touch.low)
        self._row(c.END, at)
        around.use(body.units, body.rings, body.loaded, segment.times * body.longest)
        if touch.high > touch.low:
            around.touches.append(touch)

    def _touch(self, body: _Body) -> tuple[Touch, int]:
        """How a body touches totals and tensors, and the place of that in `touched`; equal bodies share one place."""
        key = tuple(map(id, body.touches))
        entry = self._bodies.get(key)
        if entry is None:
            touch = Touch.of_all(body.touches)
            entry = self._bodies[key] = touch, len(self.touched)
            self.touched += [(tensor, *columns_of(how)) for tensor, how in touch.tensors.items()]
        return entry

    def _room(self, level: int, key: int, ops: int) -> None:
        """Reserve room for snapshots of a loop on that level: integers of their keys, ops whose totals they keep."""
        self.key_sizes[level] = max(self.key_sizes.get(level, 0), key)
        self.past_sizes[level] = max(self.past_sizes.get(level, 0), c.TOTALS_AT + ops * c.TOTALS)

    def _op(self, op: OpSchedule, level: int, around: _Body) -> None:
        run = self._run_of.get(id(op))
        if run is None:
            run = self._run_of[id(op)] = self.runs.of(op, op_code(op, self.ports))
        steps = run.steps
        self.runs.place(run, self._add(steps.rows, run.length), level)
        around.use(steps.units, steps.rings, steps.loaded, steps.longest)
        around.touches.append(run.touch)

    def _preload(self, node: Preload, around: _Body) -> None:
        op, tensor = self.runs.op(node.op), self.runs.tensor(node.tensor)
        cycles = self.ports.load_cycles(node.bytes, node.of_core)
        around.use(1 << c.LOAD_UNIT, 0, 0, cycles + self.ports.latency)
        dead = [self.runs.tensor(name) for name in node.overwrites]
        touch = Touch(op, op + 1, {tensor: c.WHOLE})
        for number in dead:
            touch.tensors[number] = touch.tensors.get(number, 0) | c.ASKED
        around.touches.append(touch)
        self._kept.append(touch)
        low = len(self.runs.refs)
        self.runs.refs += [(c.OVERWRITES, number) for number in dead]
        self._row(c.PRELOAD, op, min(cycles, LONGEST), tensor, low, len(self.runs.refs))


_DRIVEN = tuple(Unit)[: c.UNITS]
"""The units that the kernel drives, in the kernel's order; all other units do nothing yet."""
_IDLE = (0,) * (len(Unit) - len(_DRIVEN))
_REASONS = tuple(StallReason)[: c.REASONS]
_NO_EVENTS = np.zeros((0, c.EVENT_COLUMNS), np.int64)


@dataclass(frozen=True, slots=True)
class OpTimes:
    """The times of one op, over all its runs."""

    cycles: int
    span: int
    busy: Units
    stalls: Stalls
    shared_bound: Units
    """Busy cycles in steps whose length the shared read port of the scratchpad sets, where no port does alone."""


@dataclass(frozen=True, slots=True)
class Times:
    """The times of a run: of the whole, and, by row of `totals`, of each op."""

    ops: tuple[str, ...]
    totals: NDArray[np.int64]
    ends: tuple[int, ...]  # when each unit ended its last step, 0 for a unit without steps
    cycles: int
    unrolled_iterations: int

    def of(self, op: str) -> OpTimes:
        """The times of one op."""
        row = self.totals[self.ops.index(op)]
        return _op_times(row)

    @property
    def of_all(self) -> OpTimes:
        """The times of all ops together."""
        return _op_times(self.totals.sum(axis=0))

    def by_op(self) -> dict[str, OpTimes]:
        """The times of all ops."""
        return {name: _op_times(row) for name, row in zip(self.ops, self.totals, strict=False)}


class Unsettled(Unsupported):
    """Units drift apart so slowly that the walk would take too long; it was given up after `most` iterations."""

    most: int


def unsettled(most: int) -> Unsettled:
    """The error of a walk that was given up after so many iterations."""
    error = Unsettled(f"its units find no common period in {most:,} iterations of its loops; give them rounder rates")
    error.most = most
    return error


def times(schedule: Schedule | EncodedSchedule, *, stop: bool = True, most: int | None = None) -> Times:
    """The times of all steps; without `stop` every iteration of every loop is walked, which gives the same.

    Unsettled, if after `most` iterations no period has been found.
    """
    encoded = schedule if isinstance(schedule, EncodedSchedule) else _CODES.of(schedule, make=lambda: encode(schedule))
    return walked(encoded, stop=stop, most=most)


def walked(
    encoded: EncodedSchedule, *, stop: bool = True, most: int | None = None, events: NDArray[np.int64] = _NO_EVENTS
) -> Times:
    """The times of an encoded schedule. If `events` has rows, the walk fills them for `timing/events.py`; as it may end
    with the last one, the times are then not those of all."""
    code, refs, touched, fixed, sizes, two_spaces = encoded.arrays
    if not stop or most is not None:
        fixed = fixed.copy()
        fixed[c.LONGEST] *= stop
        fixed[c.MOST] = fixed[c.MOST] if most is None else most
    totals, ends, now = walk(code, refs, touched, fixed, sizes, two_spaces, events)
    if now[c.UNROLLED] > fixed[c.MOST]:
        raise unsettled(int(fixed[c.MOST]))
    return Times(
        ops=encoded.ops,
        totals=totals,
        ends=(*ends.tolist(), *_IDLE),
        cycles=int(now[c.FRONTIER]),
        unrolled_iterations=int(now[c.UNROLLED]),
    )


_CODES = IdentityCache[EncodedSchedule](most=32)


def _op_times(row: NDArray[np.int64]) -> OpTimes:
    values = row.tolist()
    stalls = {reason.key: _units(values[c.STALLS + c.UNITS * reason :]) for reason in _REASONS}
    bound = Units.of(dict(zip((Unit.ARRAY, Unit.VECTOR), values[c.SHARED_BOUND :], strict=True)))
    return OpTimes(values[c.CYCLES], values[c.SPAN], _units(values[c.BUSY :]), Stalls(**stalls), bound)


def _units(values: list[int]) -> Units:
    """The first of these columns of a row, one for each unit of the kernel, as units."""
    return Units(**{unit.key: values[unit] for unit in _DRIVEN})
