"""A schedule as the arrays of integers that the timeline's kernel walks."""

from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hwsim.core.schedule import OpSchedule, Ports, Preload, Schedule, ScheduleNode, Stretch
from hwsim.core.steps import StepTree
from hwsim.errors import Unsupported
from hwsim.kernels import timeline_code as c
from hwsim.timing.encode_ops import ASKED, WHOLE, columns_of, op_code
from hwsim.timing.encode_steps import NO_ROW, step_code

_LONGEST = 2**62
_NO_OPS = 2**62


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
    kept = _longest_period(ports) + 1
    key_at, keys = _places(writer.key_sizes, kept)
    past_at, pasts = _places(writer.past_sizes, kept)
    tensors, two_spaces = writer.tensors, schedule.two_spaces
    arrays = (
        writer.code(key_at, past_at),
        _table(writer.refs, 2),
        _table(writer.touched, c.TOUCHED_COLUMNS),
        _fixed(ports),
        np.array([max(1, len(writer.ops)), max(1, len(tensors)), writer.depth, keys, pasts], np.int64),
        np.array([int(name in two_spaces) for name in tensors] or [0], np.int64),
    )
    return Encoded(tuple(writer.ops), arrays)


def encode_alone(steps: tuple[StepTree, ...], ports: Ports) -> Encoded:
    """What `encode` gives for one op with these steps that uses no tensors, without the nouns."""
    code, kept, least = step_code(steps, ports), _longest_period(ports) + 1, _least_key(ports)
    if code.longest > _LONGEST:
        raise Unsupported(f"the program takes up to {code.longest} cycles; hwsim counts to {_LONGEST}")
    rows, past = code.rows.copy(), c.TOTALS_AT + c.TOTALS
    for end in (0, -1):
        rows[end, c.OP : c.ARRAY_WRITES + 1] = 0, -1, 0, 0, code.array_writes
    for row, depth in code.begins:
        rows[row, c.OP_HIGH] = 1
        at = (depth - 1) * kept
        rows[row, c.KEY_AT : c.PAST_AT + 1] = at * least, least, at * past
    deep = code.depth * kept
    sizes = np.array([1, 1, code.depth + 1, deep * least, deep * past], np.int64)
    return Encoded(("alone",), (rows, _table((), 2), _table((), c.TOUCHED_COLUMNS), _fixed(ports), sizes, _ONE_SPACE))


_ONE_SPACE = np.zeros(1, np.int64)


def _longest_period(ports: Ports) -> int:
    """The longest period of a loop that is looked for."""
    return max(16, 2 * ports.slots)


def _fixed(ports: Ports) -> NDArray[np.int64]:
    values = ports.latency, ports.slots, int(ports.shared), ports.store_delay, _longest_period(ports)
    return np.array(values, np.int64)


def _least_key(ports: Ports) -> int:
    """The integers of a loop's key that belong to no tensor."""
    stores = ports.store_delay + 1 if ports.shared else 0
    return c.UNITS + c.RINGS * ports.slots + c.PENDING_KEY * stores


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
    """What the snapshots of a loop must know of its body. `touched`: how it uses each tensor, bits of `encode_ops`."""

    units: int = 0
    rings: int = 0
    loaded: int = 0
    low: int = _NO_OPS  # its ops' rows of the totals
    high: int = 0
    touched: dict[int, int] = field(default_factory=dict)
    longest: int = 0  # cycles of one iteration, if nothing overlaps

    def use(self, units: int, rings: int, loaded: int, longest: int) -> None:
        self.units |= units
        self.rings |= rings
        self.loaded |= loaded
        self.longest += longest

    def runs(self, op: int) -> None:
        self.low, self.high = min(self.low, op), max(self.high, op + 1)

    def touch(self, tensor: int, how: int) -> None:
        self.touched[tensor] = self.touched.get(tensor, 0) | how


@dataclass(frozen=True, slots=True)
class _Written:
    """A body that was written: its rows, and where what moves with them stands."""

    at: int
    end: int
    ranges: tuple[slice, ...]  # of parts, heads, loops, ends
    body: _Body


