"""Steps of matrix products as rows: what a block loads, its work on the array and the vector unit, what it stores."""

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.array_cost import interval, stream_of, tail, tiles_in_turn
from hwsim.kernels.core_steps import spread_product
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.step_counts import (
    brought_in_all,
    conflicts,
    count_array,
    count_stored,
    count_vector,
    fused_elements,
    tile_elements,
)
from hwsim.kernels.tiling_bytes import (
    act_bytes,
    away_bytes,
    before,
    ceil_div,
    exchange_cycles,
    load_cycles,
    row_bytes,
    store_cycles,
    weight_bytes,
)


@inlined
def clear(row):
    for column in range(row.shape[0]):
        row[column] = 0


@inlined
def begin_step(row):
    clear(row)
    for column in range(c.LOAD_0, c.FLAGS):
        row[column] = -1
    row[c.TAIL] = 0


@lean
def product_step(row, outer, inner, k, rows, columns, reuse, last, following, op):
    """The step of one block. `reuse`: of each ring whether the step before left the operand there, and whether the one
    after reads it again."""
    begin_step(row)
    sides = outer[t.P_SIZE], inner[t.P_SIZE], k[t.P_SIZE]
    m, n = rows[t.P_SIZE], columns[t.P_SIZE]
    row[t.D_K], fresh_weights = sides[2], not reuse[2 * c.WEIGHTS]
    flags = c.OPENS * k[t.P_FIRST] | c.CLOSES * k[t.P_LAST]
    if not (op[t.WEIGHT_KEPT] or k[t.P_RESIDENT]):
        flags |= _load(row, c.WEIGHTS, weight_bytes(sides[2], n, op), reuse, op)
    away = m - before(m, rows[t.P_START], op[t.ACT_KEPT])
    if away:
        flags |= _load(row, c.ACTIVATIONS, act_bytes(away, sides[2], op), reuse, op)
    if k[t.P_LAST]:
        _vector_work(row, m, n, fresh_weights, op)
        brought = _bring(row, m, rows[t.P_START], n, op)
        count_stored(row, m, rows[t.P_START], n, np.int64(1), op)
        if brought:
            flags |= _load(row, c.VECTOR_OPERANDS, brought, reuse, op)
    row[c.FLAGS] = flags
    _array_work(row, sides[0], sides[1], k, last, following, op)
    row[t.D_FIRST_READ], row[t.D_CORE_STORED] = row[t.D_ENTERING], row[t.D_STORED]
    if op[t.CORES] > 1:
        spread_product(row, rows, columns, fresh_weights, op)
    leave(row, op)
    share_port(row, row[t.D_ARRAY_PORT] > row[t.D_ARRAY], op)


@inlined
def leave(row, op):
    """How long stores, and results for other cores, take that leave a core's scratchpad."""
    if row[t.D_STORED]:
        row[c.STORE] = store_cycles(row[t.D_STORED], row[t.D_CORE_STORED], op)
    if row[t.D_EXCHANGED]:
        row[c.EXCHANGE] = exchange_cycles(row[t.D_EXCHANGED], op)


@inlined
def share_port(row, port_bound, op):
    """Say how long what a step's first unit, and what all units of a core read keeps the read port, if all readers
    share it.

    `port_bound` says that a port sets the length of the first unit's work.
    """
    if op[t.CORES] == 1:
        row[t.D_CORE_READ] = row[t.D_ENTERING] + row[t.D_READ] + row[t.D_FUSED_READ] + row[t.D_STORED]
    if op[t.READERS_SHARE]:
        row[c.FIRST_PASS] = ceil_div(row[t.D_FIRST_READ] + row[t.D_CONFLICTS], op[t.LANES_READ])
        row[c.ALL_PASS] = ceil_div(row[t.D_CORE_READ] + row[t.D_CONFLICTS], op[t.LANES_READ])
        row[c.FLAGS] |= c.PORT_BOUND if port_bound else 0


@inlined
def _load(row, ring, size, reuse, op):
    """Load an operand, unless it is there; the flag, if its slot is free after the step."""
    if not reuse[2 * ring]:
        row[c.LOAD_0 + ring] = load_cycles(size, size, op)
        row[t.D_LOADED] += size
        row[t.D_FILLED] += size
        row[t.D_OF_RING + ring] = row[t.D_OF_CORE + ring] = size
    return np.int64(0) if reuse[2 * ring + 1] else np.int64(c.RELEASE_0 << ring)


