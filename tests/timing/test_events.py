"""The events of a walk are its totals piece by piece: none overlap, none are lost, and a simulation sees the same."""

from bisect import bisect_left
from collections import Counter, defaultdict
from itertools import pairwise
from random import Random

import pytest

from hwsim.engine.accounting import counters_of
from hwsim.errors import Unsupported
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.mapping.planner import schedule
from hwsim.schedule.counters import Units
from hwsim.schedule.schedule import Schedule
from hwsim.schedule.unit_table import StallReason, Unit
from hwsim.timing.events import Event, count_events, events
from hwsim.timing.timeline import times
from strategies.chips import chip
from strategies.programs import gemm
from strategies.schedules import draw
from witnesses.timeline_simpy import Seen, simulate


def drawn(seed: int) -> Schedule:
    return draw(Random(seed), jobs=400)


def by_unit(found: tuple[Event, ...]) -> dict[Unit, list[Event]]:
    return {unit: [event for event in found if event.unit is unit] for unit in Unit}


def test_events_add_up_to_the_totals() -> None:
    """Busy cycles and stalls of every op, by unit and reason, although the totals were walked with periods skipped."""
    for seed in range(150):
        plan = drawn(seed)
        busy, stalls = Counter[tuple[str, Unit]](), Counter[tuple[str, Unit, StallReason]]()
        for event in events(plan):
            busy[event.op, event.unit] += event.end - event.start
            if event.reason is not None:
                stalls[event.op, event.unit, event.reason] += event.waited
        for op, found in times(plan).by_op().items():
            for unit in Unit:
                assert found.busy[unit] == busy[op, unit], seed
                for reason in StallReason:
                    assert found.stalls[reason][unit] == stalls[op, unit, reason], seed


def test_events_of_a_unit_never_overlap() -> None:
    """Nor those of two units on one port; what a unit waited is the gap before its start."""
    for seed in range(150):
        plan = drawn(seed)
        on_port = defaultdict(list)
        for event in events(plan):
            on_port[event.unit.on_shared_port if plan.ports.shared else event.unit].append(event)
        for found in on_port.values():
            assert found[0].waited == found[0].start
            for before, after in pairwise(found):
                assert after.start - before.end == after.waited >= 0, seed


def seen_by_unit(seen: Seen) -> dict[Unit, list[tuple[str, int, int, int, int, str]]]:
    """What the simulation saw, as events of each unit: op, iteration, start, end, waited cycles, reason."""
    runs: dict[str, list[int]] = defaultdict(list)
    for number, op in sorted({(job.run, job.op) for job in seen.order if not job.preload}):
        runs[op].append(number)
    return {
        unit: [
            (job.op, bisect_left(runs[job.op], job.run), job.start, job.end, job.waited, job.reason)
            for job in seen.order
            if job.unit is unit
        ]
        for unit in Unit
    }


@pytest.mark.slow
def test_events_are_those_of_an_event_simulation() -> None:
    for seed in range(300):
        plan = drawn(seed)
        found = {
            unit: [
                (e.op, e.iteration, e.start, e.end, e.waited, "" if e.reason is None else e.reason.key) for e in mine
            ]
            for unit, mine in by_unit(events(plan)).items()
        }
        assert found == seen_by_unit(simulate(plan)), seed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "precision"), [("rnnt", "w4a4"), ("rnnt", "w4a16"), ("conformer_s", "w8a8"), ("tdnnf_7q", "fp16")]
)
def test_transfers_say_of_which_tensors_all_their_bytes_are(name: str, precision: str) -> None:
    """Bytes by tensor add up to those of the run, and only tensors that the program or the plan names are moved."""
    work = load_workload(name, precision=precision)
    plan = schedule(work.program, load_chip("int4_array"))
    moved, total = plan.bytes_moved(), counters_of(plan).total.work
    assert moved[Unit.LOAD].total() == total.dram_read_bytes
    assert moved[Unit.STORE].total() == total.dram_write_bytes
    made = {tensor.name for tensor in work.program.tensors if not tensor.role.given}
    assert set(moved[Unit.STORE]) <= made
    parameters = {tensor.name: tensor for tensor in work.program.tensors if tensor.role.parameter}
    assert len(set(moved[Unit.LOAD]) & set(parameters)) > 0.5 * len(parameters)


def test_events_carry_the_bytes_of_the_run_by_tensor() -> None:
    plan = schedule(gemm(40, 70, 50, times=3), chip())
    found = events(plan)
    for unit, sizes in plan.bytes_moved().items():
        told = Counter[str]()
        for event in by_unit(found)[unit]:
            for tensor, size in event.moved:
                told[tensor] += size
        assert told == sizes
    assert set(plan.bytes_moved()[Unit.STORE]) == {"out"}
    assert max(event.iteration for event in found) == 2


def test_so_many_events_that_nobody_could_hold_them_are_refused() -> None:
    plan = drawn(1)
    count = count_events(plan.body)
    assert len(events(plan, most=count)) == count
    with pytest.raises(Unsupported, match=f"has {count:,} events, of which {count - 1:,} are listed at most"):
        events(plan, most=count - 1)


def test_nobody_pays_for_events_that_nobody_asks_for() -> None:
    """The totals of a walk are the same with events and without, and those without have no room for any."""
    plan = drawn(2)
    before = times(plan)
    events(plan)
    after = times(plan)
    assert before.cycles == after.cycles
    assert before.by_op() == after.by_op()
    assert sum((found.busy for found in before.by_op().values()), Units()) == before.of_all.busy
