"""Which products of a program stand on the tiles of a chip, and on which tiles each of them does."""

from collections.abc import Collection
from math import prod

from hwsim.engine.values.floats import is_fixed
from hwsim.errors import UnknownName, Unsupported
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.analog.operands import check_operands
from hwsim.hardware.analog.work import parts
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Gemm, Op
from hwsim.ir.program import Program
from hwsim.tensor.analog.network import Standing


def placeable(chip: AnalogChip, program: Program) -> frozenset[str]:
    """The ops that tiles can do: products of parameters that stay what they are, but for those that the vector unit
    does anyway and those that a pattern in `digital` names."""
    return frozenset(
        placed.op.name
        for placed in program.placed()
        if _by_tiles(placed.op, program) and not chip.is_digital(placed.op.name)
    )


def standings(chip: AnalogChip, program: Program, placed: Collection[str] | None = None) -> dict[str, Standing]:
    """How each of these ops (all that tiles can do, unless they are named) stands on tiles, numbered in program order.

    An op of whose name a pattern is in `dense` has a cell, or pair, for each digit, on a tile with as many times the
    columns.
    """
    ops = {each.op.name: each.op for each in program.placed()}
    chosen = placeable(chip, program) if placed is None else placed
    for name in chosen:
        if name not in ops:
            raise UnknownName("op", name, tuple(ops))
    found, number = {}, 0
    for name, op in ops.items():
        if name in chosen:
            found[name] = _standing(chip, program, op, number)
            number += found[name].tiles
    return found


def _standing(chip: AnalogChip, program: Program, op: Op, number: int) -> Standing:
    if not isinstance(op, (Gemm, Conv)) or not _by_tiles(op, program):
        raise Unsupported(f"{op.name}: stands on no tile; only products of weights that stay what they are do")
    tile = chip.tile_of(dense=chip.is_dense(op.name))
    weight, act = program.tensor(op.weight.tensor), program.tensor(op.act.tensor)
    check_operands(op.name, tile, act, weight)
    *leading, k, n = program.shapes({})(op.weight)
    if isinstance(op, Gemm) and op.transposed:
        k, n = n, k
    rows, cols = parts(tile, k, n)
    copies = chip.copies_of(op.name)
    return Standing(
        tile=tile, number=number, matrices=prod(leading), copies=copies, tiles_of_matrix=len(rows) * len(cols)
    )


def _by_tiles(op: Op, program: Program) -> bool:
    """Whether an op multiplies by weights that stay, on an array."""
    return isinstance(op, (Gemm, Conv)) and is_fixed(op, program) and op_spec(op).on_array(op, program.shapes({}))
