"""How long plans are walked, and how many are made: walks that find no period end, sizes beyond all need are one."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.ir.program import Program
from hwsim.kernels import cut_walks
from hwsim.kernels import timeline_code as c
from hwsim.mapping import choice, search_budget
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.plan import Strategy
from hwsim.mapping.planner import Planner
from hwsim.mapping.strategies import LARGEST_DIVISOR, STRATEGIES
from hwsim.schedule.schedule import OpSchedule, Schedule
from hwsim.timing.encode_steps import step_code
from hwsim.timing.timeline import Unsettled, times
from plans import naive_schedule, plan_on, plans_of, scheduled
from strategies.chips import chip, chips
from strategies.programs import PROGRAMS, gemm

SMALL = chip()
MANY_STEPS = gemm(40, 60, 40, times=30)


def test_a_walk_ends_after_just_so_many_iterations() -> None:
    made = naive_schedule(MANY_STEPS, SMALL)
    whole = times(made)
    assert whole.unrolled_iterations > 1
    assert times(made, most=whole.unrolled_iterations).cycles == whole.cycles
    with pytest.raises(Unsettled, match="its units find no common period in"):
        times(made, most=whole.unrolled_iterations - 1)


def test_a_walk_that_will_pass_its_limit_ends_before_the_run_does() -> None:
    made = plan_on(MANY_STEPS, SMALL, None)
    _, _, whole = made.walked()
    cycles = int(whole[c.FRONTIER])
    _, _, within = made.walked(limit=cycles)
    _, _, beyond = made.walked(limit=cycles // 2)
    assert (within[c.LATE], within[c.FRONTIER]) == (0, cycles)
    assert beyond[c.LATE]
    assert beyond[c.UNROLLED] < whole[c.UNROLLED]


def test_a_program_none_of_whose_plans_settles_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_budget, "MOST_WALKED", 0)
    with pytest.raises(Unsupported, match=f"^{MANY_STEPS.name} on small: its units find no common period"):
        Planner(SMALL).plan(MANY_STEPS)


def test_a_plan_that_does_not_settle_is_left_out_where_another_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The naive plan, with least to walk, is left."""
    fewest = times(naive_schedule(MANY_STEPS, SMALL)).unrolled_iterations
    found = Planner(SMALL).plan(MANY_STEPS)
    assert times(found.schedule).unrolled_iterations != fewest
    monkeypatch.setattr(search_budget, "MOST_WALKED", fewest)
    monkeypatch.setattr(choice, "MOST_UNSETTLED", 10**6)
    left = Planner(SMALL).plan(MANY_STEPS)
    assert times(left.schedule).unrolled_iterations <= fewest


def test_a_plan_walks_no_further_than_the_work_that_is_left_of_its_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no work left the plan that is walked first is taken; such a plan is as good a plan as before."""
    free = Planner(SMALL).plan(MANY_STEPS).columns.cycles
    asked: list[int | None] = []
    timed = CandidatePlan.timed

    def noted(plan: CandidatePlan, limit: int | None = None, most: int | None = None) -> choice.Timed:
        asked.append(most)
        return timed(plan, limit, most)

    monkeypatch.setattr(CandidatePlan, "timed", noted)
    for work in (10**4, 10**3, 0):
        monkeypatch.setattr(search_budget, "MOST_WORK", work)
        asked.clear()
        assert Planner(SMALL).plan(MANY_STEPS).columns.cycles >= free
        assert asked[0] is None
        assert all(most is None or most <= work // search_budget.ONE_STEP for most in asked)


def test_a_plan_cut_short_for_want_of_work_may_be_walked_to_its_end_later() -> None:
    made = plan_on(MANY_STEPS, SMALL, None)
    with pytest.raises(Unsettled, match="in 1 iterations"):
        made.timed(most=1)
    assert made.timed().cycles == times(naive_schedule(MANY_STEPS, SMALL)).cycles


@given(PROGRAMS, chips())
@settings(max_examples=40)
def test_steps_that_do_not_settle_count_as_if_all_units_worked_side_by_side(program: Program, on: Chip) -> None:
    try:
        made = plan_on(program, on, None)
        (cut,) = made.cuts
    except Unsupported:
        assume(False)
        raise
    cuts, latency = made.op_cuts, made.op_cuts.target.ports.latency

    def alone() -> int:
        rows = len(cuts.code(cut))
        cuts.room.code[:rows] = cuts.code(cut)
        return int(in_python(rows, latency, cuts.room))

    in_python = getattr(cut_walks.cycles_alone, "py_func", cut_walks.cycles_alone)
    (op,) = scheduled(made).ops
    exact = times(Schedule(ports=cuts.target.ports, body=(OpSchedule(name="alone", kind="gemm", steps=op.steps),)))
    assert alone() == exact.cycles
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cut_walks, "MOST_WALKED", -1)
        load, array, vector, store, _ = step_code(op.steps, cuts.target.ports).busy
        side_by_side = max(array, vector, load + store if cuts.target.ports.shared else max(load, store))
        assert alone() in (side_by_side, exact.cycles)  # without a loop there is nothing to settle
        assert side_by_side <= exact.cycles


@given(PROGRAMS, chips(), st.sampled_from(STRATEGIES), st.integers(0, 3))
@settings(max_examples=60)
def test_beyond_what_is_enough_a_larger_scratchpad_changes_no_plan(
    program: Program, on: Chip, strategy: Strategy, doublings: int
) -> None:
    try:
        plans = plans_of(program, on)
        most = plans.sufficient(LARGEST_DIVISOR) + 1
        for way in (strategy, None):
            one, other = (scheduled(plans.candidate(size, way)) for size in (most, most << doublings))
            assert one.body == other.body
    except Unsupported:
        assume(False)
        raise
