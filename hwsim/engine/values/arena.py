"""A loop's tensors side by side in one array: how views lie in it, and which ops touch no common elements."""

from collections.abc import Iterator
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.tensor_store import TensorStore
from hwsim.engine.values.views import Indices, read
from hwsim.ir.nodes import Loop
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Op
from hwsim.ir.view import View

Array = NDArray[Any]
Layout = tuple[int, int, int, int, int]
"""Rows, columns, start, move each iteration, and distance between rows."""


@dataclass(slots=True, eq=False)
class Arena:
    """The tensors of a loop side by side in one array of int32."""

    memory: TensorStore
    loop: Loop
    indices: Indices
    places: dict[str, int] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    size: int = 0

    def place(self, name: str) -> int:
        if name not in self.places:
            self.places[name] = self.size
            self.size += self.memory[name].size
        return self.places[name]

    def layout(self, view: View) -> Layout | None:
        """Rows, columns, start, move each iteration and row distance of a view; None if it has no such form."""
        array = self.memory[view.tensor]
        if any(w.loops or w.start.shares or w.wraps or w.every != 1 for w in view.windows):
            return None
        first = read(array, view, {**self.indices, self.loop.name: 0})
        second = read(array, view, {**self.indices, self.loop.name: 1})
        axes = _merged(first)
        if len(axes) > 2 or (axes and axes[-1][1] != 1):
            return None
        (cols, _), (rows, distance) = axes[-1] if axes else (1, 1), axes[0] if len(axes) == 2 else (1, 0)
        start = _offset(array, first)
        return rows, cols, self.place(view.tensor) + start, _offset(array, second) - start, distance

    def filled(self) -> NDArray[np.int32]:
        cells = np.empty(self.size, np.int32)
        for name, place in self.places.items():
            array = self.memory[name]
            cells[place : place + array.size] = array.reshape(-1)
        return cells

    def give_back(self, cells: NDArray[np.int32]) -> None:
        for name in self.written:
            array, place = self.memory[name], self.places[name]
            array.reshape(-1)[:] = cells[place : place + array.size]


def _offset(array: Array, part: Array) -> int:
    """Elements from the beginning of an array to that of a part of it."""
    distance = part.__array_interface__["data"][0] - array.__array_interface__["data"][0]
    return int(distance) // array.itemsize


def _merged(part: Array) -> list[tuple[int, int]]:
    """Sizes and distances, in elements, of as few axes as describe the part."""
    axes: list[tuple[int, int]] = []
    for size, stride in zip(part.shape, part.strides, strict=True):
        distance = stride // part.itemsize
        if size == 1:
            continue
        if axes and axes[-1][1] == size * distance:
            axes[-1] = (axes[-1][0] * size, distance)
        else:
            axes.append((size, distance))
    return axes


def independent(body: tuple[Op, ...]) -> Iterator[tuple[Op, ...]]:
    """The ops in groups that never touch what another group writes, in program order within a group."""
    groups: list[list[Op]] = []
    for op in body:
        joined = [group for group in groups if any(_meet(op, earlier) for earlier in group)]
        groups = [group for group in groups if group not in joined]
        groups.append([*(earlier for group in joined for earlier in group), op])
    for group in groups:
        yield tuple(sorted(group, key=body.index))


def _meet(a: Op, b: Op) -> bool:
    """Whether one of two ops may touch what the other writes, in the same iteration or another one."""
    for writer, toucher in ((a, b), (b, a)):
        touched = (*op_spec(toucher).reads(toucher), *op_spec(toucher).writes(toucher))
        if any(w.tensor == v.tensor and not _apart(w, v) for w in op_spec(writer).writes(writer) for v in touched):
            return True
    return False


def _apart(a: View, b: View) -> bool:
    """Whether two views of a tensor never share an element: along some axis they stand still, side by side."""
    for first in a.windows:
        for second in b.windows:
            if first.axis != second.axis or first.start.loops or second.start.loops:
                continue
            if isinstance(first.count, int) and isinstance(second.count, int) and not (first.wraps or second.wraps):
                spans = sorted(
                    (w.start.base, w.start.base + w.every * (int(str(w.count)) - 1) + 1) for w in (first, second)
                )
                if spans[0][1] <= spans[1][0]:
                    return True
    return False
