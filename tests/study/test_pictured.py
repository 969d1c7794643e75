"""Pictures of a run say what the run says: units work as long as they are counted, buffers lie apart, roofs hold."""

from collections import Counter
from itertools import combinations
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

import hwsim
from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.report.plots import roofline
from hwsim.report.plots.canvas import Rows
from hwsim.results.pictured import Buffer, Pictured
from hwsim.results.result import Result
from hwsim.results.tiles_result import TilesResult
from hwsim.schedule.unit_table import Unit
from hwsim.study.pictured import pictured
from hwsim.study.simulate import simulate
from hwsim.timing.events import events, unit_events
from hwsim.timing.occupancy import busy_between, edges_of, work_times
from strategies.chips import chip, chips
from strategies.recipes import RECIPES
from strategies.schedules import draw

DRAWN = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


def pictures(on: Chip, work: Workload) -> tuple[Result, Pictured]:
    found: list[Pictured] = []
    result = simulate(on, work, watch=lambda chip, ran, planned: found.append(pictured(chip, ran, planned)))
    (one,) = found
    return result, one


def apart(one: Buffer, other: Buffer) -> bool:
    """Whether two buffers never lie at one address at one time."""
    in_time = one.begin < other.end and other.begin < one.end
    in_space = one.address < other.address + other.bytes and other.address < one.address + one.bytes
    return not (in_time and in_space)


@DRAWN
@given(chips(), RECIPES)
def test_what_pictures_show_is_what_the_run_counted(on: Chip, recipe: AnyRecipe) -> None:
    try:
        result, shown = pictures(on, workload(recipe, "w8a8"))
    except Unsupported:
        assume(False)
    assert shown.followed == shown.cycles == result.summary.cycles
    busy = Counter[str]()
    for part in shown.occupied:
        busy[part.unit] += part.busy
    assert busy == Counter({unit.key: result.counters.busy[unit] for unit in Unit if result.counters.busy[unit]})
    assert all(buffer.address + buffer.bytes <= shown.scratchpad_bytes for buffer in shown.buffers)
    assert all(0 <= buffer.begin <= buffer.end <= shown.cycles for buffer in shown.buffers)
    assert all(apart(one, other) for one, other in combinations(shown.buffers, 2))
    kept = {tensor.tensor: tensor.kept_bytes for tensor in result.tensors if tensor.kept_bytes}
    lying = {buffer.tensor: buffer.bytes for buffer in shown.buffers}
    assert {name: size for name, size in lying.items() if name in kept} == {
        name: size for name, size in kept.items() if name in lying
    }
    below_the_roofs(roofline.rows(result, shown))


def below_the_roofs(rows: Rows) -> None:
    rates = {row["name"]: row["gb_per_second"] / 1000 for row in rows if row["what"] == "memory"}
    peaks = {row["name"]: row for row in rows if row["what"] == "peak"}
    for row in rows:
        if row["what"] != "ops":
            continue
        roofs = [rates["DRAM"] * row["operations_per_dram_byte"]] if row["dram_bytes"] else []
        if row["mode"] in peaks:
            assert peaks[row["mode"]]["reachable_tops"] <= peaks[row["mode"]]["tops"]
            roofs.append(peaks[row["mode"]]["tops"])
            if row["array_bytes"]:
                roofs.append(rates["scratchpad"] * row["operations_per_array_byte"])
        assert all(row["tops"] <= roof * (1 + 1e-12) for roof in roofs), row


@pytest.mark.parametrize("name", ["int4_array", "rapid", "edge_npu", "bit_serial"])
def test_no_op_lies_above_a_roof_of_a_shipped_chip(name: str) -> None:
    on = hwsim.load_chip(name)
    precision = {"rapid": "w4a4", "fp16_array": "fp16"}.get(name, "w8a8")
    result, shown = pictures(on, hwsim.load_workload("lstm_lm", precision=precision))
    rows = roofline.rows(result, shown)
    assert {row["what"] for row in rows} == {"ops", "peak", "memory"}
    below_the_roofs(rows)


@pytest.mark.parametrize("seed", range(40))
def test_events_are_counted_by_unit_without_being_listed(seed: int) -> None:
    schedule = draw(Random(seed), jobs=200)
    assert unit_events(schedule.body) == Counter(event.unit for event in events(schedule))


def test_of_a_long_run_the_beginning_is_followed() -> None:
    found = []
    work = hwsim.load_workload("lstm_lm", dims={"model.cells": 64, "model.embedding": 32})
    simulate(chip(), work, watch=lambda on, ran, planned: found.append(planned))
    planned = found[0]
    assert planned is not None
    cycles = planned.columns.cycles
    whole, until = work_times(planned.schedule, cycles)
    assert until == cycles
    part, ended = work_times(planned.schedule, cycles, most=unit_events(planned.schedule.body).total() // 3)
    assert 0 < ended < cycles
    edges = edges_of(ended, 7)
    for unit in part:
        np.testing.assert_array_equal(busy_between(*part[unit], edges), busy_between(*whole[unit], edges))


def test_units_on_tiles_work_as_long_as_they_are_counted() -> None:
    on, work = hwsim.load_analog_chip("analog_pcm"), hwsim.load_workload("mlperf_rnnt")
    found: list[Pictured] = []
    result = simulate(on, work, watch=lambda chip, ran, planned: found.append(pictured(chip, ran, planned)))
    assert isinstance(result, TilesResult)
    (shown,) = found
    busy, counted = Counter[str](), Counter[str]()
    for part in shown.occupied:
        busy[part.unit] += part.busy
    for unit in result.units:
        counted[unit.name.partition(".")[0]] += unit.busy
    assert busy == +counted
    assert shown.peaks[0].tops == pytest.approx(result.efficiency.peak_tops)
    assert shown.peaks[0].reachable_tops <= shown.peaks[0].tops
