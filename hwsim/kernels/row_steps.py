"""Steps of ops of the vector unit as rows."""

import numpy as np

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.jit import lean
from hwsim.kernels.product_steps import begin_step, leave, share_port
from hwsim.kernels.tiling_bytes import away_rows_bytes, before, block_bytes, ceil_div, load_cycles


@lean
def row_step(row, rows, start, op):
    """The step of a block of rows on the vector unit."""
    begin_step(row)
    _count_rows(row, rows, start, np.int64(1), op)
    for number in range(op[t.READS]):
        row[t.DETAIL + number] = away_rows_bytes(rows, start, op, op[t.READS_AT] + number * t.ROW_OPERAND)
        row[t.D_LOADED] += row[t.DETAIL + number]
    for number in range(op[t.FUNCTIONS]):
        function = op[op[t.FUNCTIONS_AT] + number * t.ROW_FUNCTION :]
        elements = function[t.V_BLOCK] + function[t.V_ROW] * rows
        row[t.D_VECTOR] += ceil_div(elements, op[t.LANES]) * function[t.V_CYCLES]
    row[t.D_VECTOR_PORT] = max(ceil_div(row[t.D_READ], op[t.LANES_READ]), ceil_div(row[t.D_WRITTEN], op[t.LANES_WRITE]))
    row[c.VECTOR] = max(row[t.D_VECTOR], row[t.D_VECTOR_PORT])
    row[c.FLAGS] = c.OPENS | c.CLOSES
    row[t.D_FIRST_READ], row[t.D_CORE_STORED] = row[t.D_READ], row[t.D_STORED]
    row[t.D_OF_CORE + c.VECTOR_OPERANDS] = row[t.D_LOADED]
    if op[t.CORES] > 1:
        _spread_rows(row, rows, start, op)
    if row[t.D_LOADED]:
        row[t.D_OF_RING + c.VECTOR_OPERANDS] = row[t.D_LOADED]
        of_core = row[t.D_OF_CORE + c.VECTOR_OPERANDS]
        row[c.LOAD_0 + c.VECTOR_OPERANDS] = load_cycles(row[t.D_LOADED], of_core, op)
        row[c.FLAGS] |= c.RELEASE_0 << c.VECTOR_OPERANDS
    leave(row, op)
    share_port(row, row[t.D_VECTOR_PORT] > row[t.D_VECTOR], op)


@lean
def _count_rows(row, rows, start, times, op):
    """Count the work of so many blocks of rows, what they write into the scratchpad, and what leaves it."""
    for number in range(op[t.READS]):
        operand = op[t.READS_AT] + number * t.ROW_OPERAND
        row[t.D_READ] += times * block_bytes(rows, op, operand)
        row[t.D_FILLED] += times * away_rows_bytes(rows, start, op, operand)
    for number in range(op[t.WRITES]):
        operand = op[t.WRITES_AT] + number * t.ROW_OPERAND
        written, stored = block_bytes(rows, op, operand), away_rows_bytes(rows, start, op, operand)
        row[t.D_WRITTEN] += times * written
        row[t.DETAIL + op[t.READS] + number] += times * stored
        row[t.D_STORED] += times * stored
        if op[operand + t.R_SENT]:
            row[t.D_EXCHANGED] += times * (written - stored)
    for number in range(op[t.FUNCTIONS]):
        function = op[op[t.FUNCTIONS_AT] + number * t.ROW_FUNCTION :]
        elements = function[t.V_BLOCK] + function[t.V_ROW] * rows
        row[t.D_LANES] += times * elements * function[t.V_CYCLES]


@lean
def _spread_rows(row, rows, start, op):
    """Make what the step of one core does and moves that of all cores: what each block reads as a whole is loaded once
    for all of them."""
    rest = before(rows, start, op[t.ROWS_REST])
    row[t.D_CORE_READ] = row[t.D_READ] + row[t.D_STORED]
    _count_rows(row, rows, start, op[t.ROWS_FULL] - 1, op)
    if rest:
        _count_rows(row, rest, start, np.int64(1), op)
    row[t.D_LOADED] = 0
    for number in range(op[t.READS]):
        operand = op[t.READS_AT] + number * t.ROW_OPERAND
        if not op[operand + t.R_SHARED]:
            row[t.DETAIL + number] *= op[t.ROWS_FULL]
            row[t.DETAIL + number] += away_rows_bytes(rest, start, op, operand) if rest else 0
        row[t.D_LOADED] += row[t.DETAIL + number]
