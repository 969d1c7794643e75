"""A plan as the code of its timeline: which tensors each op waits for, and all rows in order, with the loops around.

`spots` are numbers of tensors, and of columns and parameters where they are resident; the spot of a resident prefix is
that of its tensor plus the number of spots.
"""

from typing import NamedTuple

import numpy as np

from hwsim.kernels import cut_store as s
from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.jit import inlined, lean

# Uses of tensors, in the order of an op's lists: how, and the spot. READ_RESIDENT: a read of a weight of which rows are
# resident, or of resident columns or parameters.
ARRAY_READ, ARRAY_READ_RESIDENT, VECTOR_READ, VECTOR_READ_RESIDENT, LOADED_0, WRITES, WRITES_PART = 0, 1, 2, 3, 4, 7, 8
U_HOW, U_SPOT, USE = 0, 1, 2

# Nodes: what it is; the op, or how often a loop runs; the loop's number; that of its body; the first of its rows of
# totals and the row behind the last; for a loop's end and begin where the other one stands.
N_KIND, N_OP, N_LOOP, N_BODY, N_LOW, N_HIGH, N_PARTNER, NODE = range(8)
OP, BEGIN, END, PRELOADS = 0, 1, 2, 3

# Preloads of a plan: the loop before which they come, the row of totals of their op, cycles, spot, what they overwrite.
L_LOOP, L_OP, L_CYCLES, L_SPOT, L_LOW, L_HIGH, PRELOAD = range(7)


class Spots(NamedTuple):
    """Where the tensors of a plan are: rows kept, rows of tiles resident, and which dead spots each one overwrites."""

    kept: c.Ints
    resident: c.Ints
    dead_low: c.Ints  # by spot, in `dead`
    dead_high: c.Ints
    dead: c.Ints  # spots, of prefixes if only these lay there


@inlined
def _add(refs, count, how, spot):
    refs[count, c.HOW], refs[count, c.TENSOR] = how, spot
    return count + 1


@lean
def list_refs(uses, use_at, spots, refs, ref_at):
    """The tensors that each op waits for, as its uses and the places of tensors say; how many there are.

    -1, if `refs` has not the room.
    """
    kept, prefix, count = spots.kept, spots.kept.shape[0], 0
    for op in range(use_at.shape[0] - 1):
        low, high = use_at[op], use_at[op + 1]
        ref_at[op] = count
        if count + 3 * (high - low) > refs.shape[0]:
            return -1
        for use in range(low, high):
            count = _read(uses[use, U_HOW], uses[use, U_SPOT], spots, refs, count)
        for use in range(low, high):
            how, spot = uses[use, U_HOW], uses[use, U_SPOT]
            if how >= WRITES and kept[spot] > 0:
                here = spot if kept[spot] == t.ALL else prefix + spot
                count = _add(refs, count, c.KEPT if how == WRITES else c.KEPT_PART, here)
        for use in range(low, high):
            how, spot = uses[use, U_HOW], uses[use, U_SPOT]
            if how >= WRITES and kept[spot] < t.ALL:
                count = _add(refs, count, c.STORED if how == WRITES else c.STORED_PART, spot)
        for use in range(low, high):
            how, spot = uses[use, U_HOW], uses[use, U_SPOT]
            if how >= WRITES and kept[spot] > 0:
                if count + spots.dead_high[spot] - spots.dead_low[spot] + 3 * (high - low) > refs.shape[0]:
                    return -1
                for dead in range(spots.dead_low[spot], spots.dead_high[spot]):
                    count = _add(refs, count, c.OVERWRITES, spots.dead[dead])
    ref_at[use_at.shape[0] - 1] = count
    return count


@inlined
def _read(how, spot, spots, refs, count):
    """Add what an op reads of a tensor."""
    kept = spots.kept[spot]
    here = spot if kept == t.ALL else spots.kept.shape[0] + spot
    if how == ARRAY_READ and kept > 0:
        return _add(refs, count, c.ARRAY_READ, here)
    if how == VECTOR_READ and kept > 0:
        return _add(refs, count, c.VECTOR_READ, here)
    if how == ARRAY_READ_RESIDENT and spots.resident[spot] > 0:
        return _add(refs, count, c.ARRAY_READ, spot)
    if how == VECTOR_READ_RESIDENT and spots.resident[spot] > 0:
        return _add(refs, count, c.VECTOR_READ, spot)
    if LOADED_0 <= how < WRITES and kept < t.ALL:
        return _add(refs, count, c.LOADED_0 + how - LOADED_0, spot)
    return count


