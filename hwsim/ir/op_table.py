"""One table that says of each kind of op what it reads, writes, must obey and costs.

Whoever needs to know one of these things asks `law(op)`. The other rooms have tables of their own by kind: how an op
falls into rows (`mapping/row_kinds.py`), what it computes (`engine/values`), how it looks (`report/op_styles.py`). A
new kind registers a row in each, as `docs/adding_an_op.md` shows.
"""

from hwsim.ir.op_specs.matrix import CONV, GEMM, MatrixSize, is_depthwise, matrix_size
from hwsim.ir.op_specs.spec import OpSpec, Shape, ShapeOf, no_products
from hwsim.ir.op_specs.vector import ELEMENTWISE, LOOKUP, MOVE, QUANTISE, REDUCE, SKEW
from hwsim.ir.ops import Conv, Elementwise, Gemm, Lookup, Move, Op, Quantise, Reduce, Skew
from hwsim.quantities.kind_table import KindTable, kind_name

__all__ = [
    "OP_TABLE",
    "MatrixSize",
    "OpSpec",
    "Shape",
    "ShapeOf",
    "is_depthwise",
    "kind",
    "matrix_size",
    "no_products",
    "op_spec",
]

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
