"""Steps of matrix products as rows: what a block loads, its work on the array and the vector unit, what it stores."""

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.array_cost import interval, stream_of, tail, takes, tiles_of
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.tiling_bytes import (
    act_bytes,
    away_bytes,
    before,
    ceil_div,
    column_bytes,
    dequantized_bytes,
    load_cycles,
    row_bytes,
    store_cycles,
    tile_bytes,
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
def product_step(row, outer, inner, k, rows, reuse, last, following, op):
    """The step of one block. `reuse`: of each ring whether the step before left the operand there, and whether the one
    after reads it again."""
    begin_step(row)
    sides = outer[t.P_SIZE], inner[t.P_SIZE], k[t.P_SIZE]
    m, n = (sides[1], sides[0]) if op[t.N_OUTER] else (sides[0], sides[1])
    row[t.D_OUTER], row[t.D_INNER], row[t.D_K] = sides
    flags = c.OPENS * k[t.P_FIRST] | c.CLOSES * k[t.P_LAST]
    if not (op[t.WEIGHT_KEPT] or k[t.P_RESIDENT]):
        flags |= _load(row, c.WEIGHTS, weight_bytes(sides[2], n, op), reuse, op)
    away = m - before(rows[t.P_SIZE], rows[t.P_START], op[t.ACT_KEPT])
    if away:
        flags |= _load(row, c.ACTIVATIONS, act_bytes(away, sides[2], op), reuse, op)
    if k[t.P_LAST]:
        _vector_work(row, m, n, not reuse[2 * c.WEIGHTS], op)
        brought = _bring_and_store(row, rows[t.P_SIZE], rows[t.P_START], n, op)
        if brought:
            flags |= _load(row, c.VECTOR_OPERANDS, brought, reuse, op)
        if row[t.D_STORED]:
            row[c.STORE] = store_cycles(row[t.D_STORED], op)
    row[c.FLAGS] = flags
    _array_work(row, m, n, k, last, following, op)
    share_port(row, row[t.D_ENTERING], row[t.D_ARRAY_PORT] > row[t.D_ARRAY], op)


@inlined
def share_port(row, first, port_bound, op):
    """Say how long what a step's first unit, and what all units read, keeps the read port, if all readers share it.

    `port_bound` says that a port sets the length of the first unit's work.
    """
    if op[t.READERS_SHARE]:
        read = row[t.D_ENTERING] + row[t.D_READ] + row[t.D_FUSED_READ] + row[t.D_STORED]
        row[c.FIRST_PASS], row[c.ALL_PASS] = ceil_div(first, op[t.LANES_READ]), ceil_div(read, op[t.LANES_READ])
        row[c.FLAGS] |= c.PORT_BOUND if port_bound else 0


@inlined
def _load(row, ring, size, reuse, op):
    """Load an operand, unless it is there; the flag, if its slot is free after the step."""
    if not reuse[2 * ring]:
        row[c.LOAD_0 + ring] = load_cycles(size, op)
        row[t.D_LOADED] += size
        row[t.D_OF_RING + ring] = size
    return np.int64(0) if reuse[2 * ring + 1] else np.int64(c.RELEASE_0 << ring)


@lean
def _vector_work(row, m, n, fresh_weights, op):
    """The vector unit's work on a finished tile. Dequantising its weights is counted here, for all of K."""
    tile, lanes = m * n, op[t.LANES]
    requantized = tile
    read = column_bytes(n, op) + row_bytes(m, op[t.ROW_SCALE_BITS])
    written = np.int64(0) if op[t.EPILOGUE] else m * row_bytes(n, op[t.OUT_BITS])
    added = tile if op[t.BIAS_BITS] else np.int64(0)
    multiplied = tile if op[t.ROW_SCALE_BITS] else np.int64(0)
    if op[t.DEQUANTIZED] and fresh_weights:
        requantized += op[t.K] * n
        read += weight_bytes(op[t.K], n, op)
        written += dequantized_bytes(op[t.K], n, op)
    row[t.D_VECTOR] = (
        ceil_div(requantized, lanes) * op[t.REQUANTIZE]
        + ceil_div(added, lanes) * op[t.ADD]
        + ceil_div(multiplied, lanes) * op[t.MULTIPLY]
    )
    row[t.D_LANES] = requantized * op[t.REQUANTIZE] + added * op[t.ADD] + multiplied * op[t.MULTIPLY]
    row[t.D_READ], row[t.D_WRITTEN] = read, written
    row[t.D_VECTOR_PORT] = max(ceil_div(read, op[t.LANES_READ]), ceil_div(written, op[t.LANES_WRITE]))
    row[c.VECTOR] = max(row[t.D_VECTOR], row[t.D_VECTOR_PORT])
    if op[t.EPILOGUE]:
        _fused_work(row, m, n, op)


@lean
def _fused_work(row, m, n, op):
    """The epilogue's work on a tile."""
    for number in range(op[t.FUNCTIONS]):
        function = op[op[t.FUNCTIONS_AT] + number * t.FUNCTION :]
        elements = function[t.F_TILE] * m * n + function[t.F_COLUMN] * n + function[t.F_ONCE]
        row[t.D_FUSED] += ceil_div(elements, op[t.LANES]) * function[t.F_CYCLES]
        row[t.D_FUSED_LANES] += elements * function[t.F_CYCLES]
    row[t.D_FUSED_READ] = tile_bytes(m, n, op, op[t.READS_AT], op[t.READS])
    row[t.D_FUSED_WRITTEN] = tile_bytes(m, n, op, op[t.WRITES_AT], op[t.WRITES])
    read, written = ceil_div(row[t.D_FUSED_READ], op[t.LANES_READ]), ceil_div(row[t.D_FUSED_WRITTEN], op[t.LANES_WRITE])
    row[t.D_FUSED_PORT] = max(read, written)
    row[c.FUSED] = max(row[t.D_FUSED], row[t.D_FUSED_PORT])


@lean
def _bring_and_store(row, size, start, n, op):
    """What the vector unit brings for a tile of these rows and n columns, and what the tile stores, by operand; the
    bytes that it brings."""
    if not op[t.COLUMNS_KEPT]:
        row[t.COLUMN_SCALES] = n * op[t.SCALE_BYTES]
        row[t.BIAS] = row_bytes(n, op[t.BIAS_BITS])
    if not op[t.ROW_SCALES_KEPT]:
        row[t.ROW_SCALES] = row_bytes(size, op[t.ROW_SCALE_BITS])
    place = t.EPILOGUE_READS
    for number in range(op[t.READS]):
        row[place] = away_bytes(size, start, n, op, op[t.READS_AT] + number * t.OPERAND)
        place += 1
    brought = np.int64(0)
    for column in range(t.DETAIL, place):
        brought += row[column]
    if op[t.EPILOGUE]:
        for number in range(op[t.WRITES]):
            row[place + number] = away_bytes(size, start, n, op, op[t.WRITES_AT] + number * t.OPERAND)
            row[t.D_STORED] += row[place + number]
    else:
        row[place] = (size - before(size, start, op[t.OUT_KEPT])) * row_bytes(n, op[t.OUT_BITS])
        row[t.D_STORED] = row[place]
    return brought


@lean
def _array_work(row, m, n, k, last, following, op):
    """The step's time on the array: the longer of the array's own and the port's, over which operands enter."""
    outer, inner, depth = row[t.D_OUTER], row[t.D_INNER], row[t.D_K]
    tiles, stream = tiles_of(outer, inner, depth, op), stream_of(outer, depth, op)
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
    weights = dequantized_bytes(depth, n, op) if op[t.DEQUANTIZED] else weight_bytes(depth, n, op)
    acts = m * row_bytes(depth, op[t.ACT_BITS])
    entering = acts * takes(op[t.ACT_TAKES], outer, inner, op) + weights * takes(op[t.WEIGHT_TAKES], outer, inner, op)
    row[t.D_TILES], row[t.D_STREAM], row[t.D_ENTERING] = tiles, stream, entering
    row[t.D_ARRAY], row[t.D_ARRAY_PORT] = cycles, ceil_div(entering, op[t.LANES_READ])
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
