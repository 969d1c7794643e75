"""The kernel's timeline equals an event simulation, its periodic stop equals walking on, and more never costs more."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from hwsim.kernels import timeline_code as c
from hwsim.schedule.schedule import Loaded, LoopSegment, OpSchedule, Ports, Schedule, ScheduleNode
from hwsim.schedule.steps import ArrayWork, Load, Repeat, Ring, Step
from hwsim.schedule.unit_table import Unit
from hwsim.timing.timeline import EncodedSchedule, Times, encode, times
from strategies.schedules import WORK, draw, draw_ports, jobs_of
from strategies.timeline_cases import CASES, loop, op, program
from witnesses.planner.encode_alone import encode_alone
from witnesses.timeline_plan import Fault
from witnesses.timeline_simpy import Seen, simulate

REASONS = {
    "load": c.FOR_LOAD,
    "array": c.FOR_ARRAY,
    "tensor": c.FOR_TENSOR,
    "overwrite": c.FOR_OVERWRITE,
    "slot": c.FOR_SLOT,
}


def table(ops: tuple[str, ...], seen: Seen) -> NDArray[np.int64]:
    """What the simulation saw, laid out like the kernel's totals."""
    row = {name: place for place, name in enumerate(ops)}
    totals = np.zeros((len(ops), c.TOTALS), np.int64)
    for name, cycles in seen.cycles.items():
        totals[row[name], c.CYCLES] = cycles
    for name, cycles in seen.span.items():
        totals[row[name], c.SPAN] = cycles
    for (name, unit), cycles in seen.busy.items():
        totals[row[name], c.BUSY + unit] = cycles
    for (name, unit, reason), cycles in seen.stalls.items():
        totals[row[name], REASONS[reason] + unit] = cycles
    for (name, unit), cycles in seen.shared_bound.items():
        totals[row[name], c.SHARED_BOUND + unit - c.ARRAY_UNIT] = cycles
    return totals


def agree(found: Times, seen: Seen) -> bool:
    """The whole's end, the units' ends, and every total of every op."""
    same = found.cycles == seen.total and found.ends == seen.ends
    return same and np.array_equal(found.totals, table(found.ops, seen))


def test_op_alone_has_the_code_of_a_schedule_of_it() -> None:
    for seed in range(100):
        schedule = draw(Random(seed), jobs=100)
        for one in schedule.ops:
            alone, ports = OpSchedule(name="alone", kind="gemm", steps=one.steps), schedule.ports
            found, whole = encode_alone(one.steps, ports), encode(Schedule(ports=ports, body=(alone,)))
            assert found.ops == whole.ops
            assert all(np.array_equal(a, b) for a, b in zip(found.arrays, whole.arrays, strict=True)), seed


def stalled(found: Times, reason: str) -> int:
    return int(found.totals[:, REASONS[reason] : REASONS[reason] + c.UNITS].sum())


def accounted(found: Times, *, shared: bool) -> bool:
    """Until its last end a unit is busy or waits; load and store are one unit where they share a port."""
    until = found.totals[:, c.BUSY : c.SHARED_BOUND].sum(axis=0).reshape(-1, c.UNITS).sum(axis=0)
    if shared:
        until[c.LOAD_UNIT] += until[c.STORE_UNIT]
        until[c.STORE_UNIT] = 0
    return until.tolist() == list(found.ends) and int(found.totals[:, c.CYCLES].sum()) == found.cycles


@pytest.mark.slow
def test_timeline_is_what_an_event_simulation_sees() -> None:
    """To the cycle, for every op and every reason to wait; and no faster than any unit, no slower than one by one."""
    count = 3000
    reasons: Counter[str] = Counter()
    hazards = shared = 0
    for seed in range(count):
        schedule = draw(Random(seed), jobs=600)
        found, seen = times(schedule), simulate(schedule)
        assert seen.jobs <= 1000, seed
        assert agree(found, seen), seed
        assert accounted(found, shared=schedule.ports.shared), seed
        busy = found.totals[:, c.BUSY : c.BUSY + c.UNITS].sum(axis=0).tolist()
        shared += schedule.ports.shared
        if schedule.ports.shared:
            busy = [busy[c.LOAD_UNIT] + busy[c.STORE_UNIT], *busy[1:]]
        assert max(busy) <= found.cycles <= seen.serial, seed
        met = [reason for reason in REASONS if stalled(found, reason)]
        reasons.update(met)
        hazards += "tensor" in met or "overwrite" in met
    assert hazards > 0.6 * count
    assert 0.3 * count < shared < 0.7 * count
    assert min(reasons[reason] for reason in REASONS) > 0.4 * count, reasons


