"""Planners that share what they have made give the plans that each gives alone."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import prices_of
from hwsim.ir.program import Program
from hwsim.kernels import cut_store
from hwsim.mapping import search_budget
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.plan_store import PlanStore
from hwsim.mapping.planner import Planner
from hwsim.mapping.program_table import ProgramTable, program_table
from hwsim.mapping.strategies import ALL_STRATEGIES
from hwsim.mapping.target import UnsupportedOp, target_of
from hwsim.quantities.plain_data import Objective
from hwsim.study.efficiency import aim_of
from strategies.chips import chips
from strategies.programs import PROGRAMS

SCRATCHPADS = st.lists(st.tuples(st.integers(6, 12), st.booleans(), st.integers(1, 4)), min_size=2, max_size=5)


@settings(max_examples=60)
@given(PROGRAMS, chips(), SCRATCHPADS, st.sampled_from(Objective))
def test_planners_that_share_a_store_plan_as_alone(
    program: Program, on: Chip, scratchpads: list[tuple[int, bool, int]], objective: Objective
) -> None:
    """Sizes of the scratchpad, powers of two or half as much more, and numbers of buffers, in any order."""
    try:
        table, store = program_table(analyse(program)), PlanStore()
    except UnsupportedOp:
        return
    for power, more, buffers in scratchpads:
        size = (1 << power) + more * (1 << power - 1)
        chip = replace(on, scratchpad=replace(on.scratchpad, size=size, buffers=buffers))
        assert outcome(chip, table, objective, store) == outcome(chip, table, objective, PlanStore())


@settings(max_examples=30)
@given(PROGRAMS, chips(), SCRATCHPADS, st.sampled_from([0, 1, 1000, 10_000]))
def test_a_search_that_ends_early_leaves_no_cuts_to_others(
    program: Program, on: Chip, scratchpads: list[tuple[int, bool, int]], work: int
) -> None:
    """What ends early depends on what was walked before, so a plan that follows it must not."""
    try:
        table, store = program_table(analyse(program)), PlanStore()
    except UnsupportedOp:
        return
    for place, (power, _, buffers) in enumerate(scratchpads):
        chip = replace(on, scratchpad=replace(on.scratchpad, size=1 << power, buffers=buffers))
        with pytest.MonkeyPatch.context() as patched:
            if place + 1 < len(scratchpads):
                patched.setattr(search_budget, "MOST_WORK", work)
            ended = outcome(chip, table, Objective.LATENCY, store)
        if place + 1 == len(scratchpads):
            assert ended == outcome(chip, table, Objective.LATENCY, PlanStore())


@given(PROGRAMS, chips())
@settings(max_examples=30)
def test_without_a_budget_no_cut_is_walked_and_every_op_has_one(program: Program, on: Chip) -> None:
    budget, usual = search_budget.SearchBudget(search_budget.MOST_WORK), search_budget.SearchBudget()
    try:
        table, target = program_table(analyse(program)), target_of(on, on.scratchpad.buffers, False)
        plans = PlanStore().plans(table, target)
        made = plans.candidates([on.scratchpad.size], ALL_STRATEGIES, budget)
        PlanStore().plans(table, target).candidates([on.scratchpad.size], ALL_STRATEGIES, usual)
    except (Unsupported, UnsupportedOp):
        return
    assert plans.cuts.store.counts[cut_store.STEPS] == 0
    assert budget.work == search_budget.MOST_WORK
    assert budget.fell_short == (usual.work > 0)
    assert all((plan.cuts >= 0).all() for plan in made)
    assert all(plan.timed().cycles is not None for plan in made)


def outcome(chip: Chip, table: ProgramTable, objective: Objective, store: PlanStore) -> object:
    """The schedule that is taken, or why there is none."""
    try:
        return Planner(chip, aim_of(objective, chip, prices_of(chip)), store=store).plan(table).schedule
    except Unsupported as error:
        return str(error)
