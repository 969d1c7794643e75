"""Figures of a sweep show its points and what moves them; its page tells and brushes them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import pytest

from browser import Browser, browser, problem
from hwsim.cli.main import main
from hwsim.report.page.sweep import shown_rows, sweep_page
from hwsim.report.plots.sets import sweep_drawings
from hwsim.report.plots.sweep_points import FITS, FRONT, MISSES, front_rows, pair_of, tornado_rows
from hwsim.report.sweep_screen import sweep_text
from hwsim.report.tables import Screen
from hwsim.results.sweep import SweepOutcome
from hwsim.results.sweep_file import SweepAxis
from hwsim.study.sweep.run import sweep_points
from sweeps import PRODUCTS, small_sweep
from tools import require

matplotlib.use("Agg")

AXES = (
    SweepAxis(fields=("array.rows", "array.cols"), values=(8, 16, 24, 48)),
    SweepAxis(fields="scratchpad.size", values=("16 B", "64 KiB", "128 KiB")),
)


@pytest.fixture(scope="module")
def found() -> SweepOutcome:
    return sweep_points(small_sweep(axes=AXES, best=("energy", "area"), where=("latency < 5 us",)))


def test_points_on_the_front_are_those_of_the_outcome(found: SweepOutcome) -> None:
    rows = front_rows(found)
    kinds = {row["row"]: row["kind"] for row in rows}
    assert {number for number, kind in kinds.items() if kind == FRONT} == set(found.front)
    assert {number for number, kind in kinds.items() if kind != MISSES} == {
        row.number for row in found.rows if row.fits
    }
    assert set(kinds.values()) <= {FRONT, FITS, MISSES}
    assert len(kinds) == found.done < found.size
    assert pair_of(found.best) == ("energy", "area")


def test_the_front_is_what_no_other_point_beats(found: SweepOutcome) -> None:
    costs = {row["row"]: (row["x"], row["y"]) for row in front_rows(found) if row["kind"] != MISSES}
    for number, own in costs.items():
        beaten = any(a <= own[0] and b <= own[1] and (a, b) != own for a, b in costs.values())
        assert (number in found.front) is not beaten


def test_an_axis_moves_a_figure_by_the_ratio_of_its_means(found: SweepOutcome) -> None:
    for one in found.sensitivity:
        factors = [level.factor for level in one.levels]
        assert one.reach == pytest.approx(max(factors) / min(factors))
        assert sum(level.points for level in one.levels) == found.done
    assert {row["axis"] for row in tornado_rows(found)} == {axis.name for axis in AXES}


@pytest.mark.parametrize("wide", [True, False])
def test_figures_are_drawn_with_what_their_marks_say(found: SweepOutcome, wide: bool) -> None:
    front, tornado = (drawing.svg(wide=wide) for drawing in sweep_drawings(found))
    assert front.count('class="mark"') == len(found.front)
    assert "× the mean" in tornado
    assert front == sweep_drawings(found)[0].svg(wide=wide)


def test_an_outcome_without_points_has_figures_and_a_page() -> None:
    refused = sweep_points(small_sweep(axes=(SweepAxis(fields="scratchpad.size", values=("16 B", "17 B")),)))
    for drawing in sweep_drawings(refused):
        assert "<svg" in drawing.svg()
    assert "Every point was refused." in sweep_text(refused, Screen())
    assert "<html" in sweep_page(refused, "hwsim sweep")


def test_a_page_has_the_front_before_all_others(found: SweepOutcome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwsim.report.page.sweep.MOST", len(found.front))
    assert {row.number for row in shown_rows(found)} == set(found.front)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "products.json").write_text(json.dumps(PRODUCTS))
    flags = ["--set", "array.rows,array.cols=8,16,24,48", "--set", "scratchpad.size=16 B,64 KiB,128 KiB"]
    chosen = ["--best", "energy,area", "--html", str(folder / "sweep.html"), "--json", str(folder / "sweep.json")]
    assert main(["sweep", "int4_array", str(folder / "products.json"), *flags, *chosen]) == 0
    return folder / "sweep.html"


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    require("chromium", problem())
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


POINTS = """
const drawing = document.querySelector("#scatter svg"), box = drawing.getBoundingClientRect();
return [...drawing.querySelectorAll(".point")].map((one) => {
  const at = one.getBoundingClientRect();
  return {x: at.x + at.width / 2, y: at.y + at.height / 2, out: one.classList.contains("out")};
});
"""
VISIBLE = """
return [...document.querySelectorAll("#points-table tbody tr")].filter((row) => row.offsetParent !== null)
  .map((row) => Number(row.cells[0].textContent));
"""
SAID = "return document.querySelector('#scatter output').textContent"


def pointed(window: Browser, *actions: dict[str, Any]) -> None:
    """Move a pointer, and press it."""
    pointer = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": list(actions)}
    window.ask("POST", "/actions", actions=[pointer])


def to(x: float, y: float) -> dict[str, Any]:
    return {"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)}


DOWN, UP = {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
ESCAPE = "\ue00c"


@pytest.mark.slow
def test_a_page_tells_points_and_keeps_the_brushed_ones(page: Path, window: Browser) -> None:
    outcome = json.loads(page.with_suffix(".json").read_text())
    done = [row["number"] for row in outcome["rows"] if row["status"] == "done"]
    window.resize(1280, 1000)
    window.open(page)
    assert not [entry for entry in window.ask("POST", "/se/log", type="browser") if entry["level"] == "SEVERE"]
    window.run("document.querySelector('#scatter').scrollIntoView({block: 'center'})")
    points: Any = window.run(POINTS)
    assert len(points) == len(done)
    assert set(window.run(VISIBLE)) == {row["number"] for row in outcome["rows"]}

    pointed(window, to(points[0]["x"], points[0]["y"]))
    said = window.run(SAID)
    assert said.startswith("row ")
    assert "energy" in said

    left, top = min(point["x"] for point in points), min(point["y"] for point in points)
    right, bottom = max(point["x"] for point in points), max(point["y"] for point in points)
    middle = (top + bottom) / 2
    pointed(window, to(left - 8, middle), DOWN, to(right + 8, bottom + 8), UP)
    brushed: Any = window.run(POINTS)
    inside = sum(not point["out"] for point in brushed)
    assert 0 < inside < len(points)
    assert len(window.run(VISIBLE)) == inside
    assert window.run(SAID).startswith(f"{inside} of {len(points)} points are brushed")

    window.type("#scatter svg", ESCAPE)
    assert len(window.run(VISIBLE)) == outcome["done"] + outcome["refused"]

    window.run(
        "const one = document.querySelector('#scatter select[name=x]'); one.selectedIndex = 0;"
        "one.dispatchEvent(new Event('change'))"
    )
    assert len(window.run(POINTS)) == len(done)


@pytest.mark.slow
def test_a_page_of_a_sweep_fits_narrow_windows(page: Path, window: Browser) -> None:
    for width in (500, 1280):
        window.resize(width, 900)
        window.open(page)
        across = window.run("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert across[0] <= across[1]
