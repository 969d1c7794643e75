"""The axes along which each kind of op may be done piece by piece.

All kinds pair their views row by row: whatever the shapes, row r of one view belongs to row r of another one. Of the n
rows of a view, an axis of s entries behind axes of b entries in all divides rows, and not the elements of a row, where
b · s divides n: entry i then has the rows r with (r · b · s ÷ n) mod s = i. So axes of two views that have the same b
and the same s have the same rows in each of their entries.
"""

from collections.abc import Iterable, Iterator
from math import gcd, prod

from hwsim.ir.op_spec import Parallel, Shape, ShapeOf, chain_elements, repeated_shapes
from hwsim.ir.ops import Conv, Elementwise, Gemm, Lookup, Move, Quantise, Reduce, Skew
from hwsim.ir.view import View

Place = tuple[int, int]
"""Where an axis divides rows: entries of all axes before it, and its own."""


def places(shape: Shape, rows: int) -> dict[Place, int]:
    """The axes of a view of that shape that divide its rows, by their places; an axis of one entry divides nothing.

    >>> places((2, 250, 4, 64), rows=500), places((2, 250, 4, 64), rows=2000)
    ({(1, 2): 0, (2, 250): 1}, {(1, 2): 0, (2, 250): 1, (500, 4): 2})
    """
    found: dict[Place, int] = {}
    before = 1
    for axis, size in enumerate(shape):
        if size > 1 and rows % (before * size) == 0:
            found[before, size] = axis
        before *= size
    return found


def _paired(shape: ShapeOf, rows: int, paired: Iterable[View], whole: Iterable[View] = ()) -> dict[Place, Parallel]:
    """The axes that divide rows of all paired views alike, by their places; `whole` views are read for each piece."""
    views = dict.fromkeys(paired)
    if not views.keys().isdisjoint(whole):
        return {}  # one view cannot be narrowed and whole
    axes = {view: places(shape(view), rows) for view in views}
    first, *others = axes.values()
    common = [place for place in first if all(place in other for other in others)]
    return {place: tuple((view, axes[view][place]) for view in views) for place in common}


def gemm_axes(op: Gemm, shape: ShapeOf) -> tuple[Parallel, ...]:
    """Batches of matrices, and rows of activations, which all read the whole weight."""
    return tuple(_gemm_axes(op, shape))


def _gemm_axes(op: Gemm, shape: ShapeOf) -> Iterator[Parallel]:
    *leading, k, n = shape(op.weight)
    batch = prod(leading)
    rows = prod(shape(op.act)) // (n if op.transposed else k)
    by_row = [view for view in (op.act, op.out, op.row_scales) if view is not None]
    bias = () if op.bias is None else (op.bias,)
    for (before, _), axis in _paired(shape, rows, by_row, (op.weight, *bias)).items():
        if before % batch == 0:
            yield axis
    matrices = places(shape(op.weight), batch)
    for place, axis in _paired(shape, rows, by_row, bias).items():
        if place in matrices and dict(axis).get(op.weight, matrices[place]) == matrices[place]:
            yield tuple({**dict(axis), op.weight: matrices[place]}.items())


def conv_axes(op: Conv, shape: ShapeOf) -> tuple[Parallel, ...]:
    """The batch alone: windows along the other axes overlap."""
    bias = () if op.bias is None else (op.bias,)
    return tuple(_paired(shape, shape(op.act)[0], (op.act, op.out), (op.weight, *bias)).values())


def elementwise_axes(op: Elementwise, shape: ShapeOf) -> tuple[Parallel, ...]:
    """Axes that all views have, but those of one row, which every piece reads."""
    sizes = chain_elements(op, shape)
    most = max(sizes.values())
    if any(sizes[made] < most for made in (*(step.result for step in op.chain), *dict(op.writes))):
        return ()  # every piece would make it again
    views = [view for _, view in (*op.reads, *op.writes)]
    repeated = [view for view in views if prod(shape(view)) < most]
    if repeated_shapes(op, shape):
        return ()  # a piece may read a part of it
    paired = [view for view in views if prod(shape(view)) == most]
    rows = gcd(most, *(most // prod(shape(view)) for view in repeated))
    return tuple(_paired(shape, rows, paired, repeated).values())


def reduce_axes(op: Reduce, shape: ShapeOf) -> tuple[Parallel, ...]:
    """Axes before the reduced one."""
    read = shape(op.read)
    return tuple(_paired(shape, prod(read[: op.axis % len(read)]), (op.read, op.write), op.parameters).values())


def lookup_axes(op: Lookup, shape: ShapeOf) -> tuple[Parallel, ...]:
    """Axes of the indices."""
    return tuple(_paired(shape, prod(shape(op.index)), (op.index, op.out), (op.table,)).values())


def move_axes(op: Move, shape: ShapeOf) -> tuple[Parallel, ...]:
    """Axes that both views have."""
    return tuple(_paired(shape, prod(shape(op.read)), (op.read, op.write)).values())


def skew_axes(op: Skew, shape: ShapeOf) -> tuple[Parallel, ...]:
    """Axes before rows and columns: how far a row is shifted depends on its place among all rows."""
    return tuple(_paired(shape, prod(shape(op.read)[:-2]), (op.read, op.write)).values())


def quantise_axes(op: Quantise, shape: ShapeOf) -> tuple[Parallel, ...]:
    """Axes that divide rows."""
    return tuple(_paired(shape, prod(shape(op.scales)), (op.read, op.write, op.scales)).values())
