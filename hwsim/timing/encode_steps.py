"""Ops and their steps as rows of integers for the kernel of the timeline."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.kernels import timeline_code as c
from hwsim.quantities.registry import IdentityCache
from hwsim.schedule.schedule import OpSchedule, Ports
from hwsim.schedule.steps import Repeat, Step, StepTree

NO_ROW = (0,) * c.COLUMNS
_NO_STEP = (-1,) * (c.TAIL - 1) + (0,) + (-1,) * (c.FLAGS - c.TAIL - 1) + (0,) * (c.COLUMNS - c.FLAGS)
"""The columns behind the kind of a step whose parts are all absent."""
LONGEST = 2**62


def check_longest(cycles: int) -> None:
    """Refuse a program whose cycles, if nothing overlapped, would not fit 64 bits."""
    if cycles > LONGEST:
        raise Unsupported(f"the program takes up to {cycles:,} cycles; hwsim counts to {LONGEST:,}")


@dataclass(frozen=True, slots=True)
class StepCode:
    """The rows of one run of an op, from OP_BEGIN to OP_END, with sums over all its steps.

    Rows of loops refer to each other relative to the first row; columns that depend on the schedule around are empty.
    """

    rows: NDArray[np.int64]
    begins: tuple[tuple[int, int], ...]  # of each loop: its first row, and how deep it lies
    ends: tuple[int, ...]  # their last rows
    units: int
    rings: int
    loaded: int
    depth: int
    array_writes: bool
    busy: tuple[int, ...]  # cycles of each unit that the kernel drives
    longest: int  # cycles, if nothing overlaps


def step_code(steps: tuple[StepTree, ...], ports: Ports) -> StepCode:
    """The code of some steps, remembered by the identities of steps and ports."""
    return _CODES.of(steps, ports, make=lambda: _Steps(ports).code(steps))


_CODES = IdentityCache[StepCode](most=1 << 15)


_Sum = tuple[int, int, int, tuple[int, ...], int]
"""Masks of units, rings and loaded rings; busy cycles; cycles if nothing overlaps."""


class _Steps:
    """Collects rows while it walks down a tree of steps."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.rows: list[tuple[int, ...]] = [(c.OP_BEGIN, *NO_ROW[1:])]
        self.begins: list[tuple[int, int]] = []
        self.ends: list[int] = []
        self.depth = 0
        self.array_writes = True

    def code(self, steps: Iterable[StepTree]) -> StepCode:
        units, rings, loaded, busy, longest = self.nodes(steps, 0)
        check_longest(longest)  # so every number fits
        self.rows.append((c.OP_END, *NO_ROW[1:]))
        rows, ends = np.array(self.rows, np.int64), tuple(self.ends)
        return StepCode(
            rows, tuple(self.begins), ends, units, rings, loaded, self.depth, self.array_writes, busy, longest
        )

    def nodes(self, nodes: Iterable[StepTree], level: int) -> _Sum:
        units = rings = loaded = longest = 0
        busy = (0,) * c.UNITS
        for node in nodes:
            node_sum = self.repeat(node, level + 1) if isinstance(node, Repeat) else self.step(node)
            units, rings, loaded = units | node_sum[0], rings | node_sum[1], loaded | node_sum[2]
            busy = tuple([mine + other for mine, other in zip(busy, node_sum[3], strict=True)])
            longest += node_sum[4]
        return units, rings, loaded, busy, longest

    def repeat(self, node: Repeat, level: int) -> _Sum:
        at = len(self.rows)
        self.depth = max(self.depth, level)
        self.rows.append(NO_ROW)
        units, rings, loaded, busy, longest = self.nodes(node.body, level)
        self.rows[at] = (c.BEGIN, node.times, units, rings, loaded, *NO_ROW[5:])
        self.begins.append((at, level))
        self.ends.append(len(self.rows))
        self.rows.append((c.END, at, *NO_ROW[2:]))
        return units, rings, loaded, tuple([node.times * cycles for cycles in busy]), node.times * longest

    def step(self, step: Step) -> _Sum:
        ports, row = self.ports, [c.STEP, *_NO_STEP]
        loaded = load_cycles = 0
        for load in step.loads:
            row[c.LOAD_0 + load.ring] = cycles = ports.load_cycles(load.bytes, load.of_core)
            load_cycles += cycles
            loaded |= 1 << load.ring
        array = vector = fused = store = exchange = units = 0
        if step.loads:
            units = 1 << c.LOAD_UNIT
        if step.array is not None:
            row[c.ARRAY], row[c.TAIL] = step.array.cycles, step.array.tail
            array = step.array.cycles
            units |= 1 << c.ARRAY_UNIT
        if step.vector_cycles is not None:
            row[c.VECTOR] = vector = step.vector_cycles
            units |= 1 << c.VECTOR_UNIT
            self.array_writes = False
        if step.fused is not None:
            row[c.FUSED] = fused = step.fused.cycles
        if step.exchange_bytes is not None:
            row[c.EXCHANGE] = exchange = ports.exchange_cycles(step.exchange_bytes)
            units |= 1 << c.EXCHANGE_UNIT
        if step.store_bytes is not None:
            row[c.STORE] = store = ports.store_cycles(step.store_bytes, step.stored_by_core)
            units |= 1 << (c.LOAD_UNIT if ports.shared else c.STORE_UNIT)
        flags = c.OPENS * step.phase.opens | c.CLOSES * step.phase.closes
        rings = loaded | 1 << (c.VECTOR_RESULTS if step.array is None else c.ARRAY_RESULTS)
        for ring in step.releases:
            flags |= c.RELEASE_0 << ring
            rings |= 1 << ring
        passing = step.first_read_bytes + step.conflict_bytes, step.read_bytes + step.conflict_bytes
        row[c.FIRST_PASS], row[c.ALL_PASS] = map(ports.pass_cycles, passing)
        if row[c.ALL_PASS]:
            units |= 1 << c.READ_PORT
            flags |= c.PORT_BOUND * step.port_bound
        row[c.FLAGS] = flags
        self.rows.append(tuple(row))
        busy = load_cycles, array, vector + fused, store, exchange
        longest = sum(busy) + row[c.ALL_PASS] + row[c.TAIL] + len(step.loads) * ports.latency
        longest += ports.exchange_latency if step.exchange_bytes is not None else 0
        return units, rings, loaded, busy, longest


