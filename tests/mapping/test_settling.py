"""How long plans are walked, and how many are made: walks that find no period end, sizes beyond all need are one."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.ir.program import Program
from hwsim.mapping import assemble as choice
from hwsim.mapping import target as alone
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.assemble import assemble
from hwsim.mapping.plan import naive_plan, plan, sufficient_capacity
from hwsim.mapping.schedule import LARGEST_DIVISOR, STRATEGIES, planned
from hwsim.mapping.target import target_of
from hwsim.timing.timeline import Unsettled, times
from strategies.chips import chip, chips
from strategies.programs import PROGRAMS, gemm
from plans import naive_schedule

SMALL = chip()
MANY_STEPS = gemm(40, 60, 40)


def test_a_walk_ends_after_just_so_many_iterations() -> None:
    made = naive_schedule(MANY_STEPS, SMALL)
    whole = times(made)
    assert whole.unrolled_iterations > 1
    assert times(made, most=whole.unrolled_iterations).cycles == whole.cycles
    with pytest.raises(Unsettled, match="its units find no common period in"):
        times(made, most=whole.unrolled_iterations - 1)


def test_a_program_none_of_whose_plans_settles_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "MOST_WALKED", 0)
    with pytest.raises(Unsupported, match=f"^{MANY_STEPS.name} on small: its units find no common period"):
        planned(MANY_STEPS, replace(SMALL, clock=SMALL.clock - 1))  # of another clock, so that no plan is remembered


def test_a_plan_that_does_not_settle_is_left_out_where_another_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The naive plan, with least to walk, is left."""
    on = replace(SMALL, clock=SMALL.clock - 2)
    fewest = times(naive_schedule(MANY_STEPS, on)).unrolled_iterations
    found = planned(MANY_STEPS, on)
    assert times(found.schedule).unrolled_iterations != fewest
    monkeypatch.setattr(choice, "MOST_WALKED", fewest)
    monkeypatch.setattr(choice, "MOST_UNSETTLED", 10**6)
    left = planned(MANY_STEPS, replace(on, clock=on.clock - 1))
    assert times(left.schedule).unrolled_iterations <= fewest


@given(PROGRAMS, chips())
@settings(max_examples=40)
def test_steps_that_do_not_settle_count_as_if_none_worked_beside_another(program: Program, on: Chip) -> None:
    try:
        made = naive_schedule(program, on)
    except Unsupported:
        assume(False)
        raise
    for op in made.ops:
        exact = alone.cycles_of(op.steps, made.ports)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(alone, "MOST_WALKED", -1)
            assert alone.cycles_of(op.steps, made.ports) >= exact


@given(PROGRAMS, chips(), st.sampled_from(STRATEGIES), st.integers(0, 3))
@settings(max_examples=60)
def test_beyond_what_is_enough_a_larger_scratchpad_changes_no_plan(
    program: Program, on: Chip, strategy: tuple[int, bool, bool, int], doublings: int
) -> None:
    working_set_divisor, partial_residency, min_traffic, latency = strategy
    found, target = analyse(program), target_of(on)
    try:
        most = sufficient_capacity(found, target, LARGEST_DIVISOR) + 1
        one, other = (
            assemble(
                plan(
                    found,
                    target,
                    size,
                    working_set_divisor=working_set_divisor,
                    partial_residency=partial_residency,
                    min_traffic=min_traffic,
                    latency=latency,
                )
            )
            for size in (most, most << doublings)
        )
        naive, larger = (assemble(naive_plan(found, target, size)) for size in (most, most << doublings))
    except Unsupported:
        assume(False)
        raise
    assert one.body == other.body
    assert naive.body == larger.body
