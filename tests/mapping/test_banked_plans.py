"""Plans on chips whose banks are told apart: steps, walks, counters and shared ports obey the cycles of the banks."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import hwsim
from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.elements import Dataflow
from hwsim.engine.accounting import counters_of
from hwsim.errors import Unsupported
from hwsim.hardware.array import TileShape
from hwsim.hardware.chip import Chip, Interconnect, Scratchpad
from hwsim.ir.program import Program
from hwsim.mapping import run_columns
from hwsim.mapping.bank_conflicts import Lines, Stretches, cycles_of, stretches
from hwsim.mapping.op_cuts import OpCuts
from hwsim.mapping.op_shapes import ProductShape
from hwsim.mapping.planner import Planner
from hwsim.mapping.target import Banks
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.quantities.precision import Precision, PrecisionPlan
from hwsim.report.explanation import explanation_text
from hwsim.report.export import to_json
from hwsim.report.full import full_text
from hwsim.report.tables import Screen
from hwsim.schedule.steps import Step, unrolled
from hwsim.timing.timeline import times
from mapping.test_cores import with_cores
from mapping.test_mapped_networks import roomy_chips
from plans import naive_schedule, plans_of, steps_in_blocks
from strategies.banks import banked, draw_conv, draw_gemm, keys_and_queries
from strategies.chips import MODES, chip, chips
from strategies.kinds import workload_of
from strategies.recipes import POLICIES, RECIPES
from timing.test_timeline import agree
from witnesses.timeline_simpy import simulate

MANY = settings(suppress_health_check=list(HealthCheck))


def draw_product(rng: Random) -> Program:
    return draw_conv(rng) if rng.random() < 0.3 else draw_gemm(rng)


def stretched(cuts: OpCuts) -> Stretches:
    """How much longer the operands of a program's only product keep the port."""
    shape, mode, target = cuts.classes[0].shape, cuts.classes[0].mode, cuts.target
    assert isinstance(shape, ProductShape)
    assert mode is not None
    assert target.banks is not None
    return stretches(shape.streams, target.array.constraints(mode), target.array.step_costs(mode), target.banks)


