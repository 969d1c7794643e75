"""Plans and cuts of the planner for tests that ask for one of them, not for the best one."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.hardware.chip import Chip
from hwsim.ir.program import Program
from hwsim.kernels.cut_store import PENDING
from hwsim.kernels.cut_walks import write_cut
from hwsim.kernels.tiling_code import SIDES
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.choice import WorkByMode
from hwsim.mapping.items import items_of
from hwsim.mapping.knapsack import Knapsacks
from hwsim.mapping.op_cuts import CutRequest, OpCuts
from hwsim.mapping.op_rows import op_rows
from hwsim.mapping.placing import nothing_placed
from hwsim.mapping.plan import Strategy
from hwsim.mapping.program_table import program_table
from hwsim.mapping.residency import AlikeItems, Choice, Head, Item, Items
from hwsim.mapping.schedule_nouns import schedule_of
from hwsim.mapping.search_budget import SearchBudget
from hwsim.mapping.splits import Splits
from hwsim.mapping.step_nouns import step_trees
from hwsim.mapping.strategies import LATENCIES
from hwsim.mapping.target import target_of
from hwsim.mapping.target_plans import TargetPlans
from hwsim.quantities.precision import Precision
from hwsim.schedule.counters import Work
from hwsim.schedule.schedule import OpSchedule, Schedule
from hwsim.schedule.steps import StepTree


def plans_of(program: Program, on: Chip, slots: int | None = None, splits: Splits | None = None) -> TargetPlans:
    """All plans of a program on a chip that uses so many slots, with its ops over cores as the splits say."""
    table, target = program_table(analyse(program)), target_of(on, slots)
    table = (table if target.banks is None else table.with_streams).split(splits or {})
    classes = op_rows(table, target)
    return TargetPlans(table, target, classes, items_of(table, classes), Knapsacks(), LATENCIES, None)


class Residents(NamedTuple):
    """For each item the loop in which it stays, or None; the unit to which sizes were rounded up."""

    choice: Choice
    unit: int


def choose(items: Sequence[Item], capacity: dict[str, int]) -> Residents:
    """What stays of these items."""
    tensors = groupby(items, key=lambda item: item.name)
    alike = ((name, AlikeItems(tuple(of_tensor))) for name, of_tensor in tensors)
    together = Items.of((name, one.items[0].loops, one) for name, one in alike)
    heads, unit = together.choose(capacity, Knapsacks(), SearchBudget())
    return Residents(choice_of(items, heads), unit)


def choice_of(items: Sequence[Item], heads: Sequence[Head]) -> Choice:
    """Of each item the loop in which it stays."""
    of_name = {head.name: head for head in heads}
    found: list[str | None] = []
    for name, group in groupby(items, key=lambda item: item.name):
        head = of_name.get(name)
        found += (None if head is None or place >= head.items else head.loop for place, _ in enumerate(group))
    return tuple(found)


def scheduled(candidate: CandidatePlan) -> Schedule:
    """The schedule of one plan."""
    return schedule_of(candidate, candidate.plan())


def nothing(cuts: OpCuts) -> NDArray[np.int64]:
    """Rows of tensors by spot, where none is kept or resident."""
    return np.zeros(len(cuts.table.spots), np.int64)


def cut_within(cuts: OpCuts, room: int, how: int) -> NDArray[np.int64]:
    """The cuts that are taken of ops which have so much room, with all tensors in DRAM."""
    placed, ops = nothing_placed(cuts.table, len(cuts.table.analysed.uses.placed)), len(cuts.table.ops)
    request = CutRequest(placed, room, np.full(ops, how, np.int64), np.full(ops, PENDING, np.int64))
    cuts.find([request])
    if request.problem is not None:
        raise request.problem
    return request.cuts


def steps_in_blocks(cuts: OpCuts, op: int, *sides: int) -> tuple[StepTree, ...]:
    """The steps of a product in blocks of these sides, in that order of the loops, with all tensors in DRAM."""
    tiling = cuts.store.tilings[cuts.tiling(op, nothing(cuts), nothing(cuts))]
    block = np.array((*sides, 0, 0)[:SIDES], np.int64)
    rows = write_cut(tiling, block, True, cuts.room)
    return step_trees(cuts.room.code[:rows].copy(), cuts.row(op), cuts.table.class_of[op], cuts.step_works)


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
