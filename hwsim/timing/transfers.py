"""The DRAM transfers of a schedule in the order of time: what each moves, when it begins, and when it ends.

They are written as columns, because a run has millions of them: steps that come again are laid out once and repeated.
"""

from collections.abc import Iterable, Sequence
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.kernels import timeline_code as c
from hwsim.schedule.schedule import LoopSegment, OpSchedule, Preload, Schedule, ScheduleNode
from hwsim.schedule.steps import Repeat, StepTree, portions_of
from hwsim.schedule.unit_table import Unit
from hwsim.timing.timeline import encode, walked

Ints = NDArray[np.int64]
DIRECTIONS = (Unit.LOAD, Unit.STORE)


@dataclass(frozen=True, slots=True)
class DramTransfers:
    """The first transfers of a run, by the order of their starts: `starts` and `ends` in cycles of the chip, `stores`
    true for those into the DRAM. Transfer n moves `sizes` bytes of `tensors`, numbers of `names`, from `portion_at[n]`
    on. The run has `all` transfers, and takes `cycles`."""

    names: tuple[str, ...]
    starts: Ints
    ends: Ints
    stores: NDArray[np.bool_]
    portion_at: Ints
    tensors: Ints
    sizes: Ints
    most_in_a_run: Ints
    """Of each tensor, the most bytes that one run of an op moves."""
    all: int
    cycles: int


def dram_transfers(schedule: Schedule, cycles: int, most_bytes: int) -> DramTransfers:
    """The transfers of a schedule that takes so many cycles, in the order of the program until they move `most_bytes`.

    Unsupported if so many are too many to be listed.
    """
    lister = _Lister(most_bytes)
    lister.nodes(schedule.body)
    listed = [lister.of(place) for place in range(len(DIRECTIONS))]
    rows = np.zeros((sum(counts.size for counts, _, _ in listed) + 1, c.EVENT_COLUMNS), np.int64)
    rows[-1, c.E_UNIT] = c.E_NONE
    at = 0
    for unit, (counts, _, _) in zip(DIRECTIONS, listed, strict=True):
        rows[at : at + counts.size, c.E_UNIT] = unit
        at += counts.size
    if at:
        walked(encode(schedule), stop=False, events=rows)
    starts, ends = rows[:-1, c.E_START], rows[:-1, c.E_END]
    counts = np.concatenate([counts for counts, _, _ in listed])
    order = np.argsort(starts, kind="stable")
    portion_at = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    taken = _portions(portion_at, order)
    return DramTransfers(
        names=tuple(lister.numbers),
        starts=starts[order],
        ends=ends[order],
        stores=rows[:-1, c.E_UNIT][order] == Unit.STORE,
        portion_at=np.concatenate([[0], np.cumsum(counts[order])]).astype(np.int64),
        tensors=np.concatenate([tensors for _, tensors, _ in listed])[taken],
        sizes=np.concatenate([sizes for _, _, sizes in listed])[taken],
        most_in_a_run=np.array([lister.most_in_a_run[number] for number in lister.numbers.values()], np.int64),
        all=count_transfers(schedule.body),
        cycles=cycles,
    )


def _portions(portion_at: Ints, order: Ints) -> Ints:
    """The places of all portions, if transfers come in that order."""
    counts = np.diff(portion_at)[order]
    begun = np.cumsum(counts) - counts
    places: Ints = np.arange(counts.sum()) + np.repeat(portion_at[:-1][order] - begun, counts)
    return places


def count_transfers(nodes: Iterable[ScheduleNode | StepTree]) -> int:
    """How many transfers nodes of a schedule have, with all loops unrolled."""
    return sum(map(_count, nodes))


def _count(node: ScheduleNode | StepTree) -> int:
    match node:
        case LoopSegment() | Repeat():
            return node.times * count_transfers(node.body)
        case OpSchedule():
            return count_transfers(node.steps)
        case Preload():
            return 1
    return len(node.loads) + (node.store_bytes is not None)


_NAMELESS = -1
"""The operand of transfers that do not say which tensors they move; it has the name of its op."""

MOST_LISTED = 1 << 25
"""The most transfers that are listed: those of a gigabyte of memory."""


@dataclass(slots=True)
class _Columns:
    """Transfers of one direction: how many portions each has, and tensor and bytes of each portion."""

    counts: list[Ints] = field(default_factory=list)
    tensors: list[Ints] = field(default_factory=list)
    sizes: list[Ints] = field(default_factory=list)

    def add(self, other: "_Columns", times: int) -> None:
        for mine, theirs in (
            (self.counts, other.counts),
            (self.tensors, other.tensors),
            (self.sizes, other.sizes),
        ):
            if theirs:
                whole = np.concatenate(theirs)
                theirs[:] = [whole]
                mine.append(np.tile(whole, times))

    @property
    def transfers(self) -> int:
        return sum(counts.size for counts in self.counts)


