"""Walks over the cuts of single ops: how long each takes on a chip that does nothing else.

Also the rows of cuts, which are kept for plans.
"""

from typing import NamedTuple

import numpy as np

from hwsim.kernels import cut_store as s
from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.cut_rows import product_rows, row_work_rows
from hwsim.kernels.cut_search import next_candidates
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.tilings import known_cut
from hwsim.kernels.timeline import run

MOST_WALKED = 1 << 12
"""A cut whose units find no common period within so many iterations counts as if all units worked side by side."""

LONGEST = 2.0**62
"""Cycles that no count may reach, as a float: sums near it need no exactness."""


class Room(NamedTuple):
    """What a search writes into: made once for a number of slots, used again and again."""

    code: c.Ints
    pieces: c.Ints  # [dimension, piece, PIECE]
    loops: c.Ints  # a row for each dimension and for the batch, one for what is reused
    walk: c.Walk
    done: c.Ints
    taken: c.Ints
    place: c.Ints
    keys: c.Ints
    past: c.Ints
    stack: c.Ints
    least_key: int  # the integers of a loop's key that belong to no tensor


@inlined
def used_units(row, shared):
    units = np.int64(0)
    for ring in range(c.OPERAND_RINGS):
        if row[c.LOAD_0 + ring] >= 0:
            units |= 1 << c.LOAD_UNIT
    units |= 1 << c.ARRAY_UNIT if row[c.ARRAY] >= 0 else 0
    units |= 1 << c.VECTOR_UNIT if row[c.VECTOR] >= 0 else 0
    if row[c.STORE] >= 0:
        units |= 1 << (c.LOAD_UNIT if shared else c.STORE_UNIT)
    units |= 1 << c.EXCHANGE_UNIT if row[c.EXCHANGE] >= 0 else 0
    units |= 1 << c.READ_PORT if row[c.ALL_PASS] > 0 else 0
    return units


@inlined
def used_rings(row):
    """The rings that a step uses, and those that it loads."""
    loaded = np.int64(0)
    for ring in range(c.OPERAND_RINGS):
        loaded |= 1 << ring if row[c.LOAD_0 + ring] >= 0 else 0
    rings = loaded | 1 << (c.VECTOR_RESULTS if row[c.ARRAY] < 0 else c.ARRAY_RESULTS)
    for ring in range(c.OPERAND_RINGS):
        rings |= 1 << ring if row[c.FLAGS] & (c.RELEASE_0 << ring) else 0
    return rings, loaded


@lean
def finish(code, rows, shared, stack):
    """Fill in the loops of a cut: partners, and masks of units and rings.

    Rows of loops refer to the first row; columns that depend on the schedule around stay empty.
    """
    level = 0
    for place in range(rows):
        row = code[place]
        if row[c.KIND] == c.BEGIN:
            stack[level] = place
            level += 1
        elif row[c.KIND] == c.END:
            level -= 1
            row[c.PARTNER] = stack[level]
            if level:
                for mask in range(c.UNITS_USED, c.RINGS_LOADED + 1):
                    code[stack[level - 1], mask] |= code[stack[level], mask]
        elif row[c.KIND] == c.STEP and level:
            begin = code[stack[level - 1]]
            rings, loaded = used_rings(row)
            begin[c.UNITS_USED] |= used_units(row, shared)
            begin[c.RINGS_USED] |= rings
            begin[c.RINGS_LOADED] |= loaded


@lean
def longest(code, rows, latency, between):
    """The cycles of a cut, if nothing overlaps, exact below 2^53; `between` is the interconnect's latency."""
    total = 0.0
    for place in range(rows):
        row = code[place]
        if row[c.KIND] == c.STEP:
            cycles = float(row[c.TAIL]) + float(row[c.ALL_PASS])
            for ring in range(c.OPERAND_RINGS):
                if row[c.LOAD_0 + ring] >= 0:
                    cycles += float(row[c.LOAD_0 + ring]) + float(latency)
            for column in (c.ARRAY, c.VECTOR, c.FUSED, c.STORE, c.EXCHANGE):
                cycles += float(max(np.int64(0), row[column]))
            cycles += float(between) if row[c.EXCHANGE] >= 0 else 0.0
            total += float(row[t.D_TIMES]) * cycles
    return total


