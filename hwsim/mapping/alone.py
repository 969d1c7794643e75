"""How long the steps of one op take on a chip that does nothing else."""

from hwsim.schedule.schedule import Ports
from hwsim.schedule.steps import StepTree
from hwsim.timing.encode import encode_alone
from hwsim.timing.encode_steps import step_code
from hwsim.timing.timeline import Unsettled, times

MOST_WALKED = 1 << 18
"""Iterations of loops after which units that have found no common period count as if none worked beside another."""


def cycles_of(steps: tuple[StepTree, ...], ports: Ports) -> int:
    """The time of the steps, or a bound of it, for the choice among cuts alone."""
    try:
        return times(encode_alone(steps, ports), most=MOST_WALKED).cycles
    except Unsettled:
        return step_code(steps, ports).longest
