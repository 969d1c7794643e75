"""Ops and their steps as rows of numbers for the kernel of the timeline."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import Unsupported
from hwsim.kernels import timeline_code as c
from hwsim.quantities.registry import IdentityCache
from hwsim.schedule.schedule import OpSchedule, Ports
from hwsim.schedule.steps import Repeat, Step, StepTree

NO_ROW = (0,) * c.COLUMNS
_NO_STEP = tuple([0 if column in (c.TAIL, c.FLAGS) or column > c.FLAGS else -1 for column in range(1, c.COLUMNS)])
"""A step all of whose parts are absent, behind its kind."""
LONGEST = 2**62


def check_longest(cycles: int) -> None:
    """Refuse what would not fit 64 bits, if nothing overlapped."""
    if cycles > LONGEST:
        raise Unsupported(f"the program takes up to {cycles:,} cycles; hwsim counts to {LONGEST:,}")


@dataclass(frozen=True, slots=True)
class StepCode:
    """Rows of a run between OP_BEGIN and OP_END, and what is known of all steps.

    In the rows loops name each other relative to the first row, and what depends on the schedule around is left out.
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
    """The code of some steps. What was asked for with the same objects is remembered."""
    return _CODES.of(steps, ports, make=lambda: _Steps(ports).code(steps))


_CODES = IdentityCache[StepCode](most=1 << 15)


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

    def nodes(self, nodes: Iterable[StepTree], level: int) -> "_Sum":
        units = rings = loaded = longest = 0
        busy = (0,) * c.UNITS
        for node in nodes:
            one = self.repeat(node, level + 1) if isinstance(node, Repeat) else self.step(node)
            units, rings, loaded = units | one[0], rings | one[1], loaded | one[2]
            busy = tuple([mine + other for mine, other in zip(busy, one[3], strict=True)])
            longest += one[4]
        return units, rings, loaded, busy, longest

    def repeat(self, node: Repeat, level: int) -> "_Sum":
        at = len(self.rows)
        self.depth = max(self.depth, level)
        self.rows.append(NO_ROW)
        units, rings, loaded, busy, longest = self.nodes(node.body, level)
        self.rows[at] = (c.BEGIN, node.times, units, rings, loaded, *NO_ROW[5:])
        self.begins.append((at, level))
        self.ends.append(len(self.rows))
        self.rows.append((c.END, at, *NO_ROW[2:]))
        return units, rings, loaded, tuple([node.times * cycles for cycles in busy]), node.times * longest

    def step(self, step: Step) -> "_Sum":
        ports, row = self.ports, [c.STEP, *_NO_STEP]
        loaded = load_cycles = 0
        for load in step.loads:
            row[c.LOAD_0 + load.ring] = cycles = ports.load_cycles(load.bytes)
            load_cycles += cycles
            loaded |= 1 << load.ring
        array = vector = fused = store = units = 0
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
        if step.store_bytes is not None:
            row[c.STORE] = store = ports.store_cycles(step.store_bytes)
            units |= 1 << (c.LOAD_UNIT if ports.shared else c.STORE_UNIT)
        flags = c.OPENS * step.phase.opens | c.CLOSES * step.phase.closes
        rings = loaded | 1 << (c.VECTOR_RESULTS if step.array is None else c.ARRAY_RESULTS)
        for ring in step.releases:
            flags |= c.RELEASE_0 << ring
            rings |= 1 << ring
        row[c.FLAGS] = flags
        self.rows.append(tuple(row))
        busy = load_cycles, array, vector + fused, store
        return units, rings, loaded, busy, sum(busy) + row[c.TAIL] + len(step.loads) * ports.latency


_Sum = tuple[int, int, int, tuple[int, ...], int]
"""Masks of units, rings and loaded rings; busy cycles; cycles if nothing overlaps."""


WHOLE, PART, ASKED, READER_0 = 1, 2, 4, 8
"""How a body uses a tensor, as bits: it writes all of it or parts, asks for its last readers, reads it by a unit."""


def columns_of(touch: int) -> tuple[int, int, int, int]:
    """The bits as columns of `touched`, from T_WHOLE on."""
    return touch & WHOLE, (touch & PART) // PART, (touch & ASKED) // ASKED, touch // READER_0


@dataclass(frozen=True, slots=True)
class OpCode:
    """An op's steps and its uses of tensors."""

    steps: StepCode
    uses: tuple[tuple[int, int, str], ...]  # how the op uses it, how the body around does, its name


def op_code(op: OpSchedule, ports: Ports) -> OpCode:
    """The code of an op. What was asked for with the same objects is remembered."""
    key = id(op), id(ports)
    found = _KNOWN.get(key)
    if found is None:
        if len(_KNOWN) >= _REMEMBERED:
            _KNOWN.clear()
        # The objects are kept with their code, so that nothing else gets their identity.
        found = _KNOWN[key] = _code(op, ports), op, ports
    return found[0]


_KNOWN: dict[tuple[int, int], tuple[OpCode, OpSchedule, Ports]] = {}
_REMEMBERED = 1 << 15


