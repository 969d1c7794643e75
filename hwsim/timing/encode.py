"""A schedule as the arrays of integers that the timeline's kernel walks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hwsim.core.schedule import OpSchedule, Ports, Preload, Schedule, ScheduleNode, Stretch
from hwsim.errors import Unsupported
from hwsim.kernels import timeline_code as c
from hwsim.timing.encode_steps import NO_ROW, StepCode, step_code

_LONGEST = 2**62


@dataclass(frozen=True, slots=True)
class Encoded:
    """A schedule ready to be walked. `ops` names the rows of the totals."""

    ops: tuple[str, ...]
    arrays: tuple[NDArray[np.int64], ...]  # code, refs, touched, fixed, sizes, two_spaces


def encode(schedule: Schedule) -> Encoded:
    """The arrays for a schedule; Unsupported if its times might not fit 64 bits."""
    ports, writer = schedule.ports, _Writer(schedule.ports)
    bound = writer.nodes(schedule.body, 0).longest
    if bound > _LONGEST:
        raise Unsupported(f"the program takes up to {bound} cycles; hwsim counts to {_LONGEST}")
    longest = max(16, 2 * ports.slots)
    code = np.concatenate(writer.parts) if writer.parts else np.zeros((0, c.COLUMNS), np.int64)
    key_at, keys = _places(writer.key_sizes, longest + 1)
    past_at, pasts = _places(writer.past_sizes, longest + 1)
    for row, level in writer.begins:
        code[row, c.KEY_AT], code[row, c.PAST_AT] = key_at[level], past_at[level]
    tensors, two_spaces = writer.tensors, schedule.two_spaces
    arrays = (
        code,
        _table(writer.refs, 2),
        _table(writer.touched, c.TOUCHED_COLUMNS),
        np.array([ports.latency, ports.slots, int(ports.shared), ports.store_delay, longest], np.int64),
        np.array([max(1, len(writer.ops)), max(1, len(tensors)), writer.depth, keys, pasts], np.int64),
        np.array([int(name in two_spaces) for name in tensors] or [0], np.int64),
    )
    return Encoded(tuple(writer.ops), arrays)


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
        self.parts: list[NDArray[np.int64]] = []
        self.length = 0
        self.refs: list[tuple[int, int]] = []
        self.touched: list[tuple[int, ...]] = []
        self.begins: list[tuple[int, int]] = []
        self.ops: dict[str, int] = {}
        self.tensors: dict[str, int] = {}
        self.key_sizes: dict[int, int] = {}
        self.past_sizes: dict[int, int] = {}
        self.depth = 0

    def nodes(self, nodes: Iterable[ScheduleNode], level: int) -> _Body:
        """Rows for these nodes inside `level` loops and ops, and what is known of them."""
        body = _Body()
        for node in nodes:
            match node:
                case Stretch():
                    body.add(self._stretch(node, level))
                case OpSchedule():
                    body.add(self._op(node, level))
                case Preload():
                    body.add(self._preload(node))
        return body

    def _add(self, *rows: tuple[int, ...]) -> NDArray[np.int64]:
        return self._add_rows(np.array(rows, np.int64).reshape(-1, c.COLUMNS))

    def _add_rows(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        self.parts.append(rows)
        self.length += len(rows)
        return rows

    def _stretch(self, stretch: Stretch, level: int) -> _Body:
        at, begin = self.length, self._add(NO_ROW)
        body = self.nodes(stretch.body, level + 1)
        low, high = min(body.ops, default=0), max(body.ops, default=-1) + 1
        touched = len(self.touched)
        for tensor, touch in body.touched.items():
            self.touched.append((tensor, int(touch.whole), int(touch.part), int(touch.asked), touch.readers))
        masks = body.units, body.rings, body.loaded
        key = self._loop(at, level + 1, len(body.touched), high - low)
        begin[0] = (c.BEGIN, stretch.times, *masks, low, high, touched, len(self.touched), 0, key, 0)
        self._add((c.END, at, *NO_ROW[2:]))
        whole = _Body()
        whole.add(body, stretch.times)
        return whole

    def _loop(self, row: int, level: int, touched: int, ops: int) -> int:
        """A loop begins in a row; the integers of its keys, for which room is kept, as for the totals of its ops."""
        slots, stores = self.ports.slots, self.ports.store_delay + 1 if self.ports.shared else 0
        key = c.UNITS + c.RINGS * slots + touched * (1 + 2 * c.READERS) + c.PENDING_KEY * stores
        self.begins.append((row, level))
        self.depth = max(self.depth, level)
        self.key_sizes[level] = max(self.key_sizes.get(level, 0), key)
        self.past_sizes[level] = max(self.past_sizes.get(level, 0), c.TOTALS_AT + ops * c.TOTALS)
        return key

    def _op(self, op: OpSchedule, level: int) -> _Body:
        own = self._op_index(op.name)
        follower = -1 if op.fused is None else self._op_index(op.fused[0])
        steps = step_code(op.steps, self.ports)
        body = _Body(steps.units, steps.rings, steps.loaded, [own], longest=steps.longest)
        if follower >= 0:
            body.ops.append(follower)
        low = len(self.refs)
        self._refer(op, body)
        row = (own, follower, low, len(self.refs), int(steps.array_writes))
        self.depth = max(self.depth, level + 1)
        self._add((c.OP_BEGIN, *row, *NO_ROW[6:]))
        self._add_steps(steps, level + 1, min(body.ops), max(body.ops) + 1)
        self._add((c.OP_END, *row, *NO_ROW[6:]))
        return body

    def _add_steps(self, steps: StepCode, level: int, low: int, high: int) -> None:
        at, rows = self.length, self._add_rows(steps.rows.copy())
        rows[steps.ends, c.PARTNER] += at
        for row, depth in steps.begins:
            key = self._loop(at + row, level + depth, 0, high - low)
            rows[row, c.OP_LOW], rows[row, c.OP_HIGH], rows[row, c.KEY_SIZE] = low, high, key

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

    def _preload(self, node: Preload) -> _Body:
        op, tensor = self._op_index(node.op), self._tensor_index(node.tensor)
        body = _Body(units=1 << c.LOAD_UNIT, ops=[op], touched={tensor: _Touch(whole=True)})
        low = len(self.refs)
        for name in node.overwrites:
            dead = self._tensor_index(name)
            self.refs.append((c.OVERWRITES, dead))
            body.touched.setdefault(dead, _Touch()).add(_Touch(asked=True))
        cycles = self.ports.load_cycles(node.bytes)
        self._add((c.PRELOAD, op, cycles, tensor, low, len(self.refs), *NO_ROW[6:]))
        body.longest = cycles + self.ports.latency
        return body

    def _op_index(self, name: str) -> int:
        return self.ops.setdefault(name, len(self.ops))

    def _tensor_index(self, name: str) -> int:
        return self.tensors.setdefault(name, len(self.tensors))
