"""`hwsim allocate` says what budgets come to, and writes workloads that run."""

import csv
import json
from pathlib import Path

import pytest

from allocations import TDNNF
from command import complaint, printed

FLAGS = ("allocate", "int4_array", "small.json", "--precisions", "w2a8,w4a8,w8a8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a workload."""
    monkeypatch.chdir(tmp_path)
    Path("small.json").write_text(json.dumps(TDNNF))
    return tmp_path


@pytest.mark.slow
def test_a_budget_is_answered_and_its_workload_runs(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = printed(capsys, *FLAGS, "--budget", "12 kB", "--write", "mixed.yaml", "--json", "found.json")
    found = json.loads(Path("found.json").read_text())
    (chosen,) = found["chosen"]
    assert "Within 12 kB it takes" in out
    assert "Formats within 12 kB" in out
    assert "mixed.yaml" in err
    run, _ = printed(capsys, "run", "int4_array", "mixed.yaml", "--json", "-")
    assert json.loads(run)["summary"]["model_bytes"] == chosen["judged"]["model_bytes"] <= 12_000
    assert "policy: w4a8" in Path("mixed.yaml").read_text()
    assert "hwsim allocate int4_array small.json" in Path("mixed.yaml").read_text()


@pytest.mark.slow
def test_several_budgets_have_a_curve_and_a_workload_each(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(
        capsys, *FLAGS, "--budgets", "9.5kB,3.5x", "--out", "out", "--html", "a.html", "--csv", "l.csv", "--full"
    )
    assert "All layers" in out
    assert {path.name for path in Path("out").iterdir()} == {
        "allocation.json", "budgets.csv", "layers.csv", "workload_1.yaml", "workload_2.yaml", "budget_curve.csv",
        "budget_curve.svg",
    }  # fmt: skip
    rows = list(csv.DictReader(Path("l.csv").read_text().splitlines()))
    assert Path("l.csv").read_text() == Path("out/layers.csv").read_text()
    layers = {row["layer"] for row in rows}
    assert len(rows) == 3 * len(layers)
    for budget in ("9.5kB", "3.5x"):
        assert {row["layer"] for row in rows if budget in row["chosen_within"].split(", ")} == layers
    budgets = list(csv.DictReader(Path("out/budgets.csv").read_text().splitlines()))
    assert [row["formats"] for row in budgets] == ["all w2a8", "all w4a8", "all w8a8", "9.5kB", "3.5x"]
    assert float(budgets[-1]["compression"]) >= 3.5
    assert "Layers with their options" in Path("a.html").read_text()


@pytest.mark.slow
def test_another_network_shares_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, *FLAGS, "--budget", "4x", "--beside", "small.json:w2a8", "--json", "-")
    found = json.loads(out)
    (beside,), (chosen,) = found["beside"], found["chosen"]
    both = chosen["judged"]["model_bytes"] + beside["model_bytes"]
    assert chosen["taken"] == both
    assert chosen["judged"]["compression"] == pytest.approx(8 * beside["parameters"] / both)


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ((), "Missing option '--budget' / '--budgets'."),
        (("--budget", "8"), "budget = '8': must be a budget such as 8 MB, 13.6x"),
        (("--budget", "1kB,2kB", "--write", "a.yaml"), "--write = 'a.yaml': is one workload"),
        (("--budget", "9kB", "--bottlenecks", "a"), "--bottlenecks = 'a': must be whole numbers with commas"),
        (("--budget", "9kB", "--sensitivity", "hessian"), "sensitivity = 'hessian': must be sqnr, kl, local, or a CSV"),
        (("--budget", "9kB", "--precisions", "w5a8"), "unknown precision policy 'w5a8'"),
        (("--budget", "9kB", "--beside", "small.json:w5a8"), "unknown precision policy 'w5a8'"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(capsys: pytest.CaptureFixture[str], args: tuple[str, ...], line: str) -> None:
    assert complaint(capsys, *FLAGS[:3], *args).startswith(line)


def test_tiles_have_no_formats_to_choose(capsys: pytest.CaptureFixture[str]) -> None:
    line = complaint(capsys, "allocate", "hermes", "small.json", "--budget", "9kB")
    assert "analog" in line
