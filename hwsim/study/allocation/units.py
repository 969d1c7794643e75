"""Layers whose formats are chosen: ops with weights, each for itself, unless a parameter ties several together."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.workload import Workload
from hwsim.passes.precision import in_precision
from hwsim.passes.wanted import ruled_ops, wanted
from hwsim.quantities.precision import PrecisionPlan, Rule


@dataclass(frozen=True, slots=True)
class Unit:
    """Ops that have one format, and the parameters whose format that decides; those of ops that only training needs,
    and that are stored in the same format, are among them."""

    ops: tuple[str, ...]
    tensors: tuple[str, ...]
    parameters: int

    @property
    def name(self) -> str:
        """The name of its first op."""
        return self.ops[0]


def units_of(work: Workload) -> tuple[Unit, ...]:
    """The units of a workload, in program order."""
    network = network_of(work)
    ruled = ruled_ops(network)
    places = {name: place for place, name in enumerate(ruled)}
    deciding = _deciding(network, places)
    leader = {name: name for name in ruled}

    def find(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    for ops in deciding.values():
        for op in ops[1:]:
            first, second = sorted((find(ops[0]), find(op)), key=lambda name: places[name])
            leader[second] = first
    sizes = {tensor.name: tensor for tensor in network.parameter_tensors}
    tensors: dict[str, list[str]] = {}
    for name, ops in deciding.items():
        if ops:
            tensors.setdefault(find(ops[0]), []).append(name)
    units = []
    for first in ruled:
        owned = tensors.get(first, ())
        if any(sizes[name].role is not Role.BIAS for name in owned):
            together = tuple(name for name in ruled if find(name) == first)
            units.append(Unit(together, tuple(sorted(owned)), sum(sizes[name].elements for name in owned)))
    if not units:
        raise Unsupported(f"{work.name}: has no ops with weights whose formats could be chosen")
    return tuple(units)


def network_of(work: Workload) -> Program:
    """The program of floats of a workload."""
    if work.network is None:
        raise Unsupported(f"{work.name}: is quantised already, and has no floats of which other formats could be made")
    return work.network


def _deciding(network: Program, ruled: Mapping[str, int]) -> dict[str, list[str]]:
    """Of each parameter the ops whose policies decide its format."""
    wishes = wanted(network)
    deciding = {}
    for tensor in network.parameter_tensors:
        if tensor.name in wishes:
            wish = wishes[tensor.name]
            ops = [format_of.op for format_of in wish.by_products or wish.by_others]
        else:
            ops = [_stored_like(tensor)]
        deciding[tensor.name] = [op for op in dict.fromkeys(ops) if op in ruled]
    return deciding


def _stored_like(tensor: Tensor) -> str:
    return tensor.name if tensor.format_of is None else tensor.format_of.op


def plan_with(plan: PrecisionPlan, base: str, policies: Mapping[str, str]) -> PrecisionPlan:
    """A plan with another policy for all that no rule names, and with these policies for the ops of those names."""
    kept = replace(plan, policy=base)
    rules = [Rule(match=pattern_of(op), policy=policy) for op, policy in policies.items() if kept.of(op).name != policy]
    return replace(kept, rules=(*kept.rules, *rules))


def pattern_of(op: str) -> str:
    """The pattern that matches an op of that name alone.

    >>> pattern_of("encoder.0.input"), pattern_of("Mat[0]*")
    ('encoder.0.input', 'Mat[[]0][*]')
    """
    return re.sub(r"([*?\[])", r"[\1]", op)


def with_policies(work: Workload, base: str, policies: Mapping[str, str]) -> Workload:
    """The workload with these policies for ops, and the base policy for the rest."""
    return in_precision(work, plan_with(work.precision, base, policies))


def all_in(units: Iterable[Unit], policy: str) -> dict[str, str]:
    """One policy for all ops of the units."""
    return {op: policy for unit in units for op in unit.ops}
