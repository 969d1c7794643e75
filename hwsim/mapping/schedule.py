"""A program on a chip: every op as steps on the units."""

from fractions import Fraction

from hwsim.core.chip import Chip
from hwsim.core.ops import Gemm
from hwsim.core.program import Placed, Program
from hwsim.core.schedule import OpSchedule, Ports, Schedule
from hwsim.errors import Unsupported
from hwsim.mapping.gemm import schedule_gemm
from hwsim.mapping.vector import schedule_vector


def schedule(program: Program, chip: Chip) -> Schedule:
    """All ops in program order. Between ops everything lies in DRAM."""
    if chip.cores != 1:
        raise Unsupported(f"{chip.name}: has {chip.cores} cores; one core is what hwsim schedules so far")
    return Schedule(ports=ports(chip), ops=tuple(_schedule_op(placed, program, chip) for placed in program.placed()))


def ports(chip: Chip) -> Ports:
    """What transfers need to know of the chip, in cycles of its clock."""
    return Ports(
        dram_read=chip.dram_read_bytes_per_cycle,
        dram_write=chip.dram_write_bytes_per_cycle,
        scratchpad_read=Fraction(chip.scratchpad.read),
        scratchpad_write=Fraction(chip.scratchpad.write),
        latency=chip.dram_latency_cycles,
        slots=chip.scratchpad.buffers,
    )


def _schedule_op(placed: Placed, program: Program, chip: Chip) -> OpSchedule:
    if isinstance(placed.op, Gemm):
        return schedule_gemm(placed, placed.op, program, chip)
    return schedule_vector(placed, placed.op, program, chip)