class Plan(NamedTuple):
    """A plan to assemble: its nodes, and what stands at each of them."""

    nodes: c.Ints
    op_rows: c.Ints  # [op, 3] rows of totals of the op and of its epilogue, -1 for none, and where its refs begin
    cuts: c.Ints  # of each op
    refs: c.Ints
    ref_at: c.Ints
    preloads: c.Ints
    spots: int


class Touches(NamedTuple):
    """Scratch for what bodies touch: bits by spot, spots in order, and where each body's rows begin and end."""

    bits: c.Ints
    order: c.Ints
    low: c.Ints
    high: c.Ints


@lean
def count_rows(plan, cuts):
    """How many rows the code of a plan has."""
    rows = np.int64(0)
    for place in range(plan.nodes.shape[0]):
        node = plan.nodes[place]
        if node[N_KIND] == OP:
            rows += cuts[plan.cuts[node[N_OP]], s.ROWS]
        elif node[N_KIND] == PRELOADS:
            for preload in range(plan.preloads.shape[0]):
                rows += plan.preloads[preload, L_LOOP] == node[N_LOOP]
        else:
            rows += 1
    return rows


@lean
def touch_bodies(plan, touches, touched):
    """List for each body of a loop the tensors that it touches; how many rows, or -1 if `touched` has not the room."""
    count = np.int64(0)
    for place in range(plan.nodes.shape[0]):
        node = plan.nodes[place]
        if node[N_KIND] != END or touches.high[node[N_BODY]] >= 0:
            continue
        spots = 0
        for inside in range(node[N_PARTNER] + 1, place):
            spots = _touch_node(plan, plan.nodes[inside], touches, spots)
        if count + spots > touched.shape[0]:
            for spot in range(spots):
                touches.bits[touches.order[spot]] = 0
            return -1
        touches.low[node[N_BODY]] = count
        for spot in range(spots):
            tensor, row = touches.order[spot], touched[count]
            bits = touches.bits[tensor]
            row[c.T_TENSOR], row[c.T_WHOLE], row[c.T_PART] = tensor, bits & c.WHOLE, (bits & c.PART) // c.PART
            row[c.T_ASKED], row[c.T_READERS] = (bits & c.ASKED) // c.ASKED, bits // c.READER_0
            touches.bits[tensor] = 0
            count += 1
        touches.high[node[N_BODY]] = count
    return count


@inlined
def _touch(touches, spots, spot, bits):
    if touches.bits[spot] == 0:
        touches.order[spots] = spot
        spots += 1
    touches.bits[spot] |= bits
    return spots


@lean
def _touch_node(plan, node, touches, spots):
    if node[N_KIND] == OP:
        variant = plan.op_rows[node[N_OP], 2]
        for ref in range(plan.ref_at[variant], plan.ref_at[variant + 1]):
            how, spot = plan.refs[ref, c.HOW], plan.refs[ref, c.TENSOR]
            spots = _touch(touches, spots, spot, _bits_of(how))
    elif node[N_KIND] == PRELOADS:
        for place in range(plan.preloads.shape[0]):
            preload = plan.preloads[place]
            if preload[L_LOOP] == node[N_LOOP]:
                spots = _touch(touches, spots, preload[L_SPOT], np.int64(c.WHOLE))
                for ref in range(preload[L_LOW], preload[L_HIGH]):
                    spots = _touch(touches, spots, plan.refs[ref, c.TENSOR], np.int64(c.ASKED))
    return spots


@inlined
def _bits_of(how):
    if how == c.ARRAY_READ:
        return np.int64(c.READER_0 << c.ARRAY_UNIT)
    if how == c.VECTOR_READ:
        return np.int64(c.READER_0 << c.VECTOR_UNIT)
    if how < c.KEPT:
        return np.int64(c.READER_0 << c.LOAD_UNIT)
    if how == c.OVERWRITES:
        return np.int64(c.ASKED)
    return np.int64(c.WHOLE if how == c.KEPT or how == c.STORED else c.PART)


