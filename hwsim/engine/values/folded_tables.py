"""The rows of precomputed tables: what the ops that they stand for make of every row there is, in the same order of
additions and the same registers."""

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.engine.values.floats import Seen, nobody
from hwsim.engine.values.integers import IntegerOps
from hwsim.ir.folding import FoldedProduct, Folding
from hwsim.ir.nodes import Loop, with_views
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Gemm, Lookup, Op, Quantise
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.view import View
from hwsim.ir.workload import Workload
from hwsim.quantities.precision import Precision
from hwsim.tensor.backend import ProductBackend

Array = NDArray[Any]


def integer_ops(
    workload: Workload,
    parameters: Mapping[str, NDArray[np.float32]],
    params_table: QuantParamsTable,
    products: ProductBackend,
    seen: Seen = nobody,
    like: IntegerOps | None = None,
) -> IntegerOps:
    """The ops of a workload's program with its parameters, its precomputed tables made of them.

    The parameters and their quantisation are those of the program before anything was precomputed. `like` are ops of
    the same network at another length, whose own are taken over where nothing is precomputed.
    """
    program, folding = workload.program, workload.folding
    if folding is None:
        return IntegerOps(program, parameters, params_table, products, seen=seen, like=like)
    names = {tensor.name for tensor in program.tensors}
    left = {name: values for name, values in parameters.items() if name in names}
    params = dict(params_table.tensors)
    for product, op in zip(folding.products, _products(folding), strict=True):
        if op.out.tensor in params:
            params[product.table] = params[op.out.tensor]
    ops = IntegerOps(
        program, left, QuantParamsTable(params, params_table.locals, params_table.refined), products, seen=seen
    )
    for product in folding.products:
        ops.held[product.table] = rows_of_table(product, folding.program, parameters, params_table, products)
    return ops


def rows_of_table(
    product: FoldedProduct,
    program: Program,
    parameters: Mapping[str, NDArray[np.float32]],
    params_table: QuantParamsTable,
    products: ProductBackend,
) -> Array:
    """What the ops of a folded product make of all rows, one after another, that can enter it."""
    alone = _Alone.of(product, program)
    names = {tensor.name for tensor in alone.program.tensors}
    given = {name: values for name, values in parameters.items() if name in names}
    ops = IntegerOps(alone.program, given, params_table, products)
    memory = ops.memory({alone.index: np.arange(alone.rows, dtype=np.int32).reshape(-1, 1)})
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is looked for where rows are used
        for op in alone.ops:
            ops.run(op, memory, {})
    return memory[alone.out]


def _products(folding: Folding) -> list[Gemm]:
    ops = {placed.op.name: placed.op for placed in folding.program.placed()}
    return [op for product in folding.products if isinstance(op := ops[product.op], Gemm)]


@dataclass(frozen=True, slots=True)
class _Alone:
    """The ops of a folded product as a program of their own, in which every row of the table is looked up once."""

    program: Program
    ops: tuple[Op, ...]
    index: str
    out: str
    rows: int

    @classmethod
    def of(cls, product: FoldedProduct, program: Program) -> "_Alone":
        """Those of a product."""
        by_name = {placed.op.name: placed.op for placed in program.placed()}
        ops = tuple(_whole(by_name[name]) for name in product.ops)
        lookup, gemm = ops[0], ops[-1]
        assert isinstance(lookup, Lookup)
        assert isinstance(gemm, Gemm)
        rows = prod(program.tensor(lookup.table.tensor).shape[:-1])
        tensors = {view.tensor: program.tensor(view.tensor) for op in ops for view in op_spec(op).reads(op)}
        tensors[gemm.out.tensor] = program.tensor(gemm.out.tensor)
        columns = program.tensor(gemm.weight.tensor).shape[-2 if gemm.transposed else -1]
        widths = {lookup.out.tensor: program.tensor(lookup.table.tensor).shape[-1], gemm.out.tensor: columns}
        widths[lookup.index.tensor] = 1
        for op in ops:
            if isinstance(op, Quantise):
                widths |= {op.write.tensor: widths[op.read.tensor], op.scales.tensor: 1}
        made = {name: _of_rows(tensors[name], rows, width) for name, width in widths.items()}
        made[lookup.index.tensor] = replace(made[lookup.index.tensor], role=Role.INPUT, precision=Precision.INT32)
        alone = sorted({**tensors, **made}.values(), key=lambda tensor: tensor.name)
        whole = Program(name=f"{product.op}.rows", tensors=tuple(alone), body=ops)
        return cls(whole, ops, lookup.index.tensor, gemm.out.tensor, rows)


def _of_rows(tensor: Tensor, rows: int, width: int) -> Tensor:
    """The tensor with so many rows, which ops make."""
    return replace(tensor, shape=(rows, width), role=Role.ACTIVATION)


def _whole(op: Op) -> Op:
    """The op on whole tensors, as they lie."""
    changed = with_views(op, lambda view: View(tensor=view.tensor))
    assert not isinstance(changed, Loop)
    return changed
