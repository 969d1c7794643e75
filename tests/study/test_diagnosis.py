"""What easing one limit gives is what a chip gives that has it eased, if the plan stays as it is."""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwsim.engine.accounting import counters_of
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.ir.program import Program
from hwsim.mapping.eased import Easing
from hwsim.mapping.planner import Planner
from hwsim.mapping.run_columns import run_times
from hwsim.quantities.noun import sorted_pairs
from hwsim.report.headline import diagnosis_text
from hwsim.results.figures import NO_GAIN, Awaited, Diagnosis, WhatIf
from hwsim.schedule.counters import Work
from hwsim.schedule.schedule import Schedule
from hwsim.schedule.steps import ArrayWork, Fused
from hwsim.schedule.unit_table import Limit, Relief
from hwsim.study import diagnosis
from hwsim.study.diagnosis import binding, limits_of
from hwsim.study.simulate import simulate
from hwsim.timing.timeline import NO_LIMIT, times
from plans import naive_schedule
from strategies.chips import chips
from strategies.programs import PROGRAMS
from witnesses.relieved import relieved


def planned(program: Program, on: Chip) -> Schedule:
    """Blocks of the largest size that fits, whatever the speed of the chip."""
    try:
        return naive_schedule(program, on)
    except Unsupported:
        assume(False)
        raise


