"""The laws of the clock on every shipped workload, at full size, on the shipped chip."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from hwsim.engine.accounting import counters_of
from hwsim.inputs.chips import load_chip
from hwsim.inputs.files import Kind, names
from hwsim.inputs.load import load_workload
from hwsim.mapping.planner import schedule
from hwsim.schedule.schedule import Residency, Schedule
from hwsim.timing.timeline import times
from timing.test_timeline import agree
from witnesses.clock_laws import waits
from witnesses.timeline_simpy import simulate

pytestmark = pytest.mark.slow

WORKLOADS = names(Kind.WORKLOAD)
# The others have more steps than an event simulation walks in a few seconds.
SHORT = ("conformer_l", "conformer_m", "conformer_s", "tdnnf_7q")


def planned(name: str) -> Schedule:
    return schedule(load_workload(name).program, load_chip("int4_array"))


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_periodic_stop_equals_walking_every_step(name: str) -> None:
    plan = planned(name)
    found, walked = times(plan), times(plan, stop=False)
    assert np.array_equal(found.totals, walked.totals)
    assert (found.cycles, found.ends) == (walked.cycles, walked.ends)


@pytest.mark.parametrize("name", SHORT)
def test_the_event_simulation_agrees(name: str) -> None:
    plan = planned(name)
    assert agree(times(plan), simulate(plan))


@pytest.mark.parametrize("name", WORKLOADS)
def test_more_bandwidth_slots_or_less_latency_never_add_a_cycle(name: str) -> None:
    plan = planned(name)
    ports, cycles = plan.ports, times(plan).cycles
    assert ports.dram_read is not None
    assert ports.dram_write is not None
    for better in (
        replace(ports, dram_read=ports.dram_read * Fraction(9, 8)),
        replace(ports, dram_write=ports.dram_write * 3, scratchpad_read=None, scratchpad_write=None),
        replace(ports, latency=ports.latency // 3),
        replace(ports, slots=ports.slots + 1),
    ):
        assert times(replace(plan, ports=better)).cycles <= cycles


@pytest.mark.parametrize("name", WORKLOADS)
def test_accounts_close(name: str) -> None:
    """Shares of ops sum to the run, whose time lies between its busiest unit and all steps one after another."""
    plan = planned(name)
    counters = counters_of(plan)
    total = counters.total
    assert sum(op.cycles for op in counters.ops) == total.cycles
    busy = total.busy
    units = busy.load, busy.array, busy.vector, busy.store
    assert max(units) <= total.cycles <= sum(units) + waits(plan)
    size = load_chip("int4_array").scratchpad.size
    assert all(one.kept_bytes <= size for one in plan.placements)
    assert {one.place for one in plan.placements} >= {Residency.STREAMED}
