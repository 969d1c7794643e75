"""Precision as a pass: the formats and scales of a plan, on a program of floats.

A program of floats says what is computed: its values are in single precision, its places and symbols are integers. A
plan decides the format of each value by the policies of the ops that read and write it (`passes/wanted.py`). What
products and other ops want in two formats is kept in both (`passes/conversion.py`).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from hwsim.errors import InvalidValue
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import FormatOf, Role, Tensor
from hwsim.passes.conversion import Conversion, splittable
from hwsim.passes.wanted import Wanted, Wish, wanted
from hwsim.quantities.caches import IdentityCache
from hwsim.quantities.precision import Precision, PrecisionPlan, Purpose
from hwsim.quantities.scaling import Granularity, Scaling


def with_precision(program: Program, plan: PrecisionPlan) -> Program:
    """The program of floats in the formats of a plan, with the scales that its policies ask for."""
    network = _NETWORKS.of(program, make=lambda: _Network.of(program))
    narrow = {tensor.name: tensor.precision for tensor in program.tensors}
    wide = dict(narrow)
    formats_of = cache(lambda wish: _widest(wish, plan))
    for name, wishes in network.wanted.items():
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
    """What no plan changes: who wants which format of each tensor, what can be kept twice, the product of a weight."""

    wanted: Mapping[str, Wanted]
    splittable: tuple[str, ...]
    products: Mapping[str, str]

    @classmethod
    def of(cls, program: Program) -> "_Network":
        """That of a program, which must be one of floats."""
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
    """The format with the most bits of those that are wanted, of equals the first."""
    return max((plan.format(one.op, one.purpose) for one in wish), key=lambda precision: precision.bits)


def _twins(names: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    """The name of the wide twin of each tensor: beside the tensor itself, if that name is free."""
    found: dict[str, str] = {}
    for name in names:
        owner, dot, _ = name.rpartition(".")
        beside = f"{owner}.wide"
        free = dot and beside not in taken and beside not in found.values()
        found[name] = beside if free else f"{name}.wide"
    return found


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
