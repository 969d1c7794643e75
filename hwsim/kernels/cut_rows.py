"""Cuts as rows: the steps of all blocks of an op, with loops around equal neighbours, ready for the timeline."""

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.array_cost import interval, stream_of, tail, takes, tiles_of
from hwsim.kernels.candidates import whole_inner, whole_outer
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.tiling_bytes import (
    act_bytes,
    away_bytes,
    away_rows_bytes,
    before,
    block_bytes,
    ceil_div,
    column_bytes,
    dequantized_bytes,
    load_cycles,
    row_bytes,
    store_cycles,
    tile_bytes,
    weight_bytes,
)

# A loop that was closed last among its siblings: its first row, how many rows its body has, how often it runs.
L_AT, L_ROWS, L_TIMES, LOOP = 0, 1, 2, 3
OUTERS, INNERS, KS, BATCHES = 0, 1, 2, 3


@lean
def pieces_of(whole, block, marks, pieces):
    """A dimension in pieces: the first, those between, and the last, which may be smaller; how many rows that takes.

    A piece with a mark inside stands alone.
    """
    number = ceil_div(whole, block)
    count = _piece(pieces, 0, min(whole, block), 1, True, number == 1, 0)
    begin = np.int64(1)
    while begin < number - 1:
        end = number - 1
        for mark in marks:
            for bound in (mark // block, ceil_div(mark, block)):
                if begin < bound < end:
                    end = bound
        count = _piece(pieces, count, block, end - begin, False, False, begin * block)
        begin = end
    if number > 1:
        start = (number - 1) * block
        count = _piece(pieces, count, whole - start, 1, False, True, start)
    return count


@inlined
def _piece(pieces, place, size, times, first, last, start):
    row = pieces[place]
    row[t.P_SIZE], row[t.P_TIMES], row[t.P_FIRST], row[t.P_LAST] = size, times, first, last
    row[t.P_START], row[t.P_RESIDENT] = start, 0
    return place + 1


@lean
def _k_pieces(k, op, pieces):
    """K in pieces, the resident rows first; K is never out of order."""
    whole, resident = op[t.K], op[t.RESIDENT_K]
    if resident in (0, whole):
        count = pieces_of(whole, k, op[:0], pieces)
        for place in range(count):
            pieces[place, t.P_RESIDENT] = resident == whole
        return count
    count = pieces_of(resident, k, op[:0], pieces)
    for place in range(count):
        pieces[place, t.P_RESIDENT], pieces[place, t.P_LAST] = 1, 0
    others = pieces_of(whole - resident, k, op[:0], pieces[count:])
    for place in range(count, count + others):
        pieces[place, t.P_FIRST] = 0
    return count + others


@inlined
def _clear(row):
    for column in range(row.shape[0]):
        row[column] = 0


@inlined
def _begin_step(row):
    _clear(row)
    for column in range(c.LOAD_0, c.FLAGS):
        row[column] = -1
    row[c.TAIL] = 0


@lean
def _product_step(row, outer, inner, k, rows, reuse, last, following, op):
    """The step of one block. `reuse`: of each ring whether the step before left the operand there, and whether the one
    after reads it again."""
    _begin_step(row)
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


@lean
def _same(code, first, other, rows):
    """Whether some rows equal others, except for how often they come in a run."""
    for place in range(rows):
        for column in range(code.shape[1]):
            if column != t.D_TIMES and code[first + place, column] != code[other + place, column]:
                return False
    return True


@inlined
def _wrap(code, first, rows, times):
    """Put a loop around some rows; where it ends."""
    place = first + rows - 1
    while place >= first:
        for column in range(code.shape[1]):
            code[place + 1, column] = code[place, column]
        place -= 1
    _clear(code[first])
    code[first, c.KIND], code[first, c.TIMES] = c.BEGIN, times
    _clear(code[first + rows + 1])
    code[first + rows + 1, c.KIND] = c.END
    return first + rows + 2


@lean
def close(code, first, end, times, loop):
    """Let the rows from `first` to `end` run so many times, joined with an equal loop before them; where they end.

    `loop` is the loop that was closed last among their siblings.
    """
    rows = end - first
    inside = loop[L_AT] + (loop[L_TIMES] > 1)
    if loop[L_TIMES] > 0 and rows == loop[L_ROWS] and _same(code, inside, first, rows):
        for place in range(rows):
            code[inside + place, t.D_TIMES] += code[first + place, t.D_TIMES]
        after = first
        if loop[L_TIMES] == 1:
            after = _wrap(code, loop[L_AT], rows, np.int64(1))
        loop[L_TIMES] += times
        code[loop[L_AT], c.TIMES] = loop[L_TIMES]
        return after
    loop[L_AT], loop[L_ROWS], loop[L_TIMES] = first, rows, times
    return _wrap(code, first, rows, times) if times > 1 else end


@lean
def _product(code, at, block, following, times, op, pieces, loops):
    """One product of the batch, which runs so many times; where its rows end."""
    m_inner, marks = op[t.N_OUTER], op[op[t.MARKS_AT] : op[t.MARKS_AT] + op[t.MARKS]]
    none = op[:0]
    outers = pieces_of(whole_outer(op), block[t.B_OUTER], none if m_inner else marks, pieces[OUTERS])
    inners = pieces_of(whole_inner(op), block[t.B_INNER], marks if m_inner else none, pieces[INNERS])
    ks = _k_pieces(block[t.B_K], op, pieces[KS])
    reuse = loops[4]
    loops[OUTERS, L_TIMES] = 0
    for outer_place in range(outers):
        outer, outer_at = pieces[OUTERS, outer_place], at
        loops[INNERS, L_TIMES] = 0
        for inner_place in range(inners):
            inner, inner_at = pieces[INNERS, inner_place], at
            rows = inner if m_inner else outer
            loops[KS, L_TIMES] = 0
            for k_place in range(ks):
                k = pieces[KS, k_place]
                _set_reuse(reuse, outer, inner, k, op)
                last = outer[t.P_LAST] and inner[t.P_LAST] and k[t.P_LAST]
                _product_step(code[at], outer, inner, k, rows, reuse, last, following, op)
                code[at, t.D_TIMES] = times * outer[t.P_TIMES] * inner[t.P_TIMES] * k[t.P_TIMES]
                at = close(code, at, at + 1, k[t.P_TIMES], loops[KS])
            at = close(code, inner_at, at, inner[t.P_TIMES], loops[INNERS])
        at = close(code, outer_at, at, outer[t.P_TIMES], loops[OUTERS])
    return at


@inlined
def _set_reuse(reuse, outer, inner, k, op):
    one_k = k[t.P_FIRST] and k[t.P_LAST]
    one_inner = inner[t.P_FIRST] and inner[t.P_LAST]
    of_outer, of_inner = (c.WEIGHTS, c.ACTIVATIONS) if op[t.N_OUTER] else (c.ACTIVATIONS, c.WEIGHTS)
    for after in range(2):
        inner_goes_on = not inner[t.P_LAST if after else t.P_FIRST]
        outer_goes_on = not outer[t.P_LAST if after else t.P_FIRST]
        reuse[2 * of_outer + after] = one_k and inner_goes_on
        reuse[2 * of_inner + after] = one_k and one_inner and outer_goes_on
        columns = inner_goes_on if op[t.N_OUTER] else one_inner and outer_goes_on
        reuse[2 * c.VECTOR_OPERANDS + after] = columns and not _brings_each_tile(op)


@inlined
def _brings_each_tile(op):
    """Whether the vector unit brings values for single tiles or rows, not only for columns."""
    each = op[t.ROW_SCALE_BITS] > 0 and not op[t.ROW_SCALES_KEPT]
    for number in range(op[t.READS]):
        operand = op[op[t.READS_AT] + number * t.OPERAND :]
        each = each or (operand[t.O_GROWS] and operand[t.O_KEPT] < t.ALL)
    return each


@lean
def product_rows(code, block, op, pieces, loops):
    """The rows of one run of a matrix product, outer dimension first, K innermost; how many.

    `pieces` has room for the pieces of three dimensions, `loops` for a loop a dimension, one of the batch, and reuse.
    """
    _clear(code[0])
    code[0, c.KIND] = c.OP_BEGIN
    batch, following, end = op[t.BATCH], op[t.FOLLOWING], 1
    loops[BATCHES, L_TIMES] = 0
    if batch > 1 and following >= 0:
        # Each product of the batch but the last is followed by an equal one.
        end = _product(code, 1, block, op[t.LEAD], batch - 1, op, pieces, loops)
        end = close(code, 1, end, batch - 1, loops[BATCHES])
        batch = np.int64(1)
    first = end
    end = _product(code, first, block, following, batch, op, pieces, loops)
    return _end_op(code, close(code, first, end, batch, loops[BATCHES]))


@inlined
def _end_op(code, end):
    _clear(code[end])
    code[end, c.KIND] = c.OP_END
    return end + 1


@lean
def row_work_rows(code, rows, op, pieces, loops):
    """The rows of one run of an op of the vector unit in blocks of so many rows; how many."""
    _clear(code[0])
    code[0, c.KIND] = c.OP_BEGIN
    count, at = pieces_of(op[t.ROWS], rows, op[op[t.MARKS_AT] : op[t.MARKS_AT] + op[t.MARKS]], pieces[0]), 1
    loops[0, L_TIMES] = 0
    for place in range(count):
        piece = pieces[0, place]
        _row_step(code[at], piece[t.P_SIZE], piece[t.P_START], op)
        code[at, t.D_TIMES] = piece[t.P_TIMES]
        at = close(code, at, at + 1, piece[t.P_TIMES], loops[0])
    return _end_op(code, at)


@lean
def _row_step(row, rows, start, op):
    """The step of a block of rows on the vector unit."""
    _begin_step(row)
    row[t.D_OUTER] = rows
    place = t.DETAIL
    for number in range(op[t.READS]):
        operand = op[t.READS_AT] + number * t.ROW_OPERAND
        row[t.D_READ] += block_bytes(rows, op, operand)
        row[place] = away_rows_bytes(rows, start, op, operand)
        row[t.D_LOADED] += row[place]
        place += 1
    for number in range(op[t.WRITES]):
        operand = op[t.WRITES_AT] + number * t.ROW_OPERAND
        row[t.D_WRITTEN] += block_bytes(rows, op, operand)
        row[place] = away_rows_bytes(rows, start, op, operand)
        row[t.D_STORED] += row[place]
        place += 1
    for number in range(op[t.FUNCTIONS]):
        function = op[op[t.FUNCTIONS_AT] + number * t.ROW_FUNCTION :]
        elements = function[t.V_BLOCK] + function[t.V_ROW] * rows
        row[t.D_VECTOR] += ceil_div(elements, op[t.LANES]) * function[t.V_CYCLES]
        row[t.D_LANES] += elements * function[t.V_CYCLES]
    row[t.D_VECTOR_PORT] = max(ceil_div(row[t.D_READ], op[t.LANES_READ]), ceil_div(row[t.D_WRITTEN], op[t.LANES_WRITE]))
    row[c.VECTOR] = max(row[t.D_VECTOR], row[t.D_VECTOR_PORT])
    row[c.FLAGS] = c.OPENS | c.CLOSES
    if row[t.D_LOADED]:
        row[t.D_OF_RING + c.VECTOR_OPERANDS] = row[t.D_LOADED]
        row[c.LOAD_0 + c.VECTOR_OPERANDS] = load_cycles(row[t.D_LOADED], op)
        row[c.FLAGS] |= c.RELEASE_0 << c.VECTOR_OPERANDS
    if row[t.D_STORED]:
        row[c.STORE] = store_cycles(row[t.D_STORED], op)
