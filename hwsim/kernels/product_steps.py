"""Steps of matrix products as rows: what a block loads, its work on the array and the vector unit, what it stores."""

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.array_cost import interval, stream_of, tail, takes, tiles_in_turn, tiles_of
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.tiling_bytes import (
    act_bytes,
    away_bytes,
    before,
    ceil_div,
    column_bytes,
    dequantized_bytes,
    exchange_cycles,
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
        _store(row, m, rows[t.P_START], n, np.int64(1), op)
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
        row[c.FIRST_PASS] = ceil_div(row[t.D_FIRST_READ], op[t.LANES_READ])
        row[c.ALL_PASS] = ceil_div(row[t.D_CORE_READ], op[t.LANES_READ])
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


@inlined
def _tile_elements(m, n, fresh_weights, op):
    """What the vector unit requantises, adds and multiplies on a finished tile. Dequantising its weights is counted
    here, for all of K."""
    tile = m * n
    requantized = tile + op[t.K] * n if op[t.DEQUANTIZED] and fresh_weights else tile
    return requantized, tile if op[t.BIAS_BITS] else np.int64(0), tile if op[t.ROW_SCALE_BITS] else np.int64(0)


@lean
def count_vector(row, m, n, fresh_weights, times, op):
    """Count the vector unit's work on so many finished tiles: lanes, and bytes through the scratchpad's ports."""
    requantized, added, multiplied = _tile_elements(m, n, fresh_weights, op)
    lanes = requantized * op[t.REQUANTIZE] + added * op[t.ADD] + multiplied * op[t.MULTIPLY]
    read = column_bytes(n, op) + row_bytes(m, op[t.ROW_SCALE_BITS])
    written = np.int64(0) if op[t.EPILOGUE] else m * row_bytes(n, op[t.OUT_BITS])
    if op[t.DEQUANTIZED] and fresh_weights:
        read += weight_bytes(op[t.K], n, op)
        written += dequantized_bytes(op[t.K], n, op)
    row[t.D_LANES] += times * lanes
    row[t.D_READ] += times * read
    row[t.D_WRITTEN] += times * written
    if op[t.EPILOGUE]:
        for number in range(op[t.FUNCTIONS]):
            function = op[op[t.FUNCTIONS_AT] + number * t.FUNCTION :]
            row[t.D_FUSED_LANES] += times * _fused_elements(m, n, function) * function[t.F_CYCLES]
        row[t.D_FUSED_READ] += times * tile_bytes(m, n, op, op[t.READS_AT], op[t.READS])
        row[t.D_FUSED_WRITTEN] += times * tile_bytes(m, n, op, op[t.WRITES_AT], op[t.WRITES])


@inlined
def _fused_elements(m, n, function):
    """On how many elements of a tile a function of the epilogue works."""
    return function[t.F_TILE] * m * n + function[t.F_COLUMN] * n + function[t.F_ONCE]


@lean
def _vector_work(row, m, n, fresh_weights, op):
    """The vector unit's work on a finished tile, and the epilogue's."""
    requantized, added, multiplied = _tile_elements(m, n, fresh_weights, op)
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
            row[t.D_FUSED] += ceil_div(_fused_elements(m, n, function), lanes) * function[t.F_CYCLES]
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


@inlined
def brought_in_all(row, op):
    """The bytes of all that the vector unit brings."""
    brought = np.int64(0)
    for column in range(t.DETAIL, t.EPILOGUE_READS + op[t.READS]):
        brought += row[column]
    return brought


@lean
def _store(row, size, start, n, times, op):
    """Count what so many tiles of these rows and n columns store, by result, and what they send to other cores."""
    place = t.EPILOGUE_READS + op[t.READS]
    if op[t.EPILOGUE]:
        for number in range(op[t.WRITES]):
            operand = op[t.WRITES_AT] + number * t.OPERAND
            stored = away_bytes(size, start, n, op, operand)
            row[place + number] += times * stored
            row[t.D_STORED] += times * stored
            if op[operand + t.O_SENT]:
                row[t.D_EXCHANGED] += times * (size * row_bytes(n, op[operand + t.O_BITS]) - stored)
    else:
        stored = (size - before(size, start, op[t.OUT_KEPT])) * row_bytes(n, op[t.OUT_BITS])
        row[place] += times * stored
        row[t.D_STORED] += times * stored
        if op[t.OUT_SENT]:
            row[t.D_EXCHANGED] += times * (size * row_bytes(n, op[t.OUT_BITS]) - stored)


@lean
def count_array(row, m, n, times, op):
    """Count the work of arrays on so many blocks: results, tiles, and what enters; the stream that tiles meet."""
    outer, inner = (n, m) if op[t.N_OUTER] else (m, n)
    depth = row[t.D_K]
    tiles, stream = tiles_of(outer, inner, depth, op), stream_of(outer, depth, op)
    weights = dequantized_bytes(depth, n, op) if op[t.DEQUANTIZED] else weight_bytes(depth, n, op)
    acts = m * row_bytes(depth, op[t.ACT_BITS])
    entering = acts * takes(op[t.ACT_TAKES], outer, inner, op) + weights * takes(op[t.WEIGHT_TAKES], outer, inner, op)
    row[t.D_RESULTS] += times * outer * inner
    row[t.D_TILES] += times * tiles
    row[t.D_STREAMED] += times * tiles * stream
    row[t.D_ENTERING] += times * entering
    return stream


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
    row[c.ARRAY] = max(row[t.D_ARRAY], row[t.D_ARRAY_PORT])
    row[c.TAIL] = latest if closes else 0


# -- several cores


@lean
def spread_product(row, rows, columns, fresh_weights, op):
    """Make what the step of one core does and moves that of all cores: those with blocks as large, and those with the
    rest of M, of N, or of both. What several cores read of the DRAM passes its port once."""
    m, n, start, closes = rows[t.P_SIZE], columns[t.P_SIZE], rows[t.P_START], row[c.FLAGS] & c.CLOSES
    rest_m, rest_n = before(m, start, op[t.M_REST]), before(n, columns[t.P_START], op[t.N_REST])
    with_m, with_n = op[t.M_FULL] + (rest_m > 0), op[t.N_FULL] + (rest_n > 0)
    row[t.D_CORE_READ] = row[t.D_ENTERING] + row[t.D_READ] + row[t.D_FUSED_READ] + row[t.D_STORED]
    for place in range(4):
        size, width = rest_m if place & 1 else m, rest_n if place & 2 else n
        cores = op[t.B_FULL] * (1 if place & 1 else op[t.M_FULL]) * (1 if place & 2 else op[t.N_FULL])
        times = cores - 1 if place == 0 else cores
        if size > 0 and width > 0 and times > 0:
            count_array(row, size, width, times, op)
            if closes:
                count_vector(row, size, width, fresh_weights, times, op)
                _store(row, size, start, width, times, op)
    row[t.D_LOADED] = row[t.D_FILLED] = 0
    if row[c.LOAD_0 + c.WEIGHTS] >= 0:
        weights = op[t.N_FULL] * weight_bytes(row[t.D_K], n, op) + weight_bytes(row[t.D_K], rest_n, op)
        _spread_load(row, c.WEIGHTS, op[t.B_FULL] * weights, with_m, op)
    if row[c.LOAD_0 + c.ACTIVATIONS] >= 0:
        away, rest_away = m - before(m, start, op[t.ACT_KEPT]), rest_m - before(rest_m, start, op[t.ACT_KEPT])
        acts = op[t.M_FULL] * act_bytes(away, row[t.D_K], op)
        acts += act_bytes(rest_away, row[t.D_K], op) if rest_away else 0
        _spread_load(row, c.ACTIVATIONS, op[t.B_FULL] * acts, with_n, op)
    if closes:
        _spread_brought(row, rows, n, rest_m, rest_n, op)


@inlined
def _spread_load(row, ring, size, takers, op):
    """A load of so many bytes of all cores, each of which that many cores take."""
    row[c.LOAD_0 + ring] = load_cycles(size, row[t.D_OF_CORE + ring], op)
    row[t.D_OF_RING + ring] = size
    row[t.D_LOADED] += size
    row[t.D_FILLED] += size * takers


@lean
def _spread_brought(row, rows, n, rest_m, rest_n, op):
    """What the vector units of all cores bring: of columns once for all rows, of rows once for all columns."""
    m, start, batch = rows[t.P_SIZE], rows[t.P_START], op[t.B_FULL]
    with_m, with_n = op[t.M_FULL] + (rest_m > 0), op[t.N_FULL] + (rest_n > 0)
    filled = np.int64(0)
    if not op[t.COLUMNS_KEPT]:
        row[t.COLUMN_SCALES] = (op[t.N_FULL] * n + rest_n) * op[t.SCALE_BYTES]
        row[t.BIAS] = op[t.N_FULL] * row_bytes(n, op[t.BIAS_BITS]) + row_bytes(rest_n, op[t.BIAS_BITS])
        filled += batch * with_m * (row[t.COLUMN_SCALES] + row[t.BIAS])
    if not op[t.ROW_SCALES_KEPT]:
        scales = op[t.M_FULL] * row_bytes(m, op[t.ROW_SCALE_BITS]) + row_bytes(rest_m, op[t.ROW_SCALE_BITS])
        row[t.ROW_SCALES] = batch * scales
        filled += with_n * row[t.ROW_SCALES]
    for number in range(op[t.READS]):
        operand, place = op[t.READS_AT] + number * t.OPERAND, t.EPILOGUE_READS + number
        of_m = op[t.N_FULL] * away_bytes(m, start, n, op, operand) + away_bytes(m, start, rest_n, op, operand)
        if op[operand + t.O_GROWS]:
            of_rest = op[t.N_FULL] * away_bytes(rest_m, start, n, op, operand)
            of_rest += away_bytes(rest_m, start, rest_n, op, operand)
            row[place] = batch * (op[t.M_FULL] * of_m + of_rest)
            filled += row[place]
        else:
            row[place] = of_m
            filled += batch * with_m * of_m
    if row[c.LOAD_0 + c.VECTOR_OPERANDS] >= 0:
        _spread_load(row, c.VECTOR_OPERANDS, brought_in_all(row, op), np.int64(0), op)
        row[t.D_FILLED] += filled


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
