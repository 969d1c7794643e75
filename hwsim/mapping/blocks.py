"""Cutting a Gemm into blocks that fit: the largest square block, operands kept from block to block where they recur.

The dimensions are named by what they do on the array. `outer` is the slowest loop: the streamed dimension of WS (M)
and IS (N), the rows of OS (M). `inner` lies along the array's columns: N for WS and OS, M for IS. K is innermost, so
that partial sums stay in the accumulators.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from hwsim.core.chip import Dataflow, SystolicArray
from hwsim.core.precision import Precision


@dataclass(frozen=True, slots=True)
class Extent:
    """Sizes of a Gemm, or of a block of one, in the order of the loops."""

    outer: int
    inner: int
    k: int


def extent(dataflow: Dataflow, m: int, k: int, n: int) -> Extent:
    """M, K, N in the order of the loops."""
    return Extent(outer=n, inner=m, k=k) if dataflow is Dataflow.IS else Extent(outer=m, inner=n, k=k)


def m_and_n(dataflow: Dataflow, block: Extent) -> tuple[int, int]:
    """The rows and columns of the result that a block makes."""
    return (block.inner, block.outer) if dataflow is Dataflow.IS else (block.outer, block.inner)


@dataclass(frozen=True, slots=True)
class Grain:
    """What blocks are multiples of: the part of each dimension that one array tile covers."""

    outer: int
    inner: int
    k: int


def grain(array: SystolicArray, mode: Precision) -> Grain:
    packed = array.packed(mode)
    inner = array.cols * packed.n
    if array.dataflow is Dataflow.OS:
        return Grain(outer=array.rows, inner=inner, k=packed.k)
    return Grain(outer=1, inner=inner, k=array.rows * packed.k)


def largest_square_block(
    whole: Extent, array: SystolicArray, mode: Precision, fits: Callable[[Extent], bool]
) -> Extent | None:
    """The block with the longest side that fits; None if not even the smallest does."""
    longest = max(whole.outer, whole.inner, whole.k)
    side = largest(longest, lambda side: fits(_square_block(whole, array, mode, side)))
    if side:
        return _square_block(whole, array, mode, side)
    if array.dataflow is Dataflow.OS:
        # K may be cut only inside one output tile, whose sums stay in the PEs.
        depth = largest(whole.k, lambda depth: fits(_one_tile(whole, array, mode, depth)))
        return _one_tile(whole, array, mode, depth) if depth else None
    return None


def smallest_block(whole: Extent, array: SystolicArray, mode: Precision) -> Extent:
    """What must fit for the Gemm to run at all."""
    return _one_tile(whole, array, mode, depth=1)


def _square_block(whole: Extent, array: SystolicArray, mode: Precision, side: int) -> Extent:
    """The largest block with no side longer than `side`, but at least one array tile, that the array can hold."""
    unit = grain(array, mode)
    outer, inner = _cut(whole.outer, side, unit.outer), _cut(whole.inner, side, unit.inner)
    if array.dataflow is Dataflow.OS:
        return Extent(outer=outer, inner=inner, k=whole.k)
    return _within_accumulators(Extent(outer, inner, _cut(whole.k, side, unit.k)), whole, array, mode)


def _one_tile(whole: Extent, array: SystolicArray, mode: Precision, depth: int) -> Extent:
    """A single tile of the array over about `depth` of K."""
    unit = grain(array, mode)
    return Extent(min(whole.outer, unit.outer), min(whole.inner, unit.inner), _cut(whole.k, depth, unit.k))


def _within_accumulators(block: Extent, whole: Extent, array: SystolicArray, mode: Precision) -> Extent:
    """The block, made to obey the array's chunk and the number of partial sums that a column holds."""
    unit = grain(array, mode)
    outer = min(block.outer, array.m_chunk or block.outer)
    entries = array.accumulator_of(mode).entries
    if entries is not None and whole.k > unit.k:
        sums_at_once = -(-block.inner // unit.inner) if block.k < whole.k else 1
        if sums_at_once > entries:
            return Extent(outer=1, inner=unit.inner * entries, k=block.k)
        outer = min(outer, entries // sums_at_once)
    return Extent(outer=outer, inner=block.inner, k=block.k)


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


class Part(NamedTuple):
    """Equal consecutive pieces of a dimension."""

    size: int
    times: int
    first: bool
    last: bool


def parts(whole: int, block: int) -> Iterator[Part]:
    """A dimension in pieces: the first, those between, and the last, which may be smaller.

    >>> [tuple(part) for part in parts(10, 3)]
    [(3, 1, True, False), (3, 2, False, False), (1, 1, False, True)]
    """
    pieces = -(-whole // block)
    if pieces == 1:
        yield Part(whole, 1, True, True)
        return
    yield Part(block, 1, True, False)
    if pieces > 2:
        yield Part(block, pieces - 2, False, False)
    yield Part(whole - (pieces - 1) * block, 1, False, True)
