"""Whole networks on small chips: what the mapper makes of them runs as an event simulation says, and is all there."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hwsim.engine.accounting import counters_of
from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip, Scratchpad
from hwsim.ir.nodes import Loop
from hwsim.ir.op_table import is_depthwise, op_spec
from hwsim.ir.program import Program
from hwsim.mapping.explain import candidates_of
from hwsim.mapping.planner import Planned, Planner, schedule
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.models.transformer_lm import TransformerLm, TransformerSizes
from hwsim.quantities.precision import PrecisionPlan
from hwsim.schedule.schedule import LoopSegment, OpSchedule, Residency, Schedule
from hwsim.timing.timeline import times
from strategies.chips import chip, chips
from strategies.recipes import POLICIES, RECIPES
from timing.test_timeline import agree
from witnesses.timeline_simpy import simulate

ROOMY = settings(max_examples=30, suppress_health_check=list(HealthCheck))


@st.composite
def roomy_chips(draw: st.DrawFn) -> Chip:
    """Small chips whose scratchpads hold at least one row of everything, on one port or two."""
    on = draw(chips())
    dram = replace(on.dram, shared_port=draw(st.booleans()))
    size = draw(st.integers(700, 20_000))
    return replace(on, scratchpad=replace(on.scratchpad, size=size), dram=dram)


@pytest.mark.slow
@ROOMY
@given(RECIPES, POLICIES, roomy_chips())
def test_a_mapped_network_runs_as_the_event_simulation_says(
    recipe: AnyRecipe, policy: str | PrecisionPlan, on: Chip
) -> None:
    plan = mapped(recipe, policy, on)
    found = times(plan)
    walked = times(plan, stop=False)
    assert np.array_equal(found.totals, walked.totals)
    assert (found.cycles, found.ends) == (walked.cycles, walked.ends)
    assume(walked.unrolled_iterations < 2000)
    assert agree(found, simulate(plan))


@pytest.mark.slow
@ROOMY
@given(RECIPES, POLICIES, roomy_chips())
def test_a_mapped_network_does_all_the_work_of_its_program(
    recipe: AnyRecipe, policy: str | PrecisionPlan, on: Chip
) -> None:
    program = workload(recipe, policy).program
    planned = on_roomy_chip(program, on)
    counters = counters_of(planned.schedule)
    assert sum(op.macs for op in counters.ops) == program.macs
    assert {op.name for op in counters.ops} == {placed.op.name for placed in program.placed()}
    wanted: dict[str, tuple[int, int]] = {}
    for instance in planned.plan.analysed.program.instances():  # a plan may run attention head by head
        macs = op_spec(instance.op).macs(instance.op, instance.shape)
        on_array = 0 if is_depthwise(instance.op, instance.shape) else macs
        before = wanted.get(instance.op.name, (0, 0))
        wanted[instance.op.name] = before[0] + instance.times, before[1] + on_array * instance.times
    for op in counters.ops:
        assert (op.times, op.work.macs) == wanted[op.name]
    # Every weight is loaded at least once; what the workload wants outside is stored.
    outputs = sum(tensor.packed_bytes for tensor in program.tensors if tensor.role.value == "output")
    assert counters.total.work.dram_write_bytes >= outputs
    assert counters.total.work.scratchpad_write_bytes >= counters.total.work.dram_read_bytes


@pytest.mark.slow
@ROOMY
@given(RECIPES, POLICIES, roomy_chips())
def test_tensors_are_where_the_report_says(recipe: AnyRecipe, policy: str | PrecisionPlan, on: Chip) -> None:
    plan = mapped(recipe, policy, on)
    places = {placement.tensor: placement.place for placement in plan.placements}

    def place_of(spot: str) -> Residency:
        """Where something in the scratchpad is said to be: a tensor, the head of one, or what has no tensor's name."""
        name, bracket, _ = spot.partition("[:")
        assert not bracket or places[name] is Residency.PARTLY
        return places.get(name, Residency.RESIDENT)

    for op in plan.ops:
        for written in op.kept:
            assert place_of(written.tensor) in (Residency.KEPT, Residency.PARTLY)
        for written in op.stored:
            assert places[written.tensor] in (Residency.SPILLED, Residency.PARTLY)
        for loaded in op.loaded:
            assert places[loaded.tensor] in (Residency.SPILLED, Residency.PARTLY)
        for name in (*op.array_reads, *op.vector_reads):
            assert place_of(name) in (Residency.KEPT, Residency.RESIDENT, Residency.PARTLY)
    for placement in plan.placements:
        assert placement.kept_bytes <= on.scratchpad.size
        if placement.place is Residency.FUSED:
            touched = {w.tensor for op in plan.ops for w in (*op.kept, *op.stored)}
            assert placement.tensor not in touched


