"""A band holds the run as it is and every run that it names, each equal to a run alone; a changed run is that of the
changed file."""

import json
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib.figure import Figure

import hwsim
from command import complaint, printed
from data import ARCH
from hwsim.errors import UserError
from hwsim.hardware.chip import Chip
from hwsim.inputs.load import load_workload
from hwsim.ir.workload import Workload
from hwsim.report.band import band_text
from hwsim.report.export import band_files, to_json
from hwsim.report.plots import tornado
from hwsim.report.plots.canvas import Canvas
from hwsim.report.plots.registry import Drawing
from hwsim.report.tables import MOST_LINES, Screen
from hwsim.results.band import Band, Corners
from hwsim.results.headline_figures import Headline, headline_of
from hwsim.results.tiles_result import TilesResult
from hwsim.study.around import Around, run_around
from hwsim.study.band import SAMPLED
from hwsim.study.simulate import Request

matplotlib.use("Agg")

DOCUMENT: dict[str, Any] = {
    "name": "small",
    "kind": "lstm_lm",
    "audio": "1 s",
    "batch": 2,
    "precision": "w4a4",
    "symbols_per_second": 4,
    "model": {"embedding": 40, "cells": 200, "layers": 1},
    "outputs": 30,
}
FIELDS: dict[str, Any] = {
    "dram.read": "16 GB/s..96 GB/s",
    "scratchpad.size": "16 KiB..4 MiB",
    "energy.dram.lpddr4.energy": "x0.5..14 pJ",
    "audio": ("0.5 s", "2 s"),
}
ENDS = {
    "dram.read": ("16 GB/s", "64 GB/s", "96 GB/s"),
    "scratchpad.size": ("16 KiB", "2 MiB", "4 MiB"),
    "energy.dram.lpddr4.energy": ("4 pJ", "8 pJ", "14 pJ"),
    "audio": ("500 ms", "1 s", "2 s"),
}
MANY = {**FIELDS, "vector.lanes": "x0.5..x2", "model.cells": (150, 260)}


def chip() -> Chip:
    return hwsim.load_chip("int4_array")


@cache
def work() -> Workload:
    return load_workload(DOCUMENT)


@cache
def tiny_band() -> Band:
    return hwsim.band(chip(), work(), FIELDS)


@cache
def large_band() -> Band:
    return hwsim.band(chip(), work(), MANY, seed=3)


def alone(values: dict[str, str]) -> dict[Headline, float]:
    """The figures of a run of its own, of files with these values."""
    nominal = {path: ends[1] for path, ends in ENDS.items()}
    return _alone(*(value for value in {**nominal, **values}.values()))


@cache
def _alone(*written: str) -> dict[Headline, float]:
    values = dict(zip(ENDS, written, strict=True))
    own = {path: value for path, value in values.items() if path != "audio"}
    heard = load_workload({**DOCUMENT, "audio": values["audio"]})
    return headline_of(hwsim.simulate(chip().with_(**own), heard))


def test_the_points_are_as_it_is_each_field_alone_and_all_corners() -> None:
    points = [dict(point.values) for point in tiny_band().points]
    nominal = {path: ends[1] for path, ends in ENDS.items()}
    singles = [{**nominal, path: ends[place]} for path, ends in ENDS.items() for place in (0, 2)]
    corners = [dict(zip(ENDS, ends, strict=True)) for ends in product(*((low, high) for low, _, high in ENDS.values()))]
    assert points == [nominal, *singles, *corners]


def test_every_point_equals_a_run_alone_to_the_unit() -> None:
    for point in tiny_band().points:
        assert dict(point.figures) == alone(dict(point.values))


def test_a_band_is_the_least_and_the_most_of_its_points_and_holds_the_run_as_it_is() -> None:
    band = tiny_band()
    as_it_is = headline_of(hwsim.simulate(chip(), work()))
    for one in band.figures:
        values = [dict(point.figures)[one.figure] for point in band.points]
        assert (one.low, one.high) == (min(values), max(values))
        assert one.low <= as_it_is[one.figure] == one.nominal <= one.high
        assert (values[one.low_at], values[one.high_at]) == (one.low, one.high)
    assert {one.figure for one in band.figures} == set(Headline)


def test_a_tornado_holds_single_runs_and_begins_with_what_moves_most() -> None:
    for one in tiny_band().figures:
        reaches = []
        for swing in one.tornado:
            low, _, high = ENDS[swing.path]
            assert swing.at_low == alone({swing.path: low})[one.figure]
            assert swing.at_high == alone({swing.path: high})[one.figure]
            three = (swing.at_low, one.nominal, swing.at_high)
            reaches.append(max(three) - min(three))
        assert reaches == sorted(reaches, reverse=True)


