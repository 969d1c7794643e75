"""Sizes and places that depend on loops: counts that are spread over them, and views of tensors."""

from collections.abc import Iterator, Mapping
from itertools import chain, pairwise, repeat
from typing import Annotated, Optional, Self

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, Table, Whole, sorted_pairs

MOST_ITERATIONS = 1 << 20
"""The longest loop whose iterations may differ, since each iteration is visited, often repeatedly: hours of speech."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share(Noun):
    """One iteration's part of the `total` things that all `over` iterations of a loop have together.

    The first i iterations have ⌊i · total ÷ over⌋ of them: after each iteration the nearest whole number below an even
    share. Iteration 0 has `first` more.

    A loop that begins anew in each iteration of another one says with `earlier` how often it runs in each of these;
    `over` then counts its iterations in all of them. At the end of each run the sum is what it would be in one long
    run; within a run, its things are spread over its own iterations.

    >>> symbols = Share(loop="chunks", over=8, total=3)
    >>> [symbols.at({"chunks": i}) for i in range(8)]
    [0, 0, 1, 0, 0, 1, 0, 1]
    """

    loop: Name
    over: Annotated[int, Whole(low=1)]
    total: Annotated[int, Whole()]
    first: Annotated[int, Whole()] = 0
    earlier: Optional["Share"] = None

    def check(self) -> None:
        if self.over > MOST_ITERATIONS and self.least != self.most:
            law = f"are too many to share {self.all} things; at most {MOST_ITERATIONS}, so take a shorter utterance"
            raise InvalidValue(f"{self.loop}.times", self.over, law)

    @property
    def all(self) -> int:
        """What all iterations have together."""
        return self.total + self.first

    @property
    def loops(self) -> frozenset[str]:
        """The loops whose index it depends on."""
        return frozenset((self.loop,)) | (self.earlier.loops if self.earlier is not None else frozenset())

    def before(self, indices: Mapping[str, int]) -> int:
        """What all iterations before this one have together."""
        return self._up_to(indices, indices[self.loop])

    def at(self, indices: Mapping[str, int]) -> int:
        """What this iteration has."""
        index = indices[self.loop]
        return self._up_to(indices, index + 1) - self._up_to(indices, index)

    def along(self, loop: str, indices: Mapping[str, int], times: int) -> Iterator[int]:
        """What each of so many iterations of a loop has, the others standing at these indices: as `at` says, sooner.

        >>> list(Share(loop="chunks", over=8, total=3).along("chunks", {}, 8))
        [0, 0, 1, 0, 0, 1, 0, 1]
        """
        if loop != self.loop or not times:
            return _along(self, loop, indices, times)
        start, run, before, in_run = self._run(indices)
        ups = (self.first + before + index * in_run // run for index in range(0 if start else 1, times + 1))
        return (after - up for up, after in pairwise(ups if start else chain((0,), ups)))

    def _up_to(self, indices: Mapping[str, int], index: int) -> int:
        """What all iterations before one of this run have together."""
        start, run, before, in_run = self._run(indices)
        return self.first + before + index * in_run // run if start + index else 0

    def _run(self, indices: Mapping[str, int]) -> tuple[int, int, int, int]:
        """Of this run the iterations before it and its own, and of `total` what those before it and its own have."""
        start, run = (0, self.over) if self.earlier is None else self.earlier._before_and_at(indices)
        before = start * self.total // self.over
        return start, run, before, (start + run) * self.total // self.over - before

    def _before_and_at(self, indices: Mapping[str, int]) -> tuple[int, int]:
        before = self.before(indices)
        return before, self._up_to(indices, indices[self.loop] + 1) - before

    @property
    def least(self) -> int:
        """The least that an iteration has."""
        return min(self._sizes)

    @property
    def most(self) -> int:
        """The most that an iteration has."""
        return max(self._sizes)

    @property
    def _sizes(self) -> set[int]:
        """What an iteration may have. Iteration 0 has the smaller share of `total`, as sums are rounded down."""
        low, larger = divmod(self.total, self.over)
        sizes = {low + self.first}
        if larger:
            sizes.add(low + 1)
        if self.over > larger + 1:
            sizes.add(low)
        return sizes


def spread(share: Share) -> int | Share:
    """A plain number, if every iteration has as many.

    >>> spread(Share(loop="chunks", over=4, total=12))
    3
    """
    return share.most if share.least == share.most else share


@dataclass(frozen=True, slots=True, kw_only=True)
class Affine(Noun):
    """base + Σ coefficient · index of a loop + Σ coefficient · what all iterations before this one have of a share.

    >>> last_first = Affine(base=9, terms=(("frames", -1),))
    >>> last_first.at({"frames": 2}), last_first.extremes({"frames": 10})
    (7, (0, 9))
    """

    base: int = 0
    terms: Annotated[tuple[tuple[str, int], ...], Table()] = ()
    shares: tuple[tuple[Share, int], ...] = ()

    @property
    def loops(self) -> frozenset[str]:
        """The loops whose index it depends on."""
        return frozenset(dict(self.terms)).union(*(share.loops for share, _ in self.shares))

    def at(self, indices: Mapping[str, int]) -> int:
        moved = self.base + sum(coefficient * indices[loop] for loop, coefficient in self.terms)
        return moved + sum(coefficient * share.before(indices) for share, coefficient in self.shares)

    def along(self, loop: str, indices: Mapping[str, int], times: int) -> Iterator[int]:
        """Its value in each of so many iterations of a loop, the others standing at these indices.

        >>> list(Affine(base=9, terms=(("frames", -1),)).along("frames", {}, 3))
        [9, 8, 7]
        """
        if self.shares:
            return _along(self, loop, indices, times)
        first, step = self.at({**indices, loop: 0}), dict(self.terms).get(loop, 0)
        return (first + step * index for index in range(times))

    def __add__(self, other: Self) -> Self:
        terms = dict(self.terms)
        for loop, coefficient in other.terms:
            terms[loop] = terms.get(loop, 0) + coefficient
        shares = self.shares + other.shares
        return type(self)(base=self.base + other.base, terms=sorted_pairs(terms), shares=shares)

    def scaled(self, factor: int) -> Self:
        terms = tuple((loop, coefficient * factor) for loop, coefficient in self.terms)
        shares = tuple((share, coefficient * factor) for share, coefficient in self.shares)
        return type(self)(base=self.base * factor, terms=terms, shares=shares)

    def extremes(self, times: Mapping[str, int]) -> tuple[int, int]:
        """Least and greatest value while each loop runs from 0 to times - 1; a share may be had by then in full."""
        reach = [coefficient * (times[loop] - 1) for loop, coefficient in self.terms]
        reach += [coefficient * share.all for share, coefficient in self.shares]
        return self.base + sum(min(0, r) for r in reach), self.base + sum(max(0, r) for r in reach)


def _along(count: "Affine | Share", loop: str, indices: Mapping[str, int], times: int) -> Iterator[int]:
    """The value of a size in each iteration, one by one."""
    if loop not in count.loops:
        return repeat(count.at(indices), times)
    return (count.at({**indices, loop: index}) for index in range(times))


@dataclass(frozen=True, slots=True, kw_only=True)
class Window(Noun):
    """`count` entries of one axis, neighbours or `every` so many-th; one that `wraps` goes on at the axis's beginning.

    One whose `count` is a share has no entries in some iterations.

    >>> Window(axis=0, start=Affine(base=4), count=3, wraps=True).entries(6)
    (4, 5, 0)
    >>> Window(axis=0, start=Affine(base=1), count=3, every=2).entries(6)
    (1, 3, 5)
    """

    axis: Annotated[int, Whole()]
    start: Affine
    count: Affine | Share | Annotated[int, Whole(low=1)]
    every: Annotated[int, Whole(low=1)] = 1
    wraps: bool = False

    def check(self) -> None:
        if self.wraps and (self.every != 1 or isinstance(self.count, Affine)):
            raise InvalidValue("wraps", self.wraps, "holds neighbours, always as many")

    @property
    def loops(self) -> frozenset[str]:
        """The loops whose index changes how many entries it has."""
        return frozenset() if isinstance(self.count, int) else self.count.loops

    def size(self, indices: Mapping[str, int]) -> int:
        return self.count if isinstance(self.count, int) else self.count.at(indices)

    def longest(self, times: Mapping[str, int]) -> int:
        """The most entries that it ever has."""
        return self._most.extremes(times)[1]

    @property
    def _most(self) -> Affine:
        if isinstance(self.count, Affine):
            return self.count
        return Affine(base=self.count if isinstance(self.count, int) else self.count.most)

    @property
    def is_content(self) -> bool:
        """Whether the window holds as many first entries as an iteration has: entries behind them mean nothing.

        Entries that an earlier iteration had and this one lacks may still hold what was written then. No view of this
        iteration shows them, so ops that read by the same share see none.

        >>> few = Share(loop="steps", over=2, total=1, first=2)
        >>> content = Window(axis=0, start=Affine(), count=few)
        >>> content.is_content, content.entries(4, {"steps": 0}), content.entries(4, {"steps": 1})
        (True, (0, 1), (0,))
        """
        return isinstance(self.count, Share) and self.start == Affine() and not self.wraps

    def reach(self, times: Mapping[str, int]) -> tuple[int, int]:
        """The first entry of all positions of the window, and the entry after the last."""
        count = self._most
        if not count.terms and not count.shares:
            first, last_first = self.start.extremes(times)
            return first, last_first + 1 - self.every + count.base * self.every
        last = self.start + Affine(base=1 - self.every) + count.scaled(self.every)
        return self.start.extremes(times)[0], last.extremes(times)[1]

    def entries(self, size: int, indices: Mapping[str, int] | None = None) -> tuple[int, ...]:
        """The entries of an axis of that size inside the window, in order."""
        start = self.start.at(indices or {})
        places = (start + self.every * place for place in range(self.size(indices or {})))
        return tuple(place % size if self.wraps else place for place in places)


@dataclass(frozen=True, slots=True, kw_only=True)
class View(Noun):
    """A tensor, or the part of it inside some windows, its axes seen in some order; memory stays as it is.

    Windows name axes of the tensor. Axis a of the view is axis `order[a]` of the tensor, so that what follows is a
    batch of one matrix for each of four heads.

    >>> frame = View(tensor="x", windows=(window(0, loop="frames"),))
    >>> frame.shape_in((500, 1, 340))
    (1, 1, 340)
    >>> View(tensor="q", order=(0, 2, 1, 3)).shape_in((1, 250, 4, 64))
    (1, 4, 250, 64)
    """

    tensor: Name
    windows: tuple[Window, ...] = ()
    order: tuple[int, ...] | None = None

    def check(self) -> None:
        axes = [window.axis for window in self.windows]
        if sorted(set(axes)) != axes:
            raise InvalidValue(f"{self.tensor}.windows", axes, "one window an axis, in order")
        if self.order is not None and sorted(self.order) != list(range(len(self.order))):
            raise InvalidValue(f"{self.tensor}.order", self.order, "must name each axis once")

    @property
    def whole(self) -> bool:
        """Whether it shows all that the tensor holds; leftovers of iterations that had more entries do not count."""
        return all(window.is_content for window in self.windows)

    @property
    def counts(self) -> tuple[Affine | Share, ...]:
        """The sizes of its axes that change with the loops around."""
        return tuple(window.count for window in self.windows if not isinstance(window.count, int))

    @property
    def loops(self) -> frozenset[str]:
        """The loops whose index changes its shape."""
        return frozenset(loop for window in self.windows for loop in window.loops)

    def shape_in(self, whole: tuple[int, ...], indices: Mapping[str, int] | None = None) -> tuple[int, ...]:
        """The shape of the view, the tensor's own shape and the indices of the loops given."""
        sizes = self.sizes_in(whole, indices)
        return sizes if self.order is None else tuple(sizes[axis] for axis in self.order)

    def sizes_in(self, whole: tuple[int, ...], indices: Mapping[str, int] | None = None) -> tuple[int, ...]:
        """The size along each axis of the tensor, in the tensor's own order."""
        sizes = list(whole)
        for window in self.windows:
            sizes[window.axis] = window.size(indices or {})
        return tuple(sizes)


def window(
    axis: int,
    *,
    start: int = 0,
    count: int | Affine | Share = 1,
    loop: str | None = None,
    step: int | None = None,
    every: int = 1,
    wraps: bool = False,
) -> Window:
    """A window that starts at `start` and moves by `step` (its own size, if not given) each iteration of the loop."""
    stride = step if step is not None else count if isinstance(count, int) else 1
    terms = () if loop is None else ((loop, stride),)
    return Window(axis=axis, start=Affine(base=start, terms=terms), count=count, every=every, wraps=wraps)
