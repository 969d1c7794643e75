"""Which weights and states stay in the scratchpad: those that save most bytes of DRAM traffic.

An item is a tensor's row of tiles, or something that stays as a whole. It can be resident in any loop around its op:
then it is loaded once before that loop, and takes its bytes during all of it. Among the items of one loop the choice is
a knapsack, solved exactly; with loops inside loops it is exact for up to `EXACT_ITEMS` items, and beyond that outer
loops choose first, by bytes saved per byte held.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import gcd

import numpy as np

EXACT_ITEMS = 12
MOST_STATES = 1 << 24  # of a knapsack; with more, sizes are rounded up to coarser units


@dataclass(frozen=True, slots=True)
class Item:
    """Something that may be resident: its bytes, the loops around it (outermost first), and what each would save."""

    name: str
    row: int
    bytes: int
    loops: tuple[str, ...]
    saves: tuple[int, ...]  # DRAM bytes avoided, if resident in the loop of that place


Choice = tuple[str | None, ...]  # of each item, the loop in which it is resident


def choose(items: Sequence[Item], capacity: dict[str, int]) -> Choice:
    """For each item the loop in which it is resident, or None: what saves most bytes and fits; of equals the first.

    >>> items = [Item("w", row, 60, ("frames",), (60 * 99,)) for row in range(3)]
    >>> choose(items, {"frames": 130})
    ('frames', 'frames', None)
    """
    candidates = [item for item in items if item.loops and max(item.saves) > 0]
    paths = {item.loops for item in candidates}
    if all(len(path) == 1 for path in paths):
        chosen: dict[Item, str] = {}
        for (loop,) in sorted(paths):
            own = [item for item in candidates if item.loops == (loop,)]
            for item, taken in zip(own, knapsack([(i.bytes, i.saves[0]) for i in own], capacity[loop]), strict=True):
                if taken:
                    chosen[item] = loop
        return tuple(chosen.get(item) for item in items)
    if len(candidates) <= EXACT_ITEMS and _combinations(candidates) <= 1 << EXACT_ITEMS:
        best = _exhaustive(candidates, capacity)
    else:
        best = _outer_first(candidates, capacity)
    chosen = {item: loop for item, loop in zip(candidates, best, strict=True) if loop is not None}
    return tuple(chosen.get(item) for item in items)


def saved(items: Sequence[Item], choice: Choice) -> int:
    """DRAM bytes that a choice avoids."""
    return sum(item.saves[item.loops.index(loop)] for item, loop in zip(items, choice, strict=True) if loop is not None)


def fits(items: Sequence[Item], choice: Choice, capacity: dict[str, int]) -> bool:
    """Whether in every loop the residents of it and of the loops around it fit."""
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


def knapsack(sizes_and_values: Sequence[tuple[int, int]], capacity: int) -> list[bool]:
    """The subset of greatest value within the capacity; of equals, the one that takes the first items.

    >>> knapsack([(5, 10), (4, 9), (3, 7)], 7)
    [False, True, True]
    """
    count = len(sizes_and_values)
    if sum(size for size, _ in sizes_and_values) <= capacity:
        return [True] * count
    unit = gcd(*(size for size, _ in sizes_and_values)) or 1
    unit *= max(1, -(-(count + 1) * (max(0, capacity) // unit + 1) // MOST_STATES))
    return list(_taken(tuple((-(-size // unit), value) for size, value in sizes_and_values), max(0, capacity) // unit))


@lru_cache(maxsize=1 << 10)
def _taken(steps_and_values: tuple[tuple[int, int], ...], room: int) -> tuple[bool, ...]:
    """A knapsack with sizes and room in steps of one unit. Plans for neighbouring sizes ask for the same ones."""
    best = np.zeros(room + 1, np.int64)  # in so many units of room the most value of the items looked at, last first
    takes = np.zeros((len(steps_and_values), room + 1), np.bool_)  # whether that is reached with the item
    for i in range(len(steps_and_values) - 1, -1, -1):
        steps, value = steps_and_values[i]
        if steps <= room:
            with_it = best[: room + 1 - steps] + value
            np.greater_equal(with_it, best[steps:], out=takes[i, steps:])
            np.maximum(best[steps:], with_it, out=best[steps:])
    taken = []
    for i, (steps, _) in enumerate(steps_and_values):
        taken.append(bool(takes[i, room]))
        room -= steps if taken[-1] else 0
    return tuple(taken)


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
        if value > most and fits(items, choice, capacity):
            best, most = choice, value
    return best


def _outer_first(items: Sequence[Item], capacity: dict[str, int]) -> Choice:
    room = dict(capacity)
    chosen: dict[Item, str] = {}
    for depth in range(max(len(item.loops) for item in items)):
        for loop in dict.fromkeys(item.loops[depth] for item in items if len(item.loops) > depth):
            own = [i for i in items if len(i.loops) > depth and i.loops[depth] == loop and i not in chosen]
            inner = _inner(items, loop)
            limit = min(room[name] for name in {loop, *inner})
            for item, taken in zip(own, knapsack([(i.bytes, i.saves[depth]) for i in own], limit), strict=True):
                if taken:
                    chosen[item] = loop
                    for name in {loop, *inner}:
                        room[name] -= item.bytes
    return tuple(chosen.get(item) for item in items)


def _inner(items: Sequence[Item], loop: str) -> set[str]:
    """The loops inside a loop, as far as items lie in them."""
    found: set[str] = set()
    for item in items:
        if loop in item.loops:
            found |= set(item.loops[item.loops.index(loop) + 1 :])
    return found
