"""The planner makes the plans of a planner in plain Python, which goes from one noun to the next: the same schedule, step
by step, with the same reasons, or the same refusal."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Chip
from hwsim.inputs.load import prices_of
from hwsim.ir.program import Program
from hwsim.ir.tensor import Granularity, Scaling
from hwsim.mapping.plan import Plan
from hwsim.mapping.planner import Planner
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.quantities.plain_data import Objective
from hwsim.quantities.precision import Precision, PrecisionPlan
from hwsim.schedule.schedule import LoopSegment, OpSchedule, Schedule, ScheduleNode
from hwsim.study.efficiency import aim_of
from hwsim.timing.timeline import times
from plans import work_by_mode
from strategies.chips import chips
from strategies.programs import PROGRAMS, gemm
from strategies.recipes import POLICIES, RECIPES
from witnesses.planner import assemble as by_hand
from witnesses.planner import plan as plan_by_hand
from witnesses.planner.schedule import planned

OBJECTIVES = st.none() | st.sampled_from(Objective)


@st.composite
def any_chips(draw: st.DrawFn, least: int, most: int) -> Chip:
    """Small chips of all kinds, with a scratchpad of that many bytes, one port of the DRAM or two, few or many buffers."""
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
    plan, strategy = found.plan, found.plan.strategy
    decisions = {
        "size": plan.size,
        "slots": plan.target.slots,
        "rounded": plan.rounded,
        "naive": plan.naive,
        "min_traffic": strategy is not None and strategy.min_traffic,
        "divisor": None if strategy is None else strategy.working_set_divisor,
        "kept": plan.kept,
        "residents": {n: (r.op, r.loop, r.rows, r.bytes, r.address) for n, r in plan.residents.items()},
        "prefixes": {n: (p.rows, p.all_rows, p.bytes, p.address) for n, p in plan.prefixes.items()},
        "overwrites": plan.overwrites,
        "room": plan.room,
        "reserved": plan.reserved,
        "items": [(one.name, one.row, one.bytes, one.loops, one.saves, one.rows) for one in plan.items],
    }
    return Said(times(found.schedule).cycles, found.schedule, decisions)


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
        "min_traffic": plan.min_traffic,
        "divisor": None if plan.naive else plan.working_set_divisor,
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
    return Said(times(found.schedule).cycles, found.schedule, decisions)


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


def same(found: Said, wanted: Said) -> None:
    """The two planners say the same of a program; how they write steps in loops is their own."""
    assert (found.refusal, found.cycles, found.plan) == (wanted.refusal, wanted.cycles, wanted.plan)
    if found.schedule is None or wanted.schedule is None:
        return
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


@settings(max_examples=110, suppress_health_check=list(HealthCheck))
@given(PROGRAMS | weight_only(), any_chips(100, 4000), OBJECTIVES, st.booleans())
def test_an_op_is_planned_as_by_the_witness(
    program: Program, on: Chip, objective: Objective | None, free_conversion: bool
) -> None:
    found = by_planner(program, on, objective, free_conversion=free_conversion)
    same(found, by_witness(program, on, objective, free_conversion=free_conversion))


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(RECIPES, POLICIES, any_chips(300, 20_000), OBJECTIVES)
def test_a_network_is_planned_as_by_the_witness(
    recipe: AnyRecipe, policy: str | PrecisionPlan, on: Chip, objective: Objective | None
) -> None:
    program = workload(recipe, policy).program
    same(by_planner(program, on, objective), by_witness(program, on, objective))
