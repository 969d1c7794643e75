"""Runs of ops in a schedule's code: what is the same for every run of an op is worked out once, and what depends on
where it stands is filled in for all of them together. Loops may have hundreds of stretches, which differ in few ops."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels import timeline_code as c
from hwsim.schedule.schedule import OpSchedule
from hwsim.timing.encode_ops import OpCode
from hwsim.timing.encode_steps import StepCode

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
