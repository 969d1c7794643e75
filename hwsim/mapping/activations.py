"""Which tensors ops write for each other, for how long they are needed, and which of them can be kept by rows."""

from collections.abc import Iterable, Iterator, Mapping
from math import prod

import numpy as np
from numpy.typing import NDArray

from hwsim.ir.op_table import matrix_size, op_spec
from hwsim.ir.ops import Conv, Elementwise, Gemm, Quantise, Reduce
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.kernels import placing_code as p
from hwsim.mapping.analysed_program import AnalysedProgram
from hwsim.mapping.liveness import TensorUses, prefix_name
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.row_work import row_work_of
from hwsim.mapping.target import UnsupportedOp

Ints = NDArray[np.int64]

MOST_BYTES = 1 << 62
"""Bytes of an activation: sums of a few of them still fit 64 bits."""


def activation_buffers(analysed: AnalysedProgram, loops: Mapping[str, int]) -> tuple[tuple[str, ...], Ints, Ints]:
    """The activations in the order in which they are written, their buffers, and the number of the outermost loop
    around all uses of each."""
    names = [
        (analysed.live_range(name).first, name)
        for name, uses in analysed.uses.tensors.items()
        if uses.tensor.role is Role.ACTIVATION and name not in analysed.elided
    ]
    partitionable, tensors = row_partitionable(analysed), analysed.uses.tensors
    buffers = np.zeros((len(names), p.BUFFER), np.int64)
    for row, (_, name) in zip(buffers, sorted(names), strict=True):
        live_range, rows = analysed.live_range(name), partitionable.get(name, 0)
        row[p.BYTES] = _bytes(tensors[name])
        row[p.FIRST], row[p.LAST], row[p.ALL_ROWS], row[p.ROW_LIMIT] = live_range.first, live_range.last, rows, p.ALL
        row[p.BARRED] = prefixes_barred(name, rows, tensors)
    ordered = tuple(name for _, name in sorted(names))
    return ordered, buffers, np.array([outermost(tensors[name], loops) for name in ordered], np.int64)


def _bytes(uses: TensorUses) -> int:
    """The bytes of all spaces of a tensor; UnsupportedOp, in the name of its first op, if no chip could hold them."""
    size = uses.tensor.packed_bytes * uses.spaces
    if size > MOST_BYTES:
        why = f"{uses.tensor.name} has {size:,} bytes, hwsim counts to {MOST_BYTES:,}; make it smaller"
        raise UnsupportedOp(uses.uses[0].op.name, why)
    return size


def outermost(uses: TensorUses, loops: Mapping[str, int]) -> int:
    """The number of the outermost loop around all uses of a tensor, -1 for none."""
    common = uses.common_loops
    return loops[common[0].name] if common else -1


def prefixes_barred(name: str, rows: int, tensors: Iterable[str]) -> int:
    """As bits, the prefixes of how many units would have the name of another tensor."""
    unit = -(-rows // p.PREFIX_UNITS)
    return sum(1 << units for units in range(1, p.PREFIX_UNITS + 1) if prefix_name(name, units * unit) in tensors)


def row_partitionable(analysed: AnalysedProgram) -> dict[str, int]:
    """The row partitionable tensors, each with its number of rows."""
    rows_of = {(op, view): rows for sized in analysed.largest.values() for op, view, rows in by_rows(sized)}
    partitionable = {}
    for name, uses in analysed.uses.tensors.items():
        tensor = uses.tensor
        if tensor.role is not Role.ACTIVATION or uses.spaces != 1 or name in analysed.elided:
            continue
        rows = prod(tensor.shape[:-1])
        if rows > 1 and all(is_whole(use.view) and rows_of.get((use.op.name, use.view)) == rows for use in uses.uses):
            partitionable[name] = rows
    return partitionable


def is_whole(view: View) -> bool:
    return not view.windows and view.order is None


def by_rows(sized: SizedOp) -> Iterator[tuple[str, View, int]]:
    """The views that an op and its epilogue read and write row by row: op, view, number of rows."""
    op, shape = sized.op, sized.shape
    if sized.on_array:
        if not isinstance(op, (Gemm, Conv)):
            return
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
        work = row_work_of(sized)
        for view in (*op_spec(op).reads(op), *op_spec(op).writes(op)):
            if view not in work.shared:
                yield op.name, view, work.rows
