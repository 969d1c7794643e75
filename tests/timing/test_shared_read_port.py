"""The read port of the scratchpad, shared by array, vector unit and stores: steps take it one after another."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwsim.engine.accounting import counters_of
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.ir.program import Program
from hwsim.mapping.planner import schedule
from hwsim.schedule.counters import Counters, Units, Work
from hwsim.schedule.schedule import Ports, Schedule
from hwsim.schedule.steps import ArrayWork, Fused, Step
from hwsim.timing.events import events
from hwsim.timing.timeline import times
from strategies.chips import chips
from strategies.programs import PROGRAMS
from strategies.schedules import draw
from strategies.timeline_cases import op, program
from witnesses.timeline_simpy import simulate


def ports(rate: int) -> Ports:
    """All readers share a port of so many bytes a cycle; nothing else takes time."""
    port, free = Fraction(rate), None
    return Ports(
        dram_read=free,
        dram_write=free,
        scratchpad_read=port,
        scratchpad_write=free,
        latency=0,
        slots=2,
        scratchpad_shared=True,
    )


def apart(schedule: Schedule) -> Schedule:
    """The same schedule, in which each reader has a port of its own."""
    return replace(schedule, ports=replace(schedule.ports, scratchpad_shared=False))


def tile(array: int, *, reads: int, others: int, vector: int, store: int = 0, port_bound: bool = False) -> Step:
    """A step of the array, which reads so many bytes, and its tile on the vector unit, all others reading so many."""
    return Step(
        array=ArrayWork(cycles=array, tail=3, port_bound=port_bound),
        vector_cycles=vector,
        store_bytes=store or None,
        first_read_bytes=reads,
        work=Work(scratchpad_read_bytes=reads + others),
    )


def worked(schedule: Schedule) -> Iterator[tuple[str, int, int]]:
    """Pieces of work in the order of time: unit, start and end."""
    for event in events(schedule):
        yield event.unit.key, event.start, event.end


def test_a_step_of_the_array_waits_for_all_that_the_step_before_reads() -> None:
    """Two bytes a cycle. The first step keeps the port from 0 to 15: 16 bytes of the array, 12 of the vector unit, 2 of
    the store. The second one asks at 10; its array's bytes pass from 15 to 23."""
    step = tile(10, reads=16, others=14, vector=6, store=2)
    found = program(ports(2), op("a", step, step))
    assert list(worked(found)) == [
        ("array", 0, 10), ("array", 10, 23), ("vector", 13, 19),
        ("store", 19, 20), ("vector", 26, 32), ("store", 32, 33),
    ]  # fmt: skip
    assert times(found).cycles == simulate(found).total == 33
    assert times(apart(found)).cycles == 10 + 10 + 3 + 6 + 1


def test_a_step_of_the_vector_unit_waits_for_what_the_step_before_stores() -> None:
    """A byte a cycle. The first step keeps the port from 0 to 13; the second one's 4 bytes pass until 17."""
    block = Step(vector_cycles=5, store_bytes=9, first_read_bytes=4, work=Work(scratchpad_read_bytes=13))
    found = program(ports(1), op("a", block), op("b", block))
    assert list(worked(found)) == [("vector", 0, 5), ("store", 5, 14), ("vector", 5, 17), ("store", 17, 26)]
    assert times(found).cycles == simulate(found).total == 26


def test_a_step_that_starts_when_all_has_passed_waits_for_nothing() -> None:
    step = tile(20, reads=16, others=14, vector=6, store=2)
    found = program(ports(2), op("a", step, step))
    assert list(worked(found)) == list(worked(apart(found)))


def test_steps_that_the_shared_port_makes_longer_are_port_bound() -> None:
    """The second step of the array lasts from 10 to 23; if its port sets its length anyway, from 8 to 23."""
    for cycles, bound in ((10, False), (8, True)):
        step = tile(cycles, reads=16, others=14, vector=6, port_bound=bound)
        counters = counters_of(program(ports(2), op("a", step, step)))
        assert counters.total.busy == Units(array=23, vector=12)
        assert counters.ops[0].port_bound == Units(array=23 if bound else 13)


def test_what_an_epilogue_reads_passes_with_its_step() -> None:
    fused = Fused(cycles=0, work=Work(scratchpad_read_bytes=10))
    step = replace(tile(10, reads=16, others=4, vector=2), fused=fused)
    assert step.read_bytes == 30
    found = program(ports(2), replace(op("a", step, step), fused=("b", "activation")))
    assert [piece for piece in worked(found) if piece[0] == "array"] == [("array", 0, 10), ("array", 10, 23)]
    assert times(found).cycles == simulate(found).total


def test_a_first_unit_that_reads_more_than_all_is_refused() -> None:
    with pytest.raises(InvalidValue, match="first_read_bytes = 5: must be among all 4 bytes"):
        Step(vector_cycles=1, first_read_bytes=5, work=Work(scratchpad_read_bytes=4))


def test_sharing_never_makes_a_schedule_faster_and_a_wider_port_never_makes_it_slower() -> None:
    slower = gained = compared = 0
    for seed in range(400):
        rng = Random(seed)
        drawn = draw(rng, jobs=300)
        if not drawn.ports.scratchpad_shared or drawn.ports.scratchpad_read is None:
            continue
        rate = drawn.ports.scratchpad_read * Fraction(rng.randint(11, 40), 10)
        free, wide = times(apart(drawn)), times(replace(drawn, ports=replace(drawn.ports, scratchpad_read=rate)))
        found = times(drawn)
        assert free.cycles <= found.cycles, seed
        assert wide.cycles <= found.cycles, seed
        assert all(one <= other for one, other in zip(free.ends, found.ends, strict=True)), seed
        assert all(one <= other for one, other in zip(wide.ends, found.ends, strict=True)), seed
        compared += 1
        slower += free.cycles < found.cycles
        gained += wide.cycles < found.cycles
    assert compared > 100
    assert slower > compared // 3
    assert gained > compared // 3


def read_and_given(program: Program, on: Chip) -> tuple[int, int]:
    """The bytes that a program reads in the scratchpad, and those that one port passes meanwhile."""
    total: Counters = counters_of(schedule(program, on)).total
    return total.work.scratchpad_read_bytes, on.scratchpad.read * total.cycles


@settings(max_examples=60)
@given(PROGRAMS, chips(), st.integers(1, 8))
def test_a_run_reads_no_more_than_a_shared_port_passes(program: Program, on: Chip, read: int) -> None:
    on = replace(on, scratchpad=replace(on.scratchpad, read=read, shared_port=True))
    try:
        reads, given = read_and_given(program, on)
    except Unsupported:
        assume(False)
    assert reads <= given


def test_without_sharing_a_run_may_read_more_than_one_port_passes() -> None:
    """On a narrow port of 8 bytes a cycle."""
    workload, chip = load_workload("tdnnf_7q", precision="w8a8").program, load_chip("int4_array")
    for shared, fits in ((False, False), (True, True)):
        on = chip.with_(**{"scratchpad.read": "8 B/cycle", "scratchpad.shared_port": shared})
        reads, given = read_and_given(workload, on)
        assert (reads <= given) is fits
