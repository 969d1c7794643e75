"""The work of an op on tiles and on the vector unit, all its runs together."""

from collections.abc import Callable

from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Lookup
from hwsim.ir.program import Program
from hwsim.mapping.tiles.graph import Plan
from hwsim.mapping.tiles.homes import Homes
from hwsim.mapping.tiles.row_cost import operands_of_tiles, read_bytes_of
from hwsim.mapping.tiles.row_kinds import RowRead
from hwsim.schedule.counters import Work
from hwsim.schedule.tile_work import TileWork
from hwsim.schedule.tiles import PlacedMatrix, Placement

MatrixWork = Callable[[AnalogTile, int, int], TileWork]
"""What tiles do for one vector of a matrix [k, n]."""
WHOLE_RESULT_BYTES = 4
"""Bytes of a result of a tile whose sums are read as they are (assumed)."""


def digital_work(plan: Plan, program: Program, *, on_tiles: bool) -> Work:
    """Digital work of one run of an op; inputs of tiles are read from the scratchpad once for each row."""
    count, cost = plan.rows.count, plan.cost
    stored = count * sum(size for _, size in plan.stored)
    inputs = 0
    if on_tiles:
        of_tiles = operands_of_tiles(plan.op)[:1]
        inputs = sum(read_bytes_of(read, program) for read in plan.rows.reads if read.view in of_tiles)
    return Work(
        macs=op_spec(plan.op).macs(plan.op, dict(plan.shapes).__getitem__),
        vector_lane_cycles=cost.lane_cycles * count,
        scratchpad_read_bytes=(cost.read_bytes + inputs) * count + stored,
        scratchpad_write_bytes=cost.write_bytes * count,
        dram_write_bytes=stored,
    )


def tile_work(
    plan: Plan, program: Program, chip: AnalogChip, placement: Placement, homes: Homes, matrix_work: MatrixWork
) -> TileWork:
    """Work of tiles and links in one run of an op.

    A row of operands goes once to each chip that needs it, the results of each part from its chip to the vector unit.
    """
    op = plan.op
    stands = list(placement.of_op(op.name))
    of_tiles = operands_of_tiles(op) if stands else ()
    total = TileWork()
    home = homes.ops[op.name]
    for read in plan.made:
        if read.view in of_tiles:
            continue
        source = homes.tensors.get(read.view.tensor, home)
        if source != home:
            total += TileWork(far_bytes=read_bytes_of(read, program) * _pieces(plan, read))
    for matrix in stands:
        rows = plan.rows.count // len(stands)
        total += matrix_work(chip.tile_of(dense=matrix.dense), matrix.k, matrix.n) * (rows * matrix.matrices)
        total += _results(matrix, chip) * rows
        for read in plan.made:
            if read.view in of_tiles:
                size = read_bytes_of(read, program)
                made_on = homes.tensors.get(read.view.tensor)
                far = sum(1 for one in matrix.chips if made_on is not None and one != made_on)
                total += TileWork(link_bytes=size * (len(matrix.chips) - far), far_bytes=size * far) * rows
    return total


def _pieces(plan: Plan, read: RowRead) -> int:
    """How many different pieces of an operand all rows of an op read: what rows share goes to a chip once."""
    if read.parts == 0 or isinstance(plan.op, Lookup):
        return plan.rows.count
    return min(read.parts, plan.rows.count)


def _results(matrix: PlacedMatrix, chip: AnalogChip) -> TileWork:
    """The way of one row's results, each in whole bytes of its conversion."""
    adc = chip.array.adc
    size = WHOLE_RESULT_BYTES if adc is None else -(-adc.bits // 8)
    near = far = 0
    for part in matrix.parts:
        if part.copy == 0:
            near += part.cols * size * (part.chip == matrix.chips[0])
            far += part.cols * size * (part.chip != matrix.chips[0])
    return TileWork(link_bytes=near, far_bytes=far)