def columns_of(touch: int) -> tuple[int, int, int, int]:
    """The bits as columns of `touched`, from T_WHOLE on."""
    return touch & c.WHOLE, (touch & c.PART) // c.PART, (touch & c.ASKED) // c.ASKED, touch // c.READER_0


@dataclass(frozen=True, slots=True)
class OpCode:
    """The code of an op: its steps, and its uses of tensors."""

    steps: StepCode
    uses: tuple[tuple[int, int, str], ...]  # how the op uses the tensor, how the body around uses it, its name
    single: int  # mask of the rings whose slots a load takes all at once


def op_code(op: OpSchedule, ports: Ports) -> OpCode:
    """The code of an op, remembered by the identities of op and ports."""
    key = id(op), id(ports)
    entry = _OP_CODES.get(key)
    if entry is None:
        if len(_OP_CODES) >= _REMEMBERED:
            _OP_CODES.clear()
        # The objects are kept with their code, so that no other objects get their identity.
        entry = _OP_CODES[key] = _code(op, ports), op, ports
    return entry[0]


_OP_CODES: dict[tuple[int, int], tuple[OpCode, OpSchedule, Ports]] = {}
_REMEMBERED = 1 << 15


def _code(op: OpSchedule, ports: Ports) -> OpCode:
    steps = step_code(op.steps, ports)
    uses = [(c.ARRAY_READ, c.READER_0 << c.ARRAY_UNIT, name) for name in op.array_reads]
    uses += [(c.VECTOR_READ, c.READER_0 << c.VECTOR_UNIT, name) for name in op.vector_reads]
    uses += [(c.LOADED_0 + loaded.ring, c.READER_0 << c.LOAD_UNIT, loaded.tensor) for loaded in op.loaded]
    uses += [(*((c.KEPT, c.WHOLE) if written.whole else (c.KEPT_PART, c.PART)), written.tensor) for written in op.kept]
    uses += [
        (*((c.STORED, c.WHOLE) if written.whole else (c.STORED_PART, c.PART)), written.tensor) for written in op.stored
    ]
    uses += [(c.OVERWRITES, c.ASKED, name) for name in op.overwrites]
    return OpCode(steps, tuple(uses), sum(1 << ring for ring in op.single))


Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Touch:
    """What a loop must know of a node in its body: the rows of its totals, from `low` to before `high`, and how it uses
    each tensor, by number: the bits c.WHOLE to c.READER_0."""

    low: int
    high: int
    tensors: dict[int, int]

    @classmethod
    def of_all(cls, touches: Iterable["Touch"]) -> "Touch":
        """The touch of a body whose nodes have these touches."""
        tensors: dict[int, int] = {}
        low, high = [], []
        for touch in touches:
            low.append(touch.low)
            high.append(touch.high)
            for tensor, how in touch.tensors.items():
                tensors[tensor] = tensors.get(tensor, 0) | how
        return cls(min(low, default=0), max(high, default=0), tensors)


@dataclass(frozen=True, slots=True)
class Run:
    """An op's schedule in the code: its number, its steps, the number of their rows, how they touch tensors."""

    number: int
    steps: StepCode
    length: int
    touch: Touch


