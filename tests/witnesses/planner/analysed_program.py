"""What planning asks of an analysed program on a target: the mappers of its ops, and what may be resident."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from hwsim.ir.nodes import Loop
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.tensor import Role
from hwsim.mapping import analysed_program
from hwsim.mapping.analysed_program import AnalysedProgram, columns_of, parameters_of
from hwsim.mapping.lower import SizedOp, sized_runs
from witnesses.planner.op_mappers import MatmulMapper, OpMappers, VectorMapper
from witnesses.planner.residency import Item
from witnesses.planner.target import Target

analyse = lru_cache(maxsize=8)(analysed_program.analyse)
"""The program made ready for planning; one object for equal programs, by whose identity mappers are remembered."""

MOST_ITEMS = 256
"""A weight is resident by rows of tiles; rows of larger weights are joined, so that no weight has more items."""


@lru_cache(maxsize=32)
def mappers_of(analysed: AnalysedProgram, target: Target) -> OpMappers:
    """The mappers of an analysed program on a target."""
    return OpMappers(analysed.program, target)


@lru_cache(maxsize=32)
def items_of(analysed: AnalysedProgram, target: Target) -> tuple[Item, ...]:
    """Everything that may be resident, in program order.

    A parameter saves the bytes that are not loaded again. The saving of a state is a weight for the choice, not the
    bytes that are then not moved: a lookup in a pool counts with the whole pool, an epilogue with the whole state.
    """
    items: list[Item] = []
    for name, sized in analysed.largest.items():
        loops = analysed.loops_of(name)
        if not loops:
            continue
        for what, row, rows, size in _parameters(sized, analysed, target):
            items.append(replace(_item(what, row, size, loops, analysed, name), rows=rows))
    for name, uses in analysed.uses.tensors.items():
        common = uses.common_loops
        if uses.tensor.role is not Role.STATE or not common or name in analysed.elided:
            continue
        traffic = 0
        for use in uses.uses:
            runs = analysed.runs.get(use.op.name, ())
            if use.op.name in analysed.largest:
                traffic += sum(times * analysed.program.view_bytes(use.view, sized.shape) for sized, times in runs)
            else:
                traffic += uses.tensor.packed_bytes * sum(times for _, times in runs)
        items.append(Item(name, 0, uses.tensor.packed_bytes * uses.spaces, (common[0].name,), (traffic,)))
    return tuple(items)


@lru_cache(maxsize=32)
def least_naive_cycles(analysed: AnalysedProgram, target: Target) -> int:
    """The least cycles of a plan in which nothing stays in the scratchpad: every operand is loaded in every run."""
    mappers, size = mappers_of(analysed, target), 0
    for sized, times in sized_runs(analysed.nodes):
        mapper = mappers.of(sized)
        if isinstance(mapper, MatmulMapper):
            matrix, operands = mapper.operands.size, mapper.operands
            acts = 0 if operands.sliding is not None else operands.act_bytes(matrix.m, matrix.k)
            size += times * matrix.batch * (acts + operands.weight_bytes(matrix.k, matrix.n))
        else:
            size += times * sum(read.bytes for read in mapper.rows({}).reads)
    return target.ports.load_cycles(size)


def _parameters(sized: SizedOp, analysed: AnalysedProgram, target: Target) -> Iterator[tuple[str, int, int, int]]:
    """The parameters that an op loads anew in every iteration: name, first row of tiles, number of rows, bytes."""
    op, program = sized.op, analysed.program
    mapper = mappers_of(analysed, target).of(sized)
    if isinstance(mapper, VectorMapper):
        shared = [view for view in mapper.by_rows.shared if program.tensor(view.tensor).role.parameter]
        size = sum(program.view_bytes(view, sized.shape) for view in shared)
        if size:
            yield parameters_of(op.name), 0, 1, size
        return
    assert isinstance(op, (Gemm, Conv))
    operands = mapper.operands
    weight = analysed.uses.tensors[op.weight.tensor]
    matrix = operands.size
    if weight.tensor.role.parameter and len(weight.uses) == 1 and not op.weight.windows:
        limits = target.array.constraints(mapper.mode)
        if matrix.batch > 1 or limits.outputs_stay:
            # Where K is cut only inside one output tile, part of a weight would force blocks of one tile.
            yield op.weight.tensor, 0, 1, matrix.batch * operands.weight_bytes(matrix.k, matrix.n)
        else:
            count = -(-matrix.k // limits.unit.k)
            together = -(-count // MOST_ITEMS)
            for row in range(0, count, together):
                rows = min(together, count - row)
                k = min(rows * limits.unit.k, matrix.k - row * limits.unit.k)
                yield op.weight.tensor, row, rows, operands.weight_bytes(k, matrix.n)
    if operands.column_bytes(matrix.n):
        yield columns_of(op.name), 0, 1, operands.column_bytes(matrix.n)


def _item(name: str, row: int, size: int, loops: tuple[Loop, ...], analysed: AnalysedProgram, op: str) -> Item:
    """A parameter as an item: resident in a loop, it is loaded whenever that loop begins, not in each run of the op."""
    saves = tuple(size * (analysed.times(op) - analysed.entries[loop.name]) for loop in loops)
    return Item(name, row, size, tuple(loop.name for loop in loops), saves)
