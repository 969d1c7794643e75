"""Tilings in the store: found by what tells them apart, made when they are new, with their tensors in their places."""

import numpy as np

from hwsim.kernels import cut_store as s
from hwsim.kernels import tiling_code as t
from hwsim.kernels.blocks import bit_length, naive_block, naive_rows
from hwsim.kernels.candidates import most_candidates
from hwsim.kernels.jit import lean
from hwsim.kernels.tiling_bytes import act_bytes, held_bytes, held_rows_bytes, weight_bytes


@lean
def write_key(ops, op, kept, resident, key):
    row = ops.table[op]
    for column in range(key.shape[0]):
        key[column] = 0
    key[s.K_CLASS], key[s.K_FOLLOWING] = row[s.CLASS], row[s.FOLLOWING]
    key[s.K_RESIDENT] = resident[row[s.WEIGHT]] if row[s.WEIGHT] >= 0 else 0
    key[s.K_TOGETHER] = resident[row[s.TOGETHER]] > 0
    for role in range(row[s.ROLES]):
        spot = ops.roles[op, role]
        key[s.K_ROLES + role] = kept[spot] if spot >= 0 else 0


@lean
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
    tiling = store.counts[s.TILINGS]
    store.counts[s.TILINGS] += 1
    store.hashed[at] = tiling
    for column in range(key.shape[0]):
        store.keys[tiling, column] = key[column]
    row = store.tilings[tiling]
    for column in range(row.shape[0]):
        row[column] = ops.classes[key[s.K_CLASS], column]
    if ops.table[op, s.IS_PRODUCT]:
        _place_product(row, key, ops.table[op, s.RESIDENT_UNIT])
    else:
        _place_row_work(row, key)
    store.states[tiling, s.OF_PRODUCT], store.states[tiling, s.LAST_CUT] = ops.table[op, s.IS_PRODUCT], -1
    store.states[tiling, s.CANDIDATES] = s.UNKNOWN
    return tiling


@lean
def known_cut(tiling, block, store):
    """The number of the cut of a tiling into these blocks, -1 if it was not kept yet."""
    at = store.states[tiling, s.LAST_CUT]
    while at >= 0:
        cut, same = store.cuts[at], True
        for side in range(t.SIDES):
            same = same and cut[s.BLOCK + side] == block[side]
        if same:
            return at
        at = cut[s.BEFORE]
    return at


@lean
def _place_product(row, key, resident_unit):
    """Say in a product's row where its tensors lie."""
    kept = key[s.K_ROLES :]
    row[t.FOLLOWING] = key[s.K_FOLLOWING]
    row[t.ACT_KEPT], row[t.WEIGHT_KEPT], row[t.OUT_KEPT] = kept[0], kept[1] > 0, kept[2]
    row[t.ROW_SCALES_KEPT], row[t.COLUMNS_KEPT] = kept[3] > 0, key[s.K_TOGETHER]
    row[t.RESIDENT_K] = min(row[t.K], key[s.K_RESIDENT] * resident_unit)
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
    kept, at, mark = key[s.K_ROLES :], 0, row[t.MARKS_AT]
    for first, count in ((row[t.READS_AT], row[t.READS]), (row[t.WRITES_AT], row[t.WRITES])):
        for number in range(count):
            operand = row[first + number * t.ROW_OPERAND :]
            parameter = operand[t.R_KEPT] < 0
            operand[t.R_KEPT] = t.ALL if parameter and key[s.K_TOGETHER] else kept[at]
            row[mark + at] = 0 if operand[t.R_SHARED] else operand[t.R_KEPT]
            at += 1


@lean
def least_rooms(ops, is_product, limit, held):
    """Bytes of all slots of the naive cut of each class within a limit, all tensors in DRAM."""
    for number in range(is_product.shape[0]):
        op = ops.classes[number]
        if is_product[number]:
            outer, inner, k = naive_block(limit, op)
            held[number] = held_bytes(outer, inner, k, op) * op[t.SLOTS]
        else:
            held[number] = held_rows_bytes(naive_rows(limit, op), op) * op[t.SLOTS]


@lean
def most_blocks(ops, is_product):
    """The rows that listing the candidates of a tiling of any of the classes takes at most."""
    most = np.int64(1)
    for number in range(is_product.shape[0]):
        op = ops.classes[number]
        if is_product[number]:
            most = max(most, most_candidates(op))
        else:
            most = max(most, bit_length(held_rows_bytes(op[t.ROWS], op) * op[t.SLOTS]) + 1)
    return most


@lean
def least_weights(op):
    """Bytes of weights that a run of a product loads at least, if nothing is kept."""
    of_cores = op[t.N_FULL] * weight_bytes(op[t.K], op[t.N], op) + weight_bytes(op[t.K], op[t.N_REST], op)
    return op[t.BATCH] * op[t.B_FULL] * of_cores


@lean
def least_loaded(op, is_product):
    """Bytes that a run of an op loads at least, if nothing is kept; of a convolution only the weights.

    The rest of a dimension, which one more core may have, is left out.
    """
    if is_product:
        acts = np.int64(0) if op[t.POSITIONS] else op[t.M_FULL] * act_bytes(op[t.M], op[t.K], op)
        return op[t.BATCH] * op[t.B_FULL] * acts + least_weights(op)
    loaded = np.int64(0)
    for number in range(op[t.READS]):
        loaded += op[op[t.READS_AT] + number * t.ROW_OPERAND + t.R_BYTES]
    return loaded
