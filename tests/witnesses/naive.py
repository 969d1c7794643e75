"""The naive schedule, which no plan that is taken may be slower than."""

from hwsim.mapping.assemble import assemble

from hwsim.hardware.chip import Chip
from hwsim.ir.program import Program
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.plan import naive_plan
from hwsim.mapping.target import target_of
from hwsim.schedule.schedule import Schedule


def naive_schedule(program: Program, chip: Chip) -> Schedule:
    """The largest square blocks that fit, all tensors in DRAM between ops."""
    return assemble(naive_plan(analyse(program), target_of(chip), chip.scratchpad.size))