@pytest.mark.slow
@ROOMY
@given(RECIPES, POLICIES, roomy_chips())
def test_what_an_op_touches_lies_beside_its_slots(recipe: AnyRecipe, policy: str, on: Chip) -> None:
    """An op and the one that works on its tiles run at one time: nothing that they read or write shares a byte with
    anything else of it, or with their slots, and they do not take over the space of what they read."""
    try:
        found = Planner(on).plan(workload(recipe, policy).program)
    except Unsupported:
        assume(False)
        raise
    plan, uses = found.plan, found.plan.analysed.uses
    for op in found.schedule.ops:
        assert not {*op.overwrites} & {*op.array_reads, *op.vector_reads}
    spans = {name: (head.address, head.address + head.bytes) for name, head in plan.prefixes.items()}
    for name, address in plan.kept.items():
        spans[name] = address, address + uses.tensors[name].tensor.packed_bytes * uses.tensors[name].spaces
    for leader in plan.analysed.largest.values():
        ops = {leader.op.name, *(() if leader.epilogue is None else (leader.epilogue.op.name,))}
        touched = {use.view.tensor for one in uses.tensors.values() for use in one.uses if use.op.name in ops}
        here = sorted(spans[name] for name in touched if name in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(here))
        (held,) = (one.bytes_held for one in candidates_of(found, leader) if one.chosen)
        assert held + max((end for _, end in here), default=0) <= on.scratchpad.size


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(RECIPES, POLICIES, roomy_chips(), st.integers(10, 14), st.integers(0, 20_000), st.integers(0, 1))
def test_a_larger_scratchpad_never_makes_a_network_slower(
    recipe: AnyRecipe, policy: str, on: Chip, power: int, bytes_more: int, buffers_more: int
) -> None:
    """Than one whose size is a power of two, and one or two buffers."""
    pad = replace(on.scratchpad, size=1 << power, buffers=min(2, on.scratchpad.buffers))
    larger = replace(pad, size=pad.size + bytes_more, buffers=pad.buffers + buffers_more)
    small = times(mapped(recipe, policy, replace(on, scratchpad=pad))).cycles
    assert times(mapped(recipe, policy, replace(on, scratchpad=larger))).cycles <= small


def mapped(recipe: AnyRecipe, policy: str | PrecisionPlan, on: Chip) -> Schedule:
    """The schedule of the network."""
    return on_roomy_chip(workload(recipe, policy).program, on).schedule


def on_roomy_chip(program: Program, on: Chip) -> Planned:
    """The planned program, or a new example where the chip is too small."""
    try:
        return Planner(on).plan(program)
    except Unsupported:
        assume(False)
        raise


TOKENS = 9


def test_sizes_that_grow_with_a_loop_are_segments_of_equal_iterations() -> None:
    """A cache of keys and values grows by one entry a token: no two iterations are alike, and none is a mean."""
    recipe = TransformerLm(
        name="tiny",
        audio=10**12,
        symbols_per_second=Fraction(TOKENS),
        model=TransformerSizes(layers=1, size=4, heads=2, feed_forward=8, context=64),
        outputs=5,
    )
    program = workload(recipe, "w8a8").program
    plan = schedule(program, chip(scratchpad=Scratchpad(size=8192, read=16, write=16)))
    segments = [node for node in plan.body if isinstance(node, LoopSegment)]
    loop = next(node for node in program.body if isinstance(node, Loop))
    assert sum(node.times for node in segments) == loop.times
    assert len(segments) == loop.times
    macs = [sum(op.macs for op in node.body if isinstance(op, OpSchedule)) for node in segments]
    # Two products of one query with one more key and value, of four numbers each.
    assert {after - before for before, after in pairwise(macs)} == {2 * 4}