def with_relief(on: Chip, relief: Relief) -> Chip:
    """The chip that the relief stands for."""
    dram, pad = on.dram, on.scratchpad
    match relief:
        case Relief.BANDWIDTH:
            return replace(on, dram=replace(dram, read=2 * dram.read, write=2 * dram.write))
        case Relief.PORTS:
            return replace(on, scratchpad=replace(pad, read=2 * pad.read, write=2 * pad.write))
        case Relief.VECTOR:
            faster = {function: cycles // 2 for function, cycles in on.vector.cycles}
            return replace(on, vector=replace(on.vector, cycles=sorted_pairs(faster)))
        case _:
            return replace(on, dram=replace(dram, latency=dram.latency // 2))


def durations(schedule: Schedule) -> Iterator[tuple[object, ...]]:
    """What each step takes, and which blocks it is of."""
    for op in schedule.ops:
        for step in op.unrolled():
            array = None if step.array is None else (step.array.cycles, step.array.tail)
            yield step.work, array, step.vector_cycles, None if step.fused is None else step.fused.cycles


@settings(max_examples=60)
@given(PROGRAMS, chips())
@pytest.mark.parametrize("relief", [Relief.BANDWIDTH, Relief.PORTS, Relief.VECTOR, Relief.LATENCY])
def test_a_relief_is_what_the_faster_chip_does_with_the_same_blocks(relief: Relief, program: Program, on: Chip) -> None:
    even = {function: 2 * cycles for function, cycles in on.vector.cycles}
    on = replace(on, vector=replace(on.vector, cycles=sorted_pairs(even)))
    on = replace(on, dram=replace(on.dram, latency=2000 * ceil(on.dram.latency / 2000)))
    plan, faster = planned(program, on), planned(program, with_relief(on, relief))
    assume([op.block for op in plan.ops] == [op.block for op in faster.ops])
    eased = relieved(plan, relief)
    assume([step[0] for step in durations(eased)] == [step[0] for step in durations(faster)])
    assert list(durations(eased)) == list(durations(faster))
    assert eased.ports == faster.ports
    assert times(eased).cycles == times(faster).cycles


@settings(max_examples=40)
@given(PROGRAMS, chips(), st.sets(st.sampled_from(Relief), min_size=1, max_size=2))
def test_a_plan_eased_as_tables_takes_as_long_as_its_steps_eased(
    program: Program, on: Chip, reliefs: set[Relief]
) -> None:
    try:
        plan = Planner(on).plan(program)
    except Unsupported:
        assume(False)
    run = run_times(Easing(plan.candidate).plan(*reliefs), most=NO_LIMIT)
    slower, faster = plan.schedule, relieved(plan.schedule, *reliefs)
    assert run.cycles == times(faster).cycles <= times(slower).cycles
    counted = counters_of(faster)
    assert limits_of(run) == [op.limit for op in counted.ops]
    cycles = {limit: sum(op.cycles for op in counted.ops if op.limit is limit) for limit in Limit}
    limit, most = binding(run)
    assert cycles[limit] == most == max(cycles.values())


@settings(max_examples=60)
@given(PROGRAMS, chips())
def test_an_array_twice_as_fast_takes_half_of_its_own_time_and_all_of_its_ports(program: Program, on: Chip) -> None:
    plan = planned(program, on)
    eased = relieved(plan, Relief.ARRAY)
    for before, after in zip(plan.ops, eased.ops, strict=True):
        for one, two in zip(before.unrolled(), after.unrolled(), strict=True):
            assert (one.loads, one.vector_cycles, one.store_bytes) == (two.loads, two.vector_cycles, two.store_bytes)
            if one.array is not None:
                assert two.array is not None
                ports = one.array.cycles if one.array.port_bound else one.array.hidden_cycles
                own = one.array.hidden_cycles if one.array.port_bound else one.array.cycles
                assert two.array.cycles == max(ports, ceil(own / 2))
                assert two.array.tail == ceil(one.array.tail / 2)
    assert times(eased).cycles <= times(plan).cycles


@settings(max_examples=60)
@given(PROGRAMS, chips())
@pytest.mark.parametrize("unit", [Relief.ARRAY, Relief.VECTOR])
def test_a_unit_and_the_ports_twice_as_fast_halve_its_steps(unit: Relief, program: Program, on: Chip) -> None:
    plan = planned(program, on)
    eased = relieved(plan, unit, Relief.PORTS)
    assert list(durations(eased)) == list(durations(relieved(plan, Relief.PORTS, unit)))
    for before, after in zip(plan.ops, eased.ops, strict=True):
        for one, two in zip(before.unrolled(), after.unrolled(), strict=True):
            if unit is Relief.ARRAY and one.array is not None and two.array is not None:
                assert two.array.cycles == ceil(one.array.cycles / 2)
            if unit is Relief.VECTOR and one.vector_cycles is not None:
                assert two.vector_cycles == ceil(one.vector_cycles / 2)


@pytest.mark.slow
def test_what_binds_beside_the_limit_is_asked_where_easing_it_gains_nothing() -> None:
    """The DRAM brings 128 bytes a cycle, and the scratchpad takes as many."""
    on = load_chip("int4_array")
    even = replace(on, dram=replace(on.dram, read=128 * 10**9, write=128 * 10**9))
    result = simulate(even, load_workload("rnnt"))
    found, cycles = result.diagnosis, result.summary.cycles
    assert found.eased.cycles > (1 - NO_GAIN) * cycles
    assert found.beside is not None
    assert found.beside.relief is Relief.PORTS
    assert found.beside.cycles < 0.8 * cycles
    assert simulate(on, load_workload("rnnt")).diagnosis.beside is None


def test_what_is_hidden_is_no_longer_than_what_hides_it() -> None:
    with pytest.raises(InvalidValue, match="hidden_cycles = 4: must be at most the 3 cycles"):
        ArrayWork(cycles=3, hidden_cycles=4)
    with pytest.raises(InvalidValue, match="hidden_cycles = 2: must be at most the 1 cycles"):
        Fused(cycles=1, hidden_cycles=2, work=Work())


@pytest.mark.slow
def test_the_part_and_limit_with_most_time_are_told_with_their_sums() -> None:
    result = simulate(load_chip("int4_array"), load_workload("rnnt"))
    found = result.diagnosis
    part = max(result.parts, key=lambda one: one.cycles)
    ops = [op for op in result.ops if op.name.partition(".")[0] == part.name]
    by_limit = {limit: sum(op.cycles for op in ops if op.limit is limit) for limit in Limit}
    assert (found.part, found.part_cycles) == (part.name, part.cycles)
    assert by_limit[found.limit] == found.limit_cycles == max(by_limit.values())
    assert (found.limit, found.awaited) == (Limit("dram_read"), Awaited.WEIGHTS)
    assert found.best is found.eased is found.of(Relief.BANDWIDTH)
    of_run = {limit: sum(op.cycles for op in result.ops if op.limit is limit) for limit in Limit}
    assert (found.binds, found.binds_cycles) == (Limit("dram_read"), max(of_run.values()))


@pytest.mark.slow
def test_ops_that_wait_for_what_others_made_say_so() -> None:
    """Attention scores of a long utterance do not fit: what comes back from DRAM are no weights."""
    on = load_chip("int4_array")
    slow = replace(on, dram=replace(on.dram, read=10**9, write=10**11), scratchpad=replace(on.scratchpad, size=2**16))
    found = simulate(slow, load_workload("tdnnf_7q", "fp16")).diagnosis
    assert found.limit is Limit("dram_read")
    assert found.awaited is Awaited.ACTIVATIONS


def test_eased_chips_whose_units_find_no_period_soon_enough_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    work = load_workload({"kind": "gemms", "name": "one", "products": [{"name": "a", "m": 4000, "k": 64, "n": 640}]})
    told = simulate(load_chip("int4_array"), work)
    assert len(told.diagnosis.what_ifs) == len(Relief.on(1))  # made now, within the usual bound
    monkeypatch.setattr(diagnosis, "MOST_WALKED", 0)
    found = simulate(load_chip("int4_array"), work)
    assert found.diagnosis == replace(told.diagnosis, what_ifs=(), beside=None)
    assert "What binds next was not sought" in diagnosis_text(found.diagnosis, found.summary)


def test_the_plan_is_eased_when_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then nobody walks it; then all that was to be made is there, and holds its laws."""
    asked, told = list[Relief](), diagnosis._WhatIfs.told

    def noted(what_ifs: diagnosis._WhatIfs, limit: Relief, cycles: int) -> tuple[tuple[WhatIf, ...], WhatIf | None]:
        asked.append(limit)
        return told(what_ifs, limit, cycles)

    monkeypatch.setattr(diagnosis._WhatIfs, "told", noted)
    found = simulate(load_chip("int4_array"), load_workload("lstm_lm")).diagnosis
    assert found.binds_cycles > 0
    assert not asked
    assert len(found.what_ifs) == len(Relief.on(1))
    assert found.beside == replace(found).beside
    assert len(asked) == 1
    with pytest.raises(AttributeError, match="Diagnosis has no speed"):
        _ = found.speed


def test_a_diagnosis_of_more_than_its_part_is_none() -> None:
    told = tuple(WhatIf(relief=one, cycles=1, latency_ms=1.0, limit=Limit("vector"), limit_cycles=1) for one in Relief)
    good = Diagnosis(
        part="a", part_cycles=2, limit=Limit("array"), limit_cycles=1, awaited=None, binds=Limit("array"),
        binds_cycles=2, what_ifs=told,
    )  # fmt: skip
    assert good.eased.relief is good.best.relief is Relief.ARRAY
    with pytest.raises(InvalidValue, match="limit_cycles = 3: must be at most 2 of the part"):
        replace(good, limit_cycles=3)
    with pytest.raises(InvalidValue, match="limit_cycles = 2: must be at most 1 of the run"):
        replace(told[0], limit_cycles=2)
    with pytest.raises(InvalidValue, match="must be all reliefs, one at a time"):
        replace(good, what_ifs=told[1:])
    with pytest.raises(InvalidValue, match="must be another relief than that of the limit"):
        replace(good, beside=good.eased)
