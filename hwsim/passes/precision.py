"""Precision as a pass: the program of floats that an extractor builds, under a plan.

The plan decides the format of each value by the policies of the ops that read and write it (`passes/wanted.py`), the
scales of weights, and the products that quantise the rows of their activations while the model runs. In the program of
floats all values are in single precision; places and symbols are integers, which no plan changes.

Convolutions keep wide activations, for their windows share rows, so that no row has a scale of its own; and so do the
products of attention, both operands of which are made while the model runs.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from difflib import get_close_matches
from functools import cache
from math import prod

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.ir.folding import Folding
from hwsim.ir.nodes import Loop, Node
from hwsim.ir.op_table import matrix_size, op_spec
from hwsim.ir.ops import Conv, Gemm, Quantise
from hwsim.ir.program import Program
from hwsim.ir.tensor import FormatOf, Role, Tensor
from hwsim.ir.view import Affine, Share, View, window
from hwsim.ir.workload import Workload
from hwsim.passes.fold import folded
from hwsim.passes.wanted import Conversion, Wanted, Wish, ruled_ops, splittable, wanted
from hwsim.quantities.precision import Precision, PrecisionPlan, Purpose, policy
from hwsim.quantities.quantisation import Granularity, Scaling
from hwsim.quantities.registry import IdentityCache


def with_precision(program: Program, plan: PrecisionPlan) -> Program:
    """The program of floats in the formats of a plan, with the scales that its policies ask for."""
    network = _NETWORKS.of(program, make=lambda: _Network.of(program))
    narrow = {tensor.name: tensor.precision for tensor in program.tensors}
    wide = dict(narrow)
    formats_of = cache(lambda wish: _widest(wish, plan))
    for name, wishes in network.wishes.items():
        wide[name] = formats_of(wishes.by_others)
        narrow[name] = formats_of(wishes.by_products) if wishes.by_products else wide[name]
    twins = _twins((name for name in network.splittable if narrow[name] is not wide[name]), narrow)
    groups = {weight: plan.of(op).group for weight, op in network.products.items()}
    tensors = [_in_format(tensor, narrow[tensor.name], groups.get(tensor.name)) for tensor in program.tensors]
    for name, twin in twins.items():
        kept = replace(program.tensor(name), name=twin, role=Role.ACTIVATION)
        tensors.append(_in_format(kept, wide[name]))
    formats = {tensor.name: tensor.precision for tensor in tensors}
    return replace(
        program,
        tensors=tuple(sorted(tensors, key=lambda tensor: tensor.name)),
        body=Conversion(twins, formats).of(program.body),
        stored=tuple(_stored(tensor, plan) for tensor in program.stored),
    )


@dataclass(frozen=True, slots=True)
class _Network:
    """What no plan changes: the wishes for each tensor, the tensors that can be kept twice, the weights' products."""

    wishes: Mapping[str, Wanted]
    splittable: tuple[str, ...]
    products: Mapping[str, str]

    @classmethod
    def of(cls, program: Program) -> "_Network":
        """The facts of a program, whose values must be floats."""
        _check_floats(program)
        return cls(wanted(program), splittable(program), _products(program))


_NETWORKS = IdentityCache[_Network](most=8)


def _check_floats(program: Program) -> None:
    for tensor in program.tensors:
        if tensor.precision not in (Precision.FP32, Precision.INT32):
            law = f"is {tensor.precision.value} already; a plan decides the formats of a program of floats"
            raise InvalidValue(program.name, tensor.name, law)
    for op in (placed.op for placed in program.placed()):
        if isinstance(op, (Gemm, Conv)):
            for view in (op.act, op.weight):
                if not program.tensor(view.tensor).precision.floating:
                    raise InvalidValue(op.name, view.tensor, "holds places or symbols; a product multiplies values")


def _widest(wish: Wish, plan: PrecisionPlan) -> Precision:
    """The format with the most bits of those in a wish, of equals the first."""
    return max(
        (plan.format(format_of.op, format_of.purpose) for format_of in wish), key=lambda precision: precision.bits
    )