@pytest.mark.slow
@pytest.mark.parametrize("fault", Fault)
def test_simulation_of_other_rules_sees_another_timeline(fault: Fault) -> None:
    """Each rule is seen by the comparison above: where it is broken, many of the same schedules differ."""
    count, noticed = 150, 0
    for seed in range(count):
        schedule = draw(Random(seed), jobs=300)
        try:
            noticed += not agree(times(schedule), simulate(schedule, fault))
        except AssertionError:  # stands still
            noticed += 1
    assert noticed >= 10


def test_named_times_are_the_totals() -> None:
    for seed in range(40):
        schedule = draw(Random(seed), jobs=200)
        found, seen = times(schedule), simulate(schedule)
        for name, op_times in found.by_op().items():
            assert op_times == found.of(name)
            assert (op_times.cycles, op_times.span) == (seen.cycles[name], seen.span[name])
            for unit in Unit:
                field = unit.name.lower()
                assert getattr(op_times.busy, field) == seen.busy[name, unit]
                for reason in REASONS:
                    assert getattr(getattr(op_times.stalls, reason), field) == seen.stalls[name, unit, reason]


def same(one: Times, other: Times) -> bool:
    return one.cycles == other.cycles and one.ends == other.ends and np.array_equal(one.totals, other.totals)


@pytest.mark.slow
def test_periodic_stop_equals_walking_on() -> None:
    """Many programs, each on many ports. The loops are long enough that the stop nearly always finds a period."""
    long = stopped = 0
    for seed in range(1500):
        rng = Random(seed)
        jobs, most = rng.choice(((1500, 60), (4000, 400), (15000, 2000)))
        schedule = draw(rng, jobs=jobs, times=most)
        for _ in range(8):
            encoded = encode(schedule)
            found, walked = times(encoded), times(encoded, stop=False)
            assert same(found, walked), (seed, schedule.ports)
            if walked.unrolled_iterations >= 500:
                long += 1
                stopped += found.unrolled_iterations < walked.unrolled_iterations // 2
            schedule = replace(schedule, ports=draw_ports(rng))
    assert long > 2400
    assert stopped > 0.9 * long


def apart(nodes: tuple[ScheduleNode, ...]) -> tuple[ScheduleNode, ...]:
    """The same nodes, no body of which is the same object as another one."""
    return tuple(replace(node, body=apart(node.body)) if isinstance(node, LoopSegment) else node for node in nodes)


def test_bodies_that_come_again_run_as_if_each_were_written_anew() -> None:
    """In one loop or several, at one depth or another, alone or in a body that comes again itself."""
    rng, segments = Random(5), 0
    for _ in range(60):
        one = draw(rng, jobs=120, times=4)
        inner = (LoopSegment(loop="a", times=rng.randint(1, 3), body=one.body), *one.body[:1])
        outer = (*inner, LoopSegment(loop="b", times=rng.randint(1, 9), body=inner))
        body = (*inner, LoopSegment(loop="c", times=2, body=outer), LoopSegment(loop="c", times=1, body=inner), *outer)
        schedule = replace(one, body=body)
        found, wanted = times(schedule), times(replace(schedule, body=apart(body)))
        assert same(found, wanted)
        segments += sum(isinstance(node, LoopSegment) for node in one.body)
    assert segments > 20


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=[case.__name__ for case in CASES])
def test_periodic_stop_equals_walking_on_in_hard_cases(case: Callable[[Random, int], Schedule]) -> None:
    long = stopped = simulated = 0
    for seed in range(200):
        rng = Random(seed)
        schedule = case(rng, rng.choice((1, 2, 5, 20, 300, 500)))
        encoded = encode(schedule)
        found, walked = times(encoded), times(encoded, stop=False)
        assert same(found, walked), seed
        if walked.unrolled_iterations >= 300:
            long += 1
            stopped += found.unrolled_iterations < walked.unrolled_iterations // 2
        if jobs_of(schedule.body) < 400:
            simulated += 1
            assert agree(found, simulate(schedule)), seed
    assert long > 50
    assert stopped > 0.95 * long
    assert simulated > 10