@lean
def _vector_work(row, m, n, fresh_weights, op):
    """The vector unit's work on a finished tile, and the epilogue's."""
    requantized, added, multiplied = tile_elements(m, n, fresh_weights, op)
    count_vector(row, m, n, fresh_weights, np.int64(1), op)
    lanes = op[t.LANES]
    row[t.D_VECTOR] = (
        ceil_div(requantized, lanes) * op[t.REQUANTIZE]
        + ceil_div(added, lanes) * op[t.ADD]
        + ceil_div(multiplied, lanes) * op[t.MULTIPLY]
    )
    row[t.D_VECTOR_PORT] = max(ceil_div(row[t.D_READ], op[t.LANES_READ]), ceil_div(row[t.D_WRITTEN], op[t.LANES_WRITE]))
    row[c.VECTOR] = max(row[t.D_VECTOR], row[t.D_VECTOR_PORT])
    if op[t.EPILOGUE]:
        for number in range(op[t.FUNCTIONS]):
            function = op[op[t.FUNCTIONS_AT] + number * t.FUNCTION :]
            row[t.D_FUSED] += ceil_div(fused_elements(m, n, function), lanes) * function[t.F_CYCLES]
        read, written = row[t.D_FUSED_READ], row[t.D_FUSED_WRITTEN]
        row[t.D_FUSED_PORT] = max(ceil_div(read, op[t.LANES_READ]), ceil_div(written, op[t.LANES_WRITE]))
        row[c.FUSED] = max(row[t.D_FUSED], row[t.D_FUSED_PORT])


@lean
def _bring(row, size, start, n, op):
    """What the vector unit brings for a tile of these rows and n columns, by operand; all of it."""
    if not op[t.COLUMNS_KEPT]:
        row[t.COLUMN_SCALES] = n * op[t.SCALE_BYTES]
        row[t.BIAS] = row_bytes(n, op[t.BIAS_BITS])
    if not op[t.ROW_SCALES_KEPT]:
        row[t.ROW_SCALES] = row_bytes(size, op[t.ROW_SCALE_BITS])
    for number in range(op[t.READS]):
        operand = op[t.READS_AT] + number * t.OPERAND
        row[t.EPILOGUE_READS + number] = away_bytes(size, start, n, op, operand)
    return brought_in_all(row, op)


@lean
def _array_work(row, outer, inner, k, last, following, op):
    """The step's time on the array: the longer of the array's own and the port's, over which operands enter."""
    m, n = (inner, outer) if op[t.N_OUTER] else (outer, inner)
    stream = count_array(row, m, n, np.int64(1), op)
    tiles = tiles_in_turn(outer, inner, k[t.P_SIZE], op)
    closes = k[t.P_LAST]
    if op[t.STAYS]:
        # A step that does not finish its K occupies just that K; the last one brings the rest of the interval.
        whole = stream_of(outer, op[t.K], op)
        rest = interval(whole, op) - op[t.PACE] * whole if closes else np.int64(0)
        cycles, latest = tiles * (op[t.PACE] * stream + rest), tail(whole, op)
        if last and following >= 0:
            more = op[t.PACE] * whole + max(np.int64(0), op[t.HAZARD] - following) - interval(whole, op)
            cycles, latest = cycles + more, latest - more
    else:
        cycles, latest = tiles * interval(stream, op), tail(stream, op)
    row[t.D_ARRAY], row[t.D_ARRAY_PORT] = cycles, ceil_div(row[t.D_ENTERING], op[t.LANES_READ])
    if op[t.ACT_STRETCH] or op[t.WEIGHT_STRETCH]:
        row[t.D_CONFLICTS] = conflicts(m, n, k[t.P_SIZE], op)
        row[t.D_LOST] = ceil_div(row[t.D_ENTERING] + row[t.D_CONFLICTS], op[t.LANES_READ]) - row[t.D_ARRAY_PORT]
        row[t.D_ARRAY_PORT] += row[t.D_LOST]
    row[c.ARRAY] = max(row[t.D_ARRAY], row[t.D_ARRAY_PORT])
    row[c.TAIL] = latest if closes else 0


@inlined
def set_reuse(reuse, slow, fast, k, n_is_slow, op):
    """Say which operands stay from step to step, if the loop over the pieces `slow` lies outside that over `fast`."""
    one_k = k[t.P_FIRST] and k[t.P_LAST]
    one_fast = fast[t.P_FIRST] and fast[t.P_LAST]
    of_slow, of_fast = (c.WEIGHTS, c.ACTIVATIONS) if n_is_slow else (c.ACTIVATIONS, c.WEIGHTS)
    for after in range(2):
        fast_goes_on = not fast[t.P_LAST if after else t.P_FIRST]
        slow_goes_on = not slow[t.P_LAST if after else t.P_FIRST]
        reuse[2 * of_slow + after] = one_k and fast_goes_on
        reuse[2 * of_fast + after] = one_k and one_fast and slow_goes_on
        columns = fast_goes_on if n_is_slow else one_fast and slow_goes_on
        reuse[2 * c.VECTOR_OPERANDS + after] = columns and not _brings_each_tile(op)


@inlined
def _brings_each_tile(op):
    """Whether the vector unit brings values for single tiles or rows, not only for columns."""
    each = op[t.ROW_SCALE_BITS] > 0 and not op[t.ROW_SCALES_KEPT]
    for number in range(op[t.READS]):
        operand = op[op[t.READS_AT] + number * t.OPERAND :]
        each = each or (operand[t.O_GROWS] and operand[t.O_KEPT] < t.ALL)
    return each
