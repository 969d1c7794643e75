"""Bytes of the blocks of matrix products and of ops of the vector unit, and cycles in which ports pass them."""

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.jit import inlined, lean

_FITS = np.int64(2**62)


@inlined
def ceil_div(number, divisor):
    return -(-number // divisor)


@inlined
def row_bytes(elements, bits):
    """Bytes of one addressable row: packed without gaps, rounded up once."""
    return (elements * bits + 7) >> 3


@inlined
def before(size, start, mark):
    """How much of a piece that begins at `start` lies before a mark."""
    return min(size, max(np.int64(0), mark - start))


@lean
def _passes(size, table, rate):
    """Cycles in which a port passes so many bytes."""
    numerator, denominator = table[rate], table[rate + 1]
    if numerator == 0:
        return np.int64(0)
    if denominator == 1 or size <= _FITS // denominator:
        return ceil_div(size * denominator, numerator)
    # Products beyond 64 bits: schoolbook division of size · denominator, a bit of the size after another.
    quotient, rest = np.int64(0), np.int64(0)
    for place in range(62, -1, -1):
        quotient, rest = 2 * quotient, 2 * rest
        if rest >= numerator:
            quotient, rest = quotient + 1, rest - numerator
        if size >> place & 1:
            quotient += denominator // numerator
            rest += denominator % numerator
            if rest >= numerator:
                quotient, rest = quotient + 1, rest - numerator
        if quotient > _FITS:
            return _FITS + 1  # longer than any run
    return quotient + (rest > 0)


@lean
def load_cycles(size, of_core, table):
    """How long a load of so many bytes, of which one core takes so many, keeps the load unit."""
    return max(_passes(size, table, t.DRAM_READ), _passes(of_core, table, t.SCRATCHPAD_WRITE))


@lean
def store_cycles(size, of_core, table):
    """How long a store of so many bytes, of which one core gives so many, keeps the store unit."""
    return max(_passes(size, table, t.DRAM_WRITE), _passes(of_core, table, t.SCRATCHPAD_READ))


@lean
def exchange_cycles(size, table):
    """How long results of so many bytes keep the interconnect."""
    return _passes(size, table, t.EXCHANGE_RATE)


@lean
def act_bytes(m, k, op):
    """Bytes of the activations of a block; windows of a convolution overlap."""
    rows = m * row_bytes(k, op[t.ACT_BITS])
    if op[t.POSITIONS] == 0:
        return rows
    lines = ceil_div(m - 1, op[t.POSITIONS]) + 1
    return min(rows, min(op[t.ENTRIES], (lines - 1) * op[t.STRIDE] + op[t.REACH]) * op[t.ENTRY_BYTES])


@lean
def weight_bytes(k, n, op):
    """Bytes of the weights of a block, in whole tiles of the array if they lie so, and of their groups' scales."""
    scales = n * row_bytes(ceil_div(k, op[t.GROUP]), 32) if op[t.GROUP] else np.int64(0)
    bits = op[t.WEIGHT_BITS]
    if op[t.TILE_N]:
        k, n = ceil_div(k, op[t.UNIT_K]) * op[t.UNIT_K], ceil_div(n, op[t.TILE_N]) * op[t.TILE_N]
    return scales + (n * row_bytes(k, bits) if op[t.PACKS_K] else k * row_bytes(n, bits))


@inlined
def dequantized_bytes(k, n, op):
    """Bytes of the copy of the weights in the format of the activations; 0 if there is none."""
    return n * row_bytes(k, op[t.ACT_BITS]) if op[t.DEQUANTIZED] else np.int64(0)


@lean
def column_bytes(n, op):
    """Bias and scales of so many columns of the result."""
    return n * op[t.SCALE_BYTES] + row_bytes(n, op[t.BIAS_BITS])


@lean
def away_bytes(size, start, n, op, operand):
    """Bytes of an epilogue's operand, for these rows and n columns, that lie in DRAM."""
    kept = op[operand + t.O_KEPT]
    away = size - before(size, start, kept) if op[operand + t.O_GROWS] else np.int64(kept == 0)
    return away * row_bytes(n, op[operand + t.O_BITS])


@lean
def tile_bytes(m, n, op, at, count):
    """Bytes of the operands of an epilogue, of which the first stands at `at`, for a tile."""
    total = np.int64(0)
    for number in range(count):
        operand = at + number * t.OPERAND
        total += (m if op[operand + t.O_GROWS] else np.int64(1)) * row_bytes(n, op[operand + t.O_BITS])
    return total


@lean
def brought_bytes(size, start, n, op):
    """Bytes that a tile of these rows and n columns brings to the vector unit."""
    total = np.int64(0) if op[t.COLUMNS_KEPT] else column_bytes(n, op)
    total += np.int64(0) if op[t.ROW_SCALES_KEPT] else row_bytes(size, op[t.ROW_SCALE_BITS])
    for number in range(op[t.READS]):
        total += away_bytes(size, start, n, op, op[t.READS_AT] + number * t.OPERAND)
    return total


@lean
def result_bytes(m, n, op):
    """Bytes of a tile of the result, or of what the epilogue writes in its place."""
    if op[t.EPILOGUE]:
        return tile_bytes(m, n, op, op[t.WRITES_AT], op[t.WRITES])
    return m * row_bytes(n, op[t.OUT_BITS])


@lean
def held_bytes(outer, inner, k, op):
    """Bytes of one slot of every ring that blocks of these sides use."""
    m, n = (inner, outer) if op[t.N_OUTER] else (outer, inner)
    away = min(m, op[t.M] - op[t.ACT_KEPT])  # the most that a block has outside
    held = act_bytes(away, k, op) if away > 0 else np.int64(0)
    if not op[t.WEIGHT_KEPT] and op[t.RESIDENT_K] < op[t.K]:
        held += weight_bytes(k, n, op)
    held += dequantized_bytes(k, n, op)
    # Of the last rows least is kept.
    return held + brought_bytes(m, op[t.M] - m, n, op) + result_bytes(m, n, op)


@lean
def all_slots_bytes(outer, inner, k, single, op):
    """Bytes of all slots of every ring that blocks of these sides use; an operand of a single ring needs room once."""
    held = held_bytes(outer, inner, k, op) * op[t.SLOTS]
    if not single:
        return held
    m, n = (inner, outer) if op[t.N_OUTER] else (outer, inner)
    once = np.int64(0)
    if single & (1 << c.ACTIVATIONS):
        once += act_bytes(min(m, op[t.M] - op[t.ACT_KEPT]), k, op)
    if single & (1 << c.WEIGHTS):
        once += weight_bytes(k, n, op) + dequantized_bytes(k, n, op)
    return held - (op[t.SLOTS] - 1) * once


@lean
def block_bytes(rows, op, operand):
    """Bytes of an operand of the vector unit in a block of so many rows."""
    size = op[operand + t.R_BYTES]
    if op[operand + t.R_SHARED]:
        return size
    halo = op[operand + t.R_HALO] if rows < op[t.ROWS] else np.int64(0)
    return min(size, share(size, rows, op[t.ROWS]) + halo)


@lean
def share(size, rows, all_rows):
    """The bytes of some of all rows, or of more of them, rounded up."""
    if size <= _FITS // max(np.int64(1), rows):
        return ceil_div(size * rows, all_rows)
    whole, rest = size // all_rows, size % all_rows
    return whole * rows + ceil_div(rest * rows, all_rows)


@lean
def away_rows_bytes(size, start, op, operand):
    """Bytes of an operand, in a block of rows from `start` on, that lie in DRAM."""
    outside = size - before(size, start, op[operand + t.R_KEPT])
    return block_bytes(outside, op, operand) if outside else np.int64(0)


@lean
def held_rows_bytes(rows, op):
    """Bytes of one operand and one result slot of blocks of so many rows."""
    held = np.int64(0)
    for number in range(op[t.READS]):
        held += away_rows_bytes(rows, op[t.ROWS] - rows, op, op[t.READS_AT] + number * t.ROW_OPERAND)
    for number in range(op[t.WRITES]):
        held += block_bytes(rows, op, op[t.WRITES_AT] + number * t.ROW_OPERAND)
    return held
