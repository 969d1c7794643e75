"""The candidate blocks of a matrix product, with bounds of their cycles and the bytes that they hold.

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
def _block(side, growth, op):
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
        outer, inner, k = _block(middle, growth, op)
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
        return _block(side, growth, op)
    if op[t.STAYS] and growth == SQUARE:
        # K may be cut only inside one output tile, whose sums stay in the array.
        side = _longest_side(room, ONE_TILE, op)
        if side:
            return _block(side, ONE_TILE, op)
    return np.int64(0), np.int64(0), np.int64(0)


@lean
def naive_block(limit, op):
    """The largest square block whose slots fit the limit, or else the smallest block of all."""
    outer, inner, k = largest_block(limit // op[t.SLOTS], SQUARE, op)
    if outer:
        return outer, inner, k
    return _block(np.int64(1), ONE_TILE, op)


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
def loaded_bytes(outer, inner, k, op):
    """Bytes of activations and weights that one product of the batch loads; of a convolution only the weights."""
    outers, inners = ceil_div(whole_outer(op), outer), ceil_div(whole_inner(op), inner)
    one_k = k >= op[t.K]
    streaming = np.int64(1) if one_k else inners
    staying = np.int64(1) if one_k and inners == 1 else outers
    acts, weights = (staying, streaming) if op[t.N_OUTER] else (streaming, staying)
    loaded = np.int64(0)
    if op[t.ACT_KEPT] < op[t.M] and op[t.POSITIONS] == 0:
        loaded += acts * act_bytes(op[t.M] - op[t.ACT_KEPT], op[t.K], op)
    if not op[t.WEIGHT_KEPT]:
        loaded += weights * weight_bytes(op[t.K] - op[t.RESIDENT_K], op[t.N], op)
    return loaded


@lean
def least_cycles(outer, inner, k, op):
    """A lower bound of the product's cycles in such blocks: the array's time, or the loads over their port."""
    blocks = ceil_div(whole_outer(op), outer) * ceil_div(whole_inner(op), inner)
    loads = load_cycles(loaded_bytes(outer, inner, k, op), op) - blocks
    return op[t.BATCH] * max(busy_cycles(outer, whole_outer(op), whole_inner(op), op), loads)


@inlined
def bit_length(number):
    length = np.int64(0)
    while number > 0:
        number >>= 1
        length += 1
    return length


@inlined
def _add(outer, inner, k, blocks, count):
    """Add a block, if it is new; how many there are then."""
    for place in range(count):
        if blocks[place, t.B_OUTER] == outer and blocks[place, t.B_INNER] == inner and blocks[place, t.B_K] == k:
            return count
    blocks[count, t.B_OUTER], blocks[count, t.B_INNER], blocks[count, t.B_K] = outer, inner, k
    return count + 1


@lean
def candidates(op, blocks):
    """Blocks for budgets of all powers of two: square ones, and ones with K or `outer` whole. How many there are.

    They stand by rising bounds on their cycles, of equal bounds those for larger budgets first. `blocks` has room for
    three a power and one more.
    """
    slots, count = op[t.SLOTS], 0
    outer, inner, k = _block(np.int64(1), ONE_TILE, op)
    low = held_bytes(outer, inner, k, op) * slots
    high = held_bytes(whole_outer(op), whole_inner(op), op[t.K], op) * slots
    power, least = bit_length(max(low, high - 1)), bit_length(low)
    while power >= least:
        for growth in range(SQUARE, OUTER_WHOLE + 1):
            sides = largest_block((np.int64(1) << power) // slots, growth, op)
            if sides[0]:
                count = _add(sides[0], sides[1], sides[2], blocks, count)
        power -= 1
    count = _add(outer, inner, k, blocks, count)
    for place in range(count):
        row = blocks[place]
        row[t.B_BOUND] = least_cycles(row[t.B_OUTER], row[t.B_INNER], row[t.B_K], op)
        row[t.B_HELD] = held_bytes(row[t.B_OUTER], row[t.B_INNER], row[t.B_K], op) * slots
    _sort(blocks, count)
    return count


@inlined
def _sort(blocks, count):
    """Insertion sort by bound: there are some tens, and equal ones keep their order."""
    for first in range(1, count):
        place = first
        while place > 0 and blocks[place - 1, t.B_BOUND] > blocks[place, t.B_BOUND]:
            for column in range(t.BLOCK):
                kept = blocks[place, column]
                blocks[place, column] = blocks[place - 1, column]
                blocks[place - 1, column] = kept
            place -= 1