@pytest.mark.parametrize("path", ["dram.read", "audio"])
def test_a_band_over_part_of_a_range_lies_inside_the_whole_one(path: str) -> None:
    """From the value as it is to the high end: all its points are points of the whole band."""
    _, nominal, high = ENDS[path]
    narrow = hwsim.band(chip(), work(), {**FIELDS, path: f"{nominal}..{high}"})
    points = [point.values for point in tiny_band().points]
    shared = [point for point in narrow.points if point.values in points]
    assert shared
    for inner, outer in zip(narrow.figures, tiny_band().figures, strict=True):
        values = [dict(point.figures)[inner.figure] for point in shared]
        assert outer.low <= min(values) <= inner.nominal <= max(values) <= outer.high


def test_a_field_that_no_run_uses_moves_nothing() -> None:
    band = hwsim.band(chip(), work(), {"vector.cycles.rsqrt": (1, 500), "energy.dram.gddr6.bits": "x0.5..x9"})
    assert len({point.figures for point in band.points}) == 1
    assert len(band.points) == 9


def test_prices_move_no_cycle_and_the_bandwidth_no_byte_of_the_model() -> None:
    band = tiny_band()
    swings = {one.figure: {swing.path: swing for swing in one.tornado} for one in band.figures}
    price = swings[Headline.ENERGY]["energy.dram.lpddr4.energy"]
    assert price.at_low < band.of(Headline.ENERGY).nominal < price.at_high
    cycles = swings[Headline.CYCLES]["energy.dram.lpddr4.energy"]
    assert cycles.at_low == cycles.at_high == band.of(Headline.CYCLES).nominal
    assert band.of(Headline.MODEL).low == band.of(Headline.MODEL).high


@pytest.mark.slow
def test_of_many_fields_corners_are_sampled_by_the_seed() -> None:
    band, again = large_band(), hwsim.band(chip(), work(), MANY, seed=3)
    assert band == again
    assert (band.corners, band.seed) == (Corners.SAMPLED, 3)
    ends = {field.path: (field.low, field.high) for field in band.fields}
    corners = [point for point in band.points if all(value in ends[path] for path, value in point.values)]
    assert SAMPLED // 2 < len(corners) < 2 ** len(MANY)
    assert len(corners) == len(band.points) - 1 - 2 * len(MANY)
    slowest = dict(band.points[band.of(Headline.LATENCY).high_at].values)
    assert (slowest["dram.read"], slowest["audio"]) == ("16 GB/s", "2 s")


@pytest.mark.parametrize(
    ("changes", "edits"),
    [
        ({"dram.read": "x2"}, [("read: 64 GB/s", "read: 128 GB/s")]),
        ({"vector.lanes": "x0.5", "dram.latency": "0 ns"}, [("lanes: 64", "lanes: 32"), ("y: 100 ns", "y: 0 ns")]),
        ({"array.dataflow": "os"}, [("dataflow: ws", "dataflow: os")]),
        ({"dram.shared_port": "false"}, [("shared_port: true", "shared_port: false")]),
        ({"array.m_chunk": "16"}, [("m_chunk: null", "m_chunk: 16")]),
        ({"vector.cycles.tanh": "x2"}, [("tanh: 4", "tanh: 8")]),
    ],
)
def test_a_changed_run_is_that_of_the_edited_file_to_the_unit(
    changes: dict[str, str], edits: list[tuple[str, str]], tmp_path: Path
) -> None:
    text = ARCH.read_text()
    for old, new in edits:
        assert text.count(old) == 1
        text = text.replace(old, new)
    file = tmp_path / "chip.yaml"
    file.write_text(text)
    edited = hwsim.simulate(hwsim.load_chip(str(file)), work())
    found = hwsim.what_if(chip(), work(), changes)
    assert dict(found.after) == headline_of(edited)
    assert dict(found.before) == headline_of(hwsim.simulate(chip(), work()))
    assert found.binds_after == edited.diagnosis.binds.label
    assert [change.path for change in found.changes] == [*changes]


