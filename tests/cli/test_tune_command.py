"""`hwsim tune` names the best changes, and writes them."""

import csv
import json
from pathlib import Path

import pytest

from command import complaint, printed
from sweeps import PRODUCTS


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a workload."""
    monkeypatch.chdir(tmp_path)
    Path("products.json").write_text(json.dumps(PRODUCTS))
    return tmp_path


@pytest.mark.slow
def test_the_best_changes_are_named_and_written(capsys: pytest.CaptureFixture[str]) -> None:
    args = "tune", "int4_array", "products.json", "--within", "area=6mm2", "--changes", "1"
    out, _ = printed(capsys, *args, "--out", "out", "--csv", "c.csv", "--html", "t.html", "--json", "t.json")
    found = json.loads(Path("t.json").read_text())
    first = found["answers"][0]
    name = f"{'2 ×' if first['moves'][0]['larger'] else '½ ×'} {first['moves'][0]['resource']}"
    assert f"{name}: " in " ".join(out.split())
    assert "What the next doubling buys" in out
    assert {path.name for path in Path("out").iterdir()} == {"tuning.json", "changes.csv", "tornado.csv", "tornado.svg"}
    assert Path("c.csv").read_text() == Path("out/changes.csv").read_text()
    rows = list(csv.DictReader(Path("c.csv").read_text().splitlines()))
    assert [row["kind"] for row in rows].count("alone") == len(found["alone"])
    assert "Changes of the chip" in Path("t.html").read_text()
    drawn = list(csv.DictReader(Path("out/tornado.csv").read_text().splitlines()))
    assert {row["field"] for row in drawn} >= {"DRAM", "lanes", "scratchpad"}


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("--within", "area"), "within = 'area': must be a figure and its limit"),
        (("--best", "speed"), "best = 'speed': unknown figure 'speed'"),
        (("--precision", "w5a8"), "unknown precision policy 'w5a8'"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(capsys: pytest.CaptureFixture[str], args: tuple[str, ...], line: str) -> None:
    assert complaint(capsys, "tune", "int4_array", "products.json", *args).startswith(line)
