"""Who shares the scales of weights, where a workload file says so."""

from dataclasses import replace

from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.quantities.precision import PrecisionPlan
from hwsim.quantities.scaling import Scaling


def with_scalings(program: Program, plan: PrecisionPlan) -> Program:
    """The program with the scales that its quantisers ask for; without a word of theirs, with those that it has."""
    wanted: dict[str, Scaling] = {}
    for placed in program.placed():
        if isinstance(placed.op, (Gemm, Conv)):
            scaling = plan.quantisation(placed.op.name).weights.scaling
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
