"""All cuts that were found for the ops of a program on one target: tilings, their candidates, and the rows of cuts.

A tiling is told apart by its class, the least lead of what may follow it, and where its tensors lie. The store only
grows; whoever owns it makes it larger when a kernel says that it is full, and asks again.
"""

from typing import NamedTuple

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.candidates import candidates, naive_block, naive_rows
from hwsim.kernels.cut_rows import product_rows, row_work_rows
from hwsim.kernels.cut_search import (
    TOO_LONG,
    TOO_LONG_CUT,
    UNKNOWN,
    fastest_block,
    fastest_rows,
    finish,
    longest,
    min_traffic_block,
    used_rings,
    used_units,
)
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.tiling_bytes import act_bytes, held_bytes, held_rows_bytes, weight_bytes

MOST_BLOCKS = 192
"""Three candidates for each power of two, and one more."""
MOST_ROWS = 4096
"""Rows of one cut."""
RECENT = 8
"""Choices that each tiling remembers."""

# Ops: class, whether it is a product, least lead of what follows it, place, the spots of its weight and of its columns
# or parameters where they are resident, how many roles it has, and how much of K a resident row of tiles is.
CLASS, IS_PRODUCT, FOLLOWING, PLACE, WEIGHT, TOGETHER, ROLES, RESIDENT_UNIT, OP_COLUMNS = range(9)

# Keys of tilings: class, following, resident rows of tiles, whether columns or parameters are resident, and then how
# many rows are kept of each role's tensor.
K_CLASS, K_FOLLOWING, K_RESIDENT, K_TOGETHER, K_ROLES = range(5)

# States of tilings: how many candidates it has, the last cut that was made of it, which choice is forgotten next.
CANDIDATES, LAST_CUT, TURN, STATE = range(4)

# Cuts: tiling, block, first row, rows, the cut made before of the same tiling, masks of units and rings, whether the
# array writes results by itself, and busy cycles of each unit.
(
    TILING, OUTER, INNER, K, FIRST_ROW, ROWS, BEFORE, UNITS, RINGS, LOADED, ARRAY_WRITES, BUSY,
) = range(12)  # fmt: skip
CUT = BUSY + c.UNITS

# How many there are.
TILINGS, CUTS, CODE_ROWS, COUNTS = range(4)

# A way to cut: the place of its latency, then whether it is naive, then whether it looks for least traffic.
NAIVE, MIN_TRAFFIC, LATENCY_0 = 2, 1, 4

DONE, FULL = -1, -2
"""What a kernel says beside the number of an op that cannot be cut."""


class Ops(NamedTuple):
    """The ops of a program on a target."""

    table: c.Ints  # [op, OP_COLUMNS]
    roles: c.Ints  # [op, :] spots of tensors, -1 for none
    classes: c.Ints  # [class, :] rows with all tensors in DRAM


class Store(NamedTuple):
    """What was found; `counts` say how much of each table is in use."""

    keys: c.Ints
    hashed: c.Ints  # numbers of tilings by the hashes of their keys, -1 for none
    tilings: c.Ints
    blocks: c.Ints
    cycles: c.Ints  # [tiling, latency, candidate]
    states: c.Ints
    recent: c.Ints  # [tiling, RECENT, room and way, cut]
    cuts: c.Ints
    lengths: c.Floats  # cycles of each cut, if nothing overlaps
    code: c.Ints
    counts: c.Ints


@lean
def cut_ops(ops, store, kept, resident, high_water, size, way, latencies, room, key, tried, cuts):
    """Cut all ops in the order in which they stand; DONE, FULL, or the number of an op that cannot be cut.

    `kept` are rows of tensors that are kept, `resident` rows of tiles that are resident, by spot; `high_water` the
    bytes in use by place. `cuts` become the numbers of cuts; that of an op that cannot be cut says why.
    """
    for op in range(ops.table.shape[0]):
        free = size - high_water[ops.table[op, PLACE]]
        if _is_full(store):
            return FULL
        write_key(ops, op, kept, resident, key)
        tiling = tiling_of(ops, op, key, store)
        cuts[op] = _cut(tiling, ops.table[op, IS_PRODUCT], free, way, latencies, store, room, tried)
        if cuts[op] < 0:
            return op
    return DONE


@inlined
def _is_full(store):
    counts = store.counts
    return (
        counts[TILINGS] + 1 >= store.keys.shape[0]
        or counts[CUTS] + 1 >= store.cuts.shape[0]
        or counts[CODE_ROWS] + MOST_ROWS >= store.code.shape[0]
    )


@lean
def write_key(ops, op, kept, resident, key):
    row = ops.table[op]
    for column in range(key.shape[0]):
        key[column] = 0
    key[K_CLASS], key[K_FOLLOWING] = row[CLASS], row[FOLLOWING]
    key[K_RESIDENT] = resident[row[WEIGHT]] if row[WEIGHT] >= 0 else 0
    key[K_TOGETHER] = resident[row[TOGETHER]] > 0
    for role in range(row[ROLES]):
        spot = ops.roles[op, role]
        key[K_ROLES + role] = kept[spot] if spot >= 0 else 0


