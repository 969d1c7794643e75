"""Bounds that the time of every run keeps."""

from hwsim.schedule.schedule import OpSchedule, Schedule
from hwsim.schedule.steps import unrolled


def waits(plan: Schedule) -> int:
    """All tails and latencies of a run: what it takes beside busy units at most, if nothing overlaps."""
    cycles = 0
    for placed in plan.placed():
        if isinstance(placed.node, OpSchedule):
            steps = list(unrolled(placed.node.steps))
            tails = sum(step.array.tail for step in steps if step.array)
            cycles += placed.times * (tails + sum(len(step.loads) for step in steps) * plan.ports.latency)
        else:
            cycles += placed.times * plan.ports.latency
    return cycles
