"""The planner makes the plans of a planner in plain Python, which goes from one noun to the next: the same schedule,
step by step, with the same reasons, or the same refusal."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.elements import Dataflow
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Chip, Dram, Scratchpad
from hwsim.inputs.chips import load_chip, prices_of
from hwsim.inputs.load import load_workload
from hwsim.ir.program import Program
from hwsim.ir.tensor import Granularity, Scaling
from hwsim.mapping.choice import WorkByMode
from hwsim.mapping.explain import candidates_of
from hwsim.mapping.plan import Plan
from hwsim.mapping.planner import Planner
from hwsim.models.catalogue import AnyRecipe, recipe_of, workload
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.plain_data import Objective
from hwsim.quantities.precision import Precision, PrecisionPlan
from hwsim.schedule.counters import Work
from hwsim.schedule.schedule import LoopSegment, OpSchedule, Schedule, ScheduleNode
from hwsim.study.efficiency import aim_of
from hwsim.timing.timeline import times
from plans import work_by_mode
from strategies.chips import chip, chips
from strategies.programs import PROGRAMS, gemm
from strategies.recipes import POLICIES, RECIPES, shallow
from witnesses.planner import assemble as by_hand
from witnesses.planner import plan as plan_by_hand
from witnesses.planner.explain import candidates_of as candidates_by_hand
from witnesses.planner.schedule import planned
from witnesses.planner.systolic_matmul import drain_hazard

OBJECTIVES = st.none() | st.sampled_from(Objective)


@st.composite
def any_chips(draw: st.DrawFn, least: int, most: int) -> Chip:
    """Small chips of all kinds, with a scratchpad of that many bytes: one port of the DRAM or two, 1 to 8 buffers."""
    on = draw(chips())
    pad = replace(on.scratchpad, size=draw(st.integers(least, most)), buffers=draw(st.integers(1, 8)))
    return replace(on, scratchpad=pad, dram=replace(on.dram, shared_port=draw(st.booleans())))


@st.composite
def weight_only(draw: st.DrawFn) -> Program:
    """Integer weights, some with a scale for each group, below floating-point activations."""
    sizes = st.integers(1, 24)
    base = gemm(draw(sizes), draw(sizes), draw(sizes), Precision.FP16, batch=draw(st.integers(1, 2)), times=draw(sizes))
    scaling = Scaling(granularity=Granularity.GROUP, group=draw(st.integers(1, 9)))
    scaling = draw(st.sampled_from([scaling, Scaling(granularity=Granularity.CHANNEL)]))
    weight = replace(base.tensor("weight"), precision=Precision.INT4, scaling=scaling)
    return replace(base, tensors=tuple(weight if t.name == "weight" else t for t in base.tensors))


class Said(NamedTuple):
    """What a planner says of a program: cycles, schedule and plan, or why there is none."""

    cycles: int = 0
    schedule: Schedule | None = None
    plan: dict[str, Any] | None = None
    refusal: str | None = None
    noun: Any = None
    """What the planner itself says."""
    work: WorkByMode | None = None
    """What the plan says of its work before it has a schedule."""

    @property
    def taken(self) -> Any:
        """The plan as its planner has it, None if there is none."""
        return None if self.noun is None else self.noun.plan


def by_planner(
    program: Program,
    on: Chip,
    objective: Objective | None,
    residency: Plan | None = None,
    free_conversion: bool = False,
) -> Said:
    aim = None if objective is None else aim_of(objective, on, prices_of(on))
    try:
        found = Planner(on, aim, free_conversion).plan(program, residency=residency)
    except (Unsupported, InvalidValue) as error:
        return Said(refusal=str(error))
    plan = found.plan
    by_place = [plan.strategy(place) for place in range(0 if plan.naive else len(plan.reserved))]
    decisions = {
        "size": plan.size,
        "slots": plan.target.slots,
        "rounded": plan.rounded,
        "naive": plan.naive,
        "min_traffic": [strategy.min_traffic for strategy in by_place],
        "divisors": [strategy.working_set_divisor for strategy in by_place],
        "kept": plan.kept,
        "residents": {n: (r.op, r.loop, r.rows, r.bytes, r.address) for n, r in plan.residents.items()},
        "prefixes": {n: (p.rows, p.all_rows, p.bytes, p.address) for n, p in plan.prefixes.items()},
        "overwrites": plan.overwrites,
        "room": plan.room,
        "reserved": plan.reserved,
        "items": [(one.name, one.row, one.bytes, one.loops, one.saves, one.rows) for one in plan.items],
    }
    return Said(times(found.schedule).cycles, found.schedule, decisions, noun=found, work=found.candidate.work)


def by_witness(
    program: Program,
    on: Chip,
    objective: Objective | None,
    residency: plan_by_hand.Plan | None = None,
    free_conversion: bool = False,
) -> Said:
    aim = None
    if objective is not None:
        energy = aim_of(objective, on, prices_of(on)).energy
        aim = by_hand.Aim(objective, lambda schedule, cycles: energy(work_by_mode(schedule), cycles))
    try:
        found = planned(program, on, aim=aim, residency=residency, free_conversion=free_conversion)
    except (Unsupported, InvalidValue) as error:
        return Said(refusal=str(error))
    plan = found.plan
    decisions = {
        "size": plan.size,
        "slots": plan.target.slots,
        "rounded": plan.rounded,
        "naive": plan.naive,
        "min_traffic": [strategy.min_traffic for strategy in plan.strategies],
        "divisors": [strategy.working_set_divisor for strategy in plan.strategies],
        "kept": {name: allocation.address for name, allocation in plan.kept.items()},
        "residents": {n: (r.op, r.loop, r.rows, r.bytes, r.allocation.address) for n, r in plan.residents.items()},
        "prefixes": {
            n: (p.rows, p.all_rows, p.allocation.buffer.bytes, p.allocation.address) for n, p in plan.prefixes.items()
        },
        "overwrites": plan.overwrites,
        "room": plan.room,
        "reserved": tuple(plan.allocator.working),
        "items": [(one.name, one.row, one.bytes, one.loops, one.saves, one.rows) for one in plan.items],
    }
    return Said(times(found.schedule).cycles, found.schedule, decisions, noun=found)


def pairs(one: Iterable[ScheduleNode], other: Iterable[ScheduleNode]) -> Iterator[tuple[ScheduleNode, ScheduleNode]]:
    """The nodes of two schedules side by side, those inside loops too."""
    for node, like in zip(one, other, strict=True):
        if isinstance(node, LoopSegment) and isinstance(like, LoopSegment):
            yield replace(node, body=()), replace(like, body=())
            yield from pairs(node.body, like.body)
        else:
            yield node, like


def same_steps(one: OpSchedule, other: OpSchedule) -> None:
    """Whatever loops they are written in."""
    for step, like in zip(one.unrolled(), other.unrolled(), strict=True):
        assert step is like or step == like


def without_nothing(work: WorkByMode | None) -> WorkByMode:
    """The modes in which there is some work."""
    return {mode: done for mode, done in (work or {}).items() if done != Work()}


def same(found: Said, wanted: Said) -> None:
    """The two planners say the same of a program; how they write steps in loops is their own."""
    assert (found.refusal, found.cycles, found.plan) == (wanted.refusal, wanted.cycles, wanted.plan)
    if found.schedule is None or wanted.schedule is None:
        return
    assert without_nothing(found.work) == without_nothing(work_by_mode(wanted.schedule))
    assert replace(found.schedule, body=()) == replace(wanted.schedule, body=())
    compared = set[tuple[int, int]]()
    for node, like in pairs(found.schedule.body, wanted.schedule.body):
        if (id(node), id(like)) in compared:
            continue
        compared.add((id(node), id(like)))
        if isinstance(node, OpSchedule) and isinstance(like, OpSchedule):
            assert replace(node, steps=()) == replace(like, steps=())
            same_steps(node, like)
        else:
            assert node == like


def same_cuts(found: Said, wanted: Said) -> None:
    """The cuts that were tried for each op, which explain the one that was taken."""
    if found.noun is None or drain_hazard(found.noun.plan.target.array):
        return  # the witness tells these cuts as if no shorter product came next
    for name, leader in found.noun.plan.analysed.largest.items():
        like = wanted.noun.plan.analysed.largest[name]
        tried = set(candidates_of(found.noun, leader))
        by_hand = candidates_by_hand(wanted.noun, like)  # which do not tell the orders of loops apart in what is chosen
        assert {replace(one, chosen=False) for one in tried} == {replace(one, chosen=False) for one in by_hand}
        assert sum(one.chosen for one in tried) == 1


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(PROGRAMS | weight_only(), any_chips(100, 4000), OBJECTIVES, st.booleans())
def test_an_op_is_planned_as_by_the_witness(
    program: Program, on: Chip, objective: Objective | None, free_conversion: bool
) -> None:
    found, wanted = (by(program, on, objective, free_conversion=free_conversion) for by in (by_planner, by_witness))
    same(found, wanted)
    same_cuts(found, wanted)


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(RECIPES, POLICIES, any_chips(300, 20_000), OBJECTIVES)
def test_a_network_is_planned_as_by_the_witness(
    recipe: AnyRecipe, policy: str | PrecisionPlan, on: Chip, objective: Objective | None
) -> None:
    program = workload(recipe, policy).program
    found, wanted = by_planner(program, on, objective), by_witness(program, on, objective)
    same(found, wanted)
    same_cuts(found, wanted)


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(PROGRAMS, any_chips(200, 4000), st.sampled_from([Precision.FP16, Precision.INT8, Precision.INT4]), OBJECTIVES)
def test_what_another_plan_keeps_is_kept_as_by_the_witness(
    program: Program, on: Chip, precision: Precision, objective: Objective | None
) -> None:
    before = replace(
        program, tensors=tuple(replace(t, precision=precision, scaling=Scaling()) for t in program.tensors)
    )
    found, wanted = by_planner(before, on, None), by_witness(before, on, None)
    same(found, wanted)
    found = by_planner(program, on, objective, residency=found.taken)
    same(found, by_witness(program, on, objective, residency=wanted.taken))


@pytest.mark.slow
@settings(max_examples=6, suppress_health_check=list(HealthCheck))
@given(RECIPES, st.sampled_from(["fp16", "w8a8"]), st.sampled_from(["w4a4", "w4a16"]), any_chips(300, 20_000))
def test_a_network_in_another_precision_keeps_what_it_keeps_by_the_witness(
    recipe: AnyRecipe, first: str, last: str, on: Chip
) -> None:
    before, program = (workload(recipe, policy).program for policy in (first, last))
    kept, kept_by_hand = by_planner(before, on, None), by_witness(before, on, None)
    found = by_planner(program, on, None, residency=kept.taken, free_conversion=True)
    same(
        found,
        by_witness(program, on, None, residency=kept_by_hand.taken, free_conversion=True),
    )


@pytest.mark.parametrize("name", ["rnnt", "tdnnf_7q"])
@pytest.mark.parametrize("objective", [Objective.LATENCY, Objective.EDP])
def test_a_shipped_network_is_planned_as_by_the_witness(name: str, objective: Objective) -> None:
    """At its real sizes, with few layers."""
    program, on = workload(shallow(recipe_of(load_workload(name)))).program, load_chip("int4_array")
    on = replace(on, scratchpad=replace(on.scratchpad, buffers=2))
    same(by_planner(program, on, objective), by_witness(program, on, objective))


HUGE = SystolicArray(rows=1 << 16, cols=1 << 16, macs_per_pe=sorted_pairs({Precision.INT8: 1}))


@pytest.mark.parametrize("dataflow", Dataflow)
@pytest.mark.parametrize("sizes", [(1, 1 << 24, 1 << 24), (7, 9_999_991, 1 << 22), (1 << 24, 1 << 20, 1 << 10)])
def test_counts_beyond_64_bits_are_exact(dataflow: Dataflow, sizes: tuple[int, int, int]) -> None:
    """Bits that all registers of a huge array take over in a run."""
    pad = Scratchpad(size=12 << 30, read=1 << 20, write=1 << 20, banks=1 << 14)
    on = chip(array=replace(HUGE, dataflow=dataflow), scratchpad=pad, dram=Dram(read=10**12, write=10**12))
    program = gemm(*sizes, times=3)
    for objective in (None, Objective.ENERGY):
        found, wanted = by_planner(program, on, objective), by_witness(program, on, objective)
        same(found, wanted)
        assert wanted.schedule is not None
        work = work_by_mode(wanted.schedule)
        assert work[Precision.INT8].array_register_bits > 1 << 63
