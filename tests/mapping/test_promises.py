"""What the mapper promises: the fastest plan is no slower than the naive one, nor than that for a smaller chip; what is
taken in its place is about as fast, and takes less energy."""

import json
from dataclasses import replace
from itertools import product
from typing import NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from command import printed
from hwsim.engine.accounting import counters_of
from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip, Scratchpad
from hwsim.inputs.chips import load_chip, prices_of
from hwsim.inputs.files import Kind, names
from hwsim.inputs.load import load_workload
from hwsim.ir.program import Program
from hwsim.ir.workload import Workload
from hwsim.kernels import timeline_code as c
from hwsim.kernels.cut_store import ANY_BLOCK, LATENCY_0, MIN_TRAFFIC
from hwsim.mapping import search_budget
from hwsim.mapping.choice import Aim
from hwsim.mapping.knapsack import Knapsacks
from hwsim.mapping.op_cuts import rings_in
from hwsim.mapping.placing import wanted
from hwsim.mapping.planner import schedule
from hwsim.mapping.residency import saved
from hwsim.mapping.search_budget import SearchBudget
from hwsim.mapping.strategies import (
    ALL_STRATEGIES,
    LATENCIES,
    MANY_OPS,
    SLOTS,
    STRATEGIES,
    candidate_capacities,
    powers_below,
    slots,
    stride,
)
from hwsim.models.catalogue import workload
from hwsim.price.price import price
from hwsim.quantities.plain_data import Objective
from hwsim.schedule.counters import Work
from hwsim.schedule.schedule import OpSchedule, Schedule
from hwsim.schedule.steps import Ring
from hwsim.study.efficiency import aim_of
from hwsim.study.simulate import simulate
from hwsim.timing.timeline import Times, times
from models.test_rnnt import recipe
from plans import choice_of, cut_within, naive_schedule, nothing, plans_of, scheduled, steps_in_blocks, work_by_mode
from strategies.chips import chip, chips
from strategies.programs import PROGRAMS, gemm

SHIPPED = names(Kind.WORKLOAD)
KIB = 1 << 10
NETWORKS = st.sampled_from(["w8a8", "fp16"]).map(lambda policy: workload(recipe(), policy).program)


def cycles(program: Program, on: Chip) -> int:
    """Those of the fastest schedule, or a new example where the chip is too small."""
    return times(chosen(program, on)).cycles


def chosen(program: Program, on: Chip, aim: Aim | None = None) -> Schedule:
    try:
        return schedule(program, on, aim=aim)
    except Unsupported:
        assume(False)
        raise


def naive(program: Program, on: Chip) -> Schedule:
    """The naive schedule with all buffers, or a new example where these do not fit."""
    try:
        return naive_schedule(program, on)
    except Unsupported:
        assume(False)
        raise


def with_pad(on: Chip, size: int, buffers: int | None = None) -> Chip:
    pad = on.scratchpad
    return replace(on, scratchpad=replace(pad, size=size, buffers=buffers or pad.buffers))


def aim(objective: Objective, on: Chip) -> Aim:
    return aim_of(objective, on, prices_of(on))


def energy_on(on: Chip, plan: Schedule) -> int:
    return aim(Objective.ENERGY, on).energy(work_by_mode(plan), times(plan).cycles)


@pytest.mark.slow
@settings(max_examples=60)
@given(PROGRAMS, chips())
def test_no_schedule_is_slower_than_the_naive_one(program: Program, on: Chip) -> None:
    assert cycles(program, on) <= times(naive(program, on)).cycles


@pytest.mark.slow
@settings(max_examples=60)
@given(PROGRAMS, chips(), st.integers(4, 14), st.integers(0, 9000), st.sampled_from(SLOTS), st.integers(0, 3))
def test_more_scratchpad_or_buffers_than_on_a_rung_never_make_a_program_slower(
    program: Program, on: Chip, power: int, bytes_more: int, buffers: int, buffers_more: int
) -> None:
    small = with_pad(on, 1 << power, buffers)
    large = with_pad(on, (1 << power) + bytes_more, min(16, buffers + buffers_more))
    assert cycles(program, large) <= cycles(program, small)