@lean
def cycles_alone(rows, latency, room):
    """Cycles of the cut in the room on a chip that does nothing else; if its units find no common period, the busy
    cycles of its busiest port, which units that drift apart so slowly come near."""
    code, walk = room.code, room.walk
    fixed, slots = walk.fixed, walk.fixed[c.SLOTS]
    finish(code, rows, fixed[c.SHARED], room.stack)
    limit = longest(code, rows, latency, fixed[c.BETWEEN])
    if limit > LONGEST:
        return np.int64(s.TOO_LONG)
    kept, key = fixed[c.LONGEST] + 1, room.least_key
    past, level, writes = c.TOTALS_AT + c.TOTALS, 0, np.int64(1)
    for place in range(rows):
        row = code[place]
        if row[c.KIND] == c.BEGIN:
            row[c.OP_LOW], row[c.OP_HIGH], row[c.TOUCHED_LOW], row[c.TOUCHED_HIGH] = 0, 1, 0, 0
            row[c.KEY_AT], row[c.KEY_SIZE], row[c.PAST_AT] = level * kept * key, key, level * kept * past
            level += 1
        elif row[c.KIND] == c.END:
            level -= 1
        elif row[c.KIND] == c.STEP and row[c.VECTOR] >= 0:
            writes = np.int64(0)
    for place in (0, rows - 1):
        row = code[place]
        row[c.OP], row[c.FUSED_OP], row[c.REF_LOW], row[c.REF_HIGH], row[c.ARRAY_WRITES] = 0, -1, 0, 0, writes
    of_chip = fixed[c.LATENCY]
    fixed[c.LATENCY], fixed[c.MOST] = latency, MOST_WALKED
    _forget(walk, slots)
    run(code[:rows], walk, room.done, room.taken, room.place, room.keys, room.past)
    fixed[c.LATENCY] = of_chip
    if walk.now[c.UNROLLED] > MOST_WALKED:
        return _busiest(code, rows, fixed[c.SHARED])
    return walk.now[c.FRONTIER]


@lean
def _busiest(code, rows, shared):
    """Busy cycles of the busiest port of a cut, which hold whatever its loops are."""
    most, stored = np.int64(0), np.int64(0)
    for unit in range(c.UNITS - 1, -1, -1):  # stores first: with a shared port they take the time of loads
        busy = np.int64(0)
        for place in range(rows):
            if code[place, c.KIND] == c.STEP:
                busy += code[place, t.D_TIMES] * busy_cycles(code[place], unit)
        if shared and unit == c.STORE_UNIT:
            stored = busy
        most = max(most, busy + stored if unit == c.LOAD_UNIT else busy)
    return most


@inlined
def busy_cycles(row, unit):
    """How long a step keeps a unit busy."""
    if unit == c.LOAD_UNIT:
        cycles = np.int64(0)
        for ring in range(c.OPERAND_RINGS):
            cycles += max(np.int64(0), row[c.LOAD_0 + ring])
        return cycles
    if unit == c.ARRAY_UNIT:
        return max(np.int64(0), row[c.ARRAY])
    if unit == c.VECTOR_UNIT:
        return max(np.int64(0), row[c.VECTOR]) + max(np.int64(0), row[c.FUSED])
    return max(np.int64(0), row[c.STORE if unit == c.STORE_UNIT else c.EXCHANGE])


@inlined
def _forget(walk, slots):
    """The state of a walk before its first step."""
    for column in range(c.TOTALS):
        walk.totals[0, column] = 0
    for ring in range(c.RINGS):
        walk.turn[ring] = 0
        for slot in range(slots):
            walk.released[ring, slot] = 0
    for column in range(c.NOW):
        walk.now[column] = 0
    for level in range(walk.peaks.shape[0]):
        for peak in range(c.PEAKS):
            walk.peaks[level, peak] = 0


@lean
def walk_cuts(store, first, latencies, room):
    """Do what is yet to do, from the first piece on: walk blocks, or keep the rows of cuts.

    How many pieces are done: not all, if the store has no room for the rows of the next one. Once no cut is walked any
    more, the cycles of blocks that were to be walked stay unknown.
    """
    for place in range(first, store.counts[s.ERRANDS]):
        work = store.errands[place]
        tiling, is_product = work[s.W_TILING], store.states[work[s.W_TILING], s.OF_PRODUCT]
        most = store.counts[s.CODE_ROWS] + room.code.shape[0]
        if most > store.code.shape[0] or store.counts[s.CUTS] == store.cuts.shape[0]:
            return np.int64(place)
        latency, candidate = work[s.W_LATENCY], store.states[tiling, s.FIRST] + work[s.W_PLACE]
        if latency != s.KEEP and store.counts[s.STEPS] >= store.counts[s.MOST_STEPS]:
            store.cycles[candidate, latency] = s.UNKNOWN
            continue
        rows = write_cut(store.tilings[tiling], work[s.W_BLOCK :], is_product, room)
        if latency == s.KEEP:
            _keep(work, rows, store, room)
        else:
            store.cycles[candidate, latency] = cycles_alone(rows, latencies[latency], room)
            store.counts[s.STEPS] += rows + room.walk.now[c.UNROLLED]
    return store.counts[s.ERRANDS]


