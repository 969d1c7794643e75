"""Every block of a small product: all sides that make equal parts, both orders, and which operands take all slots."""

from collections.abc import Iterator
from itertools import chain, combinations

from witnesses.planner.blocks import OrderedBlock
from witnesses.planner.oblong import loaded_rings
from witnesses.planner.tiling import Tiling

SMALL, MOST = 64**3, 2048


def every_block(tiling: Tiling) -> Iterator[OrderedBlock]:
    """Every block, the largest first; none of a product that makes many multiplications or has too many blocks."""
    size, limits, whole = tiling.operands.size, tiling.constraints, tiling.whole
    outers, inners = _sides(whole.outer, limits.unit.outer), _sides(whole.inner, limits.unit.inner)
    ks = [whole.k] if limits.outputs_stay else _sides(whole.k, limits.unit.k)
    if size.m * size.k * size.n > SMALL or len(outers) * len(inners) * 2 * (len(ks) + 3) > MOST:
        return
    rings = loaded_rings(tiling)
    singles = list(chain.from_iterable(combinations(rings, count) for count in range(len(rings) + 1)))
    for outer in (min(side, limits.stream or side) for side in outers):
        for inner in inners:
            for k in ks:
                if not _has_sums(tiling, OrderedBlock(outer, inner, k)):
                    continue
                for single in singles if k == whole.k else [()]:
                    yield OrderedBlock(outer, inner, k, False, single)
                    if outer < whole.outer and inner < whole.inner:
                        yield OrderedBlock(outer, inner, k, True, single)


def _sides(whole: int, unit: int) -> list[int]:
    """The sides of equal parts, in whole tiles, the largest first."""
    tiles = -(-whole // unit)
    return sorted({min(whole, -(-tiles // parts) * unit) for parts in range(1, tiles + 1)}, reverse=True)


def _has_sums(tiling: Tiling, block: OrderedBlock) -> bool:
    """Whether the accumulators of the array hold the block's sums."""
    limits, k = tiling.constraints, tiling.whole.k
    if limits.entries is None or k <= limits.unit.k:
        return True
    sums_at_once = -(-block.inner // limits.unit.inner) if block.k < k or limits.k_is_cut else 1
    return block.outer * sums_at_once <= limits.entries
