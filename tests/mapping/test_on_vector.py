"""Products on the vector unit: by hand, with the array's integers, never slower than the naive plan on the array."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.engine.accounting import counters_of
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Chip, VectorUnit
from hwsim.hardware.summation import Accumulator, Overflow
from hwsim.inputs.chips import load_chip, prices_of
from hwsim.inputs.load import load_workload
from hwsim.ir.program import Program
from hwsim.ir.tensor import Granularity, Role, Scaling
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.lower import SizedOp, sized_ops
from hwsim.mapping.on_vector import faster_on_vector, may_move, on_vector, on_vector_in
from hwsim.mapping.planner import Planned, Planner, schedule
from hwsim.mapping.target import target_of
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.models.transformer_lm import TransformerLm, TransformerSizes
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff
from hwsim.price.rules import lane_price, mac_price
from hwsim.quantities.precision import Precision
from hwsim.report.asked import Asked
from hwsim.report.screen import run_text
from hwsim.report.tables import Screen
from hwsim.study.compare import compare
from hwsim.study.simulate import simulate
from hwsim.timing.timeline import times
from mapping.test_model_by_hand import TINY
from mapping.test_run_columns import must_agree
from plans import naive_schedule
from strategies.chips import chip, chips
from strategies.programs import PROGRAMS, gemm
from strategies.recipes import RECIPES
from timing.test_timeline import agree
from witnesses.timeline_simpy import simulate as as_events

MACS = ((Precision.INT4, 4), (Precision.INT8, 2))


def adding(on: Chip, lanes: int | None = None, macs: Any = MACS) -> Chip:
    """The chip with lanes that add products."""
    return replace(on, vector=replace(on.vector, lanes=lanes or on.vector.lanes, macs_per_lane=macs))


def only(program: Program) -> SizedOp:
    (sized,) = sized_ops(analyse(program).nodes)
    return sized


def on_array(mode: Precision, accumulator: Accumulator) -> Chip:
    """The tiny chip, with such registers in its only mode."""
    array = SystolicArray(rows=2, cols=2, macs_per_pe=((mode, 1),), accumulator=((mode, accumulator),))
    return replace(TINY, array=array)


def moved_in(planned: Planned) -> frozenset[str]:
    return on_vector_in(planned.candidate.table.analysed.program)


def test_a_product_on_the_vector_unit_cycle_by_cycle() -> None:
    """Two products of 1 × 5 by 5 × 3 in INT8, two products a lane and cycle.

    One load of 10 bytes of activations, 30 of weights, 2 · 3 · 4 of scales and 3 · 4 of bias, 76 in all: 0-19, there
    10 cycles later. Vector unit: 6 results of ⌈5/2⌉ cycles on 4 lanes, 5; 6 additions, 2; 6 requantisations, 2 · 2;
    29-40. Store: 6 bytes at 2 a cycle, 40-43.
    """
    program = on_vector(gemm(1, 5, 3, batch=2), frozenset({"gemm"}))
    counters = counters_of(naive_schedule(program, adding(TINY)))
    (op,) = counters.ops
    assert (counters.total.cycles, op.busy.load, op.busy.vector, op.busy.store) == (43, 19, 11, 3)
    assert (op.mode, op.macs, op.work.macs, op.busy.array) == (None, 30, 0, 0)
    assert op.work.vector_lane_cycles == 18 + 6 + 12
    assert (op.work.scratchpad_read_bytes, op.work.scratchpad_write_bytes) == (76 + 6, 76 + 6)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_products_of_several_rows_stay_on_the_array(rows: int) -> None:
    """Lanes hold no weights: each row would read them again, which nothing here counts."""
    analysed, target = analyse(gemm(rows, 5, 3)), target_of(adding(chip()))
    (sized,) = analysed.largest.values()
    assert may_move(sized, analysed.program, target) == (rows == 1)


def test_energy_is_that_of_busy_lanes() -> None:
    """And of bytes: no product is charged to the array."""
    on = adding(chip())
    planned = Planner(on).plan(on_vector(gemm(1, 5, 3, batch=2), frozenset({"gemm"})))
    (work,) = [op.work for op in counters_of(planned.schedule).ops]
    book = PriceBook(on, prices_of(on))
    spent = {unit.component.value: unit.attojoules * count for unit, count in Tariff.of(book).charges(None, work, 0)}
    lanes = -(-5 // 2) * 6 + 2 * 6 + 2 * 6
    assert work.vector_lane_cycles == lanes
    assert spent["vector"] == lane_price(book).attojoules * lanes
    assert "mac" not in spent


@pytest.mark.parametrize(("mode", "most"), [(Precision.INT8, 5), (Precision.INT4, 16)])
def test_a_lane_adds_no_more_products_than_its_price_pays_for(mode: Precision, most: int) -> None:
    """In generic_7nm 0.5 pJ a cycle; an INT8 product takes 0.07 and its share of the additions, an INT4 one a quarter
    of that."""
    on = adding(chip(), macs=((mode, most),))
    book = PriceBook(on, prices_of(on))
    bits = on.array.summation(mode).register.bits
    assert most * mac_price(book, mode, most, bits).exact <= lane_price(book).exact
    Tariff.of(book)
    if most == 16:
        return
    beyond = adding(chip(), macs=((mode, most + 1),))
    law = (
        rf"vector.macs_per_lane.{mode.value} = {most + 1}: a lane's cycle is priced at multiply.fp16 \+ add.fp16, which"
    )
    with pytest.raises(
        Unsupported, match=rf"{law} pays for {most} {mode.value} products; lower it, or give more lanes"
    ):
        Tariff.of(PriceBook(beyond, prices_of(beyond)))


@pytest.mark.parametrize(
    ("bits", "k", "legal"),
    [(16, 1, True), (16, 2, False), (17, 3, True), (17, 4, False), (32, 131_071, True), (32, 131_072, False)],
)
def test_sums_that_could_leave_a_register_stay_on_the_array(bits: int, k: int, legal: bool) -> None:
    """K · 128 · 128 against 2^(bits - 1) - 1."""
    on = adding(on_array(Precision.INT8, Accumulator(bits=bits)))
    program = gemm(1, k, 1)
    assert may_move(only(program), program, target_of(on)) is legal


@pytest.mark.parametrize("overflow", Overflow)
@given(st.data(), st.integers(8, 20), st.integers(1, 12))
def test_what_may_move_has_one_sum_in_any_order(overflow: Overflow, data: st.DataObject, bits: int, k: int) -> None:
    accumulator = Accumulator(bits=bits, overflow=overflow)
    array = SystolicArray(
        rows=2, cols=2, macs_per_pe=((Precision.INT4, 1),), accumulator=((Precision.INT4, accumulator),)
    )
    on, program = adding(replace(TINY, array=array)), gemm(1, k, 1, precision=Precision.INT4)
    assume(may_move(only(program), program, target_of(on)))
    operand = st.integers(Precision.INT4.lowest, Precision.INT4.highest) | st.just(Precision.INT4.lowest)
    worst = [Precision.INT4.lowest**2] * k
    drawn = st.lists(st.tuples(operand, operand), min_size=k, max_size=k)
    products = data.draw(st.just(worst) | drawn.map(lambda pairs: [a * b for a, b in pairs]))
    shuffled = data.draw(st.permutations(products))
    summed = on.array.summation(Precision.INT4).total(products)
    running = 0
    for product in shuffled:  # as a lane may add, one register that settles after each product
        running = accumulator.register.settled(running + product)
    assert running == summed == sum(products)


def test_floats_and_groups_stay_on_the_array() -> None:
    on = adding(chip(), macs=((Precision.INT8, 4),))
    floats = gemm(1, 4, 4, precision=Precision.FP16)
    assert not may_move(only(floats), floats, target_of(on))
    grouped = gemm(1, 4, 4)
    scaling = Scaling(granularity=Granularity.GROUP, group=2)
    tensors = [replace(t, scaling=scaling) if t.role is Role.WEIGHT else t for t in grouped.tensors]
    grouped = replace(grouped, tensors=tuple(tensors))
    assert not may_move(only(gemm(1, 4, 4)), grouped, target_of(on))
    narrow = adding(chip(), macs=((Precision.INT4, 4),))
    assert not may_move(only(gemm(1, 4, 4)), gemm(1, 4, 4), target_of(narrow))
    with pytest.raises(InvalidValue, match=r"macs_per_lane.fp16 = 1: adds floats, whose sums depend on their order"):
        replace(chip().vector, macs_per_lane=((Precision.FP16, 1),))


def test_a_vector_unit_of_which_nothing_is_said_multiplies_nothing() -> None:
    program = on_vector(gemm(1, 4, 4), frozenset({"gemm"}))
    with pytest.raises(Unsupported, match="gemm on small: the vector unit multiplies no int8 by int8"):
        Planner(chip()).plan(program)
    assert faster_on_vector(analyse(gemm(1, 4, 4)), target_of(chip())) == ()
    assert moved_in(Planner(chip()).plan(gemm(1, 64, 64))) == frozenset()


WIDE = VectorUnit(lanes=64, cycles=chip().vector.cycles, macs_per_lane=((Precision.INT4, 8), (Precision.INT8, 4)))


@st.composite
def adding_chips(draw: st.DrawFn) -> Chip:
    """Chips whose lanes add products at any pace, some much faster than the array, and whose scratchpads hold a row."""
    on, lanes = draw(chips()), draw(st.sampled_from([1, 4, 64]))
    on = replace(on, scratchpad=replace(on.scratchpad, size=draw(st.integers(700, 20_000))))
    return adding(on, lanes, ((Precision.INT4, draw(st.integers(1, 8))), (Precision.INT8, draw(st.integers(1, 4)))))


NETWORKS = PROGRAMS | RECIPES.map(lambda recipe: workload(recipe, "w8a8").program)


@settings(max_examples=30)
@given(NETWORKS, adding_chips())
def test_no_choice_of_units_is_slower_than_the_naive_plan_on_the_array(program: Program, on: Chip) -> None:
    try:
        planned, naive = Planner(on).plan(program), naive_schedule(program, on)
    except Unsupported:
        assume(False)
        raise
    assert planned.columns.cycles <= times(naive).cycles
    assert sum(planned.columns.macs) == program.macs


@pytest.mark.slow
@settings(max_examples=30)
@given(NETWORKS, adding_chips())
def test_the_fastest_plan_is_no_slower_than_without_the_choice(program: Program, on: Chip) -> None:
    try:
        chosen = times(schedule(program, on)).cycles
        without = times(schedule(program, adding(on, macs=()))).cycles
    except Unsupported:
        assume(False)
        raise
    assert chosen <= without


@pytest.mark.slow
@settings(max_examples=30)
@given(RECIPES, adding_chips())
def test_mapped_networks_run_as_the_event_simulation_says(recipe: AnyRecipe, on: Chip) -> None:
    program = workload(recipe, "w8a8").program
    try:
        planned = Planner(on).plan(program)
    except Unsupported:
        assume(False)
        raise
    must_agree(planned, on)
    found = times(planned.schedule, stop=False)
    assert found.cycles == planned.columns.cycles
    assume(found.unrolled_iterations < 1000)
    assert agree(found, as_events(planned.schedule))


SMALL = TransformerLm(
    name="small",
    audio=10**12,
    batch=4,
    symbols_per_second=Fraction(12),
    model=TransformerSizes(layers=1, size=16, heads=4, feed_forward=16, context=16),
    outputs=16,
)


def test_attention_over_a_cache_runs_where_it_is_faster() -> None:
    """Each hypothesis and head has keys of its own, so that the array loads a tile for each row."""
    on = replace(chip(), vector=WIDE, scratchpad=replace(chip().scratchpad, size=1 << 16))
    work = workload(SMALL, "w8a8")
    plain, found = simulate(adding(on, macs=()), work), simulate(on, work)
    units = {op.name: op.mode for op in found.ops if op.kind == "gemm"}
    assert units["lm.0.attention.content"] is None
    assert units["lm.0.attention.context"] is None
    assert found.summary.cycles < plain.summary.cycles
    assert found.summary.macs == plain.summary.macs
    assert dict(found.summary.products_by_mode)["vector unit"] > 0
    told = run_text(simulate(on, work, explained="lm.0.attention.content"), Asked(), replace(Screen(), width=120))
    assert "unit      the vector unit makes its products" in told


def test_precisions_are_compared_where_only_some_may_move() -> None:
    on = replace(chip(), vector=WIDE, scratchpad=replace(chip().scratchpad, size=1 << 16))
    comparison = compare(on, workload(SMALL, "w8a8"), ["fp16", "w8a8"])
    gains = [step.cycles_before - step.cycles_after for step in comparison.waterfall]
    assert sum(gains) == comparison.rows[0].cycles - comparison.rows[1].cycles


@pytest.mark.slow
def test_a_shipped_language_model_gains_on_lanes_that_add() -> None:
    """The figures of the decision, to the cycle."""
    on, work = load_chip("int4_array"), load_workload("transformer_lm")
    faster = on.with_(**{"vector.macs_per_lane": {"int8": 4, "int4": 8}})
    assert (simulate(on, work).summary.cycles, simulate(faster, work).summary.cycles) == (16_710_485, 12_368_457)