class _Writer:
    """Collects rows while it walks down a schedule's tree. What depends on a row's place is filled in at the end."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.parts: list[NDArray[np.int64]] = []
        self.length = 0
        self.refs: list[tuple[int, int]] = []
        self.touched: list[tuple[int, ...]] = []
        self.heads: list[tuple[int, ...]] = []  # of each run of an op: first row, last row, and what stands in both
        self.loops: list[tuple[int, ...]] = []  # of each loop: its row, its level, what stands in OP_LOW to KEY_SIZE
        self.ends: list[tuple[int, int]] = []  # of each loop: its last row, and by how much PARTNER moves
        self.known: dict[tuple[int, int], _Written] = {}  # bodies by identity and level
        self.ops: dict[str, int] = {}
        self.tensors: dict[str, int] = {}
        self.key_sizes: dict[int, int] = {}
        self.past_sizes: dict[int, int] = {}
        self.depth = 0
        self.least_key = _least_key(ports)

    def nodes(self, nodes: Iterable[ScheduleNode], level: int) -> _Body:
        """Rows for these nodes inside `level` loops and ops, and what is known of them."""
        body = _Body()
        for node in nodes:
            match node:
                case Stretch():
                    self._stretch(node, level, body)
                case OpSchedule():
                    self._op(node, level, body)
                case Preload():
                    self._preload(node, body)
        return body

    def code(self, key_at: Mapping[int, int], past_at: Mapping[int, int]) -> NDArray[np.int64]:
        """All rows, with what depends on their places."""
        if not self.parts:
            return np.zeros((0, c.COLUMNS), np.int64)
        code = np.concatenate(self.parts)
        if self.heads:
            heads = np.array(self.heads, np.int64)
            for end in (0, 1):
                code[heads[:, end], c.OP : c.ARRAY_WRITES + 1] = heads[:, 2:]
        if self.ends:
            ends = np.array(self.ends, np.int64)
            code[ends[:, 0], c.PARTNER] += ends[:, 1]
        if self.loops:
            loops = np.array(self.loops, np.int64)
            rows, levels = loops[:, 0], loops[:, 1].tolist()
            code[rows, c.OP_LOW : c.TOUCHED_HIGH + 1] = loops[:, 2:6]
            code[rows, c.KEY_SIZE] = loops[:, 6]
            code[rows, c.KEY_AT] = [key_at[level] for level in levels]
            code[rows, c.PAST_AT] = [past_at[level] for level in levels]
        return code

    def _add(self, rows: NDArray[np.int64]) -> int:
        """Rows are added, to be copied at the end; where the first one stands."""
        at = self.length
        self.parts.append(rows)
        self.length += len(rows)
        return at

    def _row(self, *values: int) -> int:
        return self._add(np.array([(*values, *NO_ROW[len(values) :])], np.int64))

    def _stretch(self, stretch: Stretch, level: int, around: _Body) -> None:
        begin = np.zeros((1, c.COLUMNS), np.int64)
        at = self._add(begin)
        body = self._body(stretch.body, level + 1)
        low, high = min(body.low, body.high), body.high
        touched = len(self.touched)
        self.touched += [(tensor, *columns_of(how)) for tensor, how in body.touched.items()]
        begin[0, : c.RINGS_LOADED + 1] = (c.BEGIN, stretch.times, body.units, body.rings, body.loaded)
        key = self.least_key + len(body.touched) * (1 + 2 * c.READERS)
        self.loops.append((at, level + 1, low, high, touched, len(self.touched), key))
        self._room(level + 1, key, high - low)
        self.ends.append((self._row(c.END), at))
        around.use(body.units, body.rings, body.loaded, stretch.times * body.longest)
        if high > low:
            around.runs(low)
            around.runs(high - 1)
        if level > 0:
            for tensor, how in body.touched.items():
                around.touch(tensor, how)

    def _body(self, nodes: tuple[ScheduleNode, ...], level: int) -> _Body:
        """Rows for a loop's body; those of one that comes again are copied, and what stands in them moves along."""
        known = self.known.get((id(nodes), level))
        if known is None:
            lists: tuple[Sized, ...] = self.parts, self.heads, self.loops, self.ends
            at, first = self.length, [len(rows) for rows in lists]
            body = self.nodes(nodes, level)
            ranges = tuple(slice(start, len(rows)) for start, rows in zip(first, lists, strict=True))
            self.known[id(nodes), level] = _Written(at, self.length, ranges, body)
            return body
        parts, heads, loops, ends = known.ranges
        by = self.length - known.at
        self.parts += self.parts[parts]
        self.length += known.end - known.at
        self.heads += [(first + by, last + by, *more) for first, last, *more in self.heads[heads]]
        self.loops += [(row + by, *more) for row, *more in self.loops[loops]]
        self.ends += [(row + by, partner + by) for row, partner in self.ends[ends]]
        return known.body

    def _room(self, level: int, key: int, ops: int) -> None:
        """Snapshots of a loop on that level: the integers of their keys, the ops whose totals they keep."""
        self.depth = max(self.depth, level)
        self.key_sizes[level] = max(self.key_sizes.get(level, 0), key)
        self.past_sizes[level] = max(self.past_sizes.get(level, 0), c.TOTALS_AT + ops * c.TOTALS)

    def _op(self, op: OpSchedule, level: int, around: _Body) -> None:
        code = op_code(op, self.ports)
        steps = code.steps
        at, first_ref = self._add(steps.rows), len(self.refs)
        own = low = high = self._op_index(op.name)
        follower = -1
        if op.fused is not None:
            follower = self._op_index(op.fused[0])
            low, high = min(own, follower), max(own, follower)
            around.runs(follower)
        around.runs(own)
        around.use(steps.units, steps.rings, steps.loaded, steps.longest)
        for how, touch, name in code.uses:
            tensor = self._tensor_index(name)
            self.refs.append((how, tensor))
            if level > 0:
                around.touch(tensor, touch)
        self.heads.append(
            (at, self.length - 1, own, follower, first_ref, len(self.refs), int(steps.array_writes)),
        )
        self.depth = max(self.depth, level + 1)
        for depth in range(steps.depth):
            self._room(level + 2 + depth, self.least_key, high + 1 - low)
        for row, depth in steps.begins:
            self.loops.append((at + row, level + 1 + depth, low, high + 1, 0, 0, self.least_key))
        for row in steps.ends:
            self.ends.append((at + row, at))

    def _preload(self, node: Preload, around: _Body) -> None:
        op, tensor = self._op_index(node.op), self._tensor_index(node.tensor)
        cycles = self.ports.load_cycles(node.bytes)
        around.use(1 << c.LOAD_UNIT, 0, 0, cycles + self.ports.latency)
        around.runs(op)
        around.touch(tensor, WHOLE)
        low = len(self.refs)
        for name in node.overwrites:
            dead = self._tensor_index(name)
            self.refs.append((c.OVERWRITES, dead))
            around.touch(dead, ASKED)
        self._row(c.PRELOAD, op, cycles, tensor, low, len(self.refs))

    def _op_index(self, name: str) -> int:
        return self.ops.setdefault(name, len(self.ops))

    def _tensor_index(self, name: str) -> int:
        return self.tensors.setdefault(name, len(self.tensors))
