"""What may be resident: parameters and states of loops, with the DRAM traffic that they avoid."""

from collections.abc import Iterator, Sequence

import numpy as np

from hwsim.ir.nodes import Loop
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.tensor import Role
from hwsim.kernels import tiling_code as t
from hwsim.kernels.tiling_bytes import column_bytes, weight_bytes
from hwsim.mapping.analysed_program import AnalysedProgram, columns_of, parameters_of
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.op_rows import OpRow
from hwsim.mapping.op_shapes import RowShape
from hwsim.mapping.program_table import ProgramTable
from hwsim.mapping.residency import Item

MOST_ITEMS = 256
"""A weight is resident by rows of tiles; rows of larger weights are joined, so that no weight has more items."""


def items_of(table: ProgramTable, classes: Sequence[OpRow]) -> tuple[Item, ...]:
    """Everything that may be resident, in program order.

    A parameter saves the bytes that are not loaded again. The saving of a state is a weight for the choice, not the
    bytes that are then not moved: a lookup in a pool counts with the whole pool, an epilogue with the whole state.
    """
    analysed, items = table.analysed, list[Item]()
    for name, sized in analysed.largest.items():
        loops = analysed.loops_of(name)
        if not loops:
            continue
        for what, row, count, size in _parameters(sized, analysed, classes[table.class_of[table.largest[name]]]):
            items.append(_item(what, row, count, size, loops, analysed, name))
    for name, uses in analysed.uses.tensors.items():
        common = uses.common_loops
        if uses.tensor.role is not Role.STATE or not common or name in analysed.elided:
            continue
        traffic = analysed.state_traffic[name]
        items.append(Item(name, 0, uses.tensor.packed_bytes * uses.spaces, (common[0].name,), (traffic,)))
    return tuple(items)


def _parameters(sized: SizedOp, analysed: AnalysedProgram, op_row: OpRow) -> Iterator[tuple[str, int, int, int]]:
    """The parameters that an op loads anew in every iteration: name, first row of tiles, number of rows, bytes."""
    op = sized.op
    if op_row.operands is None:
        assert isinstance(op_row.shape, RowShape)
        size = sum(operand.bytes for operand in op_row.shape.reads if operand.parameter)
        if size:
            yield parameters_of(op.name), 0, 1, size
        return
    assert isinstance(op, (Gemm, Conv))
    weight, matrix, row = analysed.uses.tensors[op.weight.tensor], op_row.operands.size, np.array(op_row.row, np.int64)
    if weight.tensor.role.parameter and len(weight.uses) == 1 and not op.weight.windows:
        if matrix.batch > 1 or row[t.STAYS]:
            # Where K is cut only inside one output tile, part of a weight would force blocks of one tile.
            yield op.weight.tensor, 0, 1, matrix.batch * int(weight_bytes(matrix.k, matrix.n, row))
        else:
            unit = op_row.resident_unit
            count = -(-matrix.k // unit)
            together = -(-count // MOST_ITEMS)
            for first in range(0, count, together):
                rows = min(together, count - first)
                k = min(rows * unit, matrix.k - first * unit)
                yield op.weight.tensor, first, rows, int(weight_bytes(k, matrix.n, row))
    columns = int(column_bytes(matrix.n, row))
    if columns:
        yield columns_of(op.name), 0, 1, columns


def _item(
    name: str, row: int, rows: int, size: int, loops: tuple[Loop, ...], analysed: AnalysedProgram, op: str
) -> Item:
    """A parameter as an item: resident in a loop, it is loaded whenever that loop begins, not in each run of the op."""
    times, entries = analysed.times(op), analysed.entries
    saves = tuple([size * (times - entries[loop.name]) for loop in loops])
    return Item(name, row, size, tuple([loop.name for loop in loops]), saves, rows)
