"""Blocks of any shape: `outer` and `inner` cut into equal parts, in both orders of the loops, with all slots of each
operand or a single one for the operand that stays."""

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.array_cost import busy_cycles
from hwsim.kernels.blocks import add_block, loaded_bytes, whole_inner, whole_outer
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.tiling_bytes import (
    act_bytes,
    all_slots_bytes,
    ceil_div,
    load_cycles,
    result_bytes,
    store_cycles,
    weight_bytes,
)

OBLONG = (4 + 1) * 2 * 4
"""Candidates for one budget at most: for both orders of the loops four of any shape, of four depths of K, and of a
whole K with a single slot for the operand that stays."""

MOST_PARTS = 84
"""Into how many different numbers of parts a dimension is cut at most."""

_ENDLESS = 2.0**62

_LATENCY = 100.0
"""The latency that is taken for likely: candidates are the same whatever the chip's is."""


@inlined
def about(cycles):
    """What is about as fast as so many cycles: a thirty-second more."""
    return cycles + cycles // 32


@lean
def add_oblong(budget, op, blocks, count):
    """Add the blocks that are neither square nor whole, for one budget; how many blocks there are then."""
    ks = 1 if op[t.STAYS] or op[t.K] <= op[t.UNIT_K] else 4
    for cut in range(ks):
        k = _depth(cut, op)
        for swapped in range(2):
            count = _add_best(k, np.int64(swapped), np.int64(0), budget, op, blocks, count)
            if cut == 0:
                single = _slow_ring(swapped, op)
                if single:
                    count = _add_best(k, np.int64(swapped), single, budget, op, blocks, count)
    return count


@inlined
def _depth(cut, op):
    """How deep blocks are: all of K, half of it, or one or four tiles of the array."""
    if cut == 0:
        return op[t.K]
    tiles = ceil_div(ceil_div(op[t.K], op[t.UNIT_K]), 2) if cut == 1 else np.int64(1 if cut == 2 else 4)
    return min(op[t.K], tiles * op[t.UNIT_K])


@inlined
def _slow_ring(swapped, op):
    """The ring of the operand that stays while the other one passes by, as a mask; 0 if a single slot saves nothing."""
    if op[t.SLOTS] == 1 or 0 < op[t.RESIDENT_K] < op[t.K]:
        return np.int64(0)
    if op[t.N_OUTER] == swapped:
        return np.int64(1) << c.ACTIVATIONS if op[t.ACT_KEPT] < op[t.M] else np.int64(0)
    return np.int64(0) if op[t.WEIGHT_KEPT] or op[t.RESIDENT_K] == op[t.K] else np.int64(1) << c.WEIGHTS


@lean
def _add_best(k, swapped, single, budget, op, blocks, count):
    """Of the blocks of that depth that cut `outer` into equal parts and have the largest `inner` that fits, add the one
    that seems fastest, that one with a narrower `inner`, the one with the fewest bytes, and the one with the fewest
    bytes of those that seem about as fast as the fastest."""
    parts = blocks[blocks.shape[0] - MOST_PARTS :]  # room behind the candidates
    found, shares, inner = 0, np.int64(0), np.int64(0)
    most = ceil_div(whole_outer(op), op[t.UNIT_OUTER])
    fastest, leanest = 0, 0
    while shares < most:
        shares = min(_more(shares), most)
        outer = _part(whole_outer(op), shares, op[t.UNIT_OUTER], op[t.LONGEST_STREAM])
        inner = _widest(outer, k, single, budget, inner, op)
        if inner == 0:
            continue
        part, size = parts[found], loaded_bytes(outer, inner, k, swapped, op)
        part[t.B_OUTER], part[t.B_INNER], part[t.B_HELD] = outer, inner, size
        part[t.B_BOUND] = _likely_cycles(outer, inner, k, swapped, single, size, op)
        if _before(part, parts[fastest], t.B_BOUND, t.B_HELD):
            fastest = found
        if _before(part, parts[leanest], t.B_HELD, t.B_BOUND):
            leanest = found
        found += 1
    if found == 0:
        return count
    near = fastest
    for place in range(found):
        part = parts[place]
        if part[t.B_BOUND] <= about(parts[fastest, t.B_BOUND]):
            near = place if _before(part, parts[near], t.B_HELD, t.B_BOUND) else near
    for place in (fastest, leanest, near):
        part = parts[place]
        count = add_block(part[t.B_OUTER], part[t.B_INNER], k, swapped, single, 0, op, blocks, count)
    outer = parts[fastest, t.B_OUTER]
    inner = _narrowed(outer, parts[fastest, t.B_INNER], k, swapped, single, op)
    return add_block(outer, inner, k, swapped, single, 0, op, blocks, count)