def _twins(names: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    """The name of the wide twin of each tensor: beside the tensor itself, if that name is free."""
    twins: dict[str, str] = {}
    for name in names:
        owner, dot, _ = name.rpartition(".")
        beside = f"{owner}.wide"
        free = dot and beside not in taken and beside not in twins.values()
        twins[name] = beside if free else f"{name}.wide"
    return twins


def _products(program: Program) -> dict[str, str]:
    """The product that multiplies by each weight, by the weight's name."""
    ops = [placed.op for placed in program.placed()]
    return {op.weight.tensor: op.name for op in reversed(ops) if isinstance(op, (Gemm, Conv))}


def _stored(tensor: Tensor, plan: PrecisionPlan) -> Tensor:
    """A parameter that no op uses: in the format that it names, or in that of an op with its own name."""
    purpose = Purpose.WEIGHT if tensor.role is Role.WEIGHT else Purpose.BIAS
    like = tensor.format_of or FormatOf(op=tensor.name, purpose=purpose)
    return _in_format(tensor, plan.format(like.op, like.purpose), plan.of(like.op).group)


def _in_format(tensor: Tensor, precision: Precision, group: int | None = None) -> Tensor:
    """The tensor with that format and the scales that format and role ask for.

    An integer weight has a scale for each column, or for each group of that many elements of a column; any other
    integer tensor has one in all. Biases, places and sums have the scale of what they are added to, or none.
    """
    if precision.floating or tensor.role is Role.BIAS or precision is Precision.INT32:
        scaling = Scaling()
    elif tensor.role is not Role.WEIGHT:
        scaling = Scaling(granularity=Granularity.TENSOR)
    elif group is None:
        scaling = Scaling(granularity=Granularity.CHANNEL)
    else:
        scaling = Scaling(granularity=Granularity.GROUP, group=group)
    same = precision is tensor.precision and scaling == tensor.scaling
    return tensor if same else replace(tensor, precision=precision, scaling=scaling)


def with_scalings(program: Program, plan: PrecisionPlan) -> Program:
    """The program with the scales that the plan's quantisers ask for; where these say nothing, its scales stay."""
    scalings: dict[str, Scaling] = {}
    for placed in program.placed():
        if isinstance(placed.op, (Gemm, Conv)):
            scaling = plan.quantisation(placed.op.name).weights.scaling
            if scaling is not None:
                scalings[placed.op.weight.tensor] = scaling
    if not scalings:
        return program
    tensors = tuple(
        replace(tensor, scaling=scalings[tensor.name])
        if tensor.name in scalings and tensor.role is Role.WEIGHT and not tensor.precision.floating
        else tensor
        for tensor in program.tensors
    )
    return replace(program, tensors=tensors)


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
        new_nodes: list[Node] = []
        quantised: dict[tuple[View, Precision], Quantise] = {}
        for node in nodes:
            if isinstance(node, Loop):
                new_nodes.append(replace(node, body=tuple(self.rewritten(node.body))))
            elif isinstance(node, Gemm) and (precision := self._rows_of(node)) is not None:
                key = node.act, precision
                if key not in quantised:
                    quantised[key] = self._quantise(node, precision)
                    new_nodes.append(quantised[key])
                new_nodes.append(replace(node, act=quantised[key].write, row_scales=quantised[key].scales))
            else:
                new_nodes.append(node)
            written = _written(node)
            quantised = {key: op for key, op in quantised.items() if key[0].tensor not in written}
        return new_nodes

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


def under_plan(network: Program, plan: PrecisionPlan) -> Program:
    """A program of floats in the formats, with the scales and with the conversions of a plan."""
    program = with_dynamic_rows(with_scalings(with_precision(network, plan), plan), plan)
    ruled = ruled_ops(network)
    idle = plan.idle_rules(ruled)
    if idle:
        raise InvalidValue("precision.rules", idle[0].match, _idle_law(idle[0].match, ruled))
    return program


def workload_of(
    network: Program,
    precision: str | PrecisionPlan,
    *,
    audio: int,
    batch: int = 1,
    utterances: int | None = None,
    fold: bool = False,
) -> Workload:
    """The workload of a program of floats, under a plan, for a batch that hears so many picoseconds of audio.

    Each of the batch is an utterance, unless fewer are stated. With `fold`, products that only rows of tables enter are
    precomputed.
    """
    plan = plan_of(precision)
    program, folding = _program(network, plan, fold=fold)
    return Workload(
        name=network.name,
        audio=audio,
        batch=batch,
        precision=plan,
        program=program,
        network=network,
        folding=folding,
        utterances=batch if utterances is None else utterances,
    )


def _program(network: Program, plan: PrecisionPlan, *, fold: bool) -> tuple[Program, Folding | None]:
    """A program of floats under a plan, and what of it is precomputed."""
    program = under_plan(network, plan)
    return folded(program) if fold else (program, None)


def in_precision(workload: Workload, precision: str | PrecisionPlan) -> Workload:
    """The same workload under one policy for all of it, or under another plan; its network stays as it is."""
    if workload.network is None:
        law = "has its formats from elsewhere; other plans need its program of floats"
        raise InvalidValue("workload", workload.name, law)
    plan = plan_of(precision)
    program, folding = _program(workload.network, plan, fold=workload.folding is not None)
    return replace(workload, precision=plan, program=program, folding=folding)


def plan_of(precision: str | PrecisionPlan) -> PrecisionPlan:
    """The plan that a policy's name stands for, or the plan itself."""
    if not isinstance(precision, (str, PrecisionPlan)):
        raise InvalidValue("precision", precision, "must be a text or a precision plan")
    return precision if isinstance(precision, PrecisionPlan) else PrecisionPlan(policy=policy(precision).name)


def _idle_law(match: str, ruled: Sequence[str]) -> str:
    """What is wrong with a pattern that matches no op, with the nearest one that does."""
    if not ruled:
        return "matches no op with weights: the network has none"
    parts = [name.split(".")[:end] for name in ruled for end in range(1, name.count(".") + 1)]
    near = get_close_matches(match, dict.fromkeys([*ruled, *(".".join([*part, "*"]) for part in parts)]), n=1)
    return f"matches no op with weights, such as {ruled[0]}" + (f"; did you mean {near[0]}?" if near else "")
