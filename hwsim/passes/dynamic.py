"""Dynamic activations: the rows that a product of parameters reads become integers right before it.

Convolutions keep wide activations, for their windows share rows, so that no row of theirs has a scale of its own; and
so do the products of attention, whose both operands are made while the model runs.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import prod

from hwsim.ir.op_table import matrix_size, op_spec
from hwsim.ir.ops import Gemm, Quantise
from hwsim.ir.program import Loop, Node, Program
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.view import Affine, View, window
from hwsim.quantities.precision import Precision, PrecisionPlan
from hwsim.quantities.share import Share


def with_dynamic_rows(program: Program, plan: PrecisionPlan) -> Program:
    """The program with a `Quantise` before each product whose activations the plan quantises while the model runs.

    Products that read the same rows one after another share it.
    """
    rewriting = _Rewriting(program, plan)
    body = tuple(rewriting.rewritten(program.body))
    if not rewriting.tensors:
        return program
    tensors = sorted((*program.tensors, *rewriting.tensors), key=lambda tensor: tensor.name)
    return replace(program, tensors=tuple(tensors), body=body)


@dataclass(slots=True)
class _Rewriting:
    program: Program
    plan: PrecisionPlan
    tensors: list[Tensor] = field(default_factory=list)

    def rewritten(self, nodes: Iterable[Node]) -> list[Node]:
        made: list[Node] = []
        known: dict[tuple[View, Precision], Quantise] = {}
        for node in nodes:
            if isinstance(node, Loop):
                made.append(replace(node, body=tuple(self.rewritten(node.body))))
            elif isinstance(node, Gemm) and (precision := self._rows_of(node)) is not None:
                key = node.act, precision
                if key not in known:
                    known[key] = self._quantise(node, precision)
                    made.append(known[key])
                made.append(replace(node, act=known[key].write, row_scales=known[key].scales))
            else:
                made.append(node)
            written = _written(node)
            known = {key: op for key, op in known.items() if key[0].tensor not in written}
        return made

    def _rows_of(self, op: Gemm) -> Precision | None:
        """The integers to which a product brings its rows; None: it takes them as they are."""
        act, weight = self.program.tensor(op.act.tensor), self.program.tensor(op.weight.tensor)
        wide = act.precision.floating and not weight.precision.floating and weight.role.parameter
        grows = any(isinstance(count, Affine) for count in op.act.counts)
        return self.plan.of(op.name).rows if wide and not grows else None

    def _quantise(self, op: Gemm, precision: Precision) -> Quantise:
        shape, act = self.program.shapes(), _with_most(op.act)
        size = matrix_size(replace(op, act=act), shape)
        # As many rows are there as the product reads. The scales lie in a tensor of their own.
        content = tuple(window(0, count=count) for count in op.act.counts if isinstance(count, Share))
        rows = Tensor(name=f"{op.name}.quantised", shape=shape(act), precision=precision, role=Role.ACTIVATION)
        scales = Tensor(
            name=f"{op.name}.quantised.scales",
            shape=(size.batch * size.m,),
            precision=Precision.FP32,
            role=Role.ACTIVATION,
        )
        assert prod(rows.shape) == prod(scales.shape) * size.k
        self.tensors += [rows, scales]
        return Quantise(
            name=f"{op.name}.quantise",
            read=op.act,
            write=View(tensor=rows.name, windows=content),
            scales=View(tensor=scales.name, windows=content),
        )


def _with_most(view: View) -> View:
    """The view when it has most entries."""
    windows = (replace(w, count=w.count.most) if isinstance(w.count, Share) else w for w in view.windows)
    return replace(view, windows=tuple(windows))


def _written(node: Node) -> set[str]:
    """The tensors that a node writes."""
    if isinstance(node, Loop):
        return set().union(*map(_written, node.body))
    return {view.tensor for view in op_spec(node).writes(node)}
