"""Blocks of ops: the tiles of matrix products, and the rows of other kinds of op.

The dimensions of a product are named by what they do on the array, whose constraints say whether M or N is `outer`.
`outer` is the slowest loop, such as over the dimension that streams through a stationary tile; `inner` lies along the
array's columns. K is innermost, so that partial sums stay in the accumulators.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from hwsim.hardware.array import TileShape, TilingConstraints
from hwsim.schedule.steps import Ring


@dataclass(frozen=True, slots=True)
class OrderedBlock(TileShape):
    """A block, whether the loop over `inner` lies outside that over `outer`, rings whose operands take all slots."""

    swapped: bool = False
    single: tuple[Ring, ...] = ()


def largest_block(
    whole: TileShape, constraints: TilingConstraints, fits: Callable[[OrderedBlock], bool], long: tuple[str, ...] = ()
) -> OrderedBlock | None:
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


def smallest_block(whole: TileShape, constraints: TilingConstraints) -> OrderedBlock:
    """The block that must fit for the product to run at all."""
    return _one_tile(whole, constraints, depth=1)


def _block(whole: TileShape, constraints: TilingConstraints, side: int, long: tuple[str, ...]) -> OrderedBlock:
    """The largest block with no side longer than `side`, but at least one array tile, that the array can hold."""
    unit = constraints.unit
    outer = whole.outer if "outer" in long else _cut(whole.outer, side, unit.outer)
    inner = whole.inner if "inner" in long else _cut(whole.inner, side, unit.inner)
    if constraints.outputs_stay:
        return OrderedBlock(outer=outer, inner=inner, k=whole.k)
    k = whole.k if "k" in long else _cut(whole.k, side, unit.k)
    return _within_accumulators(OrderedBlock(outer, inner, k), whole, constraints)


def _one_tile(whole: TileShape, constraints: TilingConstraints, depth: int) -> OrderedBlock:
    """A single tile of the array over about `depth` of K."""
    unit = constraints.unit
    return OrderedBlock(min(whole.outer, unit.outer), min(whole.inner, unit.inner), _cut(whole.k, depth, unit.k))


def _within_accumulators(block: OrderedBlock, whole: TileShape, constraints: TilingConstraints) -> OrderedBlock:
    """The block, made to obey the array's chunk and the number of partial sums that a column holds."""
    outer, unit, entries = min(block.outer, constraints.stream or block.outer), constraints.unit, constraints.entries
    if entries is not None and whole.k > unit.k:
        sums_at_once = -(-block.inner // unit.inner) if block.k < whole.k or constraints.k_is_cut else 1
        if sums_at_once > entries:
            return OrderedBlock(outer=1, inner=unit.inner * entries, k=block.k)
        outer = min(outer, entries // sums_at_once)
    return OrderedBlock(outer=outer, inner=block.inner, k=block.k)


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