@lean
def write_code(plan, store, touches, key, levels, code):
    """Write the code of a plan, in which `key` integers of a loop's key belong to no tensor.

    `levels` [level, :] becomes the integers that keys and snapshots of the loops on each level take, without how many
    are kept, and then where they begin.
    """
    for level in range(levels.shape[0]):
        levels[level, 0] = levels[level, 1] = 0
    at, level = 0, 0
    for place in range(plan.nodes.shape[0]):
        node = plan.nodes[place]
        if node[N_KIND] == OP:
            at = _write_op(plan, store, node[N_OP], level, key, at, levels, code)
            cut = store.cuts[plan.cuts[node[N_OP]]]
            _use(code, levels, level, cut[s.UNITS], cut[s.RINGS], cut[s.LOADED])
        elif node[N_KIND] == PRELOADS:
            for number in range(plan.preloads.shape[0]):
                preload, row = plan.preloads[number], code[at]
                if preload[L_LOOP] == node[N_LOOP]:
                    _clear(row)
                    row[c.KIND], row[c.PRE_OP], row[c.PRE_CYCLES] = c.PRELOAD, preload[L_OP], preload[L_CYCLES]
                    row[c.PRE_TENSOR], row[c.PRE_REF_LOW] = preload[L_SPOT], preload[L_LOW]
                    row[c.PRE_REF_HIGH] = preload[L_HIGH]
                    _use(code, levels, level, np.int64(1 << c.LOAD_UNIT), np.int64(0), np.int64(0))
                    at += 1
        elif node[N_KIND] == BEGIN:
            row = code[at]
            _clear(row)
            low, high = touches.low[node[N_BODY]], touches.high[node[N_BODY]]
            row[c.KIND], row[c.TIMES], row[c.OP_LOW], row[c.OP_HIGH] = c.BEGIN, node[N_OP], node[N_LOW], node[N_HIGH]
            row[c.TOUCHED_LOW], row[c.TOUCHED_HIGH] = low, high
            row[c.KEY_SIZE] = key + (high - low) * (1 + 2 * c.READERS)
            level += 1
            _widen(levels, level, row[c.KEY_SIZE], node[N_HIGH] - node[N_LOW])
            levels[level, 2] = at
            at += 1
        else:
            begin = levels[level, 2]
            row = code[at]
            _clear(row)
            row[c.KIND], row[c.PARTNER] = c.END, begin
            level -= 1
            _use(code, levels, level, code[begin, c.UNITS_USED], code[begin, c.RINGS_USED], code[begin, c.RINGS_LOADED])
            at += 1


@inlined
def _clear(row):
    for column in range(c.COLUMNS):
        row[column] = 0


@inlined
def _use(code, levels, level, units, rings, loaded):
    """Count what a node uses to the loop around it."""
    if level > 0:
        begin = code[levels[level, 2]]
        begin[c.UNITS_USED] |= units
        begin[c.RINGS_USED] |= rings
        begin[c.RINGS_LOADED] |= loaded


@inlined
def _widen(levels, level, key, ops):
    """Reserve room for snapshots of a loop on that level: integers of its key, ops whose totals it keeps."""
    levels[level, 0] = max(levels[level, 0], key)
    levels[level, 1] = max(levels[level, 1], c.TOTALS_AT + ops * c.TOTALS)


@lean
def _write_op(plan, store, op, level, key, at, levels, code):
    """The rows of an op's run, inside so many loops; where they end."""
    cut = store.cuts[plan.cuts[op]]
    first, rows, own, epilogue, variant = cut[s.FIRST_ROW], cut[s.ROWS], plan.op_rows[op, 0], plan.op_rows[op, 1], 0
    variant = plan.op_rows[op, 2]
    low = own if epilogue < 0 else min(own, epilogue)
    high = max(own, epilogue) + 1
    deep = level + 1
    for place in range(rows):
        row = code[at + place]
        for column in range(c.COLUMNS):
            row[column] = store.code[first + place, column]
        if row[c.KIND] == c.BEGIN:
            deep += 1
            row[c.OP_LOW], row[c.OP_HIGH], row[c.TOUCHED_LOW], row[c.TOUCHED_HIGH] = low, high, 0, 0
            row[c.KEY_SIZE] = key
            _widen(levels, deep, key, high - low)
        elif row[c.KIND] == c.END:
            deep -= 1
            row[c.PARTNER] += at
    for place in (at, at + rows - 1):
        row = code[place]
        row[c.OP], row[c.FUSED_OP], row[c.ARRAY_WRITES] = own, epilogue, cut[s.ARRAY_WRITES]
        row[c.REF_LOW], row[c.REF_HIGH] = plan.ref_at[variant], plan.ref_at[variant + 1]
    return at + rows


@lean
def place_snapshots(code, rows, kept, levels):
    """Say in each loop where its keys and snapshots lie; how many integers all keys and all snapshots take.

    `levels` are made places by level.
    """
    keys, pasts = np.int64(0), np.int64(0)
    for level in range(levels.shape[0]):
        key, past = levels[level, 0], levels[level, 1]
        levels[level, 0], levels[level, 1] = keys, pasts
        keys += key * kept
        pasts += past * kept
    level = 0
    for place in range(rows):
        row = code[place]
        kind = row[c.KIND]
        if kind == c.OP_BEGIN or kind == c.BEGIN:
            level += 1
            if kind == c.BEGIN:
                row[c.KEY_AT], row[c.PAST_AT] = levels[level, 0], levels[level, 1]
        elif kind == c.OP_END or kind == c.END:
            level -= 1
    return keys, pasts
