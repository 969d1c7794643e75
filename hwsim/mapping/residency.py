"""Which weights and states stay in the scratchpad: those that save most DRAM traffic.

An item is some of a tensor's rows of tiles, or a tensor that stays as a whole. It can be resident in any loop around
its op: then it is loaded once before that loop, and takes its bytes during all of it. The resident rows of a tensor are
always its first ones. Among the items of one loop the choice is a knapsack, solved exactly; where the knapsack would
have more than `MOST_STATES` states or take more than `MOST_SUMS` sums, sizes are rounded up to coarser units, so that
the chosen items still fit. With loops inside loops the choice is exact for up to `EXACT_ITEMS` items, and beyond that
outer loops choose first.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product
from math import prod
from typing import NamedTuple

from hwsim.dataclass import dataclass
from hwsim.mapping.knapsack import Group, Knapsacks
from hwsim.mapping.search_budget import SearchBudget

EXACT_ITEMS = 12


@dataclass(frozen=True, slots=True)
class Item:
    """Something that may be resident: `rows` rows of tiles of a tensor, from `row` on; their bytes in a scratchpad; the
    loops around the op (outermost first), and the saving in each loop.

    On several cores, `loaded` passes the DRAM's port for all of them, and `written` goes into all scratchpads.
    """

    name: str
    row: int
    bytes: int
    loops: tuple[str, ...]
    saves: tuple[int, ...]  # the value in the choice for each of the loops: about the DRAM bytes avoided
    rows: int = 1
    loaded: int | None = None
    written: int | None = None


Choice = tuple[str | None, ...]  # of each item, the loop in which it is resident


class Head(NamedTuple):
    """The first items of a tensor, resident in a loop; all rows of tiles of them, and all bytes: of a core, through the
    DRAM's port, and into all scratchpads."""

    name: str
    loop: str
    items: int
    rows: int
    bytes: int
    loaded: int
    written: int


class Kind(NamedTuple):
    """Items of as many bytes and rows of tiles, of which as much is loaded, and that save as much at most; and how many
    items they are."""

    bytes: int
    rows: int
    loaded: int
    saves: int
    items: int


class Chosen(NamedTuple):
    """What stays, in the order of the items, and the coarsest unit to which sizes were rounded up for that; 0 for exact
    sizes."""

    heads: tuple[Head, ...]
    unit: int


@dataclass(frozen=True, eq=False)
class AlikeItems:
    """The items of a tensor, and those of all tensors that are like it, with name and loops of the first one."""

    items: tuple[Item, ...]

    @cached_property
    def bytes(self) -> int:
        """The bytes of all of them."""
        return sum(item.bytes for item in self.items)

    @cached_property
    def saving(self) -> bool:
        """Whether their staying saves something."""
        return bool(self.items[0].loops) and max(max(item.saves) for item in self.items) > 0

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """What staying in each of the loops takes and saves."""
        return tuple(
            Group.of([(item.bytes, item.saves[depth]) for item in self.items])
            for depth in range(len(self.items[0].loops))
        )

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        """The items, those alike together."""
        count = Counter(
            (item.bytes, item.rows, item.bytes if item.loaded is None else item.loaded, max(item.saves, default=0))
            for item in self.items
        )
        return tuple(Kind(*kind, items) for kind, items in count.items())


@dataclass(frozen=True, eq=False)
class ItemsOfTensor:
    """The items of a tensor, as those that are alike, and where they begin among all."""

    name: str
    loops: tuple[str, ...]
    alike: AlikeItems
    first: int

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The items with their own name and loops, made for whoever asks: many a table is left without a plan."""
        if self.alike.items[0].name == self.name:
            return self.alike.items
        return tuple(replace(item, name=self.name, loops=self.loops) for item in self.alike.items)

    @property
    def groups(self) -> tuple[Group, ...]:
        """What staying in each of the loops takes and saves."""
        return self.alike.groups

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The items, those alike together."""
        return self.alike.kinds

    @cached_property
    def _heads(self) -> dict[tuple[str, int], Head]:
        """Those that were asked for so far: choices for many sizes of the scratchpad take the same ones."""
        return {}

    def head(self, loop: str, length: int) -> Head:
        """The first items, resident in a loop."""
        key = loop, length
        if key not in self._heads:
            self._heads[key] = self._new_head(loop, length)
        return self._heads[key]

    def _new_head(self, loop: str, length: int) -> Head:
        items = self.alike.items[:length]
        size = sum(item.bytes for item in items)
        loaded = size if items[0].loaded is None else sum(item.loaded or 0 for item in items)
        written = size if items[0].written is None else sum(item.written or 0 for item in items)
        return Head(self.name, loop, length, sum(item.rows for item in items), size, loaded, written)


