"""Every block of a small product: all equal parts of its sides, in both orders of the loops, with all slots of each
operand or a single one.

What seems fastest is found by rates. A small product takes some hundred cycles, of which a latency or the last block is
a tenth, and no rate tells those.
"""

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.blocks import whole_inner, whole_outer
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.tiling_bytes import ceil_div

SMALL = 1 << 18
"""A product that makes more multiplications is not small: 64 × 64 × 64."""

MOST_BLOCKS = 1 << 11
"""A product with more blocks than these is not small either."""


@lean
def most_of_small(op):
    """How many blocks a small product has at most; 0 for one that is not small."""
    if op[t.K] > SMALL or op[t.M] > SMALL // op[t.K] or op[t.N] > SMALL // (op[t.M] * op[t.K]):
        return np.int64(0)
    outers, inners = _sides(_outer_tiles(op)), _sides(_inner_tiles(op))
    ks = np.int64(1) if op[t.STAYS] else _sides(_k_tiles(op))
    blocks = outers * inners * 2 * (ks + 3)
    return blocks if blocks <= MOST_BLOCKS else np.int64(0)


@lean
def add_every_block(op, blocks):
    """List every block of a small product, the largest first; how many there are."""
    count, singles = 0, _single_rings(op)
    outers = _outer_tiles(op)
    while outers:
        outer = min(whole_outer(op), outers * op[t.UNIT_OUTER])
        if op[t.LONGEST_STREAM]:
            outer = min(outer, op[t.LONGEST_STREAM])
        inners = _inner_tiles(op)
        while inners:
            inner = min(whole_inner(op), inners * op[t.UNIT_INNER])
            ks = _k_tiles(op)
            while ks:
                k = op[t.K] if op[t.STAYS] else min(op[t.K], ks * op[t.UNIT_K])
                if _has_sums(outer, inner, k, op):
                    for single in range(4 if k == op[t.K] else 1):
                        rings = _rings(single)
                        if rings & ~singles == 0:
                            count = _add_orders(outer, inner, k, rings, op, blocks, count)
                ks = np.int64(0) if op[t.STAYS] else _next(_k_tiles(op), ks)
            inners = _next(_inner_tiles(op), inners)
        outers = _next(_outer_tiles(op), outers)
    return count


@inlined
def _outer_tiles(op):
    return ceil_div(whole_outer(op), op[t.UNIT_OUTER])


@inlined
def _inner_tiles(op):
    return ceil_div(whole_inner(op), op[t.UNIT_INNER])


@inlined
def _k_tiles(op):
    return np.int64(1) if op[t.STAYS] else ceil_div(op[t.K], op[t.UNIT_K])


@inlined
def _next(tiles, part):
    """The next smaller one of a dimension's equal parts, in tiles; 0 behind a single tile."""
    return ceil_div(tiles, ceil_div(tiles, part - 1)) if part > 1 else np.int64(0)


@lean
def _sides(tiles):
    """How many different sizes equal parts of so many tiles have."""
    count, part = np.int64(0), tiles
    while part:
        count += 1
        part = _next(tiles, part)
    return count


@inlined
def _rings(single):
    """Which rings have a single slot, as a mask: none, weights, activations, or both."""
    return np.int64((single & 1) << c.WEIGHTS | (single >> 1) << c.ACTIVATIONS)


@inlined
def _single_rings(op):
    """The rings for which a single slot saves anything, as a mask."""
    if op[t.SLOTS] == 1 or 0 < op[t.RESIDENT_K] < op[t.K]:
        return np.int64(0)
    acts = np.int64(op[t.ACT_KEPT] < op[t.M]) << c.ACTIVATIONS
    return acts | np.int64(not op[t.WEIGHT_KEPT] and op[t.RESIDENT_K] < op[t.K]) << c.WEIGHTS


@inlined
def _has_sums(outer, inner, k, op):
    """Whether the array's accumulators hold the sums of a block."""
    if not op[t.SUMS] or op[t.K] <= op[t.UNIT_K]:
        return True
    cut = k < op[t.K] or 0 < op[t.RESIDENT_K] < op[t.K]
    return outer * (ceil_div(inner, op[t.UNIT_INNER]) if cut else 1) <= op[t.SUMS]


@inlined
def _add_orders(outer, inner, k, rings, op, blocks, count):
    """Add a block in both orders of the loops, or in one, if a dimension is not cut."""
    for swapped in range(2 if outer < whole_outer(op) and inner < whole_inner(op) else 1):
        row = blocks[count]
        row[t.B_OUTER], row[t.B_INNER], row[t.B_K], row[t.B_SWAPPED] = outer, inner, k, swapped
        row[t.B_SINGLE], row[t.B_SQUARE] = rings, 0
        count += 1
    return count
