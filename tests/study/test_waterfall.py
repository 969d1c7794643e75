"""Laws of the waterfall: every step is a real run, gains multiply and savings add up to the whole exactly."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import prod
from typing import NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Chip, VectorUnit
from hwsim.hardware.prices import UnitPrice
from hwsim.inputs.chips import load_chip, prices_of
from hwsim.inputs.files import Kind, names
from hwsim.inputs.load import load_workload
from hwsim.ir.ops import Function
from hwsim.ir.program import Program
from hwsim.ir.tensor import Granularity, Scaling
from hwsim.mapping.op_cuts import OpCuts
from hwsim.mapping.planner import Planner
from hwsim.mapping.target import Target
from hwsim.models.catalogue import AnyRecipe, recipe_of, workload
from hwsim.passes.precision import in_precision
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.plain_data import Objective
from hwsim.quantities.precision import Precision
from hwsim.results.result import Comparison
from hwsim.results.waterfall import Change, Cost, WaterfallStep
from hwsim.schedule.schedule import OpSchedule, Schedule
from hwsim.schedule.steps import Step, StepTree, unrolled
from hwsim.study.compare import compare
from hwsim.study.simulate import simulate
from hwsim.study.waterfall import CHAIN, OTHER_ORDER, waterfall
from hwsim.timing.timeline import times
from plans import nothing, plans_of, steps_in_blocks
from strategies.chips import chip, chips, systolic
from strategies.programs import SIZES, gemm
from strategies.recipes import RECIPES, shallow

FLOATS_FIRST = [("fp16", "w4a4"), ("fp16", "w8a8"), ("fp16", "w4a8"), ("fp16", "w4a16")]
PAIRS = st.sampled_from([*FLOATS_FIRST, ("w8a8", "w4a4"), ("w4a4", "fp16"), ("w8a8", "w4a16"), ("fp16", "fp16")])


def whole(steps: Sequence[WaterfallStep]) -> tuple[Fraction | int | None, ...]:
    """All gains multiplied, all savings added."""
    speedups, gains = [step.speedup for step in steps], [step.energy_gain for step in steps]
    assert None not in speedups
    speedup = prod((gain for gain in speedups if gain is not None), start=Fraction(1))
    gain = None if None in gains else prod((gain for gain in gains if gain is not None), start=Fraction(1))
    return speedup, sum(step.cycles_saved for step in steps), gain, sum(step.energy_saved_aj for step in steps)


def check_exact(compared: Comparison) -> None:
    first, last = compared.rows[0], compared.rows[-1]
    gain = Fraction(first.energy_aj, last.energy_aj) if last.energy_aj else None
    expected = (
        Fraction(first.cycles, last.cycles), first.cycles - last.cycles, gain, first.energy_aj - last.energy_aj,
    )  # fmt: skip
    for steps, order in ((compared.waterfall, CHAIN), (compared.waterfall_other_order, OTHER_ORDER)):
        assert whole(steps) == expected
        assert [change for step in steps for change in step.changes] == list(order)
        for before, after in pairwise(steps):
            assert (before.cycles_after, before.energy_after_aj) == (after.cycles_before, after.energy_before_aj)
        (priced,) = (step for step in steps if Change.MAC_PRICE in step.changes)
        assert priced.cycles_saved == 0


@pytest.mark.slow
@settings(max_examples=10)
@given(RECIPES, chips(), PAIRS.filter(lambda pair: pair[0] != pair[1]), st.sampled_from(Objective))
def test_gains_multiply_and_savings_add_up_to_the_whole(
    recipe: AnyRecipe, on: Chip, pair: tuple[str, str], objective: Objective
) -> None:
    work = workload(recipe)
    try:
        compared = compare(on, work, pair, objective=objective)
    except Unsupported:
        assume(False)
        raise
    check_exact(compared)
    alone = simulate(on, in_precision(work, pair[1]), objective=objective).summary
    assert (compared.rows[1].cycles, compared.rows[1].energy_aj) == (alone.cycles, alone.energy_aj)


@pytest.mark.slow
@pytest.mark.parametrize("name", names(Kind.WORKLOAD))
def test_the_waterfall_of_every_shipped_workload_is_exact(name: str) -> None:
    recipe = shallow(recipe_of(load_workload(name)))
    on = load_chip("int4_array")
    # One buffer: half as many plans to try, and the law is the same.
    compared = compare(replace(on, scratchpad=replace(on.scratchpad, buffers=1)), workload(recipe), ("fp16", "w4a4"))
    check_exact(compared)
    assert compared.waterfall[0].changes == (Change.WEIGHTS,)
    assert compared.rows[-1].speedup > 1


def steps_of(on: Chip, first: Program, last: Program, order: Sequence[Change] = CHAIN) -> dict[Change, WaterfallStep]:
    steps = waterfall(on, prices_of(on), first, last, order)
    return {change: step for step in steps for change in step.changes}


def network_of(policy: str) -> Program:
    return in_precision(load_workload("mlperf_rnnt"), policy).program


def in_format(program: Program, precision: Precision) -> Program:
    return replace(program, tensors=tuple(replace(t, precision=precision, scaling=Scaling()) for t in program.tensors))


def test_what_stays_is_what_stayed_in_the_first_run_until_it_is_decided_anew() -> None:
    on = chip()
    last = gemm(3, 60, 60, Precision.INT4, times=40)
    first = in_format(last, Precision.FP16)
    before = Planner(on).plan(first).plan
    kept = Planner(on).plan(last, residency=before).plan
    anew = Planner(on).plan(last).plan
    assert {name: one.rows for name, one in kept.residents.items()} == {
        name: one.rows for name, one in before.residents.items()
    }
    assert sum(one.rows for one in anew.residents.values()) > sum(one.rows for one in before.residents.values())
    steps = steps_of(on, first, last)
    assert steps[Change.RESIDENCY].cycles_after == steps_of(on, first, last)[Change.PRODUCTS].cycles_before


def test_products_per_element_matter_in_their_own_step_alone() -> None:
    """With as many products in INT4 as in FP16 that step gains nothing, and the others what they gained before."""
    on, first, last = chip(), gemm(20, 60, 60, Precision.FP16), gemm(20, 60, 60, Precision.INT4)
    first = in_format(first, Precision.FP16)
    even = replace(systolic(on), macs_per_pe=sorted_pairs(dict.fromkeys(on.array.modes, 1)))
    fast, slow = steps_of(on, first, last), steps_of(replace(on, array=even), first, last)
    assert slow[Change.PRODUCTS].speedup == 1
    assert fast[Change.PRODUCTS].speedup != 1
    for change in (Change.WEIGHTS, Change.ACTIVATIONS, Change.RESIDENCY):
        assert fast[change].cycles_after == slow[change].cycles_after


def test_conversion_of_weights_is_counted_with_the_vector_work() -> None:
    """A weight-only policy costs what the lanes need for it, and saves bits before that."""
    base = gemm(1, 60, 60, Precision.FP16)
    first = in_format(base, Precision.FP16)
    scaling = Scaling(granularity=Granularity.GROUP, group=30)
    weight = replace(first.tensor("weight"), precision=Precision.INT4, scaling=scaling)
    last = replace(first, tensors=tuple(weight if t.name == "weight" else t for t in first.tensors))
    on = chip(vector=VectorUnit(lanes=1, cycles=sorted_pairs(dict.fromkeys(Function, 3))))
    steps = steps_of(on, first, last)
    assert steps[Change.WEIGHTS].cycles_saved > 0
    for change in (Change.ACTIVATIONS, Change.RESIDENCY, Change.PRODUCTS, Change.MAC_PRICE):
        assert steps[change].speedup == 1
    assert steps[Change.VECTOR].cycles_saved < 0
    assert -steps[Change.VECTOR].cycles_saved >= 60 * 60 * 3 - steps[Change.VECTOR].cycles_before


def test_changes_that_cannot_be_made_apart_are_made_together() -> None:
    """No array multiplies integer activations by floating-point weights."""
    on = chip()
    last = in_format(gemm(9, 9, 9, Precision.INT8), Precision.FP16)
    (together, *others) = waterfall(on, prices_of(on), gemm(9, 9, 9, Precision.INT8), last)
    assert together.changes == (Change.WEIGHTS, Change.ACTIVATIONS)
    assert [step.changes for step in others] == [(change,) for change in CHAIN[2:]]


@pytest.mark.slow
def test_the_last_step_of_the_energy_is_the_price_of_products() -> None:
    """With the clock tree and control that come with each of them."""
    on, first, last = load_chip("int4_array"), network_of("fp16"), network_of("w4a4")
    compared = compare(on, load_workload("mlperf_rnnt"), ("fp16", "w4a4"))
    prices = {unit.action: unit.attojoules for unit in _prices(on, "fp16") | _prices(on, "w4a4")}
    assert compared.waterfall[-1].changes == (Change.MAC_PRICE,)
    assert first.macs == last.macs
    fp16, int4 = (
        sum(prices[action] for action in (mac, f"clock tree of {mac}", f"control of {mac}"))
        for mac in ("mac fp16", "mac int4")
    )
    saved = last.macs * (fp16 - int4)
    assert compared.waterfall[-1].energy_saved_aj == compared.waterfall_other_order[0].energy_saved_aj == saved


def _prices(on: Chip, policy: str) -> set[UnitPrice]:
    return set(simulate(on, in_precision(load_workload("mlperf_rnnt"), policy)).prices)


def test_one_precision_has_no_waterfall() -> None:
    compared = compare(load_chip("int4_array"), load_workload("mlperf_rnnt"), ("w4a4",))
    assert (compared.waterfall, compared.waterfall_other_order, compared.slower_ops) == ((), (), ())


def test_a_step_says_what_its_costs_say() -> None:
    step = WaterfallStep.between((Change.WEIGHTS,), Cost(30, 9), Cost(20, 0))
    assert (step.speedup, step.energy_gain) == (Fraction(3, 2), None)
    with pytest.raises(InvalidValue, match="gains"):
        replace(step, speedup=Fraction(2))
    with pytest.raises(InvalidValue, match="saved"):
        replace(step, cycles_saved=11)
    with pytest.raises(InvalidValue, match="must name at least one"):
        replace(step, changes=())


def durations(node: Step, target: Target) -> dict[str, int]:
    """What a step keeps each unit for, tail included."""
    cycles, tail = (0, 0) if node.array is None else (node.array.cycles, node.array.tail)
    loads = {f"load {load.ring.name}": target.ports.load_cycles(load.bytes) for load in node.loads}
    store = target.ports.store_cycles(node.store_bytes or 0)
    return {"array": cycles, "tail": tail, "vector": node.vector_cycles or 0, "store": store, **loads}


def largest_ratio(slow: Sequence[StepTree], fast: Sequence[StepTree], target: Target) -> Fraction:
    """Of all steps and units: how many times longer the slow one keeps it. Both are cut alike."""
    found = [Fraction(1)]
    for one, other in {(id(one), id(other)): (one, other) for one, other in beside(slow, fast)}.values():
        long, short = durations(one, target), durations(other, target)
        # Scales are loaded for integers only; nothing is loaded for floats only.
        assert long.keys() <= short.keys()
        found += [Fraction(long[unit], short[unit]) for unit in long if long[unit]]
    return max(found)


def beside(slow: Sequence[StepTree], fast: Sequence[StepTree]) -> Iterator[tuple[Step, Step]]:
    """The steps of two cuts side by side, whatever loops they are written in."""
    return zip(unrolled(slow), unrolled(fast), strict=True)


class Cut(NamedTuple):
    """The cuts of one op of a program."""

    cuts: OpCuts
    op: int

    def steps(self, sides: tuple[int, ...]) -> tuple[StepTree, ...]:
        return steps_in_blocks(self.cuts, self.op, *sides)

    def cycles(self, sides: tuple[int, ...]) -> int:
        """On a chip that does nothing else."""
        alone = OpSchedule(name="alone", kind="gemm", steps=self.steps(sides))
        return times(Schedule(ports=self.cuts.target.ports, body=(alone,))).cycles


def products_of(first: Program, last: Program, on: Chip) -> list[tuple[Cut, Cut]]:
    """Each matrix product of two programs in its own formats, nothing resident."""
    before, after = (plans_of(program, on).cuts for program in (first, last))
    found: dict[tuple[int, int], tuple[Cut, Cut]] = {}
    for name, op in after.table.largest.items():
        like = before.table.largest[name]
        if after.row(op).operands is not None:
            found[before.table.class_of[like], after.table.class_of[op]] = Cut(before, like), Cut(after, op)
    return list(found.values())


def check_gain(slow: Cut, fast: Cut, limit: int, most: int) -> None:
    """Of the cut that is the fastest for a chip of its own latency, by the times of all that are tried."""
    cuts, none = fast.cuts, nothing(fast.cuts)
    tried = [one for one in cuts.tried(fast.op, none, none, 0) if one.held <= limit]
    if not tried:
        raise Unsupported("no candidate fits")
    sides = min(tried, key=lambda one: one.cycles).sides
    ratio = largest_ratio(slow.steps(sides), fast.steps(sides), cuts.target)
    assert Fraction(slow.cycles(sides), fast.cycles(sides)) <= ratio
    assert ratio <= most


@settings(max_examples=60)
@given(SIZES, SIZES, SIZES, chips())
def test_cut_alike_no_op_gains_more_than_products_or_roofline(m: int, k: int, n: int, on: Chip) -> None:
    """4 times as many products; 4 times fewer bits, which pass the port for half as many columns of tiles."""
    last = gemm(m, k, n, Precision.INT4)
    ((slow, fast),) = products_of(in_format(last, Precision.FP16), last, on)
    try:
        check_gain(slow, fast, on.scratchpad.size, most=8)
    except Unsupported:
        assume(False)


@pytest.mark.slow
@pytest.mark.parametrize("name", names(Kind.WORKLOAD))
def test_cut_alike_no_product_of_a_shipped_workload_gains_more(name: str) -> None:
    """8 times as many products, 4 times fewer bits."""
    on, work = load_chip("int4_array"), load_workload(name)
    first, last = (in_precision(work, policy).program for policy in ("fp16", "w4a4"))
    for slow, fast in products_of(first, last, on):
        check_gain(slow, fast, on.scratchpad.size, most=8)
