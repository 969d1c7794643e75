"""Blocks of matrix products: square ones, what they load, and a bound of their cycles.

The dimensions are named by what they do on the array: `outer` is the slowest loop, `inner` lies along the array's
columns, K is innermost.
"""

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels.array_cost import busy_cycles
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.tiling_bytes import act_bytes, ceil_div, held_bytes, held_rows_bytes, load_cycles, weight_bytes

SQUARE, K_WHOLE, OUTER_WHOLE, ONE_TILE = 0, 1, 2, 3
"""How a block grows with its side: all sides, all but K or `outer`, which are whole, or only K, inside one tile."""


@inlined
def whole_outer(op):
    return op[t.N] if op[t.N_OUTER] else op[t.M]


@inlined
def whole_inner(op):
    return op[t.M] if op[t.N_OUTER] else op[t.N]


@inlined
def _cut(size, side, unit):
    """The whole size if the side allows, else the largest multiple of the unit, at least one."""
    return size if size <= side else min(size, max(np.int64(1), side // unit) * unit)


@lean
def block_of(side, growth, op):
    """The largest block with no side longer than `side`, but at least one array tile, that the array can hold."""
    outer, inner, k = whole_outer(op), whole_inner(op), op[t.K]
    if growth == ONE_TILE:
        return min(outer, op[t.UNIT_OUTER]), min(inner, op[t.UNIT_INNER]), _cut(k, side, op[t.UNIT_K])
    outer = outer if growth == OUTER_WHOLE else _cut(outer, side, op[t.UNIT_OUTER])
    inner = _cut(inner, side, op[t.UNIT_INNER])
    if op[t.STAYS]:
        return outer, inner, k
    k = k if growth == K_WHOLE else _cut(k, side, op[t.UNIT_K])
    if op[t.LONGEST_STREAM]:
        outer = min(outer, op[t.LONGEST_STREAM])
    if op[t.SUMS] and op[t.K] > op[t.UNIT_K]:
        # K is cut in any case where the first rows of the weight are resident.
        k_is_cut = k < op[t.K] or 0 < op[t.RESIDENT_K] < op[t.K]
        sums_at_once = ceil_div(inner, op[t.UNIT_INNER]) if k_is_cut else np.int64(1)
        if sums_at_once > op[t.SUMS]:
            return np.int64(1), op[t.UNIT_INNER] * op[t.SUMS], k
        outer = min(outer, op[t.SUMS] // sums_at_once)
    return outer, inner, k


@lean
def _longest_side(room, growth, op):
    """The longest side of blocks of which one slot of every ring fits in the room; 0 if not even the smallest does."""
    low = np.int64(0)
    high = op[t.K] if growth == ONE_TILE else max(op[t.M], op[t.N], op[t.K])
    while low < high:
        middle = (low + high + 1) // 2
        outer, inner, k = block_of(middle, growth, op)
        if held_bytes(outer, inner, k, op) <= room:
            low = middle
        else:
            high = middle - 1
    return low


@lean
def largest_block(room, growth, op):
    """The block with the longest side that fits; sides of 0, if not even the smallest does."""
    side = _longest_side(room, growth, op)
    if side:
        return block_of(side, growth, op)
    if op[t.STAYS] and growth == SQUARE:
        # K may be cut only inside one output tile, whose sums stay in the array.
        side = _longest_side(room, ONE_TILE, op)
        if side:
            return block_of(side, ONE_TILE, op)
    return np.int64(0), np.int64(0), np.int64(0)


@lean
def naive_block(limit, op):
    """The largest square block whose slots fit the limit, or else the smallest block of all."""
    outer, inner, k = largest_block(limit // op[t.SLOTS], SQUARE, op)
    if outer:
        return outer, inner, k
    return block_of(np.int64(1), ONE_TILE, op)


@lean
def naive_rows(limit, op):
    """The rows of the naive block of an op of the vector unit: as many as fit the limit, or one."""
    return max(np.int64(1), most_rows(limit // op[t.SLOTS], op))


@lean
def most_rows(room, op):
    """The largest block of which one operand and one result slot fit; 0 if not one row does."""
    low, high = np.int64(0), op[t.ROWS]
    while low < high:
        middle = (low + high + 1) // 2
        if held_rows_bytes(middle, op) <= room:
            low = middle
        else:
            high = middle - 1
    return low


@lean
def loaded_bytes(outer, inner, k, swapped, op):
    """Bytes of activations and weights that one product of the batch loads in such blocks, on all cores; the rest of a
    dimension, which one more core may have, is left out."""
    outers, inners = ceil_div(whole_outer(op), outer), ceil_div(whole_inner(op), inner)
    slows, fasts = (inners, outers) if swapped else (outers, inners)
    one_k = k >= op[t.K] and not 0 < op[t.RESIDENT_K] < op[t.K]  # resident rows are a piece of K by themselves
    of_fast = np.int64(1) if one_k and fasts == 1 else slows
    of_slow = np.int64(1) if one_k else fasts
    acts, weights = (of_fast, of_slow) if op[t.N_OUTER] != swapped else (of_slow, of_fast)
    loaded = np.int64(0)
    m, n = (inner, outer) if op[t.N_OUTER] else (outer, inner)
    if op[t.ACT_KEPT] < op[t.M]:
        loaded += acts * _all_acts(m, k, op) * op[t.B_FULL] * op[t.M_FULL]
    if not op[t.WEIGHT_KEPT]:
        loaded += weights * _all_weights(k, n, op) * op[t.B_FULL] * op[t.N_FULL]
    return loaded


@lean
def _all_acts(m, k, op):
    """Bytes of the activations in DRAM in blocks of these sides: rows are padded in each, windows may overlap."""
    away = op[t.M] - op[t.ACT_KEPT]
    if op[t.ACT_KEPT] and op[t.POSITIONS]:
        return act_bytes(away, op[t.K], op)  # at least: where blocks meet, windows overlap
    rows, deep = ceil_div(away, m) - 1, ceil_div(op[t.K], k) - 1
    last_rows, last_deep = away - rows * m, op[t.K] - deep * k
    once = rows * act_bytes(m, last_deep, op) + act_bytes(last_rows, last_deep, op)
    return deep * (rows * act_bytes(m, k, op) + act_bytes(last_rows, k, op)) + once


@lean
def _all_weights(k, n, op):
    """Bytes of the weights that are not resident, in blocks of these sides."""
    away = op[t.K] - op[t.RESIDENT_K]
    if away <= 0:
        return np.int64(0)
    columns, deep = ceil_div(op[t.N], n) - 1, ceil_div(away, k) - 1
    last_columns, last_deep = op[t.N] - columns * n, away - deep * k
    once = columns * weight_bytes(last_deep, n, op) + weight_bytes(last_deep, last_columns, op)
    return deep * (columns * weight_bytes(k, n, op) + weight_bytes(k, last_columns, op)) + once


@lean
def least_cycles(outer, inner, loaded, op):
    """A lower bound of the product's cycles in blocks that load so much: the array's time, or that of the loads."""
    blocks = ceil_div(whole_outer(op), outer) * ceil_div(whole_inner(op), inner)
    loads = load_cycles(loaded, loaded // op[t.CORES], op) - blocks
    return op[t.BATCH] * max(busy_cycles(outer, whole_outer(op), whole_inner(op), op), loads)


@inlined
def bit_length(number):
    length = np.int64(0)
    while number > 0:
        number >>= 1
        length += 1
    return length


@inlined
def add_block(outer, inner, k, swapped, single, square, op, blocks, count):
    """Add a block, if it is new; how many there are then.

    Where one of the dimensions is not cut, there is only one order of the loops.
    """
    swapped = swapped if outer < whole_outer(op) and inner < whole_inner(op) else np.int64(0)
    for place in range(count):
        row = blocks[place]
        same = row[t.B_OUTER] == outer and row[t.B_INNER] == inner and row[t.B_K] == k
        if same and row[t.B_SWAPPED] == swapped and row[t.B_SINGLE] == single:
            row[t.B_SQUARE] |= square
            return count
    row = blocks[count]
    row[t.B_OUTER], row[t.B_INNER], row[t.B_K], row[t.B_SWAPPED] = outer, inner, k, swapped
    row[t.B_SINGLE], row[t.B_SQUARE] = single, square
    return count + 1
