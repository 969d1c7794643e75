"""Knapsacks of groups, of which only the first things can be taken, solved exactly or in coarser units.

Where a knapsack would have more than `MOST_STATES` states or take more than `MOST_SUMS` sums, sizes are rounded up to
coarser units, so that what is taken still fits.
"""

from collections.abc import Callable, Sequence
from dataclasses import field
from math import gcd
from threading import Lock
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.kernels.knapsack import COUNT_BITS, add_group

MOST_STATES = 1 << 24
MOST_SUMS = 1 << 27
LONG_SUMS = 1 << 6
"""A knapsack whose values need Python's integers may have one part in so many of these states and sums."""

MOST_REMEMBERED, MOST_TABLES = 1 << 27, 1 << 8
"""The bytes of numbers, and the tables, that are remembered from one search to the next."""

INT64 = 1 << 63

FEW = 8
"""So many equal things are summed one by one, which is as fast."""

WORD = 16
"""The bits in which the numbers of some groups' heads stand side by side."""


def _whole(values: Sequence[int]) -> NDArray[Any]:
    """Integers as int64 where no sum of them needs more, else as Python's."""
    return np.array(values, np.int64 if sum(map(abs, values)) < INT64 else object)


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Things of which only the first ones can be taken: sizes and values of the first one, the first two, and so on.

    `things` tell groups apart. `unit` divides every size and `part` every value; `magnitude` is the sum of all values
    without their signs. With `rises` each thing adds to the value.
    """

    things: bytes
    sizes: NDArray[Any]
    values: NDArray[Any]
    unit: int
    part: int
    magnitude: int
    rises: bool

    @classmethod
    def of(cls, things: Sequence[tuple[int, int]]) -> Self:
        """A group of things, each given as size and value."""
        sizes, values = _whole([size for size, _ in things]), _whole([value for _, value in things])
        return cls(
            repr((sizes.tolist(), values.tolist())).encode(), np.add.accumulate(sizes), np.add.accumulate(values),
            int(np.gcd.reduce(sizes)), int(np.gcd.reduce(values)), int(np.abs(values).sum()), bool((values > 0).all()),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def size(self) -> int:
        """The size of all things together."""
        return int(self.sizes[-1]) if len(self) else 0

    def heads(self, unit: int, part: int, room: int) -> "_Heads":
        """What may be taken within so many units of room."""
        sizes, lengths = -(-self.sizes // unit), np.arange(1, len(self) + 1)
        fits = sizes <= room
        if self.rises and len(self) > 1:
            fits[:-1] &= sizes[:-1] < sizes[1:]  # of equal size the longest has most value
        return _Heads(sizes[fits].astype(np.int64), self.values[fits] // part, lengths[fits])


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """What holds for groups together: whether each thing adds to the value, all sizes, and what bounds the work.

    Values are counted in parts, the greatest common divisor of all: sums are smaller, and the choice is the same.
    """

    groups: tuple[Group, ...]
    things: tuple[bytes, ...]
    rise: bool
    size: int
    count: int
    unit: int
    part: int
    magnitude: int
    """No sum of parts is larger: that of all magnitudes."""

    @classmethod
    def of(cls, groups: Sequence[Group]) -> Self:
        part = gcd(*(group.part for group in groups)) or 1
        return cls(
            tuple(groups), tuple(group.things for group in groups), all(group.rises for group in groups),
            sum(group.size for group in groups), sum(map(len, groups)), gcd(*(group.unit for group in groups)) or 1,
            part, sum(group.magnitude for group in groups) // part,
        )  # fmt: skip

    @property
    def long(self) -> bool:
        """Whether some sum might need more than 63 bits."""
        return self.magnitude >= INT64

    def unit_within(self, capacity: int, most: int = MOST_SUMS) -> int:
        """The unit in which a knapsack counts sizes: a divisor of all sizes, or so coarse that it takes no more than
        `most` sums.

        >>> sums = Sums.of([Group.of([(6, 1)]), Group.of([(9, 1)])])
        >>> sums.unit_within(12), sums.unit_within(1 << 30)
        (3, 195)
        """
        sizes, share = max(0, capacity) // self.unit + 1, LONG_SUMS if self.long else 1
        states, more = (len(self.groups) + 1) * sizes, self.count * sizes
        return self.unit * max(1, -(-states * share // MOST_STATES), -(-more * share // most))


class _Heads(NamedTuple):
    """The first things of a group that may be taken: sizes in units, values in parts, and how many things they are."""

    sizes: NDArray[np.int64]
    values: NDArray[Any]
    lengths: NDArray[np.int64]

    @property
    def equal(self) -> int:
        """How many heads are multiples of the first one, counted from it on: 0, if they are too few or too many for a
        kernel that takes them together."""
        ones = np.arange(1, len(self.sizes) + 1)
        other = np.flatnonzero((self.sizes != ones * self.sizes[:1]) | (self.values != ones * self.values[:1]))
        equal = int(other[0]) if len(other) else len(ones)
        return equal if FEW < equal < 1 << COUNT_BITS else 0


class _Table(NamedTuple):
    """A knapsack that is solved for all capacities up to one: the field of group i in numbers[field.row, r] says which
    head of it is taken if groups i and later ones have r units of room, from 1 on, 0 for none."""

    heads: list[_Heads]
    fields: list["_Field"]
    numbers: NDArray[np.uint16]

    @property
    def room(self) -> int:
        return int(self.numbers.shape[1]) - 1

    @property
    def states(self) -> int:
        return len(self.heads) * (self.room + 1)

    @property
    def sums(self) -> int:
        """The sums that it took."""
        return sum(len(sizes) for sizes, _, _ in self.heads) * (self.room + 1)

    def taken(self, room: int) -> list[int]:
        """How many of each group's first things are taken in so many units of room."""
        taken = []
        for (sizes, _, lengths), (row, shift, bits) in zip(self.heads, self.fields, strict=True):
            number = int(self.numbers[row, room]) >> shift & (1 << bits) - 1
            taken.append(int(lengths[number - 1]) if number else 0)
            room -= int(sizes[number - 1]) if number else 0
        return taken


