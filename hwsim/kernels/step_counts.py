"""Counts of what the steps of matrix products do and move: of some blocks or tiles at once, on one core or on many."""

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels.array_cost import stream_of, takes, tiles_of
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.tiling_bytes import (
    away_bytes,
    before,
    column_bytes,
    dequantized_bytes,
    row_bytes,
    share,
    tile_bytes,
    weight_bytes,
)


@inlined
def tile_elements(m, n, fresh_weights, op):
    """What the vector unit requantises, adds and multiplies on a finished tile. Dequantising its weights is counted
    here, for all of K."""
    tile = m * n
    requantized = tile + op[t.K] * n if op[t.DEQUANTIZED] and fresh_weights else tile
    return requantized, tile if op[t.BIAS_BITS] else np.int64(0), tile if op[t.ROW_SCALE_BITS] else np.int64(0)


@lean
def count_vector(row, m, n, fresh_weights, times, op):
    """Count the vector unit's work on so many finished tiles: lanes, and bytes through the scratchpad's ports."""
    requantized, added, multiplied = tile_elements(m, n, fresh_weights, op)
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
            row[t.D_FUSED_LANES] += times * fused_elements(m, n, function) * function[t.F_CYCLES]
        row[t.D_FUSED_READ] += times * tile_bytes(m, n, op, op[t.READS_AT], op[t.READS])
        row[t.D_FUSED_WRITTEN] += times * tile_bytes(m, n, op, op[t.WRITES_AT], op[t.WRITES])


@inlined
def fused_elements(m, n, function):
    """On how many elements of a tile a function of the epilogue works."""
    return function[t.F_TILE] * m * n + function[t.F_COLUMN] * n + function[t.F_ONCE]


@inlined
def brought_in_all(row, op):
    """The bytes of all that the vector unit brings."""
    brought = np.int64(0)
    for column in range(t.DETAIL, t.EPILOGUE_READS + op[t.READS]):
        brought += row[column]
    return brought


@lean
def count_stored(row, size, start, n, times, op):
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


@inlined
def entering(m, n, depth, op):
    """Bytes of the activations, and of the weights, that enter the array for a block."""
    outer, inner = (n, m) if op[t.N_OUTER] else (m, n)
    weights = dequantized_bytes(depth, n, op) if op[t.DEQUANTIZED] else weight_bytes(depth, n, op)
    acts = m * row_bytes(depth, op[t.ACT_BITS])
    return acts * takes(op[t.ACT_TAKES], outer, inner, op), weights * takes(op[t.WEIGHT_TAKES], outer, inner, op)


@lean
def conflicts(m, n, depth, op):
    """Bytes that the read port could pass in the time that banks make the operands of a block wait."""
    acts, weights = entering(m, n, depth, op)
    lost = np.int64(0)
    if op[t.ACT_STRETCH]:
        lost += share(acts, op[t.ACT_STRETCH], op[t.ACT_STRETCH + 1]) - acts
    if op[t.WEIGHT_STRETCH]:
        lost += share(weights, op[t.WEIGHT_STRETCH], op[t.WEIGHT_STRETCH + 1]) - weights
    return lost


@lean
def count_array(row, m, n, times, op):
    """Count the work of arrays on so many blocks: results, tiles, and what enters; the stream that tiles meet."""
    outer, inner = (n, m) if op[t.N_OUTER] else (m, n)
    depth = row[t.D_K]
    tiles, stream = tiles_of(outer, inner, depth, op), stream_of(outer, depth, op)
    acts, weights = entering(m, n, depth, op)
    row[t.D_RESULTS] += times * outer * inner
    row[t.D_TILES] += times * tiles
    row[t.D_STREAMED] += times * tiles * stream
    row[t.D_ENTERING] += times * (acts + weights)
    return stream
