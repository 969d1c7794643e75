"""A program on a chip: every op as steps on the units."""

from hwsim.core.chip import Chip
from hwsim.core.laws import is_depthwise
from hwsim.core.ops import Conv, Gemm
from hwsim.core.program import Instance, Program
from hwsim.core.schedule import OpSchedule, Schedule
from hwsim.errors import Unsupported
from hwsim.mapping.matrix import schedule_matrix
from hwsim.mapping.target import Target
from hwsim.mapping.vector import schedule_vector


def schedule(program: Program, chip: Chip) -> Schedule:
    """All ops in program order. Between ops everything lies in DRAM."""
    if chip.cores != 1:
        raise Unsupported(f"{chip.name}: has {chip.cores} cores; one core is what hwsim schedules so far")
    target = Target.of(chip)
    ops = []
    for instance in program.instances():
        try:
            ops.append(_schedule_op(instance, program, target))
        except Unsupported as error:
            raise Unsupported(f"{instance.op.name} on {chip.name}: {error}") from error
    return Schedule(ports=target.ports, ops=tuple(ops))


def _schedule_op(instance: Instance, program: Program, target: Target) -> OpSchedule:
    on_array = isinstance(instance.op, (Gemm, Conv)) and not is_depthwise(instance.op, instance.shape)
    return (schedule_matrix if on_array else schedule_vector)(instance, program, target)
