"""Blocks of ops: the tiles of matrix products, and the rows of other kinds of op.

The dimensions of a product are named by what they do on the array, whose constraints say whether M or N is `outer`.
`outer` is the slowest loop, such as over the dimension that streams through a stationary tile; `inner` lies along the
array's columns. K is innermost, so that partial sums stay in the accumulators.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import NamedTuple

from hwsim.hardware.array import TileShape, TilingConstraints
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Elementwise, Function, Lookup, Move, Quantise, Reduce, Skew, VectorWork
from hwsim.ir.view import View
from hwsim.quantities.registry import KindTable
from witnesses.planner.lower import SizedOp


def largest_block(
    whole: TileShape, constraints: TilingConstraints, fits: Callable[[TileShape], bool], long: tuple[str, ...] = ()
) -> TileShape | None:
    """The block with the longest side that fits, `long` sides whole; None if not even the smallest does."""
    longest = max(whole.outer, whole.inner, whole.k)
    side = largest(longest, lambda side: fits(_block(whole, constraints, side, long)))
    if side:
        return _block(whole, constraints, side, long)
    if constraints.outputs_stay and not long:
        # K may be cut only inside one output tile, whose sums stay in the PEs.
        depth = largest(whole.k, lambda depth: fits(_one_tile(whole, constraints, depth)))
        return _one_tile(whole, constraints, depth) if depth else None
    return None


def smallest_block(whole: TileShape, constraints: TilingConstraints) -> TileShape:
    """The block that must fit for the product to run at all."""
    return _one_tile(whole, constraints, depth=1)


def _block(whole: TileShape, constraints: TilingConstraints, side: int, long: tuple[str, ...]) -> TileShape:
    """The largest block with no side longer than `side`, but at least one array tile, that the array can hold."""
    unit = constraints.unit
    outer = whole.outer if "outer" in long else _cut(whole.outer, side, unit.outer)
    inner = whole.inner if "inner" in long else _cut(whole.inner, side, unit.inner)
    if constraints.outputs_stay:
        return TileShape(outer=outer, inner=inner, k=whole.k)
    k = whole.k if "k" in long else _cut(whole.k, side, unit.k)
    return _within_accumulators(TileShape(outer, inner, k), whole, constraints)


def _one_tile(whole: TileShape, constraints: TilingConstraints, depth: int) -> TileShape:
    """A single tile of the array over about `depth` of K."""
    unit = constraints.unit
    return TileShape(min(whole.outer, unit.outer), min(whole.inner, unit.inner), _cut(whole.k, depth, unit.k))


def _within_accumulators(block: TileShape, whole: TileShape, constraints: TilingConstraints) -> TileShape:
    """The block, made to obey the array's chunk and the number of partial sums that a column holds."""
    outer, unit, entries = min(block.outer, constraints.stream or block.outer), constraints.unit, constraints.entries
    if entries is not None and whole.k > unit.k:
        sums_at_once = -(-block.inner // unit.inner) if block.k < whole.k or constraints.k_is_cut else 1
        if sums_at_once > entries:
            return TileShape(outer=1, inner=unit.inner * entries, k=block.k)
        outer = min(outer, entries // sums_at_once)
    return TileShape(outer=outer, inner=block.inner, k=block.k)


def _cut(size: int, side: int, unit: int) -> int:
    """The whole size if the side allows, else the largest multiple of the unit, at least one."""
    return size if size <= side else min(size, max(1, side // unit) * unit)


def largest(high: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `high` that fits, if smaller ones fit too; 0 if none does."""
    low = 0
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


class TileRun(NamedTuple):
    """Equal consecutive pieces of a dimension, and where the first of them begins."""

    size: int
    times: int
    first: bool
    last: bool
    start: int

    def before(self, mark: int) -> int:
        """How much of each piece lies before a mark, which lies inside no piece that repeats."""
        return min(self.size, max(0, mark - self.start))


def tile_runs(whole: int, block: int, marks: Iterable[int] = ()) -> Iterator[TileRun]:
    """A dimension in pieces: the first, those between, and the last, which may be smaller.

    A piece with a mark inside stands alone.

    >>> [tuple(part) for part in tile_runs(10, 3)]
    [(3, 1, True, False, 0), (3, 2, False, False, 3), (1, 1, False, True, 9)]
    >>> [(part.start, part.times, part.before(8)) for part in tile_runs(20, 3, [8])]
    [(0, 1, 3), (3, 1, 3), (6, 1, 2), (9, 3, 0), (18, 1, 0)]
    """
    pieces = -(-whole // block)
    if pieces == 1:
        yield TileRun(whole, 1, True, True, 0)
        return
    yield TileRun(block, 1, True, False, 0)
    bounds = {place for mark in marks for place in (mark // block, -(-mark // block)) if 1 < place < pieces - 1}
    for begin, end in pairwise(sorted({1, pieces - 1} | bounds)):
        yield TileRun(block, end - begin, False, False, begin * block)
    yield TileRun(whole - (pieces - 1) * block, 1, False, True, (pieces - 1) * block)


@dataclass(frozen=True, slots=True)
class BlockWork:
    """The functions that a block of rows needs: so many elements a block, and so many a row."""

    per_block: tuple[tuple[Function, int], ...]
    per_row: tuple[tuple[Function, int], ...]

    def __call__(self, block: int) -> VectorWork:
        work = dict(self.per_block)
        for function, size in self.per_row:
            work[function] = work.get(function, 0) + size * block
        return work


class ByRows(NamedTuple):
    """How many rows an op of the vector unit has, which views every block reads as a whole, and the work of a block."""

    rows: int
    shared: frozenset[View]
    work: BlockWork


def by_rows(sized: SizedOp) -> ByRows:
    """How an op of the vector unit falls into rows."""
    return ROW_KINDS.of(sized.op)(sized)


def in_rows(sized: SizedOp, count: int, shared: Iterable[View] = ()) -> ByRows:
    """So many rows, each with its part of all the work; every block reads the shared views as a whole."""
    whole = op_spec(sized.op).vector_work(sized.op, sized.shape)
    return ByRows(
        count, frozenset(shared), _block_work({}, {function: size // count for function, size in whole.items()})
    )


def rows_of_result(sized: SizedOp) -> ByRows:
    """A row for each row of the only result; every block reads the views after the first as a whole."""
    rules = op_spec(sized.op)
    (out,) = rules.writes(sized.op)
    shape = sized.shape(out)
    return in_rows(sized, prod(shape) // shape[-1], rules.reads(sized.op)[1:])


def _reduced(sized: SizedOp) -> ByRows:
    op = sized.op
    assert isinstance(op, Reduce)
    read = sized.shape(op.read)
    return in_rows(sized, prod(read) // read[op.axis], op.parameters)


def _quantised(sized: SizedOp) -> ByRows:
    op = sized.op
    assert isinstance(op, Quantise)
    return in_rows(sized, prod(sized.shape(op.scales)))


def _looked_up(sized: SizedOp) -> ByRows:
    op = sized.op
    assert isinstance(op, Lookup)
    return in_rows(sized, prod(sized.shape(op.index)))


def _chained(sized: SizedOp) -> ByRows:
    op, shape, rules = sized.op, sized.shape, op_spec(sized.op)
    views = rules.reads(op)
    widest = max((shape(view) for view in (*views, *rules.writes(op))), key=prod)
    rowlike = [view for view in views if prod(shape(view)) != prod(widest)]
    # A view with one row for all rows may lie over several axes.
    size = max((prod(shape(view)) for view in rowlike), default=widest[-1])

    def elements(block: int) -> Callable[[View], tuple[int, ...]]:
        return lambda view: (block, size) if prod(shape(view)) == prod(widest) else shape(view)

    # Work on one row for all rows is done anew in each block; the other work grows with the block's rows.
    one_row, two_rows = rules.vector_work(op, elements(1)), rules.vector_work(op, elements(2))
    count = prod(widest) // size
    if count == 1:
        return ByRows(1, frozenset(rowlike), _block_work({}, one_row))
    per_row = {function: two_rows[function] - one_row[function] for function in one_row}
    per_block = {function: one_row[function] - per_row[function] for function in one_row}
    return ByRows(count, frozenset(rowlike), _block_work(per_block, per_row))


def _block_work(per_block: VectorWork, per_row: VectorWork) -> BlockWork:
    return BlockWork(
        tuple((function, size) for function, size in per_block.items() if size),
        tuple((function, size) for function, size in per_row.items() if size),
    )


ROW_KINDS = KindTable[Callable[[SizedOp], ByRows]](
    "mappers",
    {
        Conv: rows_of_result,
        Elementwise: _chained,
        Reduce: _reduced,
        Lookup: _looked_up,
        Move: rows_of_result,
        Skew: rows_of_result,
        Quantise: _quantised,
    },
)
"""Matrix products run on the array and have no entry; a convolution with one channel a group runs by these rows."""
