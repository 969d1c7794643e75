"""Blocks that are neither square nor whole: `outer` in few equal parts, the largest `inner` that fits, either order."""

from collections.abc import Iterator
from dataclasses import replace

from witnesses.planner.blocks import OrderedBlock, largest
from witnesses.planner.tiling import Tiling

SHARES = 16


def oblong_blocks(tiling: Tiling, room: int) -> Iterator[OrderedBlock]:
    """For each depth of K and each order of the loops the block with the lowest bound, and that with the fewest bytes,
    of which one slot of every ring fits."""
    for k in _depths(tiling):
        for swapped in (False, True):
            blocks = [
                OrderedBlock(outer, inner, k, swapped)
                for outer in (_part(tiling, shares) for shares in range(1, SHARES + 1))
                if (inner := _widest(tiling, outer, k, room))
            ]
            if blocks:
                yield _in_order(min(blocks, key=lambda at: (tiling.least_cycles(at), tiling.loaded_bytes(at))), tiling)
                yield _in_order(min(blocks, key=lambda at: (tiling.loaded_bytes(at), tiling.least_cycles(at))), tiling)


def _in_order(block: OrderedBlock, tiling: Tiling) -> OrderedBlock:
    """The block; where one of the dimensions is not cut, there is only one order of the loops."""
    cut = block.outer < tiling.whole.outer and block.inner < tiling.whole.inner
    return replace(block, swapped=block.swapped and cut)


def _depths(tiling: Tiling) -> list[int]:
    whole, unit = tiling.whole.k, tiling.constraints.unit.k
    if tiling.constraints.outputs_stay or whole <= unit:
        return [whole]
    return [whole, unit, min(whole, 4 * unit)]


def _part(tiling: Tiling, shares: int) -> int:
    """The size of equal parts of `outer`, in whole tiles, no longer than the array streams at once."""
    whole, limits = tiling.whole.outer, tiling.constraints
    part = -(-whole // shares)
    tiles = -(-part // limits.unit.outer)
    return min(whole, tiles * limits.unit.outer, limits.stream or whole)


def _widest(tiling: Tiling, outer: int, k: int, room: int) -> int:
    """The largest `inner` that fits, then as little as makes the same number of parts; 0 if not one tile fits."""
    whole, limits = tiling.whole.inner, tiling.constraints
    tiles = most = -(-whole // limits.unit.inner)
    if limits.entries is not None and tiling.whole.k > limits.unit.k:
        if k < tiling.whole.k or limits.k_is_cut:
            most = min(most, limits.entries // outer)
        elif outer > limits.entries:
            return 0
    fitting = largest(
        most,
        lambda count: tiling.bytes_held(OrderedBlock(outer, min(whole, count * limits.unit.inner), k)) <= room,
    )
    if not fitting:
        return 0
    parts = -(-tiles // fitting)
    return min(whole, -(-tiles // parts) * limits.unit.inner)
