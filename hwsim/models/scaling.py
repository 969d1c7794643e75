"""Who shares the scales of weights, where a workload file says so."""

from dataclasses import replace
from fnmatch import fnmatchcase

from hwsim.core.ops import Conv, Gemm
from hwsim.core.precision import PrecisionPlan
from hwsim.core.program import Program
from hwsim.core.quantisation import Quantisation
from hwsim.core.scaling import Scaling
from hwsim.core.tensor import Role


def quantisation_of(plan: PrecisionPlan, op: str) -> Quantisation:
    """The quantisers of an op: those of the last rule that matches and has some, else those of the plan."""
    ruled = [rule.quantise for rule in plan.rules if rule.quantise is not None and fnmatchcase(op, rule.match)]
    return ruled[-1] if ruled else plan.quantise


def with_scalings(program: Program, plan: PrecisionPlan) -> Program:
    """The program with the scales that its quantisers ask for; without a word of theirs, with those that it has."""
    wanted: dict[str, Scaling] = {}
    for placed in program.placed():
        if isinstance(placed.op, (Gemm, Conv)):
            scaling = quantisation_of(plan, placed.op.name).weights.scaling
            if scaling is not None:
                wanted[placed.op.weight.tensor] = scaling
    if not wanted:
        return program
    tensors = tuple(
        replace(tensor, scaling=wanted[tensor.name])
        if tensor.name in wanted and tensor.role is Role.WEIGHT and not tensor.precision.floating
        else tensor
        for tensor in program.tensors
    )
    return replace(program, tensors=tensors)
