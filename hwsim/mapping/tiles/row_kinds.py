"""How each kind of op falls into rows: what a row reads of each view, what it writes, and its work."""

from collections.abc import Callable
from math import prod

from hwsim.dataclass import dataclass
from hwsim.ir.op_spec import chain_elements
from hwsim.ir.op_table import ShapeOf, is_depthwise, matrix_size, op_spec
from hwsim.ir.ops import Conv, Elementwise, Function, Gemm, Lookup, Move, Op, Quantise, Reduce, Skew
from hwsim.ir.view import View
from hwsim.quantities.registry import KindTable


@dataclass(frozen=True, slots=True)
class RowRead:
    """What rows read of a view: it is cut into `parts` equal pieces in its own order, and row r of R needs piece
    ⌊r · parts / R⌋, of which it takes `elements`.

    The activations of a convolution are read in windows instead; their `parts` are 0.
    """

    view: View
    parts: int
    elements: int


@dataclass(frozen=True, slots=True)
class Rows:
    """So many rows, each of which writes an equal piece of every view that the op writes.

    `written` are the elements of each such piece, `functions` elements that a row's functions work on; `results` its
    products, each of `k` factors.
    """

    count: int
    reads: tuple[RowRead, ...]
    writes: tuple[View, ...]
    written: tuple[int, ...]
    functions: tuple[tuple[Function, int], ...]
    results: int = 0
    k: int = 0


def rows_of(op: Op, shape: ShapeOf) -> Rows:
    """How an op falls into rows, its views of these shapes."""
    return TILE_ROWS.of(op)(op, shape)


def _shared(op: Op, shape: ShapeOf, count: int) -> tuple[tuple[Function, int], ...]:
    """All the work of an op, an equal part for each row."""
    work = op_spec(op).vector_work(op, shape)
    return tuple((function, -(-size // count)) for function, size in work.items() if size)


def _pieces(view: View, shape: ShapeOf, count: int) -> RowRead:
    return RowRead(view, count, prod(shape(view)) // count)


def _writes(shape: ShapeOf, count: int, *views: View) -> tuple[tuple[View, ...], tuple[int, ...]]:
    return views, tuple(prod(shape(view)) // count for view in views)


def _gemm(op: Gemm, shape: ShapeOf) -> Rows:
    size = matrix_size(op, shape)
    count = size.batch * size.m
    reads = [_pieces(op.act, shape, count), _pieces(op.weight, shape, size.batch)]
    if op.bias is not None:
        reads.append(_pieces(op.bias, shape, 1))
    if op.row_scales is not None:
        reads.append(_pieces(op.row_scales, shape, count))
    return Rows(count, tuple(reads), *_writes(shape, count, op.out), _shared(op, shape, count), size.n, size.k)


def _conv(op: Conv, shape: ShapeOf) -> Rows:
    size, out = matrix_size(op, shape), shape(op.out)
    count = prod(out) // out[-1]
    entries = prod(axis.kernel for axis in op.axes)
    reads = [RowRead(op.act, 0, entries * shape(op.act)[-1]), _pieces(op.weight, shape, 1)]
    if op.bias is not None:
        reads.append(_pieces(op.bias, shape, 1))
    results = 0 if is_depthwise(op, shape) else size.batch * size.n
    return Rows(count, tuple(reads), *_writes(shape, count, op.out), _shared(op, shape, count), results, size.k)


def _elementwise(op: Elementwise, shape: ShapeOf) -> Rows:
    """Rows as long as the longest last axis of the largest views, or as what is repeated for all rows."""
    views = [view for _, view in (*op.reads, *op.writes)]
    elements = chain_elements(op, shape)
    most = max(*elements.values(), *(prod(shape(view)) for view in views))
    size = max(shape(view)[-1] if prod(shape(view)) == most else prod(shape(view)) for view in views)
    if any(prod(shape(view)) != most for _, view in op.writes):
        size = most  # what is the same for all rows is written once
    count = most // size

    def of_row(whole: int) -> int:
        return size if whole == most else whole

    reads = tuple(_pieces(view, shape, count if prod(shape(view)) == most else 1) for view in op_spec(op).reads(op))
    work: dict[Function, int] = {}
    for step in op.chain:
        function = step.function.counts_as
        work[function] = work.get(function, 0) + of_row(elements[step.result])
    return Rows(count, reads, *_writes(shape, count, *op_spec(op).writes(op)), tuple(work.items()))


def _reduce(op: Reduce, shape: ShapeOf) -> Rows:
    """A row is what lies along the reduced axis and the axes behind it."""
    read = shape(op.read)
    count = prod(read[: op.axis % len(read)])
    parameters = tuple(_pieces(view, shape, 1) for view in op.parameters)
    return Rows(
        count,
        (_pieces(op.read, shape, count), *parameters),
        *_writes(shape, count, op.write),
        _shared(op, shape, count),
    )


def _lookup(op: Lookup, shape: ShapeOf) -> Rows:
    """A row for each index, which may name any row of the table."""
    count = prod(shape(op.index))
    reads = RowRead(op.table, 1, shape(op.table)[-1]), _pieces(op.index, shape, count)
    return Rows(count, reads, *_writes(shape, count, op.out), ())


def row_for_row(op: Op, shape: ShapeOf) -> Rows:
    """Rows as long as the longer last axis of the first view that is read and the one that is written: each takes a
    piece of the one to make the same piece of the other, and all of what else is read."""
    rules = op_spec(op)
    (first, *others), (out,) = rules.reads(op), rules.writes(op)
    read, write = shape(first), shape(out)
    count = prod(write) // max(read[-1], write[-1])
    reads = (_pieces(first, shape, count), *(_pieces(view, shape, 1) for view in others))
    return Rows(count, reads, *_writes(shape, count, out), _shared(op, shape, count))


def _skew(op: Skew, shape: ShapeOf) -> Rows:
    """Each row is a part of the row that it reads."""
    read, write = shape(op.read), shape(op.write)
    count = prod(write) // write[-1]
    return Rows(count, (RowRead(op.read, prod(read) // read[-1], write[-1]),), *_writes(shape, count, op.write), ())


def _quantise(op: Quantise, shape: ShapeOf) -> Rows:
    count = prod(shape(op.scales))
    return Rows(
        count, (_pieces(op.read, shape, count),), *_writes(shape, count, op.write, op.scales), _shared(op, shape, count)
    )


TILE_ROWS = KindTable[Callable[..., Rows]](
    "networks on tiles",
    {
        Gemm: _gemm,
        Conv: _conv,
        Elementwise: _elementwise,
        Reduce: _reduce,
        Lookup: _lookup,
        Move: row_for_row,
        Skew: _skew,
        Quantise: _quantise,
    },
)
