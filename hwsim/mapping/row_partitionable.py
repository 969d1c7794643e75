"""Which tensors may be kept in part: those that ops make for each other, and that all of them go through row by row."""

from collections.abc import Iterator
from functools import lru_cache
from math import prod

from hwsim.ir.op_table import matrix_size, op_spec
from hwsim.ir.ops import Conv, Elementwise, Gemm, Quantise, Reduce
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.mapping.analysed_program import AnalysedProgram
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.row_kinds import by_rows


@lru_cache(maxsize=8)
def row_partitionable(analysed: AnalysedProgram) -> dict[str, int]:
    """Of each such tensor how many rows it has."""
    rows_of = {(op, view): rows for sized in analysed.largest.values() for op, view, rows in _by_rows(sized)}
    found = {}
    for name, uses in analysed.uses.tensors.items():
        tensor = uses.tensor
        if tensor.role is not Role.ACTIVATION or uses.spaces != 1 or name in analysed.elided:
            continue
        rows = prod(tensor.shape[:-1])
        if rows > 1 and all(_is_whole(use.view) and rows_of.get((use.op.name, use.view)) == rows for use in uses.uses):
            found[name] = rows
    return found


def _is_whole(view: View) -> bool:
    return not view.windows and view.order is None


def _by_rows(sized: SizedOp) -> Iterator[tuple[str, View, int]]:
    """What an op, and the one that works on its tiles, reads and writes row by row: op, view, how many rows."""
    op, shape = sized.op, sized.shape
    if sized.on_array:
        assert isinstance(op, (Gemm, Conv))
        size = matrix_size(op, shape)
        if size.batch > 1:
            return
        # A convolution's windows overlap; a weight is read by columns.
        if isinstance(op, Gemm) and op.act.tensor != op.weight.tensor:
            yield op.name, op.act, size.m
        yield op.name, op.out, size.m
        if sized.epilogue is not None:
            chain = sized.epilogue.op
            for view in (*op_spec(chain).reads(chain), *op_spec(chain).writes(chain)):
                if prod(sized.epilogue.shape(view)) == size.m * size.n:
                    yield chain.name, view, size.m
        return
    if isinstance(op, Quantise):
        rows = prod(shape(op.scales))
        yield op.name, op.read, rows
        yield op.name, op.write, rows
    elif isinstance(op, Elementwise) or (isinstance(op, Reduce) and op.axis in (-1, len(shape(op.read)) - 1)):
        found = by_rows(sized)
        for view in (*op_spec(op).reads(op), *op_spec(op).writes(op)):
            if view not in found.shared:
                yield op.name, view, found.rows
