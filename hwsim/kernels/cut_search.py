"""The search for the best cut of an op: the fastest on a chip that does nothing else, or the one with least traffic."""

from typing import NamedTuple

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.candidates import bit_length, loaded_bytes, most_rows
from hwsim.kernels.cut_rows import product_rows, row_work_rows
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.tiling_bytes import held_rows_bytes
from hwsim.kernels.timeline import run

MOST_WALKED = 1 << 18
"""A cut whose units find no common period within so many iterations counts as if no units worked side by side."""

BUDGETS = 8
"""How many powers of two, from the largest down, are tried as budgets for a block of rows."""

TOO_LONG = 2.0**62
"""Cycles that no count may reach, as a float: sums near it need no exactness."""


class Room(NamedTuple):
    """What a search writes into: made once for a number of slots, used again and again."""

    code: c.Ints
    pieces: c.Ints  # [dimension, piece, PIECE]
    loops: c.Ints  # a row for each dimension and for the batch, one for what is reused, one for a block
    walk: c.Walk
    done: c.Ints
    taken: c.Ints
    place: c.Ints
    keys: c.Ints
    past: c.Ints
    stack: c.Ints


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
    """Fill in the loops of a cut: partners, and masks of units and rings; the deepest level.

    Rows of loops refer to the first row; columns that depend on the schedule around stay empty.
    """
    level, deepest = 0, 0
    for place in range(rows):
        row = code[place]
        if row[c.KIND] == c.BEGIN:
            stack[level] = place
            level += 1
            deepest = max(deepest, level)
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
    return deepest


@lean
def longest(code, rows, latency):
    """The cycles of a cut, if nothing overlaps, exact below 2^53."""
    total = 0.0
    for place in range(rows):
        row = code[place]
        if row[c.KIND] == c.STEP:
            cycles = float(row[c.TAIL])
            for ring in range(c.OPERAND_RINGS):
                if row[c.LOAD_0 + ring] >= 0:
                    cycles += float(row[c.LOAD_0 + ring]) + float(latency)
            for column in (c.ARRAY, c.VECTOR, c.FUSED, c.STORE):
                cycles += float(max(np.int64(0), row[column]))
            total += float(row[t.D_TIMES]) * cycles
    return total


@lean
def cycles_alone(rows, latency, room):
    """Cycles of the cut in the room on a chip that does nothing else; if its units find no common period, its cycles
    if nothing overlaps."""
    code, walk = room.code, room.walk
    fixed, slots = walk.fixed, walk.fixed[c.SLOTS]
    finish(code, rows, fixed[c.SHARED], room.stack)
    limit = longest(code, rows, latency)
    if limit > TOO_LONG:
        return np.int64(-1)
    kept, key = fixed[c.LONGEST] + 1, _least_key(fixed)
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
        return np.int64(limit)
    return walk.now[c.FRONTIER]


@inlined
def _least_key(fixed):
    """The integers of a loop's key that belong to no tensor."""
    stores = fixed[c.DELAY] + 1 if fixed[c.SHARED] else 0
    return c.UNITS + c.RINGS * fixed[c.SLOTS] + c.PENDING_KEY * stores


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


UNKNOWN = -1
"""The cycles of a candidate that was not walked yet."""
TOO_LONG_CUT, NOTHING_FITS = -2, -1


@lean
def fastest_block(op, blocks, count, cycles, limit, latency, room):
    """The place of the fastest candidate within the limit, with a DRAM of that latency.

    Candidates are tried by rising bounds, until a bound reaches the time of the best candidate; `cycles` remembers the
    times of those that were walked.
    """
    best = NOTHING_FITS
    for place in range(count):
        if best >= 0 and blocks[place, t.B_BOUND] >= cycles[best]:
            break
        if blocks[place, t.B_HELD] > limit:
            continue
        if cycles[place] == UNKNOWN:
            rows = product_rows(room.code, blocks[place], op, room.pieces, room.loops)
            cycles[place] = cycles_alone(rows, latency, room)
            if cycles[place] < 0:
                cycles[place] = UNKNOWN
                return TOO_LONG_CUT
        if best < 0 or cycles[place] < cycles[best]:
            best = place
    return best


@lean
def min_traffic_block(op, blocks, count, limit):
    """The place of the candidate within the limit that loads least; of equals the one with the lowest bound."""
    best, least = NOTHING_FITS, np.int64(0)
    for place in range(count):
        row = blocks[place]
        if row[t.B_HELD] <= limit:
            loaded = loaded_bytes(row[t.B_OUTER], row[t.B_INNER], row[t.B_K], op)
            if best < 0 or loaded < least:
                best, least = place, loaded
    return best


@lean
def fastest_rows(op, limit, latency, room, tried):
    """The rows of the fastest block of an op of the vector unit, with a DRAM of that latency.

    It is the fastest among the largest blocks for budgets of powers of two up to the limit, and blocks of one row; of
    equals the largest.
    """
    if held_rows_bytes(np.int64(1), op) * op[t.SLOTS] > limit:
        return np.int64(NOTHING_FITS)
    most = held_rows_bytes(op[t.ROWS], op) * op[t.SLOTS]
    power = bit_length(max(np.int64(0), most - 1)) if most <= limit else bit_length(limit) - 1
    count = 0
    for lower in range(power, max(np.int64(-1), power - BUDGETS), -1):
        rows = max(np.int64(1), most_rows((np.int64(1) << lower) // op[t.SLOTS], op))
        known = False
        for place in range(count):
            known = known or tried[place] == rows
        if not known:
            tried[count] = rows
            count += 1
    if count == 1:
        return tried[0]
    best, least = np.int64(NOTHING_FITS), np.int64(0)
    for place in range(count):
        cycles = cycles_alone(row_work_rows(room.code, tried[place], op, room.pieces, room.loops), latency, room)
        if cycles < 0:
            return np.int64(TOO_LONG_CUT)
        if best < 0 or cycles < least:
            best, least = tried[place], cycles
    return best
