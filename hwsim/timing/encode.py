"""A schedule as the arrays of integers that the timeline's kernel walks."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hwsim.core.schedule import OpSchedule, Ports, Preload, Schedule, ScheduleNode, Stretch
from hwsim.core.steps import Repeat, Ring, Step, StepTree
from hwsim.errors import Unsupported
from hwsim.kernels import timeline_code as c

_LONGEST = 2**62
_NO_ROW = (0,) * c.COLUMNS


@dataclass(frozen=True, slots=True)
class Encoded:
    """A schedule ready to be walked. `ops` names the rows of the totals."""

    ops: tuple[str, ...]
    arrays: tuple[NDArray[np.int64], ...]  # code, refs, touched, fixed, sizes, two_spaces


def encode(schedule: Schedule) -> Encoded:
    """The arrays for a schedule; Unsupported if its times might not fit 64 bits."""
    ports, writer = schedule.ports, _Writer(schedule.ports)
    for node in schedule.body:
        writer.node(node, 0)
    bound = writer.bound
    if bound > _LONGEST:
        raise Unsupported(f"the program takes up to {bound} cycles; hwsim counts to {_LONGEST}")
    longest = max(16, 2 * ports.slots)
    key_at, past_at, at = {}, {}, 0
    for level in sorted(writer.key_sizes):
        key_at[level] = at
        at += writer.key_sizes[level] * (longest + 1)
    keys, at = at, 0
    for level in sorted(writer.past_sizes):
        past_at[level] = at
        at += writer.past_sizes[level] * (longest + 1)
    code = np.array(writer.rows or [_NO_ROW], np.int64).reshape(-1, c.COLUMNS)[: len(writer.rows)]
    for row, level in writer.begins:
        code[row, c.KEY_AT], code[row, c.PAST_AT] = key_at[level], past_at[level]
    tensors = writer.tensors
    arrays = (
        code,
        _table(writer.refs, 2),
        _table(writer.touched, c.TOUCHED_COLUMNS),
        np.array([ports.latency, ports.slots, ports.shared, ports.store_delay, longest], np.int64),
        np.array([max(1, len(writer.ops)), max(1, len(tensors)), writer.depth, keys, at], np.int64),
        np.array([name in schedule.two_spaces for name in tensors] or [0], np.int64),
    )
    return Encoded(tuple(writer.ops), arrays)


def _table(rows: Sequence[Sequence[int]], columns: int) -> NDArray[np.int64]:
    return np.array(rows, np.int64).reshape(len(rows), columns)


@dataclass(slots=True)
class _Touch:
    """How a body uses a tensor."""

    whole: bool = False
    part: bool = False
    asked: bool = False
    readers: int = 0

    def add(self, other: "_Touch") -> None:
        self.whole |= other.whole
        self.part |= other.part
        self.asked |= other.asked
        self.readers |= other.readers


@dataclass(slots=True)
class _Body:
    """What the snapshots of a loop must know of its body."""

    units: int = 0
    rings: int = 0
    loaded: int = 0
    ops: list[int] = field(default_factory=list)
    touched: dict[int, _Touch] = field(default_factory=dict)
    longest: int = 0  # cycles of one iteration, if nothing overlaps

    def add(self, other: "_Body", times: int = 1) -> None:
        self.units |= other.units
        self.rings |= other.rings
        self.loaded |= other.loaded
        self.ops += other.ops
        self.longest += times * other.longest
        for tensor, touch in other.touched.items():
            self.touched.setdefault(tensor, _Touch()).add(touch)


class _Writer:
    """Collects rows while it walks down a schedule's tree."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.rows: list[tuple[int, ...]] = []
        self.refs: list[tuple[int, int]] = []
        self.touched: list[tuple[int, ...]] = []
        self.begins: list[tuple[int, int]] = []
        self.ops: dict[str, int] = {}
        self.tensors: dict[str, int] = {}
        self.key_sizes: dict[int, int] = {}
        self.past_sizes: dict[int, int] = {}
        self.under_way: list[int] = []  # the op whose steps are written, and its follower
        self.depth = 0
        self.bound = 0

    def node(self, node: ScheduleNode, level: int) -> _Body:
        match node:
            case Stretch():
                body = self._loop(node.times, level, lambda inner: self._nodes(node.body, inner))
            case OpSchedule():
                body = self._op(node, level)
            case Preload():
                body = self._preload(node)
        if level == 0:
            self.bound += body.longest
        return body

    def _nodes(self, nodes: Iterable[ScheduleNode], level: int) -> _Body:
        body = _Body()
        for node in nodes:
            body.add(self.node(node, level))
        return body

    def _loop(self, times: int, level: int, write_body: Callable[[int], _Body]) -> _Body:
        level += 1
        self.depth = max(self.depth, level)
        at = len(self.rows)
        self.rows.append(_NO_ROW)
        body = write_body(level)
        low, high = min(body.ops, default=0), max(body.ops, default=-1) + 1
        touched = len(self.touched)
        for tensor, touch in body.touched.items():
            self.touched.append((tensor, touch.whole, touch.part, touch.asked, touch.readers))
        slots, stores = self.ports.slots, self.ports.store_delay + 1 if self.ports.shared else 0
        key = c.UNITS + c.RINGS * slots + len(body.touched) * (1 + 2 * c.READERS) + c.PENDING_KEY * stores
        begin = [c.BEGIN, times, body.units, body.rings, body.loaded, low, high, touched, len(self.touched), 0, key, 0]
        self.rows[at] = tuple(begin)
        self.begins.append((at, level))
        self.key_sizes[level] = max(self.key_sizes.get(level, 0), key)
        width = c.TOTALS_AT + (high - low) * c.TOTALS
        self.past_sizes[level] = max(self.past_sizes.get(level, 0), width)
        self.rows.append((c.END, at, *_NO_ROW[2:]))
        whole = _Body()
        whole.add(body, times)
        return whole

    def _op(self, op: OpSchedule, level: int) -> _Body:
        body = _Body(ops=[self._op_index(op.name)])
        follower = -1
        if op.fused is not None:
            follower = self._op_index(op.fused[0])
            body.ops.append(follower)
        low = len(self.refs)
        self._refer(op, body)
        writes = int(not any(_has_vector(node) for node in op.steps))
        row = (body.ops[0], follower, low, len(self.refs), writes)
        self.depth = max(self.depth, level + 1)
        self.rows.append((c.OP_BEGIN, *row, *_NO_ROW[6:]))
        self.under_way = list(body.ops)
        for step in op.steps:
            body.add(self._steps(step, level + 1))
        self.rows.append((c.OP_END, *row, *_NO_ROW[6:]))
        body.ops = sorted(set(body.ops))
        return body

    def _refer(self, op: OpSchedule, body: _Body) -> None:
        def use(how: int, name: str, touch: _Touch) -> None:
            tensor = self._tensor_index(name)
            self.refs.append((how, tensor))
            body.touched.setdefault(tensor, _Touch()).add(touch)

        for name in op.array_reads:
            use(c.ARRAY_READ, name, _Touch(readers=1 << c.ARRAY_UNIT))
        for name in op.vector_reads:
            use(c.VECTOR_READ, name, _Touch(readers=1 << c.VECTOR_UNIT))
        for loaded in op.loaded:
            use(c.LOADED_0 + loaded.ring, loaded.tensor, _Touch(readers=1 << c.LOAD_UNIT))
        for written in op.kept:
            touch = _Touch(whole=written.whole, part=not written.whole)
            use(c.KEPT if written.whole else c.KEPT_PART, written.tensor, touch)
        for written in op.stored:
            touch = _Touch(whole=written.whole, part=not written.whole)
            use(c.STORED if written.whole else c.STORED_PART, written.tensor, touch)
        for name in op.overwrites:
            use(c.OVERWRITES, name, _Touch(asked=True))

    def _steps(self, node: StepTree, level: int) -> _Body:
        if isinstance(node, Step):
            return self._step(node)

        def write_body(inner: int) -> _Body:
            body = _Body()
            for step in node.body:
                body.add(self._steps(step, inner))
            return body

        return self._loop(node.times, level, write_body)

    def _step(self, step: Step) -> _Body:
        ports = self.ports
        loads = {load.ring: ports.load_cycles(load.bytes) for load in step.loads}
        array, tail = (-1, 0) if step.array is None else (step.array.cycles, step.array.tail)
        vector = -1 if step.vector_cycles is None else step.vector_cycles
        fused = -1 if step.fused is None else step.fused.cycles
        store = -1 if step.store_bytes is None else ports.store_cycles(step.store_bytes)
        flags = c.OPENS * step.phase.opens | c.CLOSES * step.phase.closes
        rings = 1 << (c.VECTOR_RESULTS if step.array is None else c.ARRAY_RESULTS)
        for ring in step.releases:
            flags |= c.RELEASE_0 << ring
            rings |= 1 << ring
        loaded = sum(1 << ring for ring in loads)
        row = [c.STEP, *(loads.get(ring, -1) for ring in Ring), array, tail, vector, fused, store, flags]
        self.rows.append((*row, *_NO_ROW[len(row) :]))
        units = bool(loads) << c.LOAD_UNIT | (array >= 0) << c.ARRAY_UNIT | (vector >= 0) << c.VECTOR_UNIT
        if store >= 0:
            units |= 1 << (c.LOAD_UNIT if ports.shared else c.STORE_UNIT)
        cycles = sum(max(0, part) for part in (*loads.values(), array, tail, vector, fused, store))
        return _Body(units, rings | loaded, loaded, list(self.under_way), longest=cycles + len(loads) * ports.latency)

    def _preload(self, node: Preload) -> _Body:
        op, tensor = self._op_index(node.op), self._tensor_index(node.tensor)
        body = _Body(units=1 << c.LOAD_UNIT, ops=[op], touched={tensor: _Touch(whole=True)})
        low = len(self.refs)
        for name in node.overwrites:
            dead = self._tensor_index(name)
            self.refs.append((c.OVERWRITES, dead))
            body.touched.setdefault(dead, _Touch()).add(_Touch(asked=True))
        cycles = self.ports.load_cycles(node.bytes)
        self.rows.append((c.PRELOAD, op, cycles, tensor, low, len(self.refs), *_NO_ROW[6:]))
        body.longest = cycles + self.ports.latency
        return body

    def _op_index(self, name: str) -> int:
        return self.ops.setdefault(name, len(self.ops))

    def _tensor_index(self, name: str) -> int:
        return self.tensors.setdefault(name, len(self.tensors))


def _has_vector(node: StepTree) -> bool:
    if isinstance(node, Repeat):
        return any(_has_vector(inner) for inner in node.body)
    return node.vector_cycles is not None