@dataclass(frozen=True, eq=False)
class Items:
    """All items, tensor by tensor; those of a tensor lie in the same loops."""

    tensors: tuple[ItemsOfTensor, ...]

    @classmethod
    def of(cls, tensors: Iterable[tuple[str, tuple[str, ...], AlikeItems]]) -> "Items":
        """The items of these tensors: their names, and the loops in which they may stay."""
        found, first = list[ItemsOfTensor](), 0
        for name, loops, alike in tensors:
            found.append(ItemsOfTensor(name, loops, alike, first))
            first += len(alike.items)
        return cls(tuple(found))

    @cached_property
    def all(self) -> tuple[Item, ...]:
        """One after another."""
        return tuple(item for tensor in self.tensors for item in tensor.items)

    @cached_property
    def bytes(self) -> int:
        """The bytes of all items."""
        return sum(tensor.alike.bytes for tensor in self.tensors)

    @cached_property
    def weights_by_loop(self) -> tuple[tuple[ItemsOfTensor, ...], ...]:
        """The tensors that are loaded, those of each innermost loop together; states are not loaded."""
        found: dict[str, list[ItemsOfTensor]] = {}
        for tensor in self.tensors:
            if tensor.alike.items[0].loaded is not None and tensor.loops:
                found.setdefault(tensor.loops[-1], []).append(tensor)
        return tuple(map(tuple, found.values()))

    @cached_property
    def _saving(self) -> tuple[ItemsOfTensor, ...]:
        """The tensors whose staying saves something."""
        return tuple(one for one in self.tensors if one.alike.saving)

    @cached_property
    def _inner(self) -> dict[str, frozenset[str]]:
        """The loops inside each loop, as far as items lie in them."""
        inner: dict[str, set[str]] = {}
        for loops in dict.fromkeys(tensor.loops for tensor in self._saving):
            for depth, loop in enumerate(loops):
                inner.setdefault(loop, set()).update(loops[depth + 1 :])
        return {loop: frozenset(inside) for loop, inside in inner.items()}

    @cached_property
    def _by_loop(self) -> tuple[tuple[int, str, tuple[ItemsOfTensor, ...]], ...]:
        """Depth and name of each loop, outer ones first, and the tensors that save something if they stay in it.

        Those that save nothing there leave their room to inner loops.
        """
        deepest = max((len(tensor.loops) for tensor in self._saving), default=0)
        found = []
        for depth in range(deepest):
            inside = [tensor for tensor in self._saving if len(tensor.loops) > depth]
            for loop in dict.fromkeys(tensor.loops[depth] for tensor in inside):
                there = (tensor for tensor in inside if tensor.loops[depth] == loop)
                found.append((depth, loop, tuple(tensor for tensor in there if tensor.groups[depth].rises)))
        return tuple(found)

    def choose(self, capacity: dict[str, int], knapsacks: Knapsacks, budget: SearchBudget) -> Chosen:
        """The first of the choices that fit and save most, as well as the budget of the search allows.

        >>> rows = tuple(Item("w", row, 60, ("frames",), (60 * 99,)) for row in range(3))
        >>> items = Items.of([("w", ("frames",), AlikeItems(rows))])
        >>> items.choose({"frames": 130}, Knapsacks(), SearchBudget())
        Chosen(heads=(Head(name='w', loop='frames', items=2, rows=2, bytes=120, loaded=120, written=120),), unit=0)
        """
        alone = all(len(tensor.loops) == 1 for tensor in self._saving)
        if not alone and sum(len(tensor.alike.items) for tensor in self._saving) <= EXACT_ITEMS:
            items = [item for tensor in self._saving for item in tensor.items]
            if prod(len(item.loops) + 1 for item in items) <= 1 << EXACT_ITEMS:
                return Chosen(self._heads(items, _exhaustive(items, capacity)), 0)
        return self._outer_first(capacity, knapsacks, budget)

    def _heads(self, items: Sequence[Item], choice: Choice) -> tuple[Head, ...]:
        loop_of = dict(zip(items, choice, strict=True))
        found = []
        for tensor in self._saving:
            loop = loop_of[tensor.items[0]]
            if loop is not None:
                found.append(tensor.head(loop, sum(loop_of[item] == loop for item in tensor.items)))
        return tuple(found)

    def _outer_first(self, capacity: dict[str, int], knapsacks: Knapsacks, budget: SearchBudget) -> Chosen:
        room, coarsest = dict(capacity), 0
        chosen: dict[int, Head] = {}
        for depth, loop, tensors in self._by_loop:
            inside = {loop, *self._inner[loop]}
            open_ones = [tensor for tensor in tensors if tensor.first not in chosen]
            groups, free = [tensor.groups[depth] for tensor in open_ones], min(room[name] for name in inside)
            before, most = knapsacks.sums, budget.of_knapsack()
            lengths = knapsacks.solved(groups, free, most)
            budget.sums += knapsacks.sums - before
            if lengths != list(map(len, groups)):
                sums = knapsacks.sums_of(groups)
                unit = sums.unit_within(free, most)
                budget.fell_short |= unit > sums.unit_within(free)
                coarsest = max(coarsest, unit if unit > sums.unit else 0)
            taken = 0
            for tensor, group, length in zip(open_ones, groups, lengths, strict=True):
                if length:
                    chosen[tensor.first] = tensor.head(loop, length)
                    taken += int(group.sizes[length - 1])
            for name in inside:
                room[name] -= taken
        return Chosen(tuple(head for _, head in sorted(chosen.items())), coarsest)


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


def _exhaustive(items: Sequence[Item], capacity: dict[str, int]) -> Choice:
    best: Choice = (None,) * len(items)
    most = -1
    for choice in product(*((*item.loops, None) for item in items)):
        value = saved(items, choice)
        if value > most and _prefixes_only(items, choice) and fits(items, choice, capacity):
            best, most = choice, value
    return best


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
