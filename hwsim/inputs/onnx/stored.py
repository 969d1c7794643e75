"""Values of a graph as views of tensors: reshapes, transposes and slices move nothing where views can say them.

A tensor's axes are those of the op that makes it, until a later view needs them in factors: then the axis is split for
all views of the tensor. Where that cannot be, the value is copied.
"""

from dataclasses import field, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.ir.tensor import Role
from hwsim.ir.view import Affine, View, Window
from hwsim.quantities.precision import Precision


@dataclass(frozen=True, slots=True, eq=False)
class Quant:
    """Scales and zero points by which integers stand for real numbers, as a graph gives them.

    Along `axis` there is an entry for each index, or one for each `block` of them; without an axis there is one in all.
    """

    precision: Precision
    scale: NDArray[np.float32]
    zero: NDArray[np.int32]
    axis: int | None = None
    block: int = 0
    lowest: int | None = None
    highest: int | None = None
    """Where integers are clipped, if that is not at the ends of the format."""

    def same(self, other: "Quant | None") -> bool:
        """Whether the same integers stand for the same numbers."""
        return (
            other is not None
            and (self.axis, self.block) == (other.axis, other.block)
            and np.array_equal(self.scale.reshape(-1), other.scale.reshape(-1))
            and np.array_equal(self.zero.reshape(-1), other.zero.reshape(-1))
        )