@inlined
def hash_of(key, size):
    """A place in a table of so many places, a power of two."""
    value = np.uint64(1469598103934665603)
    for column in range(key.shape[0]):
        value = (value ^ np.uint64(key[column])) * np.uint64(1099511628211)
        value ^= value >> np.uint64(29)
    return np.int64(value & np.uint64(size - 1))


@lean
def tiling_of(ops, op, key, store):
    """The tiling with that key, made now if it is new."""
    at, places = hash_of(key, store.hashed.shape[0]), store.hashed.shape[0]
    while store.hashed[at] >= 0:
        tiling = store.hashed[at]
        same = True
        for column in range(key.shape[0]):
            same = same and store.keys[tiling, column] == key[column]
        if same:
            return tiling
        at = at + 1 if at + 1 < places else 0
    tiling = store.counts[TILINGS]
    store.counts[TILINGS] += 1
    store.hashed[at] = tiling
    for column in range(key.shape[0]):
        store.keys[tiling, column] = key[column]
    row = store.tilings[tiling]
    for column in range(row.shape[0]):
        row[column] = ops.classes[key[K_CLASS], column]
    if ops.table[op, IS_PRODUCT]:
        _place_product(row, key, ops.table[op, RESIDENT_UNIT])
    else:
        _place_row_work(row, key)
    store.states[tiling, CANDIDATES], store.states[tiling, LAST_CUT], store.states[tiling, TURN] = UNKNOWN, -1, 0
    for place in range(RECENT):
        store.recent[tiling, place, 0] = -1
    return tiling


@lean
def _place_product(row, key, resident_unit):
    """Say in a product's row where its tensors lie."""
    kept = key[K_ROLES:]
    row[t.FOLLOWING] = key[K_FOLLOWING]
    row[t.ACT_KEPT], row[t.WEIGHT_KEPT], row[t.OUT_KEPT] = kept[0], kept[1] > 0, kept[2]
    row[t.ROW_SCALES_KEPT], row[t.COLUMNS_KEPT] = kept[3] > 0, key[K_TOGETHER]
    row[t.RESIDENT_K] = min(row[t.K], key[K_RESIDENT] * resident_unit)
    at, mark = 4, row[t.MARKS_AT]
    row[mark], row[mark + 1] = kept[0], kept[2]
    for first, count in ((row[t.READS_AT], row[t.READS]), (row[t.WRITES_AT], row[t.WRITES])):
        for number in range(count):
            operand = row[first + number * t.OPERAND :]
            operand[t.O_KEPT] = kept[at]
            row[mark + at - 2] = kept[at] if operand[t.O_GROWS] else 0
            at += 1


@lean
def _place_row_work(row, key):
    """Say in the row of an op of the vector unit where its tensors lie."""
    kept, at, mark = key[K_ROLES:], 0, row[t.MARKS_AT]
    for first, count in ((row[t.READS_AT], row[t.READS]), (row[t.WRITES_AT], row[t.WRITES])):
        for number in range(count):
            operand = row[first + number * t.ROW_OPERAND :]
            parameter = operand[t.R_KEPT] < 0
            operand[t.R_KEPT] = t.ALL if parameter and key[K_TOGETHER] else kept[at]
            row[mark + at] = 0 if operand[t.R_SHARED] else operand[t.R_KEPT]
            at += 1


@lean
def _cut(tiling, is_product, free, way, latencies, store, room, tried):
    """The cut of a tiling within so much room; the error, if there is none."""
    wanted = free * 64 + way
    recent = store.recent[tiling]
    for place in range(RECENT):
        if recent[place, 0] == wanted:
            return recent[place, 1]
    if is_product:
        cut = _product_cut(tiling, free, way, latencies, store, room)
    else:
        cut = _row_work_cut(tiling, free, way, latencies, store, room, tried)
    turn = store.states[tiling, TURN]
    recent[turn, 0], recent[turn, 1] = wanted, cut
    store.states[tiling, TURN] = turn + 1 if turn + 1 < RECENT else 0
    return cut


@lean
def _product_cut(tiling, free, way, latencies, store, room):
    op = store.tilings[tiling]
    if way & NAIVE:
        outer, inner, k = naive_block(free, op)
        if held_bytes(outer, inner, k, op) * op[t.SLOTS] <= free:
            return _made(tiling, outer, inner, k, True, store, room)
    blocks = store.blocks[tiling]
    if store.states[tiling, CANDIDATES] == UNKNOWN:
        store.states[tiling, CANDIDATES] = candidates(op, blocks)
        for latency in range(store.cycles.shape[1]):
            for place in range(store.states[tiling, CANDIDATES]):
                store.cycles[tiling, latency, place] = UNKNOWN
    count = store.states[tiling, CANDIDATES]
    if way & MIN_TRAFFIC:
        best = min_traffic_block(op, blocks, count, free)
    else:
        latency = way // LATENCY_0
        best = fastest_block(op, blocks, count, store.cycles[tiling, latency], free, latencies[latency], room)
    if best < 0:
        return np.int64(best)
    return _made(tiling, blocks[best, t.B_OUTER], blocks[best, t.B_INNER], blocks[best, t.B_K], True, store, room)