WRONG = [
    ({"dram.raed": "1 GB/s..2 GB/s"}, "unknown field 'dram.raed'; did you mean dram.read or dram.write"),
    ({"vector.cycles.tan": "1..2"}, "unknown field 'vector.cycles.tan'; did you mean vector.cycles.tanh"),
    ({"model.cell": "1..2"}, "unknown field 'model.cell'; did you mean model.cells"),
    ({"dram": "1..2"}, "unknown field 'dram'; did you mean dram.read"),
    ({"quite.something": "1..2"}, "unknown field 'quite.something'; it is a path of the chip"),
    ({"dram.read": "40 GB/s"}, "dram.read = '40 GB/s': must be a range LOW..HIGH"),
    ({"dram.read": "40 GB/s..50 GB/s..60 GB/s"}, "must be a range LOW..HIGH"),
    ({"dram.read": "80 GB/s..40 GB/s"}, "dram.read = '80 GB/s..40 GB/s': must have its low end first"),
    ({"dram.read": "70 GB/s..80 GB/s"}, "must hold the value as it is, 64 GB/s"),
    ({"dram.read": "40 m/s..80 GB/s"}, "dram.read = '40 m/s': unknown unit 'm/s'; known: B/s"),
    ({"dram.latency": "0..5"}, "dram.latency = '5': must be a number with a unit"),
    ({"dram.read": "0 GB/s..80 GB/s"}, "dram.read = '0 GB/s': must be at least 1 B/s"),
    ({"energy.dram.lpddr4.energy": "-1 pJ..9 pJ"}, "energy.dram.lpddr4.energy = '-1 pJ': must be at least 0"),
    ({"energy.dram.lpddr4.energy": "4 pJ..16 pJ"}, "energy.dram.lpddr4.high = '14 pJ': must be at least the energy"),
    ({"vector.lanes": "0..64"}, "vector.lanes = '0': must be at least 1"),
    ({"vector.lanes": "x0.3..x2"}, "vector.lanes = 'x0.3': must be a whole number; 64 times that is none"),
    ({"vector.lanes": "32.5..64"}, "vector.lanes = '32.5': must be a whole number"),
    ({"vector.lanes": (True, 64)}, "vector.lanes = True: must be a number"),
    ({"array.dataflow": "ws..os"}, "array.dataflow = 'ws': is no number"),
    ({"array.m_chunk": "1..2"}, "array.m_chunk = 'null': is no number"),
    ({"scratchpad.banks": "7..16"}, "int4_array: scratchpad.banks = 7: must divide the size of 2097152 bytes"),
    ({"scratchpad.size": "16 B..2 MiB"}, "with scratchpad.size = 16 B: "),
    ({}, "fields = {}: must map paths of fields to ranges"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG)
def test_what_cannot_be_varied_is_told_in_one_line(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        hwsim.band(chip(), work(), fields)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"array.dataflow": "oss"}, "int4_array: array.dataflow = 'oss': did you mean os? known: ws, is, os"),
        ({"array.dataflow": "x2"}, "array.dataflow = 'ws': is no number"),
        ({"energy.sram.9.capacity": "1 MiB"}, "unknown field 'energy.sram.9.capacity'"),
        ({"dram.read": "x2", "dram.raed": "x2"}, "unknown field 'dram.raed'"),
        ({"model.cells": "0"}, "model.cells = '0': must be at least 1"),
        ({}, "changes = {}: must map paths of fields to values"),
    ],
)
def test_what_cannot_be_changed_is_told_in_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        hwsim.what_if(chip(), work(), changes)
    assert message in str(caught.value)


def test_an_item_of_a_list_is_named_by_its_place() -> None:
    changed = chip().with_(**{"energy.sram.1.price.energy": "10 pJ"})
    found = hwsim.what_if(chip(), work(), {"energy.sram.1.price.energy": "10 pJ"})
    assert dict(found.after) == headline_of(hwsim.simulate(changed, work())) != dict(found.before)


def test_a_result_with_its_band_and_changed_runs_reads_back_as_it_was() -> None:
    around = Around(band=FIELDS, changes=({"dram.read": "x2"}, {"audio": "2 s"}))
    result = run_around(chip(), work(), Request(), around, files={})
    assert result.band == tiny_band()
    assert [change.path for run in result.changed for change in run.changes] == ["dram.read", "audio"]
    assert hwsim.load_result(to_json(result)) == result