class _Field(NamedTuple):
    """Where the numbers of a group's heads stand: so many bits of a row, from a bit on.

    New memory takes longer than the sums, and most groups have a single head, which is taken or not.
    """

    row: int
    shift: int
    bits: int


def _fields(heads: Sequence[_Heads]) -> list[_Field]:
    """Fields for as many numbers as each group has heads, the last group's first."""
    fields, row, shift = list[_Field](), 0, 0
    for _, _, lengths in reversed(heads):
        bits = len(lengths).bit_length()
        row, shift = (row + 1, 0) if shift + bits > WORD else (row, shift)
        fields.append(_Field(row, shift, bits))
        shift += bits
    return fields[::-1]


class Knapsacks:
    """Solves knapsacks; one that was solved for some capacity is solved for all smaller ones with it.

    The last ones are remembered, with no more than `MOST_STATES` states together.
    """

    def __init__(self) -> None:
        self.sums = 0
        """The sums that all of them took so far."""
        self._tables: dict[tuple[int, tuple[bytes, ...]], _Table] = {}
        self._sums: dict[tuple[int, ...], Sums] = {}  # by the identities of their groups, which they keep

    def solved(self, groups: Sequence[Group], capacity: int, most: int = MOST_SUMS) -> list[int]:
        """How many of each group's first things make most value within the capacity, found in at most so many sums.

        Of equal choices it is the choice that takes most of the first groups.

        >>> Knapsacks().solved([Group.of([(5, 10)]), Group.of([(4, 9)]), Group.of([(3, 7)])], 7)
        [0, 1, 1]
        >>> Knapsacks().solved([Group.of([(6, 6), (6, 6), (2, 2)]), Group.of([(1, 1), (1, 1)])], 8)
        [1, 2]
        """
        sums = self.sums_of(groups)
        if sums.rise and sums.size <= capacity:
            return [len(group) for group in groups]
        unit = sums.unit_within(capacity, most)
        room, key = max(0, capacity) // unit, (unit, sums.things)
        table = self._tables.get(key)
        if table is None or table.room < room:
            table = self._tables[key] = _solved(sums, unit, _with_more(room, unit, sums, most))
            self.sums += table.sums
            while sum(known.states for known in self._tables.values()) > MOST_STATES and len(self._tables) > 1:
                del self._tables[next(iter(self._tables))]
        return table.taken(room)

    def sums_of(self, groups: Sequence[Group]) -> Sums:
        """The sums over groups, of which the same come again and again."""
        key = tuple(map(id, groups))
        if key not in self._sums:
            self._sums[key] = Sums.of(groups)
        return self._sums[key]


