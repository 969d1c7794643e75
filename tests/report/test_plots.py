"""Figures draw their rows, and nothing else: numbers of a result, in any layout, byte for byte the same."""

import csv
import json
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest

import hwsim
from command import printed
from data import TINY
from hwsim.errors import InvalidValue, UnknownName
from hwsim.report.export import to_csv
from hwsim.report.plots import lines, quality, stacks, time_groups, utilisation, waterfall
from hwsim.report.plots.looks import BOUNDS, ENERGY, HATCHES, MARKERS, PALETTE
from hwsim.report.plots.ops import shown_groups, title_of
from hwsim.report.plots.registry import PLOTS, Drawing
from hwsim.report.plots.sets import comparison_drawings, drawn_files, run_drawings
from hwsim.report.tables import limit_text
from hwsim.results.pictured import Pictured
from hwsim.results.result import Comparison, Result
from hwsim.schedule.unit_table import Limit
from hwsim.study.pictured import pictured
from hwsim.study.simulate import simulate

NEEDS_POINTS = ("precisions", "pareto", "streams", "beam", "quality", "drift", "tornado")
"""Figures that no command draws without rows."""

SMALL = {
    "encoder.layers": 3,
    "encoder.cells": 16,
    "encoder.features": 8,
    "prediction.cells": 8,
    "prediction.embedding": 4,
}


@pytest.fixture(scope="module")
def run() -> tuple[Result, Pictured]:
    work, found = hwsim.load_workload("mlperf_rnnt", dims=SMALL), list[Pictured]()
    watch: Any = lambda chip, ran, planned: found.append(pictured(chip, ran, planned))  # noqa: E731
    result = simulate(hwsim.load_chip("int4_array"), work, watch=watch)
    return result, found[0]


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    work = hwsim.load_workload("mlperf_rnnt", dims=SMALL)
    return hwsim.compare(hwsim.load_chip("int4_array"), work, ["fp16", "w8a8", "w4a4"])


def test_every_figure_of_a_run_is_one_of_the_registry_and_draws_its_columns(run: tuple[Result, Pictured]) -> None:
    drawings = run_drawings(*run)
    assert [drawing.name for drawing in drawings] == [
        "roofline", "time_groups", "occupancy", "energy_parts", "traffic_parts", "utilisation", "scratchpad",
    ]  # fmt: skip
    for drawing in drawings:
        assert drawing.rows, drawing.name
        assert PLOTS[drawing.name].caption.endswith(".")
        for wide in (True, False):
            ElementTree.fromstring(drawing.svg(wide=wide))
            assert drawing.canvas(wide=wide).notes, drawing.name


def test_a_figure_is_the_same_bytes_whatever_the_machine_says(run: tuple[Result, Pictured]) -> None:
    drawing = run_drawings(*run)[1]
    before = drawing.svg(), drawing.pdf()
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.facecolor": "red"}):
        assert (drawing.svg(), drawing.pdf()) == before
    assert before[1].startswith(b"%PDF")
    assert "Date" not in before[0]


def test_rows_of_a_run_sum_to_the_run(run: tuple[Result, Pictured]) -> None:
    result, _ = run
    groups = time_groups.rows(result)
    assert sum(row["cycles"] for row in groups) == result.summary.cycles
    assert sum(row["share"] for row in groups) == pytest.approx(1)
    assert sum(row["count"] for row in groups) == sum(1 for _ in _with_time(result))
    energy = stacks.energy_rows(result)
    assert sum(row["energy_aj"] for row in energy) == result.summary.energy_aj
    moved = Counter[tuple[str, str]]()
    for row in stacks.traffic_rows(result):
        moved[row["memory"], row["direction"]] += row["bytes"]
    assert moved["DRAM", "read"] == result.summary.dram_read_bytes
    assert moved["DRAM", "written"] == result.summary.dram_write_bytes
    assert moved["scratchpad", "read"] == result.counters.work.scratchpad_read_bytes
    by_op = {op.name: op.utilization for op in result.ops}
    for row in utilisation.rows(result):
        if "×" not in row["name"] and "others" not in row["name"]:
            assert row["share"] == pytest.approx(by_op[row["name"]])


def _with_time(result: Result) -> list[str]:
    """Ops of groups that take time."""
    grouped = shown_groups(result.ops, lambda op: op.name, lambda op: op.cycles, most=10**6)
    return [op.name for group in grouped for op in group.members]


def test_equal_layers_are_one_with_their_number() -> None:
    ops = [("a.0.x", 3), ("b", 1), ("a.1.x", 2), ("c", 0), ("d", 1), ("e", 1)]
    found = shown_groups(ops, lambda op: op[0], lambda op: op[1], most=2)
    assert [title_of(group) for group in found] == ["a.*.x ×2", "b", "2 others"]


