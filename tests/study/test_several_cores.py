"""Runs on several cores as results, texts and traces show them; what starting takes beside the cycles."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from hwsim.hardware.chip import Chip, Interconnect
from hwsim.inputs.result import load_result
from hwsim.mapping.plan import Strategy
from hwsim.mapping.splits import Split
from hwsim.report.explanation import explanation_text
from hwsim.report.export import run_files, to_json
from hwsim.report.full import full_text
from hwsim.report.numbers import figure, seconds
from hwsim.report.tables import Screen
from hwsim.report.without import without_each
from hwsim.schedule.unit_table import Unit
from hwsim.study.simulate import simulate
from hwsim.timing.events import events
from hwsim.timing.timeline import times
from mapping.test_cores import chain
from mapping.test_model_by_hand import TINY
from plans import plans_of, scheduled
from strategies.kinds import workload_of
from strategies.programs import gemm

FOUR = replace(TINY, cores=4, interconnect=Interconnect(rate=4, latency=3000))
SCREEN = Screen(width=120)


def test_a_run_on_several_cores_reads_back_and_says_what_was_sent(tmp_path: Path) -> None:
    found = simulate(FOUR, workload_of(chain(6, 40)), explained="second")
    (tmp_path / "result.json").write_text(to_json(found))
    assert load_result(str(tmp_path / "result.json")) == found
    first, second = found.ops
    assert first.split is not None
    sent = sum(op.exchange_bytes for op in found.ops)
    assert sent == found.counters.work.exchange_bytes
    assert (sent > 0) == (first.split != second.split or " of n" in first.split)
    header, *rows = run_files(found)["ops.csv"].splitlines()
    assert "split" in header.split(",")
    assert all(len(row.split(",")) >= len(header.split(",")) for row in rows)
    assert "cores" in explanation_text(found, FOUR.clock, SCREEN)
    assert "exchange" in full_text(found, FOUR.clock, SCREEN)


def test_one_core_says_nothing_of_others() -> None:
    found = simulate(TINY, workload_of(chain(6, 40)))
    assert "exchange" not in to_json(found)
    assert "split" not in to_json(found)
    assert "exchange" not in full_text(found, TINY.clock, SCREEN)


def test_utilisation_is_that_of_all_arrays() -> None:
    """Products of two arrays on four cores, of four elements each, in a cycle."""
    chip = replace(FOUR, arrays=2, scratchpad=replace(FOUR.scratchpad, size=2**16))
    found = simulate(chip, workload_of(gemm(16, 64, 64)))
    assert found.summary.utilization == pytest.approx(16 * 64 * 64 / (found.summary.cycles * 2 * 4 * 4))
    assert found.efficiency.peak_tops == pytest.approx(2 * 2 * 4 * 4 / 1000)
    assert 0 < found.summary.reachable_utilization <= 1


def test_events_of_the_exchange_are_its_busy_cycles() -> None:
    splits = {"first": Split(n=2), "second": Split(m=2)}
    schedule = scheduled(plans_of(chain(5, 12), FOUR, splits=splits).candidate(4096, Strategy(4)))
    seen = [event for event in events(schedule) if event.unit is Unit.EXCHANGE]
    assert sum(event.end - event.start for event in seen) == times(schedule).of_all.busy.exchange > 0
    assert {event.op for event in seen} == {"first"}


def test_starting_takes_what_the_chip_says_and_stands_apart() -> None:
    work = workload_of(gemm(3, 4, 4, times=7))
    free, taking = (simulate(on, work).summary for on in (TINY, started(TINY)))
    assert taking.cycles == free.cycles
    assert taking.energy_aj == free.energy_aj
    assert (free.launch_ms, free.dispatched) == (0, 0)
    assert taking.launch_ms == pytest.approx(0.1 + 7 * 0.002)
    assert taking.dispatched == 7
    assert taking.latency_ms == pytest.approx(free.latency_ms + taking.launch_ms)
    assert taking.dispatch_ms == pytest.approx(7 * 0.002)
    text = full_text(simulate(started(TINY), work), TINY.clock, SCREEN)
    assert "without launch" in text
    assert "launch" not in full_text(simulate(TINY, work), TINY.clock, SCREEN)


def test_each_start_and_the_host_have_a_line_of_what_the_run_takes_without_them() -> None:
    """7 runs of 2 us and a launch of 100 us beside 3 ms of a host: lines are there for those that take time alone."""

    def told(launch: int, dispatch: int, host_ms: int) -> dict[str, tuple[str, str]]:
        on = replace(TINY, launch=launch * 10**6, dispatch=dispatch * 10**6)
        work = replace(workload_of(gemm(3, 4, 4, times=7)), host=host_ms * 10**9, decoding_steps=1)
        summary = simulate(on, work).summary
        chip_ms = summary.cycles / TINY.clock * 1000
        assert summary.latency_ms == pytest.approx(chip_ms + launch / 1000 + 7 * dispatch / 1000 + host_ms)
        return {name: (value, remark) for name, value, remark in without_each(summary)}

    def line(us: float, why: str) -> tuple[str, str]:
        took = cycles / TINY.clock + us * 1e-6
        return seconds(took), f"RTF {figure(took / audio)}, if {why}"

    plain = simulate(TINY, workload_of(gemm(3, 4, 4, times=7))).summary
    cycles, audio = plain.cycles, plain.audio_seconds
    launch, dispatch = "starting the program took no time", "starting 7 runs of ops took no time"
    assert told(0, 0, 0) == {}
    assert told(100, 0, 0) == {"without launch": line(0, launch)}
    assert told(0, 2, 0) == {"without dispatch": line(0, dispatch)}
    assert told(0, 0, 3) == {"without host": line(0, "the host took no time")}
    assert told(100, 2, 3) == {
        "without launch": line(3014, launch),
        "without dispatch": line(3100, dispatch),
        "without starts": line(3000, "neither of these took time"),
        "without host": line(114, "the host took no time"),
    }


def started(on: Chip) -> Chip:
    """A launch of 100 us, and 2 us for each run of an op."""
    return replace(on, launch=100 * 10**6, dispatch=2 * 10**6)


def test_what_if_and_power_count_with_what_starting_takes() -> None:
    found = simulate(started(TINY), workload_of(gemm(3, 4, 4)))
    seconds = Fraction(found.summary.cycles, TINY.clock) + Fraction(102, 10**6)
    assert found.summary.latency_ms == pytest.approx(float(1000 * seconds))
    assert found.efficiency.average_power_w == pytest.approx(found.summary.energy_aj / 10**18 / float(seconds))
    for what_if in found.diagnosis.what_ifs:
        assert what_if.latency_ms == pytest.approx(what_if.cycles / TINY.clock * 1000 + 0.102)
