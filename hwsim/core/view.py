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

    def extremes(self, times: Mapping[str, int]) -> tuple[int, int]:
        """Least and greatest value while each loop runs from 0 to times - 1."""
        reach = [coefficient * (times[loop] - 1) for loop, coefficient in self.terms]
        return self.base + sum(min(0, r) for r in reach), self.base + sum(max(0, r) for r in reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window(Noun):
    """`count` consecutive entries of one axis."""

    axis: Annotated[int, Whole()]
    start: Affine
    count: Affine | Annotated[int, Whole(low=1)]

    @property
    def loops(self) -> frozenset[str]:
        """The loops whose index changes how many entries it has."""
        return frozenset(loop for loop, _ in self.count.terms) if isinstance(self.count, Affine) else frozenset()

    def size(self, indices: Mapping[str, int]) -> int:
        return self.count.at(indices) if isinstance(self.count, Affine) else self.count

    def reach(self, times: Mapping[str, int]) -> tuple[int, int]:
        """The first entry that it ever starts at, and the one after the last that it ever has."""
        count = self.count if isinstance(self.count, Affine) else Affine(base=self.count)
        return self.start.extremes(times)[0], (self.start + count).extremes(times)[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class View(Noun):
    """A tensor, or the part of it inside some windows.

    >>> frame = View(tensor="x", windows=(window(0, loop="frames"),))
    >>> frame.shape_in((500, 1, 340))
    (1, 1, 340)
    """

    tensor: Name
    windows: tuple[Window, ...] = ()

    def check(self) -> None:
        axes = [window.axis for window in self.windows]
        if sorted(set(axes)) != axes:
            raise InvalidValue(f"{self.tensor}.windows", axes, "one window an axis, in order")

    @property
    def loops(self) -> frozenset[str]:
        """The loops whose index changes its shape."""
        return frozenset(loop for window in self.windows for loop in window.loops)

    def shape_in(self, whole: tuple[int, ...], indices: Mapping[str, int] | None = None) -> tuple[int, ...]:
        """The shape of the view, the tensor's own shape and the indices of the loops given."""
        shape = list(whole)
        for window in self.windows:
            shape[window.axis] = window.size(indices or {})
        return tuple(shape)


def window(
    axis: int, *, start: int = 0, count: int | Affine = 1, loop: str | None = None, step: int | None = None
) -> Window:
    """A window that starts at `start` and moves by `step` (its own size, if not given) each iteration of the loop."""
    if loop is None:
        return Window(axis=axis, start=Affine(base=start), count=count)
    stride = step if step is not None else count if isinstance(count, int) else 1
    return Window(axis=axis, start=Affine(base=start, terms=((loop, stride),)), count=count)