def test_bars_are_as_long_as_their_rows_say(run: tuple[Result, Pictured]) -> None:
    drawing = run_drawings(*run)[1]
    sheet = drawing.canvas()
    (ax,) = sheet.figure.axes
    lengths = [bar.get_width() for bar in ax.patches]  # type: ignore[attr-defined]
    shares = [length / sum(lengths) for length in lengths]
    assert shares == pytest.approx([row["share"] for row in drawing.rows if row["share"]])


def test_what_colours_tell_hatches_or_markers_tell_too() -> None:
    assert set(map(limit_text, Limit)) <= set(BOUNDS)
    told = [(BOUNDS[limit_text(limit)].hatch, BOUNDS[limit_text(limit)].marker) for limit in Limit]
    assert len(set(told)) == len(told)
    assert len({look.colour for look in ENERGY.values()}) == len(ENERGY)
    assert len(set(PALETTE)) == len(PALETTE)
    assert len(MARKERS) == len(HATCHES) == len(PALETTE)


def test_a_waterfall_leads_from_the_first_run_to_the_last_in_both_orders(comparison: Comparison) -> None:
    rows = waterfall.rows(comparison)
    for order in ("chain", "other order"):
        steps = [row for row in rows if row["order"] == order]
        assert steps[0]["cycles_before"] == comparison.rows[0].cycles
        assert steps[-1]["cycles_after"] == comparison.rows[-1].cycles
        assert steps[-1]["energy_after_aj"] == comparison.rows[-1].energy_aj
    drawn = next(drawing for drawing in comparison_drawings(comparison) if drawing.name == "waterfall")
    panels = drawn.canvas().figure.axes
    assert len(panels) == 4
    assert {panel.get_xlim() for panel in panels} == {panels[0].get_xlim(), panels[1].get_xlim()}, "one scale a unit"


def test_stacks_begin_at_nothing_however_small_their_pieces_are() -> None:
    """An axis that begins a hair right of nothing has no 0 on it."""
    spent = {"encoder": (10**17, 10**15), "search": (10**9, 3 * 10**10)}
    rows = [
        {"part": part, "group": group, "energy_aj": value, "share": value / 10**17}
        for part, values in spent.items()
        for group, value in zip(ENERGY, values, strict=False)
    ]
    (panel,) = Drawing("energy_parts", "energy", rows).canvas().figure.axes
    assert panel.get_xlim()[0] == 0
    assert 0 in panel.get_xticks()


def test_equal_layers_lose_as_one_line_by_the_worst_of_them() -> None:
    lost = {"a.0.b": 3.0, "c": 9.0, "a.1.b": 10.0, "a.2.b": None, "d": -1.0}
    rows = [{"name": name, "kind": "gemm", "sqnr_db": 20.0, "lost_db": value} for name, value in lost.items()]
    found = [(title_of(group), group.members[0]["lost_db"]) for group in quality.worst(rows)]
    assert found == [("a.*.b ×2", 10.0), ("c", 9.0), ("d", -1.0)]
    told = Drawing("quality", "values", rows).canvas().notes.values()
    assert "a.1.b: 10.0 dB lost" in told
    assert "a.0.b: 3.0 dB lost" not in told


def test_marks_of_ratios_do_not_hide_each_other() -> None:
    """Equal ratios stand above each other; where small and large ones are far apart, the axis is in powers of ten."""
    for high, scale in ((4.0, "linear"), (60.0, "log")):
        rows = [{"name": "a", "what": "faster", "ratio": high}, {"name": "a", "what": "cheaper", "ratio": high}]
        rows.append({"name": "b", "what": "faster", "ratio": 0.5})
        (panel,) = Drawing("ratios", "gains", rows).canvas().figure.axes
        drawn = [np.asarray(line.get_xydata(), dtype=float)[0] for line in panel.lines if line.get_marker() != "None"]
        marks = [(float(x), float(y)) for x, y in drawn]
        assert panel.get_xscale() == scale
        assert len(set(marks)) == len(marks) == len(rows)
        assert all(panel.get_xlim()[0] <= x <= panel.get_xlim()[1] for x, _ in marks)


def test_precisions_and_points_of_a_comparison_are_its_rows(comparison: Comparison) -> None:
    precisions, _, pareto = comparison_drawings(comparison)
    spent = Counter[str]()
    for row in precisions.rows:
        spent[row["precision"]] += row["energy_aj"]
    assert dict(spent) == {row.precision: row.energy_aj for row in comparison.rows}
    assert [(row["label"], row["latency_ms"]) for row in pareto.rows] == [
        (row.precision, row.latency_ms) for row in comparison.rows
    ]
    best = min(comparison.rows, key=lambda row: row.latency_ms).precision
    assert next(row["on_front"] for row in pareto.rows if row["label"] == best)


