"""Bounds before plans: no plan takes less, and without bounds the same plan is taken."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip, Dram, Scratchpad, VectorUnit
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.ir.nodes import Loop
from hwsim.ir.ops import Function, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.chain_bounds import ChainBounds, split_tables
from hwsim.mapping.plan_store import PlanStore
from hwsim.mapping.planner import Planner
from hwsim.mapping.program_table import program_table
from hwsim.mapping.search_budget import SearchBudget
from hwsim.mapping.size_bounds import SizeBounds
from hwsim.mapping.slot_bounds import SlotBounds
from hwsim.mapping.splits import Splits
from hwsim.mapping.strategies import candidate_capacities, slots, strategies
from hwsim.mapping.target import UnsupportedOp, target_of
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.precision import Precision, PrecisionPlan
from hwsim.timing.timeline import Unsettled
from mapping.test_cores import with_cores
from mapping.test_mapped_networks import roomy_chips
from strategies import programs
from strategies.chips import chip, chips
from strategies.recipes import POLICIES, RECIPES

SIDES = st.integers(1, 70)
Size = tuple[int, int, int]
SIZES = st.tuples(SIDES, SIDES, SIDES)


def check_bounds(program: Program, on: Chip) -> None:
    """Each plan of each table takes at least the bound of its chains, loads at least that of its weights, and holds
    slots for at least as long as its products do."""
    table = program_table(analyse(program))
    sizes = candidate_capacities(on.scratchpad.size)[:4]
    for slot_count in slots(on.scratchpad.buffers):
        target = target_of(on, slot_count)
        for splits in table.tried_splits(target):
            bounds, split = ChainBounds(table, target), table.split(splits)
            least = bounds.least_cycles(splits, in_turn=slot_count == 1)
            try:
                plans = PlanStore().plans(split, target)
            except UnsupportedOp:
                assert least == 0
                continue
            ways = [way for way in (*strategies(table.analysed.size), None) if way is None or way.latency == 0]
            for plan in plans.candidates(sizes, ways, SearchBudget()):
                with suppress(Unsettled):
                    cycles = plan.timed().cycles
                    assert cycles is not None
                    assert bounds.least_cycles(splits) <= least <= cycles
                    assert plan.busiest <= plan.least_cycles <= cycles
                    assert plans.bounds.load_cycles(plan.size) <= plan.load_cycles <= cycles
                    assert plans.slot_bounds.held_cycles(plan.size) <= cycles


@given(st.builds(programs.gemm, SIDES, SIDES, SIDES, batch=st.integers(1, 6)), chips(), st.integers(2, 5))
def test_no_plan_of_an_op_undercuts_its_bounds(program: Program, on: Chip, cores: int) -> None:
    check_bounds(program, with_cores(on, cores))


def beside_a_loop(alone: Size, inside: Size, times: int) -> Program:
    """A product, and one in a loop whose weight may come while the array makes the first."""
    sizes = {"a": alone, "b": inside}
    tensors = [
        programs.tensor(f"{name}{which}", 1, *shape, role=role)
        for name, (m, k, n) in sizes.items()
        for which, shape, role in (("x", (m, k), Role.INPUT), ("w", (k, n), Role.WEIGHT), ("o", (m, n), Role.OUTPUT))
    ]
    a, b = (
        Gemm(name=name, act=View(tensor=f"{name}x"), weight=View(tensor=f"{name}w"), out=View(tensor=f"{name}o"))
        for name in sizes
    )
    body = a, Loop(name="l", times=times, body=(b,))
    return Program(name="p", tensors=tuple(sorted(tensors, key=lambda one: one.name)), body=body)


def test_what_is_resident_comes_without_a_slot() -> None:
    """The weight of the loop comes while the array is busy: its load and what the array reads are not one after the
    other, though the ring has one slot."""
    on = chip(
        array=SystolicArray(rows=4, cols=4, macs_per_pe=sorted_pairs({Precision.INT8: 1})),
        vector=VectorUnit(lanes=64, cycles=sorted_pairs(dict.fromkeys(Function, 1))),
        scratchpad=Scratchpad(size=2**17, read=64, write=64, buffers=1),
        dram=Dram(read=10**9, write=8 * 10**9, latency=5000),
    )
    check_bounds(beside_a_loop((64, 64, 64), (1, 128, 128), 2), on)


@given(st.builds(beside_a_loop, SIZES, SIZES, st.integers(1, 5)), chips(), st.integers(1, 3))
def test_no_plan_of_a_loop_undercuts_its_bounds(program: Program, on: Chip, cores: int) -> None:
    check_bounds(program, with_cores(on, cores) if cores > 1 else on)


@pytest.mark.slow
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(RECIPES, POLICIES, roomy_chips(), st.integers(1, 6))
def test_no_plan_of_a_network_undercuts_its_bounds(
    recipe: AnyRecipe, policy: str | PrecisionPlan, on: Chip, cores: int
) -> None:
    check_bounds(workload(recipe, policy).program, with_cores(on, cores))


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(RECIPES, POLICIES, roomy_chips(), st.integers(1, 6))
def test_without_bounds_the_same_plan_is_taken(
    recipe: AnyRecipe, policy: str | PrecisionPlan, on: Chip, cores: int
) -> None:
    program, several = workload(recipe, policy).program, with_cores(on, cores)
    try:
        planned = Planner(several).plan(program)
    except Unsupported:
        assume(False)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ChainBounds, "least_cycles", no_bound)
        patched.setattr(SizeBounds, "load_cycles", no_bound)
        patched.setattr(SlotBounds, "held_cycles", no_bound)
        patched.setattr(CandidatePlan, "least_cycles", CandidatePlan.busiest)
        assert Planner(several).plan(program).schedule == planned.schedule


def no_bound(bounds: ChainBounds | SizeBounds | SlotBounds, of: Splits | int, *, in_turn: bool = False) -> int:
    return 0


def test_one_slot_is_not_planned_for_where_units_would_take_turns_for_too_long() -> None:
    """With one slot a ring, each result of the array waits for the vector unit to be done with the one before."""
    on, work = load_chip("int4_array"), load_workload("tdnnf_7q")
    cycles = Planner(on).plan(work.program).columns.cycles
    table = program_table(analyse(work.program))
    bounds = [PlanStore().plans(table, target_of(on, slots)).slot_bounds for slots in (1, 2)]
    one, two = (bound.held_cycles(on.scratchpad.size) for bound in bounds)
    assert two <= cycles < one <= 2 * two


def test_on_four_cores_few_splits_of_a_transducer_need_plans() -> None:
    """A core alone, and rows of single vectors over cores, keep the arrays busy for longer than the whole run takes."""
    on, work = load_chip("rapid"), load_workload("lstm_lm", "fp16")
    cycles = Planner(on).plan(work.program).columns.cycles
    tables = split_tables([program_table(analyse(work.program))], target_of(on))
    out = [split for split in tables if split.least_cycles > cycles]
    assert 0 < len(out) < len(tables)