@lean
def _narrowed(outer, widest, k, swapped, single, op):
    """The `inner` up to the widest that seems fastest: narrower blocks begin sooner and end sooner."""
    best, inner, unit = np.int64(-1), widest, op[t.UNIT_INNER]
    most = ceil_div(whole_inner(op), unit)
    shares = ceil_div(whole_inner(op), widest)
    while True:
        width = min(widest, _part(whole_inner(op), shares, unit, np.int64(0)))
        likely = _likely_cycles(outer, width, k, swapped, single, loaded_bytes(outer, width, k, swapped, op), op)
        if best < 0 or likely < best:
            best, inner = likely, width
        if shares >= most:
            return inner
        shares = min(_more(shares), most)


@inlined
def _before(one, other, column, next_column):
    """Whether a part comes before another one by a column, or, if they are equal there, by the next one."""
    return one[column] < other[column] or (one[column] == other[column] and one[next_column] < other[next_column])


@inlined
def _more(shares):
    """The next number of parts into which a dimension is cut: each of few ones, then a quarter more, then twice."""
    if shares < 16:
        return shares + 1
    return shares + shares // 4 if shares < 128 else 2 * shares


@lean
def _likely_cycles(outer, inner, k, swapped, single, loaded, op):
    """About how long the product takes.

    The first block is loaded, then steps follow each other at the pace of the slower of load unit and array, or of a
    slot, which is loaded, read and loaded again; then the last result is stored. An operand with a single slot is
    loaded while the array stands still.
    """
    m, n = (inner, outer) if op[t.N_OUTER] else (outer, inner)
    acts, weights = act_bytes(m, k, op), weight_bytes(k, n, op)
    for_acts, for_weights = op[t.B_FULL] * op[t.M_FULL], op[t.B_FULL] * op[t.N_FULL]
    load_acts = 0.0 if op[t.ACT_KEPT] >= op[t.M] else float(load_cycles(acts * for_acts, acts, op))
    load_weights = 0.0 if op[t.WEIGHT_KEPT] else float(load_cycles(weights * for_weights, weights, op))
    outers, inners, batch = ceil_div(whole_outer(op), outer), ceil_div(whole_inner(op), inner), float(op[t.BATCH])
    steps = float(outers) * float(inners) * float(ceil_div(op[t.K], k))
    load = float(load_cycles(loaded, loaded // op[t.CORES], op)) / steps
    array = float(busy_cycles(outer, whole_outer(op), whole_inner(op), op)) / steps
    pace = max(load, array, (load + array + _LATENCY) / float(op[t.SLOTS]))
    likely = load_acts + load_weights + (batch * steps - 1.0) * pace + array
    if single:
        waits = float((inners if swapped else outers) - 1)
        likely += batch * waits * (load_acts if single & (1 << c.ACTIVATIONS) else load_weights)
    if not op[t.OUT_KEPT]:
        stored = result_bytes(m, n, op)
        likely += float(store_cycles(stored * op[t.CORES], stored, op))
    return np.int64(min(likely, _ENDLESS))


@inlined
def _part(whole, shares, unit, longest):
    """The side of blocks of equal size, of which so many make up a dimension: a multiple of the unit."""
    side = ceil_div(ceil_div(whole, shares), unit) * unit
    side = min(whole, side)
    return min(side, longest) if longest else side


@lean
def _widest(outer, k, single, budget, least, op):
    """The largest `inner` of which all slots fit the budget, cut into equal parts; 0 if not one tile does.

    It is no less than `least`, which fits a larger `outer`.
    """
    whole, unit = whole_inner(op), op[t.UNIT_INNER]
    low, high = ceil_div(least, unit), ceil_div(whole, unit)
    if op[t.SUMS] and op[t.K] > op[t.UNIT_K]:
        if k < op[t.K] or 0 < op[t.RESIDENT_K] < op[t.K]:
            high = min(high, op[t.SUMS] // outer)
        elif outer > op[t.SUMS]:
            return np.int64(0)
    step = np.int64(1)
    while low < high:
        middle = min(low + step, high)
        if all_slots_bytes(outer, min(whole, middle * unit), k, single, op) <= budget:
            low, step = middle, 2 * step
        else:
            high, step = middle - 1, max(np.int64(1), (middle - 1 - low + 1) // 2)
    if low == 0:
        return np.int64(0)
    parts = ceil_div(ceil_div(whole, unit), low)
    return min(whole, ceil_div(ceil_div(whole, unit), parts) * unit)
