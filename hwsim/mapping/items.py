"""What may be resident: parameters and states of loops, with the DRAM traffic that they avoid."""

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from itertools import groupby
from typing import NamedTuple

import numpy as np

from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.tensor import Role
from hwsim.kernels import tiling_code as t
from hwsim.kernels.tiling_bytes import column_bytes, weight_bytes
from hwsim.mapping.analysed_program import AnalysedProgram, columns_of, parameters_of
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.op_rows import OpRow
from hwsim.mapping.op_shapes import ProductShape, RowShape
from hwsim.mapping.program_table import ProgramTable
from hwsim.mapping.residency import AlikeItems, Item, Items

MOST_ITEMS = 256
"""A weight is resident by rows of tiles; rows of larger weights are joined, so that no weight has more items."""


def items_of(table: ProgramTable, classes: Sequence[OpRow]) -> Items:
    """Everything that may be resident, in program order.

    A parameter saves the bytes that are not loaded again. The saving of a state is a weight for the choice, not the
    bytes that are then not moved: a lookup in a pool counts with the whole pool, an epilogue with the whole state.
    """
    return Items.of(_tensors(table, classes))


def _tensors(table: ProgramTable, classes: Sequence[OpRow]) -> Iterator[tuple[str, tuple[str, ...], AlikeItems]]:
    """The tensors of which something may be resident, and in which loops; those of ops that are alike share items."""
    analysed, known = table.analysed, dict[object, list[tuple[Parts, AlikeItems]]]()
    for name, sized in analysed.largest.items():
        loops = analysed.loops_of(name)
        if not loops:
            continue
        names, often = tuple([loop.name for loop in loops]), analysed.times(name)
        saved = tuple([often - analysed.entries[loop] for loop in names])  # loads, for each loop in which it may stay
        of_class, own = table.class_of[table.largest[name]], _has_own_weight(sized, analysed)
        key = of_class, own, saved
        if key not in known:
            rows = groupby(_parameters(classes[of_class], own=own), key=lambda parameter: parameter.of)
            known[key] = [
                (parts, AlikeItems(tuple(_item(one, _name(parts, sized), names, saved) for one in of_tensor)))
                for parts, of_tensor in rows
            ]
        for parts, alike in known[key]:
            yield _name(parts, sized), names, alike
    for name, uses in analysed.uses.tensors.items():
        common = uses.common_loops
        if uses.tensor.role is not Role.STATE or not common or name in analysed.elided:
            continue
        traffic, share = analysed.state_traffic[name], table.on_cores.bytes_of(name)
        size = uses.tensor.packed_bytes if share is None else share
        outermost = (common[0].name,)
        yield name, outermost, AlikeItems((Item(name, 0, size * uses.spaces, outermost, (traffic,)),))


class Parts(Enum):
    """Which of the parameters of an op."""

    WEIGHT = "weight"
    COLUMNS = "columns"
    ALL = "all"


class _Parameter(NamedTuple):
    """Rows of tiles of a parameter, from a first one on: their bytes on a core, through the DRAM's port, and into all
    scratchpads."""

    of: Parts
    first: int
    rows: int
    bytes: int
    loaded: int
    written: int


def _name(parts: Parts, sized: SizedOp) -> str:
    """The name under which parameters of an op are resident."""
    op = sized.op
    if parts is Parts.WEIGHT:
        assert isinstance(op, (Gemm, Conv))
        return op.weight.tensor
    return columns_of(op.name) if parts is Parts.COLUMNS else parameters_of(op.name)


def _has_own_weight(sized: SizedOp, analysed: AnalysedProgram) -> bool:
    """Whether an op reads a whole weight that no other op reads."""
    op = sized.op
    if not isinstance(op, (Gemm, Conv)) or op.weight.windows:
        return False
    weight = analysed.uses.tensors[op.weight.tensor]
    return weight.tensor.role.parameter and len(weight.uses) == 1


def _parameters(op_row: OpRow, *, own: bool) -> Iterator[_Parameter]:
    """The parameters that an op loads anew in every iteration; its weight, if that is its `own`."""
    if op_row.operands is None:
        assert isinstance(op_row.shape, RowShape)
        size = sum(operand.bytes for operand in op_row.shape.reads if operand.parameter)
        if size:
            yield _Parameter(Parts.ALL, 0, 1, size, size, size * op_row.shape.shares.cores)
        return
    assert isinstance(op_row.shape, ProductShape)
    matrix, row = op_row.operands.size, np.array(op_row.row, np.int64)
    batch, m, n = op_row.shape.shares

    def of_columns(size: Callable[[int], int], batches: int) -> tuple[int, int, int]:
        """What is there for each column: on a core, loaded for all, written into all."""
        loaded = batches * (n.full * size(matrix.n) + (size(n.rest) if n.rest else 0))
        return size(matrix.n), loaded, loaded * m.cores * batch.cores // batches

    if own:
        if matrix.batch > 1 or batch.cores > 1 or row[t.STAYS]:
            # Where K is cut only inside one output tile, part of a weight would force blocks of one tile.
            sizes = of_columns(lambda width: matrix.batch * int(weight_bytes(matrix.k, width, row)), batch.cores)
            yield _Parameter(Parts.WEIGHT, 0, 1, *sizes)
        else:
            unit = op_row.resident_unit
            count = -(-matrix.k // unit)
            together = -(-count // MOST_ITEMS)
            sizes_of: dict[int, tuple[int, int, int]] = {}  # all rows have the same but the last ones
            for first in range(0, count, together):
                rows = min(together, count - first)
                k = min(rows * unit, matrix.k - first * unit)
                if k not in sizes_of:
                    sizes_of[k] = of_columns(lambda width, k=k: int(weight_bytes(k, width, row)), 1)  # type: ignore[misc]
                yield _Parameter(Parts.WEIGHT, first, rows, *sizes_of[k])
    sizes = of_columns(lambda width: int(column_bytes(width, row)), 1)
    if sizes[0]:
        yield _Parameter(Parts.COLUMNS, 0, 1, *sizes)


def _item(parameter: _Parameter, name: str, loops: tuple[str, ...], saved: tuple[int, ...]) -> Item:
    """A parameter as an item: resident in a loop, it is loaded whenever that loop begins, not in each run of the op."""
    _, first, rows, size, loaded, written = parameter
    return Item(name, first, size, loops, tuple([loaded * loads for loads in saved]), rows, loaded, written)
