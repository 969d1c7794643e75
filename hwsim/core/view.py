"""Which part of a tensor an op touches, as a function of the loops around it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from hwsim.core.noun import Name, Noun, Table
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

    def extremes(self, times: Mapping[str, int]) -> tuple[int, int]:
        """Least and greatest value while each loop runs from 0 to times - 1."""
        reach = [coefficient * (times[loop] - 1) for loop, coefficient in self.terms]
        return self.base + sum(min(0, r) for r in reach), self.base + sum(max(0, r) for r in reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window(Noun):
    """`count` consecutive entries of one axis."""

    axis: int
    start: Affine
    count: int

    def check(self) -> None:
        if self.axis < 0 or self.count < 1:
            raise InvalidValue("window", (self.axis, self.count), "axis at least 0, count at least 1")


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

    def shape_in(self, whole: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the view, the tensor's own shape given."""
        shape = list(whole)
        for window in self.windows:
            shape[window.axis] = window.count
        return tuple(shape)


def window(axis: int, *, start: int = 0, count: int = 1, loop: str | None = None, step: int | None = None) -> Window:
    """A window that starts at `start` and moves by `step` (its own size, if not given) each iteration of the loop."""
    terms = () if loop is None else ((loop, count if step is None else step),)
    return Window(axis=axis, start=Affine(base=start, terms=terms), count=count)
