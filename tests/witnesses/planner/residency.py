"""Which weights and states stay in the scratchpad: those that save most DRAM traffic.

An item is some of a tensor's rows of tiles, or a tensor that stays as a whole. It can be resident in any loop around
its op: then it is loaded once before that loop, and takes its bytes during all of it. The resident rows of a tensor are
always its first ones. Among the items of one loop the choice is a knapsack, solved exactly; where the knapsack would
have more than `MOST_STATES` states or take more than `MOST_SUMS` sums, sizes are rounded up to coarser units, so that
the chosen items still fit. With loops inside loops the choice is exact for up to `EXACT_ITEMS` items, and beyond that
outer loops choose first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, product
from math import gcd
from typing import NamedTuple

import numpy as np

EXACT_ITEMS = 12
MOST_STATES = 1 << 24
MOST_SUMS = 1 << 27
LONG_SUMS = 1 << 6
"""A knapsack whose values need Python's integers may have one part in so many of these states and sums."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something that may be resident: `rows` rows of tiles of a tensor, from `row` on; their bytes; the loops around
    the op (outermost first), and the saving in each loop."""

    name: str
    row: int
    bytes: int
    loops: tuple[str, ...]
    saves: tuple[int, ...]  # the value in the choice for each of the loops: about the DRAM bytes avoided
    rows: int = 1


Choice = tuple[str | None, ...]  # of each item, the loop in which it is resident


class Chosen(NamedTuple):
    """A choice, and the coarsest unit to which sizes were rounded up for it; 0 for exact sizes."""

    choice: Choice
    unit: int


def choose(items: Sequence[Item], capacity: dict[str, int]) -> Chosen:
    """For each item the loop in which it is resident, or None: the first of the choices that fit and save most.

    >>> items = [Item("w", row, 60, ("frames",), (60 * 99,)) for row in range(3)]
    >>> choose(items, {"frames": 130})
    Chosen(choice=('frames', 'frames', None), unit=0)
    """
    candidates = [item for item in items if item.loops and max(item.saves) > 0]
    alone = all(len(item.loops) == 1 for item in candidates)
    if not alone and len(candidates) <= EXACT_ITEMS and _combinations(candidates) <= 1 << EXACT_ITEMS:
        best = Chosen(_exhaustive(candidates, capacity), 0)
    else:
        best = _outer_first(candidates, capacity)
    chosen = {item: loop for item, loop in zip(candidates, best.choice, strict=True) if loop is not None}
    return Chosen(tuple(chosen.get(item) for item in items), best.unit)


def saved(items: Sequence[Item], choice: Choice) -> int:
    """What the items of a choice save together."""
    return sum(item.saves[item.loops.index(loop)] for item, loop in zip(items, choice, strict=True) if loop is not None)


def fits(items: Sequence[Item], choice: Choice, capacity: dict[str, int]) -> bool:
    """Whether in every loop its residents and the residents of the loops around it fit."""
    for loop, room in capacity.items():
        inside = 0
        for item, level in zip(items, choice, strict=True):
            if level is None:
                continue
            # A resident of a loop is there in all loops inside it.
            around = {level} | _inner(items, level)
            inside += item.bytes if loop in around else 0
        if inside > room:
            return False
    return True


def knapsack(groups: Sequence[Sequence[tuple[int, int]]], capacity: int) -> list[int]:
    """How many of each group's first things, given as size and value, make most value within the capacity.

    Of equal choices it is the choice that takes most of the first groups.

    >>> knapsack([[(5, 10)], [(4, 9)], [(3, 7)]], 7)
    [0, 1, 1]
    >>> knapsack([[(6, 6), (6, 6), (2, 2)], [(1, 1), (1, 1)]], 8)
    [1, 2]
    """
    count = len(groups)
    things = [thing for group in groups for thing in group]
    if sum(size for size, _ in things) <= capacity and all(value >= 0 for _, value in things):
        return [len(group) for group in groups]
    # Counted in the greatest common divisor of all values, sums are smaller and give the same choice.
    part = gcd(*(value for _, value in things)) or 1
    unit = unit_of(groups, capacity)
    room = max(0, capacity) // unit
    # best[i, r]: the most value of the groups from i on in r units of room.
    best = np.zeros((count + 1, room + 1), object if _long(groups) else np.int64)
    prefixes = [_prefixes(group, unit, part) for group in groups]
    for i in range(count - 1, -1, -1):
        best[i] = best[i + 1]
        for size, value in prefixes[i]:
            if size <= room:
                np.maximum(best[i, size:], best[i + 1, : room + 1 - size] + value, out=best[i, size:])
    taken = []
    for i, group in enumerate(prefixes):
        most, left = 0, room
        for length, (size, value) in enumerate(group, 1):
            if size <= room and best[i + 1, room - size] + value == best[i, room]:
                most, left = length, room - size
        taken.append(most)
        room = left
    return taken


def unit_of(groups: Sequence[Sequence[tuple[int, int]]], capacity: int) -> int:
    """The unit in which a knapsack counts sizes: a divisor of all sizes, or a unit so coarse that its work is bounded.

    >>> unit_of([[(6, 1)], [(9, 1)]], 12), unit_of([[(6, 1)], [(9, 1)]], 1 << 30)
    (3, 195)
    """
    unit = gcd(*(size for group in groups for size, _ in group)) or 1
    sizes, share = max(0, capacity) // unit + 1, LONG_SUMS if _long(groups) else 1
    states, sums = (len(groups) + 1) * sizes, sum(map(len, groups)) * sizes
    return unit * max(1, -(-states * share // MOST_STATES), -(-sums * share // MOST_SUMS))


def _long(groups: Sequence[Sequence[tuple[int, int]]]) -> bool:
    """Whether some sum might need more than 63 bits: no sum is larger than the sum of all magnitudes."""
    values = [abs(value) for group in groups for _, value in group]
    return sum(values) // (gcd(*values) or 1) >= 1 << 63


def _by_tensor(items: Iterable[Item]) -> list[list[Item]]:
    return [list(group) for _, group in groupby(items, key=lambda item: item.name)]


def _prefixes(group: Sequence[tuple[int, int]], unit: int, part: int) -> list[tuple[int, int]]:
    """Size, in whole units, and value, in parts, of the first thing, of the first two, and so on."""
    sizes = accumulate(size for size, _ in group)
    values = accumulate(value // part for _, value in group)
    return [(-(-size // unit), value) for size, value in zip(sizes, values, strict=True)]


def _combinations(items: Sequence[Item]) -> int:
    total = 1
    for item in items:
        total *= len(item.loops) + 1
    return total


def _exhaustive(items: Sequence[Item], capacity: dict[str, int]) -> Choice:
    best: Choice = (None,) * len(items)
    most = -1
    for choice in product(*((*item.loops, None) for item in items)):
        value = saved(items, choice)
        if value > most and _prefixes_only(items, choice) and fits(items, choice, capacity):
            best, most = choice, value
    return best


def _outer_first(items: Sequence[Item], capacity: dict[str, int]) -> Chosen:
    room, coarsest = dict(capacity), 0
    chosen: dict[Item, str] = {}
    for depth in range(max((len(item.loops) for item in items), default=0)):
        for loop in dict.fromkeys(item.loops[depth] for item in items if len(item.loops) > depth):
            begun = {item.name for item in chosen}
            candidates = [i for i in items if len(i.loops) > depth and i.loops[depth] == loop and i.name not in begun]
            # Items that save nothing here leave their room to inner loops. Either all rows of a tensor save or none.
            candidates = [item for item in candidates if item.saves[depth] > 0]
            inside = {loop, *_inner(items, loop)}
            prefixes, unit = _best_prefixes(candidates, depth, min(room[name] for name in inside))
            coarsest = max(coarsest, unit)
            for item in prefixes:
                chosen[item] = loop
                for name in inside:
                    room[name] -= item.bytes
    return Chosen(tuple(chosen.get(item) for item in items), coarsest)


def _best_prefixes(items: Sequence[Item], depth: int, capacity: int) -> tuple[list[Item], int]:
    """The first rows of each tensor that save most within the capacity; the unit, if sizes had to be rounded."""
    groups = _by_tensor(items)
    things = [[(item.bytes, item.saves[depth]) for item in group] for group in groups]
    lengths = knapsack(things, capacity)
    prefixes = [item for group, length in zip(groups, lengths, strict=True) for item in group[:length]]
    if len(prefixes) == len(items):
        return prefixes, 0
    unit = unit_of(things, capacity)
    return prefixes, unit if unit > gcd(*(item.bytes for item in items)) else 0


def _prefixes_only(items: Sequence[Item], choice: Choice) -> bool:
    """Whether of each tensor only its first rows are resident, all in one loop."""
    before: dict[str, str | None] = {}
    for item, loop in zip(items, choice, strict=True):
        if loop is not None and item.row > 0 and before.get(item.name) != loop:
            return False
        before[item.name] = loop
    return True


def _inner(items: Sequence[Item], loop: str) -> set[str]:
    """The loops inside a loop, as far as items lie in them."""
    inner: set[str] = set()
    for item in items:
        if loop in item.loops:
            inner |= set(item.loops[item.loops.index(loop) + 1 :])
    return inner
