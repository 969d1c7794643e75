"""Which part of a tensor an op touches, as a function of the loops around it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Self

from hwsim.core.noun import Name, Noun, Table, Whole, sorted_pairs
from hwsim.errors import InvalidValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Affine(Noun):
    """base + Σ coefficient · index of a loop.

    >>> last_first = Affine(base=9, terms=(("frames", -1),))
    >>> last_first.at({"frames": 2}), last_first.extremes({"frames": 10})
    (7, (0, 9))
    """

    base: int = 0
    terms: Annotated[tuple[tuple[str, int], ...], Table()] = ()

    def at(self, indices: Mapping[str, int]) -> int:
        return self.base + sum(coefficient * indices[loop] for loop, coefficient in self.terms)

    def __add__(self, other: Self) -> Self:
        terms = dict(self.terms)
        for loop, coefficient in other.terms:
            terms[loop] = terms.get(loop, 0) + coefficient
        return type(self)(base=self.base + other.base, terms=sorted_pairs(terms))

    def scaled(self, factor: int) -> Self:
        terms = tuple((loop, coefficient * factor) for loop, coefficient in self.terms)
        return type(self)(base=self.base * factor, terms=terms)

    def extremes(self, times: Mapping[str, int]) -> tuple[int, int]:
        """Least and greatest value while each loop runs from 0 to times - 1."""
        reach = [coefficient * (times[loop] - 1) for loop, coefficient in self.terms]
        return self.base + sum(min(0, r) for r in reach), self.base + sum(max(0, r) for r in reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window(Noun):
    """`count` entries of one axis, neighbours or `every` so many-th; one that `wraps` goes on at the axis's beginning.

    >>> Window(axis=0, start=Affine(base=4), count=3, wraps=True).entries(6)
    (4, 5, 0)
    >>> Window(axis=0, start=Affine(base=1), count=3, every=2).entries(6)
    (1, 3, 5)
    """

    axis: Annotated[int, Whole()]
    start: Affine
    count: Affine | Annotated[int, Whole(low=1)]
    every: Annotated[int, Whole(low=1)] = 1
    wraps: bool = False

    def check(self) -> None:
        if self.wraps and (self.every != 1 or isinstance(self.count, Affine)):
            raise InvalidValue("wraps", self.wraps, "holds neighbours, always as many")

    @property
    def loops(self) -> frozenset[str]:
        """The loops whose index changes how many entries it has."""
        return frozenset(loop for loop, _ in self.count.terms) if isinstance(self.count, Affine) else frozenset()

    def size(self, indices: Mapping[str, int]) -> int:
        return self.count.at(indices) if isinstance(self.count, Affine) else self.count

    def reach(self, times: Mapping[str, int]) -> tuple[int, int]:
        """The first entry that it ever starts at, and the one after the last that it ever has."""
        count = self.count if isinstance(self.count, Affine) else Affine(base=self.count)
        last = self.start + Affine(base=1 - self.every) + count.scaled(self.every)
        return self.start.extremes(times)[0], last.extremes(times)[1]

    def entries(self, size: int, indices: Mapping[str, int] | None = None) -> tuple[int, ...]:
        """Which entries of an axis of that size it has, in order."""
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
    count: int | Affine = 1,
    loop: str | None = None,
    step: int | None = None,
    every: int = 1,
    wraps: bool = False,
) -> Window:
    """A window that starts at `start` and moves by `step` (its own size, if not given) each iteration of the loop."""
    stride = step if step is not None else count if isinstance(count, int) else 1
    terms = () if loop is None else ((loop, stride),)
    return Window(axis=axis, start=Affine(base=start, terms=terms), count=count, every=every, wraps=wraps)
