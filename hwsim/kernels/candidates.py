"""The candidate blocks of a matrix product, with bounds of their cycles and the bytes that they hold.

The dimensions are named by what they do on the array: `outer` is the slowest loop, `inner` lies along the array's
columns, K is innermost.
"""

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.array_cost import busy_cycles
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.tiling_bytes import (
    act_bytes,
    all_slots_bytes,
    ceil_div,
    held_bytes,
    held_rows_bytes,
    load_cycles,
    weight_bytes,
)

OF_A_BUDGET = 3 + (3 + 1) * 2 * 2
"""Candidates for one budget at most: three that are square but for whole sides, and for both orders of the loops the
fastest and the leanest of any shape, of three depths of K, and of a whole K with a single slot for the slow operand."""

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
def loaded_bytes(outer, inner, k, swapped, op):
    """Bytes of activations and weights that one product of the batch loads in such blocks."""
    outers, inners = ceil_div(whole_outer(op), outer), ceil_div(whole_inner(op), inner)
    slows, fasts = (inners, outers) if swapped else (outers, inners)
    one_k = k >= op[t.K]
    of_fast = np.int64(1) if one_k and fasts == 1 else slows
    of_slow = np.int64(1) if one_k else fasts
    acts, weights = (of_fast, of_slow) if op[t.N_OUTER] != swapped else (of_slow, of_fast)
    loaded = np.int64(0)
    if op[t.ACT_KEPT] < op[t.M]:
        loaded += acts * _act_bytes(inner if op[t.N_OUTER] else outer, op)
    if not op[t.WEIGHT_KEPT]:
        loaded += weights * weight_bytes(op[t.K] - op[t.RESIDENT_K], op[t.N], op)
    return loaded


@inlined
def _act_bytes(block, op):
    """Bytes of the activations in DRAM in blocks of so many rows, whose windows may overlap."""
    away = op[t.M] - op[t.ACT_KEPT]
    if op[t.POSITIONS] == 0:
        return act_bytes(away, op[t.K], op)
    if op[t.ACT_KEPT]:
        return act_bytes(away, op[t.K], op)  # at least: where blocks meet, windows overlap
    others = ceil_div(away, block) - 1
    return others * act_bytes(block, op[t.K], op) + act_bytes(away - others * block, op[t.K], op)


@lean
def least_cycles(outer, inner, loaded, op):
    """A lower bound of the product's cycles in blocks that load so much: the array's time, or that of the loads."""
    blocks = ceil_div(whole_outer(op), outer) * ceil_div(whole_inner(op), inner)
    loads = load_cycles(loaded, op) - blocks
    return op[t.BATCH] * max(busy_cycles(outer, whole_outer(op), whole_inner(op), op), loads)


@inlined
def bit_length(number):
    length = np.int64(0)
    while number > 0:
        number >>= 1
        length += 1
    return length


@inlined
def _add(outer, inner, k, swapped, single, square, op, blocks, count):
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


_SHARES = 16
"""Into how many blocks of equal size a dimension is cut, for candidates that are not square; beyond that into powers
of two of them."""


@lean
def most_candidates(op):
    """How many candidates a product has at most, whatever is kept of its tensors: what is kept is not held."""
    whole = held_bytes(whole_outer(op), whole_inner(op), op[t.K], op) * op[t.SLOTS]
    return OF_A_BUDGET * (bit_length(whole) + 1) + 1


@lean
def candidates(op, blocks):
    """Blocks for budgets of all powers of two, and how many there are.

    For each budget: square ones, ones with K or `outer` whole, and of all others that cut `outer` into few equal parts
    and have the largest `inner` that fits, in both orders of the loops, those with the lowest bound and with the fewest
    bytes; these also with a single slot for the operand that stays while the other one passes by. They stand by rising
    bounds on their cycles, of equal bounds those for larger budgets first. `blocks` has rows for `most_candidates`.
    """
    slots, count = op[t.SLOTS], 0
    outer, inner, k = _block(np.int64(1), ONE_TILE, op)
    low = held_bytes(outer, inner, k, op) * slots
    high = held_bytes(whole_outer(op), whole_inner(op), op[t.K], op) * slots
    power, least = bit_length(max(low, high - 1)), bit_length(low)
    while power >= least:
        room = (np.int64(1) << power) // slots
        for growth in range(SQUARE, OUTER_WHOLE + 1):
            sides = largest_block(room, growth, op)
            if sides[0]:
                count = _add(sides[0], sides[1], sides[2], np.int64(0), np.int64(0), 1, op, blocks, count)
        count = _add_oblong(np.int64(1) << power, op, blocks, count)
        power -= 1
    count = _add(outer, inner, k, np.int64(0), np.int64(0), 1, op, blocks, count)
    for place in range(count):
        row = blocks[place]
        loaded = loaded_bytes(row[t.B_OUTER], row[t.B_INNER], row[t.B_K], row[t.B_SWAPPED], op)
        row[t.B_BOUND] = least_cycles(row[t.B_OUTER], row[t.B_INNER], loaded, op)
        row[t.B_HELD] = all_slots_bytes(row[t.B_OUTER], row[t.B_INNER], row[t.B_K], row[t.B_SINGLE], op)
    _sort(blocks, count)
    return count