@dataclass(slots=True, eq=False)
class Stored:
    """A tensor under construction: its axes may still be split, but those that are locked."""

    name: str
    sizes: list[int]
    precision: Precision
    role: Role = Role.ACTIVATION
    quant: Quant | None = None
    locked: set[int] = field(default_factory=set)
    values: "list[Value]" = field(default_factory=list)
    loop: str = ""
    """The loop of whose iterations each has a tensor of these sizes, one behind another along the first axis."""
    runs: int = 1
    """How often that loop runs."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all that is kept."""
        first, *others = self.sizes
        return first * self.runs, *others

    def whole(self, shape: tuple[int, ...], order: tuple[int, ...] | None = None) -> "Value":
        """All of it, seen in that shape."""
        return Value(self, list(order or range(len(self.sizes))), {}, tuple(shape))

    def split(self, axis: int, inner: int) -> bool:
        """Make two axes of one, the second with so many entries; says whether that could be."""
        if axis in self.locked or self.sizes[axis] % inner:
            return False
        windows = [(value, value.windows[axis]) for value in self.values if axis in value.windows]
        if any(every != 1 or start % inner or count % inner for _, (start, count, every) in windows):
            return False
        self.sizes[axis : axis + 1] = [self.sizes[axis] // inner, inner]
        self.locked = {place + (place > axis) for place in self.locked}
        for value in self.values:
            at = value.order.index(axis)
            order = [place + (place > axis) for place in value.order]
            value.order = [*order[: at + 1], axis + 1, *order[at + 1 :]]
            value.windows = {place + (place > axis): taken for place, taken in value.windows.items()}
        for value, (start, count, _) in windows:
            value.windows[axis] = start // inner, count // inner, 1
        return True


@dataclass(slots=True, eq=False)
class Value:
    """What a graph calls by one name: a part of a tensor, its axes in some order, seen in a shape of its own.

    The elements come in the order of the view; `shape` groups them otherwise. If `real`, integers of the tensor stand
    for real numbers, which is what the graph means.
    """

    stored: Stored
    order: list[int]
    windows: dict[int, tuple[int, int, int]]
    shape: tuple[int, ...]
    real: bool = False

    def __post_init__(self) -> None:
        self.stored.values.append(self)

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def quant(self) -> Quant | None:
        return self.stored.quant

    @property
    def sizes(self) -> list[int]:
        """The sizes of the view's axes, in its order."""
        return [self.size_of(axis) for axis in self.order]

    def size_of(self, axis: int) -> int:
        """The entries of an axis of the tensor that the view shows."""
        return self.windows[axis][1] if axis in self.windows else self.stored.sizes[axis]

    @property
    def whole(self) -> bool:
        """Whether it shows all of its tensor."""
        return not self.windows

    @property
    def in_order(self) -> bool:
        """Whether its elements come as they lie in memory."""
        axes = [axis for axis in self.order if self.stored.sizes[axis] > 1]
        return axes == sorted(axes)

    def other(self, **changes: Any) -> "Value":
        """The same, but for what changes."""
        return replace(self, **{"order": list(self.order), "windows": dict(self.windows), **changes})

    def groups(self, shape: tuple[int, ...] | None = None) -> list[list[int]] | None:
        """For each axis of a shape the axes of the tensor that make it up; None, if none do.

        Axes of the tensor of one entry stand with the axis before them, or with the first.
        """
        shape = self.shape if shape is None else shape
        while True:
            found = self._grouped(shape)
            if not isinstance(found, tuple):
                return found
            if not self.stored.split(*found):
                return None

    def _grouped(self, shape: tuple[int, ...]) -> list[list[int]] | tuple[int, int] | None:
        """The groups, or an axis that would have to be split, with the size of its inner part."""
        groups: list[list[int]] = [[] for _ in shape]
        axes = iter(self.order)
        ones: list[int] = []
        last = -1
        for place, wanted in enumerate(shape):
            left = wanted
            while left > 1:
                axis = next(axes, None)
                if axis is None:
                    return None
                size = self.size_of(axis)
                if size == 1:
                    (groups[last] if last >= 0 else ones).append(axis)
                    continue
                if left % size:
                    if size % left:
                        return None
                    return axis, size // left
                left //= size
                groups[place].append(axis)
                last = place
        rest = list(axes)
        if any(self.size_of(axis) > 1 for axis in rest):
            return None
        (groups[last] if last >= 0 else ones).extend(rest)
        if ones:
            if not groups:
                return None
            groups[0][:0] = ones
        return groups

    def single(self, axis: int) -> int | None:
        """The axis of the tensor that an axis of its shape is; None, if several make it up, or none does."""
        groups = self.groups()
        if groups is None:
            return None
        group = [place for place in groups[axis] if self.size_of(place) > 1] or groups[axis][:1]
        return group[0] if len(group) == 1 else None

    def view(self) -> View:
        """As ops take it."""
        windows, loop = [], self.stored.loop
        for axis in sorted({*self.windows, *([0] if loop else [])}):
            start, count, every = self.windows.get(axis, (0, self.stored.sizes[axis], 1))
            if loop and axis == 0:
                moving = Affine(base=start, terms=((loop, self.stored.sizes[0]),))
                windows.append(Window(axis=0, start=moving, count=count, every=every))
            elif (start, count, every) != (0, self.stored.sizes[axis], 1):
                windows.append(Window(axis=axis, start=Affine(base=start), count=count, every=every))
        plain = self.order == list(range(len(self.order)))
        return View(tensor=self.stored.name, windows=tuple(windows), order=None if plain else tuple(self.order))


def transposed(value: Value, perm: tuple[int, ...]) -> Value | None:
    """Its axes in another order; None, if it has to be copied first."""
    groups = value.groups()
    if groups is None:
        return None
    order = [axis for place in perm for axis in groups[place]]
    if not groups:
        order = list(value.order)
    return value.other(order=order, shape=tuple(value.shape[place] for place in perm))


def sliced(value: Value, axis: int, start: int, count: int, every: int) -> Value | None:
    """Some entries of an axis; None, if it has to be copied first."""
    shape = (*value.shape[:axis], count, *value.shape[axis + 1 :])
    if (start, count, every) == (0, value.shape[axis], 1):
        return value.other(shape=shape)
    groups = value.groups()
    if groups is None:
        return None
    inside = [place for place in groups[axis] if value.size_of(place) > 1]
    outer, inner = inside[0], prod(value.size_of(place) for place in inside[1:])
    if inner > 1 and (every != 1 or start % inner or count % inner):
        # A part of one entry of the outer axis: the inner one is cut, the outer one stands still.
        first, offset = divmod(start, inner)
        if every != 1 or len(inside) != 2 or offset + count > inner:
            return None
        value = value.other(windows=_narrowed(value, outer, first, 1, 1))
        return value.other(windows=_narrowed(value, inside[1], offset, count, 1), shape=shape)
    return value.other(windows=_narrowed(value, outer, start // inner, max(1, count // inner), every), shape=shape)


def _narrowed(value: Value, axis: int, start: int, count: int, every: int) -> dict[int, tuple[int, int, int]]:
    before, _, step = value.windows.get(axis, (0, 0, 1))
    return {**value.windows, axis: (before + start * step, count, every * step)}
