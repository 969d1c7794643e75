"""Plans of the planner for tests that ask for one of them, not for the best one."""

from hwsim.hardware.chip import Chip
from hwsim.ir.program import Program
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.choice import WorkByMode
from hwsim.mapping.plan import Strategy
from hwsim.mapping.planner import LATENCIES
from hwsim.mapping.program_table import program_table
from hwsim.mapping.schedule_nouns import schedule_of
from hwsim.mapping.target import target_of
from hwsim.mapping.target_plans import TargetPlans
from hwsim.quantities.precision import Precision
from hwsim.schedule.counters import Work
from hwsim.schedule.schedule import OpSchedule, Schedule


def plans_of(program: Program, on: Chip, slots: int | None = None) -> TargetPlans:
    """All plans of a program on a chip that uses so many slots."""
    return TargetPlans(program_table(analyse(program)), target_of(on, slots), LATENCIES, None)


def scheduled(candidate: CandidatePlan) -> Schedule:
    """The schedule of one plan."""
    return schedule_of(candidate, candidate.plan())


def plan_on(program: Program, on: Chip, strategy: Strategy | None) -> CandidatePlan:
    """The plan with all slots and the whole scratchpad; the naive one without a strategy."""
    return plans_of(program, on).candidate(on.scratchpad.size, strategy)


def naive_schedule(program: Program, on: Chip) -> Schedule:
    """The largest square blocks that fit, all tensors in DRAM between ops: no plan that is taken may be slower."""
    return scheduled(plan_on(program, on, None))


def work_by_mode(schedule: Schedule) -> WorkByMode:
    """The work of a whole run, added up from the steps of a schedule."""
    total: dict[Precision | None, Work] = {None: Work()}
    for placed in schedule.placed():
        node, mode = placed.node, None
        work = node.work()
        if isinstance(node, OpSchedule):
            mode, work = node.mode, work + node.fused_work()
        total[mode] = total.get(mode, Work()) + work * placed.times
    return total
