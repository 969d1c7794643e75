"""Blocks that are neither square nor whole: `outer` in few equal parts, the largest `inner` that fits, either order."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from hwsim.schedule.steps import Ring
from witnesses.planner.blocks import OrderedBlock, largest
from witnesses.planner.tiling import Tiling

SHARES = 16


def oblong_blocks(tiling: Tiling, budget: int) -> Iterator[OrderedBlock]:
    """For each depth of K and each order of the loops the block with the lowest bound, and that with the fewest bytes,
    of which all slots of every ring fit; with K whole also those with one slot for the operand of the slow loop."""
    for k in _depths(tiling):
        for swapped, slots in product((False, True), ("all", "one")):
            single = None
            if slots == "one":
                single = _slow_operand(tiling, swapped) if k == tiling.whole.k else None
                if single is None:
                    continue
            blocks = [
                OrderedBlock(outer, inner, k, swapped, single)
                for outer in (_part(tiling, shares) for shares in _shares(tiling))
                if (inner := _widest(tiling, OrderedBlock(outer, 0, k, swapped, single), budget))
            ]
            if blocks:
                yield _in_order(min(blocks, key=lambda at: (tiling.least_cycles(at), tiling.loaded_bytes(at))), tiling)
                yield _in_order(min(blocks, key=lambda at: (tiling.loaded_bytes(at), tiling.least_cycles(at))), tiling)


def _shares(tiling: Tiling) -> Iterator[int]:
    """Into how many parts `outer` is cut: each number of few ones, and beyond that each double one, up to all tiles."""
    tiles = -(-tiling.whole.outer // tiling.constraints.unit.outer)
    yield from range(1, min(SHARES, tiles) + 1)
    shares = SHARES
    while shares < tiles:
        shares = min(2 * shares, tiles)
        yield shares


def _slow_operand(tiling: Tiling, swapped: bool) -> Ring | None:
    """The ring of the operand that stays while the other one passes by, if loading it needs slots at all."""
    size, where = tiling.operands.size, tiling.where
    if tiling.target.slots == 1:
        return None
    if tiling.constraints.n_is_outer != swapped:
        return None if where.weight or where.resident_k else Ring.WEIGHTS
    return Ring.ACTIVATIONS if where.act < size.m else None


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


def _widest(tiling: Tiling, block: OrderedBlock, budget: int) -> int:
    """The largest `inner` that fits, then as little as makes the same number of parts; 0 if not one tile fits."""
    whole, limits, outer, k = tiling.whole.inner, tiling.constraints, block.outer, block.k
    tiles = most = -(-whole // limits.unit.inner)
    if limits.entries is not None and tiling.whole.k > limits.unit.k:
        if k < tiling.whole.k or limits.k_is_cut:
            most = min(most, limits.entries // outer)
        elif outer > limits.entries:
            return 0
    fitting = largest(
        most,
        lambda count: tiling.bytes_of_slots(replace(block, inner=min(whole, count * limits.unit.inner))) <= budget,
    )
    if not fitting:
        return 0
    parts = -(-tiles // fitting)
    return min(whole, -(-tiles // parts) * limits.unit.inner)
