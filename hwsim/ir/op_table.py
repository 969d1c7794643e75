"""One table that says of each kind of op what it reads, writes, must obey and costs, and how it may be divided.

The row of an op is `op_spec(op)`. The other rooms have tables of their own by kind: how an op falls into rows
(`mapping/blocks.py`), what it computes (`engine/values`), how it looks (`report/op_styles.py`). A new kind
registers a row in each, as `docs/adding_an_op.md` shows.
"""

from collections import Counter
from math import prod

from hwsim.dataclass import dataclass
from hwsim.ir.op_spec import OpSpec, Parallel, Shape, ShapeOf, has_rows_of, no_products
from hwsim.ir.ops import Conv, Elementwise, Function, Gemm, Lookup, Move, Op, Quantise, Reduce, Skew, VectorWork
from hwsim.ir.parallel import conv_axes, gemm_axes
from hwsim.ir.vector_specs import ELEMENTWISE, LOOKUP, MOVE, QUANTISE, REDUCE, SKEW
from hwsim.ir.view import View
from hwsim.quantities.registry import KindTable, kind_name

__all__ = [
    "OP_TABLE",
    "MatrixSize",
    "OpSpec",
    "Parallel",
    "Shape",
    "ShapeOf",
    "is_depthwise",
    "kind",
    "matrix_size",
    "no_products",
    "op_spec",
]


@dataclass(frozen=True, slots=True)
class MatrixSize:
    """A batch of matrix products."""

    batch: int
    m: int
    k: int
    n: int

    @property
    def macs(self) -> int:
        return self.batch * self.m * self.k * self.n


def matrix_size(op: Gemm | Conv, shape: ShapeOf) -> MatrixSize:
    """The matrix products that the array does for an op.

    A convolution has a row for each position of its kernel and a batch for each group.
    """
    *leading, k, n = shape(op.weight)
    if isinstance(op, Conv):
        positions = prod(axis.outputs for axis in op.axes)
        return MatrixSize(op.groups, shape(op.act)[0] * positions, k, n)
    if op.transposed:
        k, n = n, k
    batch = prod(leading)
    return MatrixSize(batch, prod(shape(op.act)) // (batch * k), k, n)


def is_depthwise(op: Op, shape: ShapeOf) -> bool:
    """Whether an op is a convolution with one channel a group, which the vector unit does."""
    return isinstance(op, Conv) and shape(op.act)[-1] == op.groups == shape(op.out)[-1]


def _gemm_shapes(op: Gemm, shape: ShapeOf) -> str | None:
    size = matrix_size(op, shape)
    for label, view, columns in (("act", op.act, size.k), ("out", op.out, size.n)):
        elements = size.batch * size.m * columns
        if not has_rows_of(columns, shape(view)) or prod(shape(view)) != elements:
            return f"{label} has shape {shape(view)}, expected {size.batch} × {size.m} × {columns}"
    if op.row_scales is not None and prod(shape(op.row_scales)) != size.batch * size.m:
        return f"row scales have shape {shape(op.row_scales)}, expected {size.batch} × {size.m} elements"
    return _row_problem(op, size.n, shape)


def _conv_shapes(op: Conv, shape: ShapeOf) -> str | None:
    act, out = shape(op.act), shape(op.out)
    inputs, outputs = tuple(axis.size for axis in op.axes), tuple(axis.outputs for axis in op.axes)
    if len(act) != len(op.axes) + 2 or act[1:-1] != inputs:
        return f"act has shape {act}, expected batch × {inputs} × channels"
    if act[-1] % op.groups or out[-1] % op.groups:
        return f"{op.groups} groups do not divide {act[-1]} input and {out[-1]} output channels"
    expected = (act[0], *outputs, out[-1])
    if out != expected:
        return f"out has shape {out}, expected {expected}"
    kernel = prod(axis.kernel for axis in op.axes)
    weight = (op.groups, kernel * act[-1] // op.groups, out[-1] // op.groups)
    if shape(op.weight) != weight:
        return f"weight has shape {shape(op.weight)}, expected {weight}"
    return _row_problem(op, out[-1], shape)


def _row_problem(op: Gemm | Conv, columns: int, shape: ShapeOf) -> str | None:
    if op.act_zero is not None and prod(shape(op.act_zero)) != 1:
        return f"the zero of its activations has shape {shape(op.act_zero)}, expected one element"
    if op.bias is not None and prod(shape(op.bias)) != columns:
        return f"bias has shape {shape(op.bias)}, expected {columns} elements"
    return None


def _matrix_reads(op: Gemm | Conv) -> tuple[View, ...]:
    scales = op.row_scales if isinstance(op, Gemm) else None
    return (op.act, op.weight, *(view for view in (op.bias, scales, op.act_zero) if view is not None))


def _matrix_vector_work(op: Gemm | Conv, shape: ShapeOf) -> VectorWork:
    elements = prod(shape(op.out))
    work = Counter({Function.REQUANTIZE: elements})
    work[Function.ADD] += elements * ((op.bias is not None) + (op.act_zero is not None))
    if not work[Function.ADD]:
        del work[Function.ADD]
    if isinstance(op, Gemm) and op.row_scales is not None:
        work[Function.MUL] += elements
    if is_depthwise(op, shape):
        products = matrix_size(op, shape).macs
        work[Function.MUL] += products
        work[Function.ADD] += products
    return work


GEMM = OpSpec(
    reads=_matrix_reads,
    writes=lambda op: (op.out,),
    shape_problem=_gemm_shapes,
    macs=lambda op, shape: matrix_size(op, shape).macs,
    vector_work=_matrix_vector_work,
    on_array=lambda op, shape: not op.on_vector,
    parallel=gemm_axes,
)
CONV = OpSpec(
    reads=_matrix_reads,
    writes=lambda op: (op.out,),
    shape_problem=_conv_shapes,
    macs=lambda op, shape: matrix_size(op, shape).macs,
    vector_work=_matrix_vector_work,
    on_array=lambda op, shape: not is_depthwise(op, shape),
    parallel=conv_axes,
)


OP_TABLE = KindTable[OpSpec](
    "programs",
    {
        Gemm: GEMM,
        Conv: CONV,
        Elementwise: ELEMENTWISE,
        Reduce: REDUCE,
        Lookup: LOOKUP,
        Move: MOVE,
        Skew: SKEW,
        Quantise: QUANTISE,
    },
)


def op_spec(op: Op) -> OpSpec:
    """The row of the table for this op."""
    return OP_TABLE.of(op)


def kind(op: Op) -> str:
    """The name of the op's kind, as reports print it."""
    return kind_name(type(op))