def _with_more(room: int, unit: int, sums: Sums, most: int) -> int:
    """Room for which to solve, so that the table serves whoever has a little more: up to a power of two, or to all that
    there is, if that is not more work than a knapsack may take."""
    more = min(1 << room.bit_length(), -(-sums.size // unit))
    return more if more > room and sums.unit_within(more * unit, most) == unit else room


@dataclass(slots=True)
class _Remembered:
    """The tables that were asked for last, `MOST_TABLES` of `MOST_REMEMBERED` bytes at most, by what they are made of.

    Chips that differ in their rates, and programs that differ in how often loops run, ask for the same ones. What a
    search is charged for a table is the same, whoever made it.
    """

    tables: dict[object, _Table] = field(default_factory=dict)
    changing: Lock = field(default_factory=Lock)

    def of(self, key: object, make: Callable[[], _Table]) -> _Table:
        """The table of that key, made now if there is none."""
        table = self.tables.get(key)
        if table is None:
            table = make()  # outside the lock: others may make theirs meanwhile
        with self.changing:
            self.tables.pop(key, None)
            self.tables[key] = table
            while len(self.tables) > MOST_TABLES or self._bytes > MOST_REMEMBERED:
                del self.tables[next(iter(self.tables))]
        return table

    @property
    def _bytes(self) -> int:
        return sum(known.numbers.nbytes for known in self.tables.values())


_REMEMBERED = _Remembered()


def _solved(sums: Sums, unit: int, room: int) -> _Table:
    heads = [group.heads(unit, sums.part, room) for group in sums.groups]
    if sums.long:
        return _made(heads, sums, room)
    key = room, tuple((sizes.tobytes(), values.tobytes(), lengths.tobytes()) for sizes, values, lengths in heads)
    return _REMEMBERED.of(key, lambda: _made(heads, sums, room))


def _made(heads: list[_Heads], sums: Sums, room: int) -> _Table:
    fields = _fields(heads)
    numbers = np.empty((fields[0].row + 1 if fields else 0, room + 1), np.uint16)
    best, once = np.zeros((2, room + 1), object if sums.long else np.int64), np.empty(room + 1, np.int64)
    short = sums.magnitude < INT64 >> COUNT_BITS
    for i in range(len(heads) - 1, -1, -1):
        (sizes, values, _), (row, shift, bits), made, without = heads[i], fields[i], best[i % 2], best[1 - i % 2]
        if best.dtype == object:
            numbers[row] = numbers[row] & (1 << shift) - 1 | _long_added(made, without, sizes, values) << shift
        else:
            equal = heads[i].equal if short else 0
            add_group(made, without, numbers[row], sizes, values.astype(np.int64), shift, bits, equal, once)
    return _Table(heads, fields, numbers)


def _long_added(
    best: NDArray[Any], without: NDArray[Any], sizes: NDArray[np.int64], values: NDArray[Any]
) -> NDArray[np.uint16]:
    """The numbers that are taken, as the kernel finds them, in Python's integers."""
    best[:], taken = without, np.zeros(len(best), np.uint16)
    for number, (size, value) in enumerate(zip(sizes.tolist(), values.tolist(), strict=True), 1):
        with_it = without[: len(best) - size] + value
        better = (with_it >= best[size:]).astype(bool)
        best[size:][better], taken[size:][better] = with_it[better], number
    return taken