@lean
def _add_oblong(budget, op, blocks, count):
    """Add the blocks that are neither square nor whole, for one budget; how many blocks there are then."""
    ks = 1 if op[t.STAYS] or op[t.K] <= op[t.UNIT_K] else 3
    for cut in range(ks):
        k = op[t.K] if cut == 0 else min(op[t.K], op[t.UNIT_K] * (1 if cut == 1 else 4))
        for swapped in range(2):
            count = _add_best(k, np.int64(swapped), np.int64(0), budget, op, blocks, count)
            if cut == 0:
                single = _slow_ring(swapped, op)
                if single:
                    count = _add_best(k, np.int64(swapped), single, budget, op, blocks, count)
    return count


@inlined
def _slow_ring(swapped, op):
    """The ring of the operand that stays while the other one passes by, as a mask; 0 if a single slot saves nothing."""
    if op[t.SLOTS] == 1:
        return np.int64(0)
    if op[t.N_OUTER] == swapped:
        return np.int64(1) << c.ACTIVATIONS if op[t.ACT_KEPT] < op[t.M] else np.int64(0)
    return np.int64(0) if op[t.WEIGHT_KEPT] or op[t.RESIDENT_K] > 0 else np.int64(1) << c.WEIGHTS


@lean
def _add_best(k, swapped, single, budget, op, blocks, count):
    """Of the blocks of that depth that cut `outer` into equal parts, few or a power of two, and have the largest
    `inner` that fits, add the one with the lowest bound, and the one with the fewest bytes."""
    fastest, leanest = np.int64(-1), np.int64(-1)
    fastest_outer, fastest_inner, fastest_bytes = np.int64(0), np.int64(0), np.int64(0)
    leanest_outer, leanest_inner, leanest_bound = np.int64(0), np.int64(0), np.int64(0)
    shares, most = np.int64(0), ceil_div(whole_outer(op), op[t.UNIT_OUTER])
    while shares < most:
        shares = shares + 1 if shares < _SHARES else min(2 * shares, most)
        outer = _part(whole_outer(op), shares, op[t.UNIT_OUTER], op[t.LONGEST_STREAM])
        inner = _widest(outer, k, single, budget, op)
        if inner > 0:
            size = loaded_bytes(outer, inner, k, swapped, op)
            bound = least_cycles(outer, inner, size, op)
            if fastest < 0 or (bound, size) < (fastest, fastest_bytes):
                fastest, fastest_bytes, fastest_outer, fastest_inner = bound, size, outer, inner
            if leanest < 0 or (size, bound) < (leanest, leanest_bound):
                leanest, leanest_bound, leanest_outer, leanest_inner = size, bound, outer, inner
    if fastest >= 0:
        count = _add(fastest_outer, fastest_inner, k, swapped, single, 0, op, blocks, count)
        count = _add(leanest_outer, leanest_inner, k, swapped, single, 0, op, blocks, count)
    return count


@inlined
def _part(whole, shares, unit, longest):
    """The side of blocks of equal size, of which so many make up a dimension: a multiple of the unit."""
    side = ceil_div(ceil_div(whole, shares), unit) * unit
    side = min(whole, side)
    return min(side, longest) if longest else side


@lean
def _widest(outer, k, single, budget, op):
    """The largest `inner` of which all slots fit the budget, cut into equal parts; 0 if not one tile does."""
    whole, unit = whole_inner(op), op[t.UNIT_INNER]
    low, high = np.int64(0), ceil_div(whole, unit)
    if op[t.SUMS] and op[t.K] > op[t.UNIT_K]:
        if k < op[t.K] or 0 < op[t.RESIDENT_K] < op[t.K]:
            high = min(high, op[t.SUMS] // outer)
        elif outer > op[t.SUMS]:
            return np.int64(0)
    while low < high:
        middle = (low + high + 1) // 2
        if all_slots_bytes(outer, min(whole, middle * unit), k, single, op) <= budget:
            low = middle
        else:
            high = middle - 1
    if low == 0:
        return np.int64(0)
    parts = ceil_div(ceil_div(whole, unit), low)
    return min(whole, ceil_div(ceil_div(whole, unit), parts) * unit)


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
