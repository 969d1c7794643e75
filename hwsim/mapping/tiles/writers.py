"""Which task last wrote each piece of each tensor, while a program is walked.

A piece is what all ops write or read together: one position of all axes but the last, of which it takes a segment.
Segments end where windows of any op do; where ops divide the last axis otherwise, they are single elements.
"""

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.ir.op_table import Shape, op_spec
from hwsim.ir.ops import Conv
from hwsim.ir.program import Program
from hwsim.ir.view import View, Window
from hwsim.mapping.tiles.row_kinds import rows_of

Ids = NDArray[np.int64]
Indices = Mapping[str, int]
NOBODY = -1
"""Who wrote what was there before the first task."""


class Writers:
    """The numbers of the tasks that last wrote the pieces of tensors."""

    def __init__(self, program: Program) -> None:
        self._starts = _segments(program)
        self._ids: dict[str, Ids] = {}
        self._still: dict[int, tuple[Any, ...] | None] = {}
        self._program = program
        self._shapes = {tensor.name: tensor.shape for tensor in program.tensors}

    def all_of(self, tensor: str) -> Ids:
        """The writers of all pieces of a tensor, [positions, segments]."""
        return self._of(tensor).reshape(-1, len(self._starts[tensor]))

    def read(self, view: View, shape: Shape, indices: Indices, parts: int) -> Ids:
        """The writers of what a view of that shape shows, cut into equal parts in the view's order: [parts, pieces]."""
        shown, axis = self._shown(view, indices)
        row, per_part = shape[-1], prod(shape) // parts
        if axis == len(shape) - 1:
            if per_part % row == 0:
                return _rows(shown.reshape(parts, -1))
            if shown.shape[-1] == 1 and row % per_part == 0:
                return np.repeat(shown.reshape(-1, 1), row // per_part, axis=0)
        return _rows(np.repeat(shown, self._lengths(view, indices), axis=axis).reshape(parts, -1))

    def windows(self, op: Conv, indices: Indices) -> Ids:
        """The writers of what the kernel of a convolution covers at each position: [positions, pieces]."""
        shown, axis = self._shown(op.act, indices)
        assert axis == shown.ndim - 1 or len(self._starts[op.act.tensor]) == self._shapes[op.act.tensor][-1]
        edges = [(0, 0), *((one.before, one.after) for one in op.axes), (0, 0)]
        padded = np.pad(shown, edges, constant_values=NOBODY)
        stride = padded.strides
        slides = list(zip(stride[1:-1], op.axes, strict=True))
        covered = np.lib.stride_tricks.as_strided(
            padded,
            [len(padded), *(one.outputs for one in op.axes), *(one.kernel for one in op.axes), padded.shape[-1]],
            [stride[0], *(s * one.stride for s, one in slides), *(s * one.dilation for s, one in slides), stride[-1]],
            writeable=False,
        )
        return covered.reshape(len(padded) * prod(one.outputs for one in op.axes), -1)

    def write(self, view: View, shape: Shape, indices: Indices, tasks: Ids) -> None:
        """Note that these tasks wrote what a view of that shape shows, each an equal part in the view's order."""
        whole = self._shapes[view.tensor]
        per_part = prod(shape) // tasks.size
        places = self._places(view, indices)
        if (view.order is None or view.order[-1] == len(whole) - 1) and per_part % shape[-1] == 0:
            if per_part > shape[-1]:
                tasks = np.repeat(tasks, per_part // shape[-1])
            self._of(view.tensor)[places] = _turned_back(tasks.reshape(*shape[:-1], 1), view)
            return
        assert len(self._starts[view.tensor]) == whole[-1], "segments are as short as what is written"
        self._of(view.tensor)[places] = _turned_back(np.repeat(tasks, per_part).reshape(shape), view)

    def fill(self, tensor: str, tasks: Ids) -> None:
        """Note that these tasks wrote a tensor, each an equal part."""
        self._of(tensor).reshape(tasks.size, -1)[:] = tasks[:, None]

    def _of(self, tensor: str) -> Ids:
        if tensor not in self._ids:
            self._ids[tensor] = np.full((*self._shapes[tensor][:-1], len(self._starts[tensor])), NOBODY)
        return self._ids[tensor]

    def _shown(self, view: View, indices: Indices) -> tuple[Ids, int]:
        """The pieces that a view shows, in its order of axes, and which axis of the view has the segments."""
        shown, last = self._of(view.tensor)[self._places(view, indices)], len(self._shapes[view.tensor]) - 1
        if view.order is None:
            return shown, last
        return shown.transpose(view.order), view.order.index(last)

    def _lengths(self, view: View, indices: Indices) -> NDArray[np.int64] | int:
        """The elements of each segment that a view shows."""
        shape, starts = self._shapes[view.tensor], self._starts[view.tensor]
        if len(starts) == shape[-1]:
            return 1
        start, end = 0, shape[-1]
        for window in view.windows:
            if window.axis == len(shape) - 1:
                start = window.start.at(indices)
                end = start + window.size(indices)
        shown = starts[(starts >= start) & (starts < end)]
        return np.diff(shown, append=end)

    def _places(self, view: View, indices: Indices) -> tuple[Any, ...]:
        """What to index the pieces of a tensor with; worked out once for a view that stands still, one of the program's
        own, so that it keeps its identity."""
        if id(view) not in self._still:
            moves = any(window.loops or window.start.loops for window in view.windows)
            self._still[id(view)] = None if moves else self._places_at(view, indices)
        still = self._still[id(view)]
        return self._places_at(view, indices) if still is None else still

    def _places_at(self, view: View, indices: Indices) -> tuple[Any, ...]:
        shape, starts = self._shapes[view.tensor], self._starts[view.tensor]
        places: list[Any] = [slice(None)] * len(shape)
        listed = False
        for window in view.windows:
            size, start, count = shape[window.axis], window.start.at(indices), window.size(indices)
            if window.axis == len(shape) - 1 and len(starts) < size:
                first, last = starts.searchsorted((start, start + count)).tolist()
                places[-1] = slice(first, last)
            elif window.wraps and start % size + count > size:
                listed = True
                places[window.axis] = np.array(window.entries(size, indices))
            else:
                start %= size
                places[window.axis] = slice(start, start + (count - 1) * window.every + 1, window.every)
        if listed:
            sizes = (*shape[:-1], len(starts))
            return np.ix_(*(np.arange(size)[place] for size, place in zip(sizes, places, strict=True)))
        return tuple(places)


def _rows(ids: Ids) -> Ids:
    """The same rows of writers, one of each where all are the same in every row."""
    if ids.shape[1] > 1 and (ids == ids[:, :1]).all():
        return ids[:, :1]
    return ids


def _turned_back(values: Ids, view: View) -> Ids:
    return values if view.order is None else values.transpose(np.argsort(view.order))


def _segments(program: Program) -> dict[str, NDArray[np.int64]]:
    """Where the segments of the last axis of each tensor begin."""
    single, cuts = set[str](), {tensor.name: {0} for tensor in program.tensors}
    shapes = {tensor.name: tensor.shape for tensor in program.tensors}
    for op in (placed.op for placed in program.placed()):
        rules = op_spec(op)
        for view in (*rules.reads(op), *rules.writes(op)):
            last = len(shapes[view.tensor]) - 1
            for window in view.windows:
                if window.axis == last:
                    bounds = _fixed(window)
                    if bounds is None:
                        single.add(view.tensor)
                    else:
                        cuts[view.tensor] |= {bound for bound in bounds if bound < shapes[view.tensor][-1]}
            if isinstance(op, Conv) and view == op.act and view.order is not None and view.order[-1] != last:
                single.add(view.tensor)
    single |= set(_divided(program))
    return {
        name: np.arange(shape[-1]) if name in single else np.array(sorted(cuts[name])) for name, shape in shapes.items()
    }


def _fixed(window: Window) -> tuple[int, int] | None:
    """Where a window begins and ends, if it stands still; None if it moves. One that holds as many first entries as an
    iteration has takes the whole axis: nothing else is read of the rest."""
    if window.is_content:
        return 0, 0
    moves = window.start.loops or window.wraps or window.every > 1 or not isinstance(window.count, int)
    if moves:
        return None
    assert isinstance(window.count, int)
    return window.start.base, window.start.base + window.count


def _divided(program: Program) -> Iterable[str]:
    """The tensors of which some op writes rows that end within the last axis, or across it."""
    for instance in program.instances():
        op, shape = instance.op, instance.shape
        rows = rows_of(op, shape)
        for view in rows.writes:
            sizes = shape(view)
            turned = view.order is not None and view.order[-1] != len(sizes) - 1
            if turned or prod(sizes) // rows.count % sizes[-1] != 0:
                yield view.tensor