@lean
def walk_all(store, done, latencies, room):
    """Walk all candidates that searches ask for, from a piece on, and those for which they ask then, until none is
    open, and keep the cuts that they end with.

    Below 0 when all is done; else the piece before which the store must have room for more rows.
    """
    while True:
        done = walk_cuts(store, done, latencies, room)
        if done < store.counts[s.ERRANDS]:
            return done
        store.counts[s.ERRANDS], done = 0, np.int64(0)
        if store.counts[s.SEARCHES] == 0:
            return np.int64(-1)
        next_candidates(store)


@lean
def _keep(work, rows, store, room):
    """Keep the cut whose rows are in the room, if it is new; one that takes too long is kept without rows."""
    tiling, shared, block = work[s.W_TILING], room.walk.fixed[c.SHARED], work[s.W_BLOCK :]
    if known_cut(tiling, block, store) >= 0:
        return
    finish(room.code, rows, shared, room.stack)
    at, first = store.counts[s.CUTS], store.counts[s.CODE_ROWS]
    cut = store.cuts[at]
    store.counts[s.CUTS] += 1
    for column in range(cut.shape[0]):
        cut[column] = 0
    for side in range(t.SIDES):
        cut[s.BLOCK + side] = block[side]
    cut[s.TILING], cut[s.FIRST_ROW] = tiling, first
    cut[s.BEFORE], cut[s.ARRAY_WRITES] = store.states[tiling, s.LAST_CUT], 1
    store.states[tiling, s.LAST_CUT] = at
    store.lengths[at] = longest(room.code, rows, room.walk.fixed[c.LATENCY], room.walk.fixed[c.BETWEEN])
    if store.lengths[at] > LONGEST:
        return
    cut[s.ROWS] = rows
    store.counts[s.CODE_ROWS] += rows
    for place in range(rows):
        row = room.code[place]
        for column in range(row.shape[0]):
            store.code[first + place, column] = row[column]
        if row[c.KIND] == c.STEP:
            _add_step(cut, row, shared)
            _add_held(cut, row, room.code[0, c.SINGLE], room.walk.fixed[c.SLOTS])


@lean
def write_cut(op, block, is_product, room):
    """The rows of a tiling in such blocks, in the room; how many."""
    if not is_product:
        return row_work_rows(room.code, block[t.B_OUTER], op, room.pieces, room.loops)
    return product_rows(room.code, block, op, room.pieces, room.loops)


@lean
def _add_step(cut, row, shared):
    """Count a step to the masks and busy cycles of its cut."""
    rings, loaded = used_rings(row)
    cut[s.UNITS] |= used_units(row, shared)
    cut[s.RINGS] |= rings
    cut[s.LOADED] |= loaded
    times = row[t.D_TIMES]
    for unit in range(c.UNITS):
        cut[s.BUSY + unit] += times * busy_cycles(row, unit)
    cut[s.BUSY + c.READ_PORT] += times * row[c.ALL_PASS]
    if row[c.VECTOR] >= 0:
        cut[s.ARRAY_WRITES] = 0


@lean
def _add_held(cut, row, single, slots):
    """Count for how long a step holds slots at least: of operands from the load to the end of the unit that reads
    them, of array results while the array and then the vector unit work on them. A load that takes all slots at once
    counts for each of them."""
    times, on_array = row[t.D_TIMES], max(np.int64(0), row[c.ARRAY])
    on_vector = max(np.int64(0), row[c.VECTOR]) + max(np.int64(0), row[c.FUSED])
    for ring in range(c.OPERAND_RINGS):
        if row[c.LOAD_0 + ring] >= 0:
            loads = times * slots if single & (1 << ring) else times
            reader = on_vector if ring == c.VECTOR_OPERANDS else on_array
            cut[s.HELD + ring] += loads * (row[c.LOAD_0 + ring] + reader)
            cut[s.LOADS + ring] += loads
    if row[c.ARRAY] >= 0:
        after = row[c.TAIL] + on_vector if row[c.FLAGS] & c.CLOSES else np.int64(0)
        cut[s.HELD + c.ARRAY_RESULTS] += times * (on_array + after)