def test_the_front_is_what_no_point_beats() -> None:
    points = [(1, 9), (2, 5), (2, 6), (4, 4), (5, 1), (5, 5), (1, 9)]
    rows = [{"label": str(place), "latency_ms": x, "energy_mj": y} for place, (x, y) in enumerate(points)]
    found = lines.on_front(rows)
    assert [row["label"] for row in found if row["on_front"]] == ["0", "1", "3", "4", "6"]
    sheet = Drawing("pareto", "points", found).canvas()
    assert len(sheet.notes) == len(points)


def test_the_real_time_factor_stands_over_beams_and_streams() -> None:
    beams = []
    for beam in (1, 2, 4):
        work = hwsim.load_workload("rnnt", dims={"decoding.beam": beam, "encoder.layers": 1, "encoder.cells": 16})
        result = simulate(hwsim.load_chip("int4_array"), work)
        beams.append({"beam": beam, "rtf": result.summary.rtf, "series": "w4a4"})
    assert [row["rtf"] for row in beams] == sorted(row["rtf"] for row in beams)
    sheet = Drawing("beam", "beams", beams).canvas()
    assert [note.split(",")[0] for note in sheet.notes.values()] == [
        f"w4a4: {beam}.00 beam width" for beam in (1, 2, 4)
    ]
    streams = [{"streams": count, "rtf": 0.1 * count} for count in (1, 2, 16)]
    (ax,) = Drawing("streams", "streams", streams).canvas().figure.axes
    line = ax.lines[0]
    assert list(line.get_xdata()) == [1, 2, 16]  # type: ignore[arg-type]
    assert list(line.get_ydata()) == pytest.approx([0.1, 0.2, 1.6])  # type: ignore[arg-type]


def test_a_name_may_hold_anything() -> None:
    name = "a<b>&$x^{$ \x1b[31m 語"
    rows = [{"ops": name, "count": 1, "cycles": 3, "ms": 1.0, "share": 1.0, "bound_by": "array"}]
    text = Drawing("time_groups", name, rows).svg()
    shown = "".join(ElementTree.fromstring(text).itertext())
    assert r"a<b>&$x^{$ \x1b[31m 語" in shown


def test_rows_without_a_column_and_unknown_figures_are_refused() -> None:
    with pytest.raises(InvalidValue, match="must have ms"):
        Drawing("time_groups", "", [{"ops": "a", "count": 1, "cycles": 3}])
    with pytest.raises(UnknownName, match="roofing"):
        Drawing("roofing", "", [])


@pytest.mark.parametrize("name", [name for name in PLOTS if name not in NEEDS_POINTS])
def test_a_figure_of_nothing_says_so(name: str) -> None:
    ElementTree.fromstring(Drawing(name, "nothing", []).svg())


def test_each_figure_stands_beside_the_columns_that_it_draws(run: tuple[Result, Pictured]) -> None:
    drawings = run_drawings(*run)
    files = drawn_files(drawings, pdf=True)
    assert list(files)[:3] == ["roofline.csv", "roofline.svg", "roofline.pdf"]
    for drawing in drawings:
        text = files[f"{drawing.name}.csv"]
        assert isinstance(text, str)
        header, *rows = csv.reader(StringIO(text))
        assert tuple(header[: len(drawing.plot.columns)]) == drawing.plot.columns
        assert len(rows) == len(drawing.rows)
        assert text == to_csv(drawing.rows, columns=drawing.plot.columns)


def test_the_command_writes_figures_of_either_kind_of_chip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("work.yaml").write_text(TINY)
    out, _ = printed(capsys, "run", "analog_pcm", "work.yaml", "--json", "-", "--out", "tiles", "--pdf")
    made = {path.name for path in Path("tiles").iterdir()}
    assert {"tiles.svg", "tiles.csv", "tiles.pdf", "roofline.svg", "occupancy.svg"} <= made
    assert not {"scratchpad.svg", "tensors.csv"} & made
    with Path("tiles/time_groups.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["cycles"]) for row in rows) == json.loads(out)["summary"]["cycles"]


def test_tiles_of_many_chips_are_drawn_in_ranges() -> None:
    """What is taken of all of them together stays what it is."""
    rows = [
        {"chip": chip, "tile": tile, "part": part, "weights": 10, "room": 100, "share": 0.1 + 0.2 * (part == "a")}
        for chip in range(30)
        for tile in range(50)
        for part in ("a", "b")
    ]
    text = Drawing("tiles", "many", rows).svg()
    told = re.findall(r"tiles (\d+) to (\d+) of all chips, (\w): ([\d.]+) %", text)
    assert len(told) <= 2 * 100
    assert sum(int(last) - int(first) + 1 for first, last, part, _ in told if part == "a") == 30 * 50
    assert {share for *_, part, share in told if part == "a"} == {"30"}
    assert {share for *_, part, share in told if part == "b"} == {"10"}
