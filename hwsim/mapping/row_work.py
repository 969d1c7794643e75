"""Ops of the vector unit row by row: how many rows an op has, what every block of rows reads, and its work."""

from collections.abc import Callable, Iterable
from math import prod
from typing import NamedTuple

from hwsim.dataclass import dataclass
from hwsim.ir.op_spec import repeated_shapes
from hwsim.ir.op_table import matrix_size, op_spec
from hwsim.ir.ops import Conv, Elementwise, Function, Gemm, Lookup, Move, Quantise, Reduce, Skew, VectorWork
from hwsim.ir.view import View
from hwsim.mapping.lower import SizedOp
from hwsim.quantities.registry import KindTable


@dataclass(frozen=True, slots=True)
class BlockWork:
    """The functions that a block of rows needs: so many elements a block, and so many a row."""

    per_block: tuple[tuple[Function, int], ...]
    per_row: tuple[tuple[Function, int], ...]


class RowWork(NamedTuple):
    """How many rows an op of the vector unit has, which views every block reads as a whole, and the work of a block."""

    rows: int
    shared: frozenset[View]
    work: BlockWork


def row_work_of(sized: SizedOp) -> RowWork:
    """How an op of the vector unit falls into rows."""
    return ROW_KINDS.of(sized.op)(sized)


def values_of(sized: SizedOp, of_rows: RowWork) -> int | None:
    """The values of a chain on a single row whose views are all as long: each of them is worked on for itself."""
    if not isinstance(sized.op, Elementwise):
        return None
    rows, shared, work = of_rows
    sizes = {prod(shape) for _, shape in sized.shapes}
    if rows != 1 or shared or len(sizes) != 1:
        return None
    (values,) = sizes
    return None if work.per_block or any(count % values for _, count in work.per_row) else values


def in_rows(sized: SizedOp, count: int, shared: Iterable[View] = ()) -> RowWork:
    """So many rows, each with its part of all the work; every block reads the shared views as a whole."""
    whole = op_spec(sized.op).vector_work(sized.op, sized.shape)
    return RowWork(
        count, frozenset(shared), _block_work({}, {function: size // count for function, size in whole.items()})
    )


def rows_of_result(sized: SizedOp) -> RowWork:
    """A row for each row of the only result; every block reads the views after the first as a whole."""
    rules = op_spec(sized.op)
    (out,) = rules.writes(sized.op)
    shape = sized.shape(out)
    return in_rows(sized, prod(shape) // shape[-1], rules.reads(sized.op)[1:])


def _reduced(sized: SizedOp) -> RowWork:
    op = sized.op
    assert isinstance(op, Reduce)
    read = sized.shape(op.read)
    return in_rows(sized, prod(read) // read[op.axis], op.parameters)


def _multiplied(sized: SizedOp) -> RowWork:
    """A row for each product of a batch, which has operands of its own, or else for each row of activations; what all
    of these read is shared."""
    op = sized.op
    assert isinstance(op, Gemm)
    size = matrix_size(op, sized.shape)
    of_columns = (op.bias,) if size.batch > 1 else (op.weight, op.bias)
    shared = [view for view in of_columns if view is not None]
    return in_rows(sized, size.batch if size.batch > 1 else size.m, shared)


def _quantised(sized: SizedOp) -> RowWork:
    op = sized.op
    assert isinstance(op, Quantise)
    return in_rows(sized, prod(sized.shape(op.scales)))


def _looked_up(sized: SizedOp) -> RowWork:
    op = sized.op
    assert isinstance(op, Lookup)
    return in_rows(sized, prod(sized.shape(op.index)))


def _chained(sized: SizedOp) -> RowWork:
    op, shape, rules = sized.op, sized.shape, op_spec(sized.op)
    assert isinstance(op, Elementwise)
    views = rules.reads(op)
    widest = max((shape(view) for view in (*views, *rules.writes(op))), key=prod)
    repeated, most = repeated_shapes(op, shape), prod(widest)
    rowlike = [view for view in views if prod(shape(view)) != most and view not in repeated]
    # A view with one row for all rows may lie over several axes.
    size = max((prod(shape(view)) for view in rowlike), default=widest[-1])

    def elements(block: int) -> Callable[[View], tuple[int, ...]]:
        whole = (block, size)
        return lambda view: whole if prod(shape(view)) == most or view in repeated else shape(view)

    # Work on one row for all rows is done anew in each block; the other work grows with the block's rows.
    one_row, two_rows = rules.vector_work(op, elements(1)), rules.vector_work(op, elements(2))
    count = most // size
    if count == 1:
        return RowWork(1, frozenset((*rowlike, *repeated)), _block_work({}, one_row))
    per_row = {function: two_rows[function] - one_row[function] for function in one_row}
    per_block = {function: one_row[function] - per_row[function] for function in one_row}
    return RowWork(count, frozenset((*rowlike, *repeated)), _block_work(per_block, per_row))


def _block_work(per_block: VectorWork, per_row: VectorWork) -> BlockWork:
    return BlockWork(
        tuple((function, size) for function, size in per_block.items() if size),
        tuple((function, size) for function, size in per_row.items() if size),
    )


ROW_KINDS = KindTable[Callable[[SizedOp], RowWork]](
    "mappers",
    {
        Gemm: _multiplied,
        Conv: rows_of_result,
        Elementwise: _chained,
        Reduce: _reduced,
        Lookup: _looked_up,
        Move: rows_of_result,
        Skew: rows_of_result,
        Quantise: _quantised,
    },
)
"""Matrix products and convolutions run by these rows only where the vector unit does them."""
