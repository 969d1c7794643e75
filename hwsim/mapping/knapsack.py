"""Knapsacks of groups, of which only the first things can be taken, solved exactly or in coarser units.

Where a knapsack would have more than `MOST_STATES` states or take more than `MOST_SUMS` sums, sizes are rounded up to
coarser units, so that what is taken still fits.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import gcd
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.knapsack import add_group

MOST_STATES = 1 << 24
MOST_SUMS = 1 << 27
LONG_SUMS = 1 << 6
"""A knapsack whose values need Python's integers may have one part in so many of these states and sums."""

Things = Sequence[Sequence[tuple[int, int]]]
"""Groups of things that can be taken, each given as size and value; of a group only the first ones."""


class _Table(NamedTuple):
    """A knapsack that is solved for all capacities up to one: best[i, r] is the most value of the groups from i on in r
    units of room."""

    unit: int
    prefixes: list[list[tuple[int, int]]]
    best: NDArray[Any]

    def taken(self, room: int) -> list[int]:
        """How many of each group's first things are taken in so many units of room."""
        taken = []
        for i, group in enumerate(self.prefixes):
            most, left = 0, room
            for length, (size, value) in enumerate(group, 1):
                if size <= room and self.best[i + 1, room - size] + value == self.best[i, room]:
                    most, left = length, room - size
            taken.append(most)
            room = left
        return taken


class Knapsacks:
    """Solves knapsacks; one that was solved for some capacity is solved for all smaller ones with it.

    The last ones are remembered, with no more than `MOST_STATES` states together.
    """

    def __init__(self) -> None:
        self._tables: dict[object, _Table] = {}

    def solved(self, groups: Things, capacity: int) -> list[int]:
        """How many of each group's first things make most value within the capacity.

        Of equal choices it is the choice that takes most of the first groups.

        >>> Knapsacks().solved([[(5, 10)], [(4, 9)], [(3, 7)]], 7)
        [0, 1, 1]
        >>> Knapsacks().solved([[(6, 6), (6, 6), (2, 2)], [(1, 1), (1, 1)]], 8)
        [1, 2]
        """
        things = [thing for group in groups for thing in group]
        if sum(size for size, _ in things) <= capacity and all(value >= 0 for _, value in things):
            return [len(group) for group in groups]
        unit = unit_of(groups, capacity)
        room, key = max(0, capacity) // unit, (unit, tuple(map(tuple, groups)))
        table = self._tables.get(key)
        if table is None or table.best.shape[1] <= room:
            table = self._tables[key] = _solved(groups, unit, room)
            while sum(known.best.size for known in self._tables.values()) > MOST_STATES and len(self._tables) > 1:
                del self._tables[next(iter(self._tables))]
        return table.taken(room)


def _solved(groups: Things, unit: int, room: int) -> _Table:
    # Counted in the greatest common divisor of all values, sums are smaller and give the same choice.
    part = gcd(*(value for group in groups for _, value in group)) or 1
    prefixes = [_prefixes(group, unit, part) for group in groups]
    best = np.zeros((len(groups) + 1, room + 1), object if _long(groups) else np.int64)
    for i in range(len(groups) - 1, -1, -1):
        if best.dtype == object:
            best[i] = best[i + 1]
            for size, value in prefixes[i]:
                if size <= room:
                    np.maximum(best[i, size:], best[i + 1, : room + 1 - size] + value, out=best[i, size:])
        else:
            sizes, values = np.array(prefixes[i], np.int64).reshape(-1, 2).T
            add_group(best[i], best[i + 1], np.ascontiguousarray(sizes), np.ascontiguousarray(values))
    return _Table(unit, prefixes, best)


def unit_of(groups: Things, capacity: int) -> int:
    """The unit in which a knapsack counts sizes: a divisor of all sizes, or a unit so coarse that its work is bounded.

    >>> unit_of([[(6, 1)], [(9, 1)]], 12), unit_of([[(6, 1)], [(9, 1)]], 1 << 30)
    (3, 195)
    """
    unit = gcd(*(size for group in groups for size, _ in group)) or 1
    sizes, share = max(0, capacity) // unit + 1, LONG_SUMS if _long(groups) else 1
    states, sums = (len(groups) + 1) * sizes, sum(map(len, groups)) * sizes
    return unit * max(1, -(-states * share // MOST_STATES), -(-sums * share // MOST_SUMS))


def _long(groups: Things) -> bool:
    """Whether some sum might need more than 63 bits: no sum is larger than the sum of all magnitudes."""
    values = [abs(value) for group in groups for _, value in group]
    return sum(values) // (gcd(*values) or 1) >= 1 << 63


def _prefixes(group: Sequence[tuple[int, int]], unit: int, part: int) -> list[tuple[int, int]]:
    """Size, in whole units, and value, in parts, of the first thing, of the first two, and so on."""
    sizes = accumulate(size for size, _ in group)
    values = accumulate(value // part for _, value in group)
    return [(-(-size // unit), value) for size, value in zip(sizes, values, strict=True)]
