"""A schedule whose input comes while it runs, as an event simulation: an input is an event at its time."""

from collections.abc import Sequence

from hwsim.schedule.schedule import LoopSegment, Schedule, ScheduleNode
from witnesses.timeline_plan import PRELOADS, Plan
from witnesses.timeline_simpy import carried_out


def completions(schedule: Schedule, loop: str, tensor: str, arrivals: Sequence[int]) -> tuple[int, ...]:
    """When each iteration of the loop is complete: all that was planned up to its end has ended."""
    plan, ends = Plan(schedule, None), list[int]()

    def nodes(inside: Sequence[ScheduleNode]) -> None:
        for node in inside:
            if not isinstance(node, LoopSegment) or node.loop != loop:
                plan.nodes([node])
                continue
            for _ in range(node.times):
                _settle(plan)  # what comes before the loop, too
                plan.present[tensor].written = [plan.env.timeout(arrivals[len(ends)])]
                plan.nodes(node.body)
                _settle(plan)
                ends.append(len(plan.jobs))

    nodes(schedule.body)
    planned = list(plan.jobs)
    carried_out(plan)
    return tuple(max((job.end + job.delay for job in planned[:end]), default=0) for end in ends)


def _settle(plan: Plan) -> None:
    """All stores go behind what was planned, preloads included, and before whatever comes next."""
    for store in plan.stores:
        store.place = min(store.place, (plan.steps, PRELOADS, len(plan.jobs)))
