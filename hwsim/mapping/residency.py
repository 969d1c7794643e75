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
from itertools import groupby, product
from math import gcd
from typing import NamedTuple

from hwsim.mapping.knapsack import Knapsacks, unit_of

EXACT_ITEMS = 12


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


def choose(items: Sequence[Item], capacity: dict[str, int], knapsacks: Knapsacks | None = None) -> Chosen:
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
        best = _outer_first(candidates, capacity, knapsacks or Knapsacks())
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


def _by_tensor(items: Iterable[Item]) -> list[list[Item]]:
    return [list(group) for _, group in groupby(items, key=lambda item: item.name)]


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


def _outer_first(items: Sequence[Item], capacity: dict[str, int], knapsacks: Knapsacks) -> Chosen:
    room, coarsest = dict(capacity), 0
    chosen: dict[Item, str] = {}
    for depth in range(max((len(item.loops) for item in items), default=0)):
        for loop in dict.fromkeys(item.loops[depth] for item in items if len(item.loops) > depth):
            begun = {item.name for item in chosen}
            candidates = [i for i in items if len(i.loops) > depth and i.loops[depth] == loop and i.name not in begun]
            # Items that save nothing here leave their room to inner loops. Either all rows of a tensor save or none.
            candidates = [item for item in candidates if item.saves[depth] > 0]
            inside = {loop, *_inner(items, loop)}
            prefixes, unit = _best_prefixes(candidates, depth, min(room[name] for name in inside), knapsacks)
            coarsest = max(coarsest, unit)
            for item in prefixes:
                chosen[item] = loop
                for name in inside:
                    room[name] -= item.bytes
    return Chosen(tuple(chosen.get(item) for item in items), coarsest)


def _best_prefixes(items: Sequence[Item], depth: int, capacity: int, knapsacks: Knapsacks) -> tuple[list[Item], int]:
    """The first rows of each tensor that save most within the capacity; the unit, if sizes had to be rounded."""
    groups = _by_tensor(items)
    things = [[(item.bytes, item.saves[depth]) for item in group] for group in groups]
    lengths = knapsacks.solved(things, capacity)
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
