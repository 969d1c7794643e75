"""Blocks that are neither square nor whole: `outer` in equal parts, the largest `inner` that fits, or a narrower one,
in either order."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from hwsim.schedule.steps import Ring
from witnesses.planner.blocks import OrderedBlock, largest
from witnesses.planner.tiling import Tiling

SHARES, LATENCY = 16, 100.0


def oblong_blocks(tiling: Tiling, budget: int) -> Iterator[OrderedBlock]:
    """For each depth of K and each order of the loops the block that seems fastest, the one with the fewest bytes, and
    that of about as fast ones, of which all slots of every ring fit; with K whole also those with one slot for the
    operand of the slow loop."""
    outer_tiles = -(-tiling.whole.outer // tiling.constraints.unit.outer)
    for k in _depths(tiling):
        for swapped, slots in product((False, True), ("all", "one")):
            single: tuple[Ring, ...] = ()
            if slots == "one":
                single = _slow_operand(tiling, swapped) if k == tiling.whole.k else ()
                if not single:
                    continue
            blocks = [
                OrderedBlock(outer, inner, k, swapped, single)
                for outer in (_part(tiling, shares) for shares in _shares(outer_tiles))
                if (inner := _widest(tiling, OrderedBlock(outer, 0, k, swapped, single), budget))
            ]
            costs = [(likely_cycles(tiling, block), tiling.loaded_bytes(block), block) for block in blocks]
            if costs:
                fastest = min(costs, key=lambda cost: cost[:2])
                near = [cost for cost in costs if cost[0] <= about(fastest[0])]
                for best in (fastest, min(costs, key=_leanest), min(near, key=_leanest)):
                    yield _in_order(best[2], tiling)
                yield _in_order(_narrowed(tiling, fastest[2]), tiling)


def _leanest(cost: tuple[int, int, OrderedBlock]) -> tuple[int, int]:
    return cost[1], cost[0]


def about(cycles: int) -> int:
    """What is about as fast: a thirty-second more."""
    return cycles + cycles // 32


def likely_cycles(tiling: Tiling, block: OrderedBlock) -> int:
    """About how long the product takes: the first block is loaded, then steps follow each other at the pace of load
    unit, array or slot, then the last result is stored."""
    operands, where, ports, whole = tiling.operands, tiling.where, tiling.target.ports, tiling.whole
    m, n = tiling.constraints.m_and_n(block)
    acts = 0.0 if where.act >= operands.size.m else float(ports.load_cycles(operands.act_bytes(m, block.k)))
    weights = 0.0 if where.weight else float(ports.load_cycles(operands.weight_bytes(block.k, n)))
    outers, inners = -(-whole.outer // block.outer), -(-whole.inner // block.inner)
    batch, slots = float(operands.size.batch), float(tiling.target.slots)
    steps = float(outers) * float(inners) * float(-(-whole.k // block.k))
    load = float(ports.load_cycles(tiling.loaded_bytes(block))) / steps
    array = float(tiling.busy_cycles(block.outer)) / steps
    pace = max(load, array, (load + array + LATENCY) / slots)
    likely = acts + weights + (batch * steps - 1.0) * pace + array
    if block.single:
        waits = float((inners if block.swapped else outers) - 1)
        likely += batch * waits * (acts if Ring.ACTIVATIONS in block.single else weights)
    if not where.out:
        likely += float(ports.store_cycles(tiling.result_bytes(m, n)))
    return int(min(likely, 2.0**62))


def _narrowed(tiling: Tiling, block: OrderedBlock) -> OrderedBlock:
    """The block with that `inner` up to its own that seems fastest."""
    whole, unit = tiling.whole.inner, tiling.constraints.unit.inner
    few = -(-whole // block.inner)
    parts = [-(-whole // shares) for shares in (few, *_shares(-(-whole // unit), few))]
    widths = [-(-part // unit) * unit for part in parts]
    blocks = [replace(block, inner=min(block.inner, width)) for width in widths]
    return min(blocks, key=lambda narrower: likely_cycles(tiling, narrower))


def _shares(tiles: int, shares: int = 0) -> Iterator[int]:
    """Into how many parts a dimension is cut: each of few numbers, then a quarter more, then twice, up to all tiles."""
    while shares < tiles:
        more = shares + 1 if shares < SHARES else shares + shares // 4 if shares < 8 * SHARES else 2 * shares
        shares = min(more, tiles)
        yield shares


def _slow_operand(tiling: Tiling, swapped: bool) -> tuple[Ring, ...]:
    """The ring of the operand that stays while the other one passes by, if loading it needs slots at all."""
    stays = Ring.WEIGHTS if tiling.constraints.n_is_outer != swapped else Ring.ACTIVATIONS
    return tuple(ring for ring in loaded_rings(tiling) if ring is stays)


def loaded_rings(tiling: Tiling) -> tuple[Ring, ...]:
    """The rings that could do with a single slot: those into which blocks are loaded."""
    size, where = tiling.operands.size, tiling.where
    if tiling.target.slots == 1 or 0 < where.resident_k < tiling.whole.k:
        return ()
    weights = () if where.weight or where.resident_k else (Ring.WEIGHTS,)
    return (*weights, Ring.ACTIVATIONS) if where.act < size.m else weights


def _in_order(block: OrderedBlock, tiling: Tiling) -> OrderedBlock:
    """The block; where one of the dimensions is not cut, there is only one order of the loops."""
    cut = block.outer < tiling.whole.outer and block.inner < tiling.whole.inner
    return replace(block, swapped=block.swapped and cut)


def _depths(tiling: Tiling) -> list[int]:
    whole, unit = tiling.whole.k, tiling.constraints.unit.k
    if tiling.constraints.outputs_stay or whole <= unit:
        return [whole]
    tiles = -(-whole // unit)
    half = -(-tiles // 2) * unit
    return [min(whole, depth) for depth in (whole, half, unit, 4 * unit)]


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