@pytest.mark.slow
@settings(max_examples=40)
@given(PROGRAMS, chips(), st.integers(6, 14), st.integers(0, 9000))
def test_ranked_by_energy_no_schedule_takes_more_of_it(program: Program, on: Chip, power: int, bytes_more: int) -> None:
    small, large = with_pad(on, 1 << power), with_pad(on, (1 << power) + bytes_more)
    least = energy_on(large, chosen(program, large, aim(Objective.ENERGY, large)))
    assert least <= energy_on(large, naive(program, large))
    assert least <= energy_on(large, chosen(program, large))
    # What was chosen for the smaller chip, run on the larger one.
    assert least <= energy_on(large, chosen(program, small, aim(Objective.ENERGY, small)))


@settings(max_examples=60)
@given(PROGRAMS, chips(), st.integers(0, 50), st.integers(0, 400), st.sampled_from([None, Objective.LATENCY]))
def test_a_search_that_ends_early_takes_no_plan_slower_than_the_naive_one(
    program: Program, on: Chip, walked: int, made: int, objective: Objective | None
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(search_budget, "MOST_WORK", 100 * walked)
        patched.setattr(search_budget, "MOST_MADE", made)
        taken = chosen(program, on, None if objective is None else aim(objective, on))
    assert times(taken).cycles <= times(naive(program, on)).cycles


@settings(max_examples=40)
@given(PROGRAMS, chips())
def test_the_energy_that_plans_are_ranked_by_is_that_of_the_run(program: Program, on: Chip) -> None:
    plan, table = chosen(program, on), prices_of(on)
    assert energy_on(on, plan) == price(counters_of(plan).ops, on, table).components.total


def port_cycles(timed: Times, on: Chip) -> list[int]:
    """How long each port is busy: a shared one for loads and stores."""
    busy = timed.of_all.busy
    of_dram = [busy.load + busy.store] if on.dram.shared_port else [busy.load, busy.store]
    return [busy.array, busy.vector, *of_dram]


class Ran(NamedTuple):
    """Energy and cycles of a plan, and whether it is the naive one of the whole chip."""

    energy: int
    cycles: int
    naive: bool


def every_plan(program: Program, on: Chip) -> list[Ran]:
    """All plans of a program.

    What a plan says of itself before it has a schedule is what the schedule says.
    """
    made = []
    for number in slots(on.scratchpad.buffers):
        for size, way in product(candidate_capacities(on.scratchpad.size), (*ALL_STRATEGIES, None)):
            try:
                plans = plans_of(program, on, number)
                one = plans.candidate(size, way)
                body = scheduled(one)
            except Unsupported:
                continue
            timed, work = times(body), work_by_mode(body)
            busy = max(port_cycles(timed, on))
            assert one.busiest == busy or (on.scratchpad.shared_port and one.busiest <= timed.cycles)
            assert busy <= timed.cycles == one.timed().cycles
            for limit in (timed.cycles, timed.cycles - 1, timed.cycles // 2):
                _, _, now = one.walked(limit=limit)
                assert timed.cycles > limit if now[c.LATE] else now[c.FRONTIER] == timed.cycles
            assert {mode: done for mode, done in one.work.items() if done != Work()} == {
                mode: done for mode, done in work.items() if done != Work()
            }
            if way is None:
                assert plans.least_naive_cycles <= timed.cycles
            naive = way is None and (size, number) == (on.scratchpad.size, on.scratchpad.buffers)
            made.append(Ran(energy_on(on, body), timed.cycles, naive))
    assume(made)
    return made


@pytest.mark.slow
@settings(max_examples=20)
@given(PROGRAMS, chips())
def test_of_plans_about_as_fast_as_the_fastest_the_one_with_least_energy_is_taken(program: Program, on: Chip) -> None:
    every = every_plan(program, on)
    taken = chosen(program, on, aim(Objective.LATENCY, on))
    bounds = [102 * min(ran.cycles for ran in every), *(100 * ran.cycles for ran in every if ran.naive)]
    near = [ran for ran in every if 100 * ran.cycles <= min(bounds)]
    assert (energy_on(on, taken), times(taken).cycles) == min(near)[:2]


@pytest.mark.slow
@settings(max_examples=20)
@given(PROGRAMS, chips())
def test_energy_times_delay_is_least_where_that_is_wanted(program: Program, on: Chip) -> None:
    taken = chosen(program, on, aim(Objective.EDP, on))
    least = min(ran.cycles * ran.energy for ran in every_plan(program, on))
    assert times(taken).cycles * energy_on(on, taken) == least


@pytest.mark.slow
@settings(max_examples=60)
@given(st.one_of(PROGRAMS, NETWORKS), chips(), st.integers(0, 400), st.integers(0, 5000))
def test_a_shorter_latency_never_makes_a_program_slower(program: Program, on: Chip, latency: int, more: int) -> None:
    if program.name == "tiny":
        on = with_pad(on, 4 * on.scratchpad.size)
    early, late = (replace(on, dram=replace(on.dram, latency=1000 * cycles)) for cycles in (latency, latency + more))
    assert cycles(program, early) <= cycles(program, late)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["fp16", "w8a8", "w4a4"])
def test_promises_hold_for_a_whole_network(policy: str) -> None:
    program = workload(recipe(), policy).program
    pads = (1500, 2048, 3000, 4096, 6000, 8192, 12_000, 16_384, 50_000)
    ons = [chip(scratchpad=Scratchpad(size=size, read=16, write=16, buffers=3)) for size in pads]
    found = {on.scratchpad.size: cycles(program, on) for on in ons}
    for on in ons:
        size = on.scratchpad.size
        assert found[size] <= times(naive_schedule(program, on)).cycles
        assert found[size] <= min(
            (found[capacity] for capacity in powers_below(size) if capacity in found), default=found[size]
        )
        assert all(found[size] <= cycles(program, with_pad(on, size, fewer)) for fewer in (1, 2))


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_promises_hold_for_what_is_shipped(name: str) -> None:
    """On the shipped chip, and with scratchpads on a capacity and between two."""
    on, work = load_chip("int4_array"), load_workload(name)
    found: dict[int, int] = {}
    for size in (512 * KIB, 700_000, on.scratchpad.size):
        here = with_pad(on, size)
        found[size] = cycles(work.program, here)
        assert found[size] <= times(naive_schedule(work.program, here)).cycles
        assert found[size] <= min(found[capacity] for capacity in (*powers_below(size), size) if capacity in found)
    assert found[on.scratchpad.size] <= cycles(work.program, with_pad(on, on.scratchpad.size, buffers=1))
    taken = times(schedule(work.program, on, aim=aim(Objective.LATENCY, on))).cycles
    assert 100 * taken <= 102 * found[on.scratchpad.size]
    assert taken <= times(naive_schedule(work.program, on)).cycles


@pytest.mark.parametrize("name", SHIPPED)
def test_what_residents_save_never_falls_with_the_scratchpad(name: str) -> None:
    work, on = load_workload(name), load_chip("int4_array")
    plans = plans_of(work.program, on)
    analysed, items = plans.table.analysed, plans.items
    for way in STRATEGIES:
        saves = []
        for power in range(18, 25):
            made = plans.candidate(1 << power, way)
            spans = analysed.uses.loop_spans.items()
            room = {loop: (1 << power) - int(made.reserved[span.first : span.last + 1].max()) for loop, span in spans}
            heads = items.choose(room, Knapsacks(), SearchBudget()).heads
            assert made.placed.wanted == wanted(analysed, heads)
            saves.append(saved(items.all, choice_of(items.all, heads)))
        assert saves == sorted(saves)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_a_run_for_energy_takes_no_more_of_it(name: str) -> None:
    on, work = load_chip("int4_array"), load_workload(name)
    fast, least_energy, both = (simulated(on, work, objective) for objective in Objective)
    assert least_energy[1] <= fast[1]
    assert least_energy[0] >= fast[0]
    assert both[0] * both[1] <= min(fast[0] * fast[1], least_energy[0] * least_energy[1])
    assert least_energy[1] <= energy_on(on, naive_schedule(work.program, on))


def simulated(on: Chip, work: Workload, objective: Objective) -> tuple[int, int]:
    result = simulate(on, work, objective=objective)
    assert result.operation.objective is objective
    return result.summary.cycles, result.summary.energy_aj


@pytest.mark.slow
@settings(max_examples=60)
@given(
    st.builds(gemm, m=st.integers(1, 64), k=st.integers(1, 64), n=st.integers(1, 64)),
    chips(),
    st.integers(300, 20_000),
    st.integers(0, len(LATENCIES) - 1),
)
def test_on_small_products_the_mapper_equals_brute_force_over_its_candidates(
    program: Program, on: Chip, limit: int, which: int
) -> None:
    plans = plans_of(program, on)
    cuts = plans.cuts
    # Within no room at all the naive block is the smallest of all, which is a candidate.
    fitting = [one for one in cuts.tried(0, nothing(cuts), nothing(cuts), 0) if one.held <= limit]
    assume(fitting)
    latency = int(cuts.latencies[which])
    ports = replace(plans.target.ports, latency=latency)

    def steps_of(sides: tuple[int, ...]) -> OpSchedule:
        single = rings_in(sides[-1])
        return OpSchedule(name="alone", kind="gemm", steps=steps_in_blocks(cuts, 0, *sides), single=single)

    def cycles_of(sides: tuple[int, ...]) -> int:
        return times(Schedule(ports=ports, body=(steps_of(sides),)), stop=False).cycles

    every = [cycles_of(one.sides) for one in fitting]
    (fastest,) = cut_within(cuts, limit, ANY_BLOCK + LATENCY_0 * which)
    assert cycles_of(cuts.sides(fastest)) == min(every)

    def loaded_by(sides: tuple[int, ...]) -> int:
        """Bytes of activations and weights."""
        loads = (load for step in steps_of(sides).unrolled() for load in step.loads)
        return sum(load.bytes for load in loads if load.ring is not Ring.VECTOR_OPERANDS)

    loaded = [loaded_by(one.sides) for one in fitting]
    (frugal,) = cut_within(cuts, limit, MIN_TRAFFIC + ANY_BLOCK + LATENCY_0 * which)
    assert loaded_by(cuts.sides(frugal)) == min(loaded)
    assert cuts.sides(frugal) in [one.sides for one in fitting]


def test_rungs_of_a_smaller_scratchpad_are_sizes_of_a_larger_one() -> None:
    for size in range(1, 400):
        assert candidate_capacities(size)[0] == size
        assert set(powers_below(size)) <= set(candidate_capacities(size + 1))
        assert slots(size)[0] == size
        assert all(capacity in slots(size + 1) for capacity in slots(size) if capacity in SLOTS)


@given(st.integers(1, 20 * MANY_OPS), st.integers(1, 1 << 41), st.integers(0, 1 << 41))
def test_many_ops_have_fewer_capacities_which_larger_scratchpads_share(ops: int, size: int, more: int) -> None:
    every = stride(ops)
    assert len(powers_below(size, every)) <= 1 + 41 // every
    assert set(powers_below(size, every)) <= set(powers_below(size + more, every)) <= set(powers_below(size + more))


@pytest.mark.slow
def test_a_comparison_is_planned_for_what_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    found = {}
    for objective in Objective:
        said = printed(capsys, "compare", "int4_array", "tdnnf_7q", "--json", "-", "--objective", objective.value)[0]
        found[objective] = [(row["cycles"], row["energy_aj"]) for row in json.loads(said)["rows"]]
    for fast, least_energy, both in zip(*found.values(), strict=True):
        assert 100 * fast[0] <= 102 * min(both[0], least_energy[0])
        assert least_energy[1] <= min(both[1], fast[1])
        assert both[0] * both[1] <= min(fast[0] * fast[1], least_energy[0] * least_energy[1])
    assert found[Objective.LATENCY] != found[Objective.ENERGY]