def test_bands_of_analog_tiles_come_from_the_same_code() -> None:
    on = hwsim.load_analog_chip("analog_pcm")
    fields = {"link.within": "0 ns..600 ns", "typical.input": (0.1, 0.4)}
    result = run_around(on, work(), Request(), Around(band=fields, changes=({"vector.lanes": "x2"},)), files={})
    assert isinstance(result, TilesResult)
    assert result.band is not None
    as_it_is = hwsim.simulate(on, work())
    assert {one.figure: one.nominal for one in result.band.figures} == headline_of(as_it_is)
    faster = hwsim.simulate(on.with_(**{"vector.lanes": 2 * on.vector.lanes}), work())
    assert dict(result.changed[0].after) == headline_of(faster)
    assert hwsim.load_result(to_json(result)) == result
    low = hwsim.simulate(on.with_(**{"link.within": "0 ns"}), work())
    swing = next(one for one in result.band.of(Headline.LATENCY).tornado if one.path == "link.within")
    assert swing.at_low == low.summary.latency_ms


@pytest.mark.slow
@pytest.mark.parametrize("width", [60, 80, 140])
def test_a_band_fits_one_screen(width: int) -> None:
    for band in (tiny_band(), large_band()):
        text = band_text(band, Screen(width=width))
        assert text.count("\n") <= MOST_LINES
        assert all(len(line) <= width for line in text.split("\n"))
        assert f"{len(band.points)} runs" in text
    assert "all 16 corners" in " ".join(band_text(tiny_band(), Screen()).split())
    assert "What moves area" in band_text(tiny_band(), Screen(width=width), full=True)


def test_a_tornado_is_drawn_from_the_run_as_it_is_to_both_ends() -> None:
    band = tiny_band()
    one, ax, rows = band.of(Headline.LATENCY), Figure().subplots(), tornado.rows(band)
    tornado.draw_tornado(rows, Headline.LATENCY, ax, 5, Canvas("tornado"))
    ends = sorted(bar.get_x() + bar.get_width() for bar in ax.patches)  # type: ignore[attr-defined]
    moving = [swing for swing in one.tornado if swing.reach(one.nominal)]
    assert ends == pytest.approx(sorted(value for swing in moving for value in (swing.at_low, swing.at_high)))
    assert [tick.get_text() for tick in ax.get_yticklabels()] == [swing.path for swing in moving]
    assert ax.get_xlabel() == "latency [ms]"
    assert "latency [ms]" in Drawing("tornado", "a band", rows).svg()


def test_tables_of_a_band_hold_each_figure_field_and_point() -> None:
    band = tiny_band()
    lines = {name: text.splitlines() for name, text in band_files(band).items()}
    assert {name: len(rows) - 1 for name, rows in lines.items()} == {
        "band.csv": len(Headline),
        "points.csv": len(band.points),
    }
    assert len(tornado.rows(band)) == len(Headline) * len(FIELDS)


def test_the_command_says_what_python_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    band = ("--band", "dram.read=16 GB/s..96 GB/s", "--band", "vector.lanes=x0.5..x2")
    what_if = ("--what-if", "dram.read=x2, vector.lanes=128")
    out, err = printed(capsys, "run", "int4_array", "lstm_lm", *band, *what_if, "--json", "-", "--out", "found")
    found = hwsim.load_result(out)
    on, lm = chip(), load_workload("lstm_lm")
    assert found.band == hwsim.band(on, lm, {"dram.read": "16 GB/s..96 GB/s", "vector.lanes": "x0.5..x2"})
    assert found.changed == (hwsim.what_if(on, lm, {"dram.read": "x2", "vector.lanes": 128}),)
    told = " ".join(err.split())
    assert "What if dram.read were 128 GB/s instead of 64 GB/s, vector.lanes were 128 instead of 64" in told
    assert "2 fields between two ends" in told
    assert "latency [ms]" in (tmp_path / "found" / "tornado.svg").read_text()
    assert {"band.csv", "points.csv", "tornado.csv", "what_if.csv"} <= {
        one.name for one in (tmp_path / "found").iterdir()
    }
    assert json.loads(out)["band"]["corners"] == "all"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--band", "dram.read"), "--band = 'dram.read': must be a field and its range, such as"),
        (("--what-if", "dram.read"), "--what-if = 'dram.read': must be fields and their values, such as"),
        (("--band", "dram.read=x1..x2", "--band", "dram.read=x1..x3"), "names dram.read a second time"),
        (("--band", "dram.read=x1..x2", "--values"), "--band: runs what was not measured; leave out"),
        (("--what-if", "dram.raed=x2"), "unknown field 'dram.raed'; did you mean dram.read"),
    ],
)
def test_the_command_refuses_in_one_line(
    options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in complaint(capsys, "run", "int4_array", "lstm_lm", *options)