def up(size: int, unit: Fraction | int) -> int:
    return int(-(-size // unit))


def must_take(step: Step, cuts: OpCuts, sides: TileShape) -> int:
    """Refuses a step of a block of these sides whose port takes other cycles than its operands, each so much longer;
    the cycles that are lost."""
    row, mode = cuts.classes[0], cuts.classes[0].mode
    assert row.operands is not None
    assert mode is not None
    assert step.array is not None
    limits, costs = cuts.target.array.constraints(mode), cuts.target.array.step_costs(mode)
    m, _ = limits.m_and_n(sides)
    often = {0: 0, 1: 1, 2: up(sides.inner, limits.unit.inner), 3: up(sides.outer, limits.unit.outer)}
    acts = m * row.operands.act.row_bytes(sides.k) * often[costs.acts]
    weights = step.first_read_bytes - acts
    act, weight = stretched(cuts)
    passed = up(acts * act.numerator, act.denominator) + up(weights * weight.numerator, weight.denominator)
    port, plain = up(passed, cuts.target.read_port), up(acts + weights, cuts.target.read_port)
    own = step.array.hidden_cycles if step.array.port_bound else step.array.cycles
    of_port = step.array.cycles if step.array.port_bound else step.array.hidden_cycles
    assert step.array.cycles == max(own, of_port)
    assert step.array.conflict_bytes == passed - acts - weights
    assert of_port == port
    return port - plain


def test_a_step_takes_so_much_longer_on_the_port_as_the_banks_take_for_its_operands() -> None:
    """Blocks whose sides divide the product, on all kinds of systolic arrays, with narrow ports and wide ones."""
    lost = compared = 0
    for seed in range(200):
        rng = Random(seed)
        program = draw_product(rng)
        array = SystolicArray(
            rows=rng.randint(1, 5), cols=rng.randint(1, 5), dataflow=rng.choice(list(Dataflow)), macs_per_pe=MODES
        )
        on = banked(
            chip(array=array, scratchpad=Scratchpad(size=2**20, read=rng.choice((4, 8, 12, 32)), write=16)), rng
        )
        try:
            cuts = plans_of(program, on).cuts
        except Unsupported:
            continue
        row = cuts.classes[0]
        assert row.operands is not None
        assert row.mode is not None
        limits = on.array.constraints(row.mode)
        whole = limits.extent(row.operands.size.m, row.operands.size.k, row.operands.size.n)
        for step in unrolled(steps_in_blocks(cuts, 0, whole.outer, whole.inner, whole.k)):
            lost += must_take(step, cuts, whole)
            compared += 1
    assert compared > 150
    assert lost > 500


def test_a_product_in_one_block_keeps_the_port_as_long_as_the_banks_take_for_both_operands() -> None:
    """6 queries and 8 keys of 16 bytes, in memory 32 bytes apart; eight banks of 4 bytes, four words a cycle; a tile
    covers all. Queries come along K: 4 words, one cycle each. Keys come across the columns: the 8 words of the first 4
    bytes lie 32 bytes apart, on one bank: 8 cycles for each quarter of K."""
    activations = Lines(True, 16), Lines(False, 8)
    array = SystolicArray(rows=16, cols=8, macs_per_pe=((Precision.INT8, 1),))
    on = chip(array=array, scratchpad=Scratchpad(size=4096, read=16, write=16, banks=8, bank_width=4))
    cuts = plans_of(keys_and_queries(6, 16, 8, 32), on).cuts
    shape, banks = cuts.classes[0].shape, Banks(8, 4, 4)
    assert isinstance(shape, ProductShape)
    assert shape.streams.act is not None
    assert shape.streams.weight is not None
    assert cycles_of(shape.streams.act, activations[0], banks) == 6
    assert cycles_of(shape.streams.weight, activations[1], banks) == 32
    (step,) = unrolled(steps_in_blocks(cuts, 0, 6, 8, 16))
    assert step.array is not None
    assert step.first_read_bytes == 6 * 16 + 8 * 16
    assert (step.array.cycles, step.array.port_bound) == (38, True)
    assert cuts.target.ports.lost_cycles(step.first_read_bytes, step.conflict_bytes) == 38 - 14


@MANY
@given(st.integers(0, 10**6), chips(), st.integers(1, 3))
def test_tables_and_steps_count_the_same_and_the_event_simulation_sees_the_same(
    seed: int, on: Chip, cores: int
) -> None:
    rng = Random(seed)
    on = with_cores(banked(on, rng), cores, Interconnect(rate=8)) if cores > 1 else banked(on, rng)
    try:
        planned = Planner(on).plan(draw_product(rng))
    except Unsupported:
        assume(False)
    counters = counters_of(planned.schedule)
    assert counters == run_columns.counters_of(planned.columns)
    assert agree(times(planned.schedule), simulate(planned.schedule))


@MANY
@given(st.integers(0, 10**6), chips())
def test_banks_never_make_a_schedule_faster(seed: int, on: Chip) -> None:
    rng = Random(seed)
    on, program = banked(on, rng), draw_product(rng)
    plain = replace(on, scratchpad=replace(on.scratchpad, bank_width=None))
    try:
        before, after = (counters_of(naive_schedule(program, one)) for one in (plain, on))
    except Unsupported:
        assume(False)
    assert before.total.bank_conflict_cycles == 0
    assert after.total.cycles >= before.total.cycles
    assert after.total.work == before.total.work
    if after.total.bank_conflict_cycles == 0:
        assert after.total.cycles == before.total.cycles


@pytest.mark.slow
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(RECIPES, POLICIES, roomy_chips(), st.integers(0, 10**6))
def test_networks_run_as_the_event_simulation_says(
    recipe: AnyRecipe, policy: str | PrecisionPlan, on: Chip, seed: int
) -> None:
    on = banked(on, Random(seed))
    try:
        planned = Planner(on).plan(workload(recipe, policy).program)
    except Unsupported:
        assume(False)
    counters = counters_of(planned.schedule)
    assert counters == run_columns.counters_of(planned.columns)
    found = times(planned.schedule)
    assume(found.unrolled_iterations < 2000)
    assert agree(found, simulate(planned.schedule))


def test_what_banks_cost_stands_in_reports_and_json_and_nowhere_without_them(tmp_path: Path) -> None:
    work, plain = (
        workload_of(keys_and_queries(6, 16, 8, 32)),
        chip(scratchpad=Scratchpad(size=4096, read=16, write=16, banks=8)),
    )
    for on in (plain, replace(plain, scratchpad=replace(plain.scratchpad, bank_width=4))):
        result = hwsim.simulate(on, work, explained="scores")
        lost, banks = result.counters.bank_conflict_cycles, on.scratchpad.bank_width is not None
        assert (lost > 0) is banks
        assert lost == sum(op.bank_conflict_cycles for op in result.ops)
        file = tmp_path / "result.json"
        file.write_text(to_json(result))
        assert ("bank_conflict_cycles" in file.read_text()) is banks
        assert hwsim.load_result(file) == result
        wide = Screen(width=200)
        assert (f"{lost:,} cycles of the scratchpad's read port lost" in explanation_text(result, 10**9, wide)) is banks
        assert (f"{lost:,} cycles of the read port are lost" in full_text(result, 10**9, wide)) is banks
