"""Steps of ops of the vector unit as rows."""

from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.kernels.jit import lean
from hwsim.kernels.product_steps import begin_step, share_port
from hwsim.kernels.tiling_bytes import away_rows_bytes, block_bytes, ceil_div, load_cycles, store_cycles


@lean
def row_step(row, rows, start, op):
    """The step of a block of rows on the vector unit."""
    begin_step(row)
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
    share_port(row, row[t.D_READ], row[t.D_VECTOR_PORT] > row[t.D_VECTOR], op)