def _code(op: OpSchedule, ports: Ports) -> OpCode:
    steps = step_code(op.steps, ports)
    uses = [(c.ARRAY_READ, READER_0 << c.ARRAY_UNIT, name) for name in op.array_reads]
    uses += [(c.VECTOR_READ, READER_0 << c.VECTOR_UNIT, name) for name in op.vector_reads]
    uses += [(c.LOADED_0 + one.ring, READER_0 << c.LOAD_UNIT, one.tensor) for one in op.loaded]
    uses += [(c.KEPT, WHOLE, one.tensor) if one.whole else (c.KEPT_PART, PART, one.tensor) for one in op.kept]
    uses += [(c.STORED, WHOLE, one.tensor) if one.whole else (c.STORED_PART, PART, one.tensor) for one in op.stored]
    uses += [(c.OVERWRITES, ASKED, name) for name in op.overwrites]
    return OpCode(steps, tuple(uses))


Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Touch:
    """What a loop must know of something in its body: the rows of the totals, from `low` to before `high`, and how it
    uses each tensor, bits of `encode_ops`."""

    low: int
    high: int
    tensors: dict[int, int]

    @classmethod
    def of_all(cls, touches: Iterable["Touch"]) -> "Touch":
        """That of a body in which these stand."""
        tensors: dict[int, int] = {}
        low, high = [], []
        for one in touches:
            low.append(one.low)
            high.append(one.high)
            for tensor, how in one.tensors.items():
                tensors[tensor] = tensors.get(tensor, 0) | how
        return cls(min(low, default=0), max(high, default=0), tensors)


@dataclass(frozen=True, slots=True)
class Run:
    """An op's schedule in the code: its number, its steps and the length of their rows, how it touches its tensors."""

    number: int
    steps: StepCode
    length: int
    touch: Touch


class Runs:
    """All runs of ops. `ops` and `tensors` number the rows of the totals and the tensors; `refs` are uses of these."""

    def __init__(self) -> None:
        self.ops: dict[str, int] = {}
        self.tensors: dict[str, int] = {}
        self.refs: list[tuple[int, int]] = []
        self._touches: dict[object, tuple[Touch, tuple[int, int]]] = {}
        self._known: list[Run] = []
        self._heads: list[tuple[int, ...]] = []  # of each run: what stands in its first row and in its last one
        self._at: list[int] = []  # of each place: its first row, the run that stands there, how deep it lies
        self._which: list[int] = []
        self._levels: list[int] = []

    def op(self, name: str) -> int:
        return self.ops.setdefault(name, len(self.ops))

    def tensor(self, name: str) -> int:
        return self.tensors.setdefault(name, len(self.tensors))

    def of(self, op: OpSchedule, code: OpCode) -> Run:
        """A run that is new. Equal uses by the same ops stand in `refs` once."""
        own, follower = self.op(op.name), -1 if op.fused is None else self.op(op.fused[0])
        key = own, follower, code.uses
        found = self._touches.get(key)
        if found is None:
            found = self._touches[key] = self._uses(own, follower, code)
        touch, refs = found
        run = Run(len(self._known), code.steps, len(code.steps.rows), touch)
        self._known.append(run)
        self._heads.append((own, follower, *refs, int(code.steps.array_writes)))
        return run

    def _uses(self, own: int, follower: int, code: OpCode) -> tuple[Touch, tuple[int, int]]:
        first, tensors = len(self.refs), dict[int, int]()
        for how, touch, name in code.uses:
            tensor = self.tensor(name)
            self.refs.append((how, tensor))
            tensors[tensor] = tensors.get(tensor, 0) | touch
        ops = [own] if follower < 0 else [own, follower]
        return Touch(min(ops), max(ops) + 1, tensors), (first, len(self.refs))

    def place(self, run: Run, at: int, level: int) -> None:
        """A run stands from that row on, inside so many loops and ops."""
        self._at.append(at)
        self._which.append(run.number)
        self._levels.append(level)

    def inner_loops(self) -> Iterable[tuple[int, int]]:
        """The level of each loop in steps, and for how many ops it keeps totals; of equal ones at least one."""
        for number, level in dict.fromkeys(zip(self._which, self._levels, strict=True)):
            run = self._known[number]
            for depth in range(run.steps.depth):
                yield level + 2 + depth, run.touch.high - run.touch.low

    @property
    def depth(self) -> int:
        """How deep the ops lie."""
        return max(self._levels, default=-1) + 1

    def fill_in(self, code: Ints, places: Ints, least_key: int) -> None:
        """What the rows of all runs say; `places` are KEY_AT and PAST_AT of loops, by their level."""
        if not self._at:
            return
        at, which, levels = (np.array(values, np.int64) for values in (self._at, self._which, self._levels))
        last = np.array([run.length for run in self._known], np.int64) - 1
        heads = np.array(self._heads, np.int64)[which]
        for rows in (at, at + last[which]):
            code[rows, c.OP : c.ARRAY_WRITES + 1] = heads
        owners, begins = _listed([run.steps.begins for run in self._known], which)
        rows, deep = at[owners] + begins[:, 0], levels[owners] + 1 + begins[:, 1]
        ranges = np.array([(run.touch.low, run.touch.high, 0, 0) for run in self._known], np.int64)
        code[rows, c.OP_LOW : c.TOUCHED_HIGH + 1] = ranges[which[owners]]
        code[rows, c.KEY_SIZE] = least_key
        code[rows[:, None], [c.KEY_AT, c.PAST_AT]] = places[deep]
        owners, ends = _listed([[(row, 0) for row in run.steps.ends] for run in self._known], which)
        code[at[owners] + ends[:, 0], c.PARTNER] += at[owners]


def _listed(lists: Sequence[Sequence[tuple[int, int]]], which: Ints) -> tuple[Ints, Ints]:
    """The pairs in the lists with these numbers, one list after another: the place of each one's list, and the pairs.

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
