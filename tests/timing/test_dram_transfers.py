"""The transfers that are listed in columns are the loads and stores among the events of the run."""

from collections.abc import Iterable, Iterator
from itertools import chain
from random import Random

import numpy as np
import pytest

from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.mapping.planner import Planner
from hwsim.schedule.schedule import LoopSegment, OpSchedule, Preload, Schedule, ScheduleNode
from hwsim.schedule.steps import Load
from hwsim.schedule.unit_table import Unit
from hwsim.study.facts import table_of
from hwsim.timing.events import Event, events
from hwsim.timing.timeline import times
from hwsim.timing.transfers import DramTransfers, count_transfers, dram_transfers
from strategies.schedules import draw

ALL = 1 << 50


def drawn(seed: int) -> Schedule:
    return draw(Random(seed), jobs=400)


def by_event(schedule: Schedule) -> list[Event]:
    """Loads and stores in the order of their starts, of equal ones loads first, then in the order of the program."""
    found = [event for event in events(schedule) if event.unit in (Unit.LOAD, Unit.STORE)]
    return sorted(found, key=lambda event: (event.start, event.unit))


def moved(found: DramTransfers, place: int) -> list[tuple[str, int]]:
    portions = slice(found.portion_at[place], found.portion_at[place + 1])
    names = [found.names[number] for number in found.tensors[portions]]
    return list(zip(names, found.sizes[portions].tolist(), strict=True))


@pytest.mark.parametrize("seed", range(30))
def test_transfers_are_the_loads_and_stores_among_the_events(seed: int) -> None:
    schedule = drawn(seed)
    cycles = times(schedule).cycles
    found, expected = dram_transfers(schedule, cycles, ALL), by_event(schedule)
    assert found.all == len(expected) == count_transfers(schedule.body) == found.starts.size
    assert found.starts.tolist() == [event.start for event in expected]
    order = np.lexsort((found.ends, found.stores, found.starts))
    ends = sorted((event.start, event.unit is Unit.STORE, event.end) for event in expected)
    assert [(found.starts[n], bool(found.stores[n]), found.ends[n]) for n in order] == ends
    assert int(found.sizes.sum()) == sum(load.bytes for load in every_load(schedule.body)) + sum(stores(schedule.body))


def every_load(nodes: Iterable[ScheduleNode]) -> Iterator[Load | Preload]:
    """All loads that come to run, one by one."""
    for node in nodes:
        match node:
            case LoopSegment():
                yield from chain.from_iterable(every_load(node.body) for _ in range(node.times))
            case Preload():
                yield node
            case OpSchedule():
                yield from chain.from_iterable(step.loads for step in node.unrolled())


def stores(nodes: Iterable[ScheduleNode]) -> Iterator[int]:
    """The bytes of all stores that come to run."""
    for node in nodes:
        match node:
            case LoopSegment():
                yield from chain.from_iterable(stores(node.body) for _ in range(node.times))
            case OpSchedule():
                yield from (step.store_bytes or 0 for step in node.unrolled())


@pytest.mark.slow
def test_transfers_of_a_planned_run_move_the_tensors_of_its_events() -> None:
    """In the same order, tensor by tensor and byte by byte."""
    workload = load_workload("conformer_s")
    planned = Planner(load_chip("int4_array")).plan(table_of(workload.program))
    schedule = planned.schedule
    found, expected = dram_transfers(schedule, planned.columns.cycles, ALL), by_event(schedule)
    for direction, unit in ((False, Unit.LOAD), (True, Unit.STORE)):
        mine = [moved(found, n) for n in range(found.all) if bool(found.stores[n]) is direction]
        theirs = [list(event.moved) for event in expected if event.unit is unit]
        assert mine == theirs
        assert mine
    totals = schedule.bytes_moved()
    for number, name in enumerate(found.names):
        assert found.sizes[found.tensors == number].sum() == sum(totals[unit][name] for unit in totals)


@pytest.mark.parametrize("seed", range(30))
def test_the_first_transfers_are_the_first_of_all(seed: int) -> None:
    """In the order of the program, until they move enough; each at its time in the whole run."""
    schedule = drawn(seed)
    cycles = times(schedule).cycles
    every = dram_transfers(schedule, cycles, ALL)
    most = max(1, int(every.sizes.sum()) // 3)
    some = dram_transfers(schedule, cycles, most)
    assert some.all == every.all
    assert some.starts.size <= every.starts.size
    weight = np.maximum(
        1, np.add.reduceat(np.append(some.sizes, 0), some.portion_at[:-1]) * (np.diff(some.portion_at) > 0)
    )
    assert weight.sum() >= most or some.starts.size == every.starts.size
    for direction in (False, True):
        first = every.starts[every.stores == direction]
        assert some.starts[some.stores == direction].tolist() == first[: (some.stores == direction).sum()].tolist()
