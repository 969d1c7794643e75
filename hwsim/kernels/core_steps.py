"""The step of one core as that of all cores in lockstep: their work, and what passes the ports that they share."""

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.jit import inlined, lean
from hwsim.kernels.step_counts import brought_in_all, count_array, count_stored, count_vector
from hwsim.kernels.tiling_bytes import act_bytes, away_bytes, before, load_cycles, row_bytes, weight_bytes


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
                count_stored(row, size, start, width, times, op)
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
