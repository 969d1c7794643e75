"""Reading and writing the part of an array that a view shows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.ir.view import View

Array = NDArray[Any]
Indices = Mapping[str, int]


def read(array: Array, view: View, indices: Indices) -> Array:
    """The part, its axes in the view's order; the array's own memory where no window goes on at the beginning."""
    part: Array = array[_places(array.shape, view, indices)]
    return part if view.order is None else part.transpose(view.order)


def write(array: Array, view: View, indices: Indices, values: Array) -> None:
    """Put values into the part, element by element in the view's order."""
    shape = view.shape_in(array.shape, indices)
    placed = values.reshape(shape)
    if view.order is not None:
        placed = placed.transpose(np.argsort(view.order))
    array[_places(array.shape, view, indices)] = placed


def _places(shape: tuple[int, ...], view: View, indices: Indices) -> tuple[Any, ...]:
    """What to index an array with, so that each axis stays."""
    places: list[Any] = [slice(None)] * len(shape)
    wrapped: list[int] = []
    for window in view.windows:
        size = shape[window.axis]
        start, count = window.start.at(indices), window.size(indices)
        if window.wraps:
            start %= size
            if start + count > size:
                wrapped.append(window.axis)
                continue
        places[window.axis] = slice(start, start + (count - 1) * window.every + 1, window.every)
    if not wrapped:
        return tuple(places)
    chosen = [np.arange(size)[place] for size, place in zip(shape, places, strict=True)]
    for window in view.windows:
        if window.axis in wrapped:
            chosen[window.axis] = np.array(window.entries(shape[window.axis], indices))
    return tuple(np.ix_(*chosen))