class Runs:
    """All runs of ops. `ops` numbers the rows of the totals, `tensors` the tensors; `refs` are uses of tensors."""

    def __init__(self) -> None:
        self.ops: dict[str, int] = {}
        self.tensors: dict[str, int] = {}
        self.refs: list[tuple[int, int]] = []
        self._touches: dict[object, tuple[Touch, tuple[int, int]]] = {}
        self._runs: list[Run] = []
        self._heads: list[tuple[int, ...]] = []  # of each run: the columns of its first and of its last row
        self._at: list[int] = []  # of each place: its first row, then the run there, then its level
        self._which: list[int] = []
        self._levels: list[int] = []

    def op(self, name: str) -> int:
        return self.ops.setdefault(name, len(self.ops))

    def tensor(self, name: str) -> int:
        return self.tensors.setdefault(name, len(self.tensors))

    def of(self, op: OpSchedule, code: OpCode) -> Run:
        """A new run. Equal uses by the same ops stand in `refs` once."""
        op_row, epilogue_row = self.op(op.name), -1 if op.fused is None else self.op(op.fused[0])
        key = op_row, epilogue_row, code.uses
        entry = self._touches.get(key)
        if entry is None:
            entry = self._touches[key] = self._uses(op_row, epilogue_row, code)
        touch, refs = entry
        run = Run(len(self._runs), code.steps, len(code.steps.rows), touch)
        self._runs.append(run)
        self._heads.append((op_row, epilogue_row, *refs, int(code.steps.array_writes), code.single))
        return run

    def _uses(self, op_row: int, epilogue_row: int, code: OpCode) -> tuple[Touch, tuple[int, int]]:
        first, tensors = len(self.refs), dict[int, int]()
        for how, touch, name in code.uses:
            tensor = self.tensor(name)
            self.refs.append((how, tensor))
            tensors[tensor] = tensors.get(tensor, 0) | touch
        ops = [op_row] if epilogue_row < 0 else [op_row, epilogue_row]
        return Touch(min(ops), max(ops) + 1, tensors), (first, len(self.refs))

    def place(self, run: Run, at: int, level: int) -> None:
        """Place a run from that row on, inside `level` loops and ops."""
        self._at.append(at)
        self._which.append(run.number)
        self._levels.append(level)

    def inner_loops(self) -> Iterable[tuple[int, int]]:
        """The level of each loop in steps, with the number of ops whose totals it keeps; equal pairs may come once."""
        for number, level in dict.fromkeys(zip(self._which, self._levels, strict=True)):
            run = self._runs[number]
            for depth in range(run.steps.depth):
                yield level + 2 + depth, run.touch.high - run.touch.low

    @property
    def depth(self) -> int:
        """How deep the ops lie inside loops and ops."""
        return max(self._levels, default=-1) + 1

    def fill_in(self, code: Ints, places: Ints, least_key: int) -> None:
        """Fill in the rows of all runs, where they depend on the schedule; `places` are KEY_AT and PAST_AT by level."""
        if not self._at:
            return
        at, which, levels = (np.array(values, np.int64) for values in (self._at, self._which, self._levels))
        last = np.array([run.length for run in self._runs], np.int64) - 1
        heads = np.array(self._heads, np.int64)[which]
        for rows in (at, at + last[which]):
            code[rows, c.OP : c.SINGLE + 1] = heads
        owners, begins = _listed([run.steps.begins for run in self._runs], which)
        rows, deep = at[owners] + begins[:, 0], levels[owners] + 1 + begins[:, 1]
        ranges = np.array([(run.touch.low, run.touch.high, 0, 0) for run in self._runs], np.int64)
        code[rows, c.OP_LOW : c.TOUCHED_HIGH + 1] = ranges[which[owners]]
        code[rows, c.KEY_SIZE] = least_key
        code[rows[:, None], [c.KEY_AT, c.PAST_AT]] = places[deep]
        owners, ends = _listed([[(row, 0) for row in run.steps.ends] for run in self._runs], which)
        code[at[owners] + ends[:, 0], c.PARTNER] += at[owners]


def _listed(lists: Sequence[Sequence[tuple[int, int]]], which: Ints) -> tuple[Ints, Ints]:
    """The pairs of the lists with these numbers, one list after another: for each pair its list's place, and the pair.

    >>> owners, pairs = _listed([[(7, 0)], [], [(8, 1), (9, 2)]], np.array([2, 0, 1, 2]))
    >>> owners.tolist(), pairs[:, 0].tolist()
    ([0, 0, 1, 3, 3], [8, 9, 7, 8, 9])
    """
    table = np.array([pair for pairs in lists for pair in pairs], np.int64).reshape(-1, 2)
    lengths = np.array([len(pairs) for pairs in lists], np.int64)
    firsts, counts = np.cumsum(lengths) - lengths, lengths[which]
    owners = np.repeat(np.arange(len(which)), counts)
    within = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    return owners, table[firsts[which][owners] + within]