@lean
def _row_work_cut(tiling, free, way, latencies, store, room, tried):
    op = store.tilings[tiling]
    if way & NAIVE and held_rows_bytes(np.int64(1), op) * op[t.SLOTS] <= free:
        rows = naive_rows(free, op)
    else:
        rows = fastest_rows(op, free, latencies[way // LATENCY_0], room, tried)
        if rows < 0:
            return rows
    return _made(tiling, rows, np.int64(0), np.int64(0), False, store, room)


@lean
def _made(tiling, outer, inner, k, is_product, store, room):
    """The cut of a tiling into these blocks, made now if it is new."""
    at = store.states[tiling, LAST_CUT]
    while at >= 0:
        cut = store.cuts[at]
        if cut[OUTER] == outer and cut[INNER] == inner and cut[K] == k:
            return at
        at = cut[BEFORE]
    op, shared = store.tilings[tiling], room.walk.fixed[c.SHARED]
    rows = write_cut(op, outer, inner, k, is_product, room)
    finish(room.code, rows, shared, room.stack)
    length = longest(room.code, rows, room.walk.fixed[c.LATENCY])
    if length > TOO_LONG:
        return np.int64(TOO_LONG_CUT)
    at, first = store.counts[CUTS], store.counts[CODE_ROWS]
    store.counts[CUTS] += 1
    store.counts[CODE_ROWS] += rows
    cut = store.cuts[at]
    for column in range(cut.shape[0]):
        cut[column] = 0
    cut[TILING], cut[OUTER], cut[INNER], cut[K] = tiling, outer, inner, k
    cut[FIRST_ROW], cut[ROWS], cut[BEFORE] = first, rows, store.states[tiling, LAST_CUT]
    cut[ARRAY_WRITES] = 1
    store.states[tiling, LAST_CUT] = at
    store.lengths[at] = length
    for place in range(rows):
        row = room.code[place]
        for column in range(row.shape[0]):
            store.code[first + place, column] = row[column]
        if row[c.KIND] == c.STEP:
            _add_step(cut, row, shared)
    return at


@lean
def write_cut(op, outer, inner, k, is_product, room):
    """The rows of a tiling in blocks of these sides, in the room; how many."""
    if not is_product:
        return row_work_rows(room.code, outer, op, room.pieces, room.loops)
    block = room.loops[5]
    block[t.B_OUTER], block[t.B_INNER], block[t.B_K] = outer, inner, k
    return product_rows(room.code, block, op, room.pieces, room.loops)


@lean
def _add_step(cut, row, shared):
    """Count a step to the masks and busy cycles of its cut."""
    rings, loaded = used_rings(row)
    cut[UNITS] |= used_units(row, shared)
    cut[RINGS] |= rings
    cut[LOADED] |= loaded
    times = row[t.D_TIMES]
    for ring in range(c.OPERAND_RINGS):
        cut[BUSY + c.LOAD_UNIT] += times * max(np.int64(0), row[c.LOAD_0 + ring])
    cut[BUSY + c.ARRAY_UNIT] += times * max(np.int64(0), row[c.ARRAY])
    cut[BUSY + c.VECTOR_UNIT] += times * (max(np.int64(0), row[c.VECTOR]) + max(np.int64(0), row[c.FUSED]))
    cut[BUSY + c.STORE_UNIT] += times * max(np.int64(0), row[c.STORE])
    if row[c.VECTOR] >= 0:
        cut[ARRAY_WRITES] = 0


@lean
def least_rooms(ops, classes_of, limit, held):
    """Bytes of all slots of the naive cut of each class within a limit, all tensors in DRAM."""
    for number in range(classes_of.shape[0]):
        op = ops.classes[number]
        if classes_of[number]:
            outer, inner, k = naive_block(limit, op)
            held[number] = held_bytes(outer, inner, k, op) * op[t.SLOTS]
        else:
            held[number] = held_rows_bytes(naive_rows(limit, op), op) * op[t.SLOTS]


@lean
def least_loaded(op, is_product):
    """Bytes that a run of an op loads at least, if nothing is kept; of a convolution only the weights."""
    if is_product:
        acts = np.int64(0) if op[t.POSITIONS] else act_bytes(op[t.M], op[t.K], op)
        return op[t.BATCH] * (acts + weight_bytes(op[t.K], op[t.N], op))
    loaded = np.int64(0)
    for number in range(op[t.READS]):
        loaded += op[op[t.READS_AT] + number * t.ROW_OPERAND + t.R_BYTES]
    return loaded