@dataclass(slots=True)
class _Part:
    """The transfers of some nodes, and the bytes that they move; each counts as one byte at least."""

    columns: tuple[_Columns, _Columns] = field(default_factory=lambda: (_Columns(), _Columns()))
    weight: int = 0

    def add(self, other: "_Part", times: int) -> None:
        for mine, theirs in zip(self.columns, other.columns, strict=True):
            mine.add(theirs, times)
        self.weight += times * other.weight
        if sum(columns.transfers for columns in self.columns) > MOST_LISTED:
            raise Unsupported(
                f"more than {MOST_LISTED:,} DRAM transfers come up to the last burst; replay fewer bursts"
            )

    def add_one(self, place: int, tensors: Sequence[int], sizes: Sequence[int]) -> None:
        columns = self.columns[place]
        columns.counts.append(np.array([len(tensors)], np.int64))
        columns.tensors.append(np.array(tensors, np.int64))
        columns.sizes.append(np.array(sizes, np.int64))
        self.weight += max(1, sum(sizes))


class _Lister:
    """Lists the transfers of nodes in the order of the program, until they move enough."""

    def __init__(self, most_bytes: int) -> None:
        self.left = most_bytes
        self.numbers: dict[str, int] = {}
        self.most_in_a_run: dict[int, int] = {}
        self.part = _Part()
        self._ops: dict[int, _Part] = {}  # by the identity of an op's schedule

    def of(self, place: int) -> tuple[Ints, Ints, Ints]:
        """Portions of each transfer of a direction, and tensor and bytes of each portion."""
        columns = self.part.columns[place]
        lists = columns.counts, columns.tensors, columns.sizes
        counts, tensors, sizes = (np.concatenate([np.zeros(0, np.int64), *arrays]) for arrays in lists)
        return counts, tensors, sizes

    def nodes(self, nodes: Iterable[ScheduleNode]) -> None:
        """Add the transfers of nodes to the whole."""
        for node in nodes:
            if self.part.weight >= self.left:
                return
            self.part.add(*self._of(node, self.left - self.part.weight))

    def _of(self, node: ScheduleNode, left: int) -> tuple[_Part, int]:
        """The transfers of a node, and how often they come until they move `left` bytes."""
        match node:
            case OpSchedule():
                if id(node) not in self._ops:
                    self._ops[id(node)] = self._op(node, left)
                return self._ops[id(node)], 1
            case Preload():
                part = _Part()
                part.add_one(0, (self._number(node.tensor, node.bytes),), (node.bytes,))
                return part, 1
        part = _Part()
        for inner in node.body:
            if part.weight >= left:
                break
            part.add(*self._of(inner, left - part.weight))
        return part, _times(node.times, part, left)

    def _number(self, name: str, moved: int) -> int:
        number = self.numbers.setdefault(name, len(self.numbers))
        self.most_in_a_run[number] = max(self.most_in_a_run.get(number, 0), moved)
        return number

    def _op(self, op: OpSchedule, left: int) -> _Part:
        moved = dict.fromkeys(range(len(op.operands)), 0)
        for portions in portions_of(op.steps):
            for operand, size in portions.items():
                moved[operand] = max(moved[operand], size)
        numbers = {operand: self._number(op.operands[operand], size) for operand, size in moved.items() if size}
        nameless = _nameless(op.steps)
        if nameless:
            numbers[_NAMELESS] = self._number(op.name, nameless)
        return _steps(op.steps, numbers, left)


def _nameless(steps: Iterable[StepTree]) -> int:
    """The bytes that steps move without saying of which tensors they are."""
    total = 0
    for node in steps:
        if isinstance(node, Repeat):
            total += node.times * _nameless(node.body)
        else:
            total += sum(load.bytes for load in node.loads if not load.portions)
            total += 0 if node.store_portions else node.store_bytes or 0
    return total


def _steps(steps: Iterable[StepTree], numbers: dict[int, int], left: int) -> _Part:
    """The transfers of steps whose operands have these numbers, until they move `left` bytes."""
    part = _Part()
    for node in steps:
        if part.weight >= left:
            break
        if isinstance(node, Repeat):
            inner = _steps(node.body, numbers, left - part.weight)
            part.add(inner, _times(node.times, inner, left - part.weight))
            continue
        for load in node.loads:
            _add(part, 0, load.portions or ((_NAMELESS, load.bytes),), numbers)
        if node.store_bytes is not None:
            _add(part, 1, node.store_portions or ((_NAMELESS, node.store_bytes),), numbers)
    return part


def _add(part: _Part, place: int, portions: Sequence[tuple[int, int]], numbers: dict[int, int]) -> None:
    moved = [(numbers[operand], size) for operand, size in portions if size]
    part.add_one(place, [number for number, _ in moved], [size for _, size in moved])


def _times(times: int, part: _Part, left: int) -> int:
    """How often a part comes until it has moved `left` bytes, `times` at most."""
    return min(times, -(-left // part.weight)) if part.weight else 0