def test_stop_tells_stores_of_another_tensor_apart() -> None:
    """An op that stores one tensor in a first segment of a loop, and another in a second one, and whose stores wait.

    A load of the first tensor, behind the loop, must not let stores of the second one pass.
    """
    tile = Step(array=ArrayWork(cycles=5), store_bytes=3, work=WORK)
    load = Step(
        loads=(Load(ring=Ring.ACTIVATIONS, bytes=50),),
        array=ArrayWork(cycles=7),
        releases=(Ring.ACTIVATIONS,),
        work=WORK,
    )
    first, second = op("op", Repeat(times=8, body=(tile,)), stored=["x"]), op("op", tile, stored=["y"])
    reader = op("reader", load, loaded=[Loaded(ring=Ring.ACTIVATIONS, tensor="x")])
    ports = Ports(
        dram_read=Fraction(1),
        dram_write=Fraction(1),
        scratchpad_read=None,
        scratchpad_write=None,
        latency=0,
        slots=4,
        shared=True,
        store_delay=4,
    )
    encoded = encode(program(ports, loop(1, first), loop(100, second), reader))
    found = times(encoded)
    assert same(found, times(encoded, stop=False))
    assert found.unrolled_iterations < 30


def shorter(encoded: EncodedSchedule, rng: np.random.Generator) -> EncodedSchedule:
    """The same instructions, in which everything takes as long as before, or not as long."""
    code, *others = encoded.arrays
    code = code.copy()
    parts = slice(c.LOAD_0, c.EXCHANGE + 1), slice(c.FIRST_PASS, c.ALL_PASS + 1)
    for kind, columns in (*((c.STEP, part) for part in parts), (c.PRELOAD, slice(c.PRE_CYCLES, c.PRE_CYCLES + 1))):
        some = code[code[:, c.KIND] == kind, columns]
        less = rng.integers(0, np.maximum(some, 0) + 1)
        code[code[:, c.KIND] == kind, columns] = np.where((some > 0) & (rng.random(some.shape) < 0.5), less, some)
    return replace(encoded, arrays=(code, *others))


def wider(rng: Random, old: Ports) -> dict[str, Ports]:
    """Ports that are better in one respect each."""

    def faster(rate: Fraction | None) -> Fraction | None:
        return None if rate is None or rng.random() < 0.1 else rate * Fraction(rng.randint(10, 40), 10)

    return {
        "bandwidth": replace(
            old,
            dram_read=faster(old.dram_read),
            dram_write=faster(old.dram_write),
            scratchpad_read=faster(old.scratchpad_read),
            scratchpad_write=faster(old.scratchpad_write),
        ),
        "slots": replace(old, slots=old.slots + rng.randint(1, 3)),
        "latency": replace(old, latency=rng.randint(0, old.latency)),
        "interconnect": replace(
            old, exchange=faster(old.exchange), exchange_latency=rng.randint(0, old.exchange_latency)
        ),
    }


@pytest.mark.slow
def test_more_of_anything_never_adds_a_cycle() -> None:
    """For a schedule that stays as it is, no unit ends later with wider ports, more slots, or less to do."""
    gained: Counter[str] = Counter()
    for seed in range(1000):
        rng = Random(seed)
        schedule = draw(rng, jobs=1500, times=40)
        encoded = encode(schedule)
        before = times(encoded)
        better = {name: encode(replace(schedule, ports=new)) for name, new in wider(rng, schedule.ports).items()}
        better["durations"] = shorter(encoded, np.random.default_rng(seed))
        for name, variant in better.items():
            after = times(variant)
            assert after.cycles <= before.cycles, (seed, name)
            assert all(new <= old for new, old in zip(after.ends, before.ends, strict=True)), (seed, name)
            gained[name] += after.cycles < before.cycles
    assert min(gained[name] for name in ("bandwidth", "slots", "latency", "interconnect", "durations")) > 200, gained


def test_a_loop_may_run_for_ever() -> None:
    """What lies beyond any walk follows from what lies within one: 420 is a multiple of all periods up to seven."""
    far, near, step, checked = 10**12, 1000, 420, 0
    for seed in range(100):
        drawn = draw(Random(seed), jobs=40, times=3)

        def long(count: int, drawn: Schedule = drawn) -> EncodedSchedule:
            return encode(replace(drawn, body=(LoopSegment(loop="for ever", times=count, body=drawn.body),)))

        first, second = times(long(near), stop=False), times(long(near + step), stop=False)
        found = times(long(near))
        if found.unrolled_iterations > first.unrolled_iterations // 2:
            continue  # its units never come to one pace
        checked += 1
        third, fourth = times(long(far)), times(long(far + step))
        assert fourth.cycles - third.cycles == second.cycles - first.cycles, seed
        assert np.array_equal(fourth.totals - third.totals, second.totals - first.totals), seed
        assert third.unrolled_iterations <= found.unrolled_iterations + step
    assert checked > 80
