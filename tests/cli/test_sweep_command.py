"""`hwsim sweep` names the answer, keeps its points, and opens each of them as a run."""

import csv
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from command import complaint, printed
from hwsim.cli.main import main
from hwsim.results.headline_figures import Headline
from sweeps import LSTM, PRODUCTS

FLAGS = ("--set", "array.rows,array.cols=8,16,24", "--set", "precision=w8a8,w4a4")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a workload, and a sweep that says what the flags say."""
    monkeypatch.chdir(tmp_path)
    Path("products.json").write_text(json.dumps(PRODUCTS))
    Path("sweep.yaml").write_text(
        "chips: [int4_array]\nworkloads: [products.json]\naxes:\n"
        "  - {fields: [array.rows, array.cols], values: [8, 16, 24]}\n  - {fields: precision, values: [w8a8, w4a4]}\n"
    )
    return tmp_path


def test_one_command_names_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    args = (
        "sweep",
        "int4_array",
        "products.json",
        *FLAGS,
        "--where",
        "rtf < 0.01",
        "--best",
        "energy",
        "--json",
        "s.json",
    )
    out, err = printed(capsys, *args)
    found = json.loads(Path("s.json").read_text())
    (answer,) = found["answers"]
    values = dict(answer["row"]["axes"])
    expected = f"array.rows = array.cols = {values['array.rows, array.cols']}, precision = {values['precision']}"
    assert f"{expected} has the least energy:" in " ".join(out.split())
    assert "6 points to run" in err
    energies = [row["figures"]["energy_mj"] for row in found["rows"]]
    assert answer["row"]["figures"]["energy_mj"] == min(energies)
    assert answer["row"]["number"] == energies.index(min(energies)) + 1


def test_a_row_opens_as_the_run_that_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    printed(capsys, "sweep", "int4_array", "products.json", *FLAGS, "--json", "s.json")
    out, err = printed(capsys, "sweep", "int4_array", "products.json", *FLAGS, "--open", "4", "--json", "run.json")
    run, row = json.loads(Path("run.json").read_text()), json.loads(Path("s.json").read_text())["rows"][3]
    assert (run["summary"]["cycles"], run["summary"]["energy_aj"]) == (row["cycles"], row["energy_aj"])
    assert out.startswith("products in w4a4 on int4_array")
    assert run["provenance"]["sources"]["chip.array.rows"] == "sweep: array.rows = 16"
    assert "row 4: array.rows = array.cols = 16, precision = w4a4" in err
    line = complaint(capsys, "sweep", "int4_array", "products.json", *FLAGS, "--open", "7")
    assert line == "row = 7: must be from 1 to 6"


def test_a_file_keeps_its_points_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "sweep", "sweep.yaml")
    assert Path("sweep.sqlite").is_file()
    for args in (["sweep.yaml", "--show"], ["sweep.sqlite", "--show"], ["sweep.yaml", "--resume"]):
        assert printed(capsys, "sweep", *args)[0] == out
    line = complaint(capsys, "sweep", "sweep.yaml")
    assert line == "sweep.sqlite: is there already; --resume goes on with it, --show shows it"
    assert printed(capsys, "sweep", "sweep.yaml", "--store", "other.sqlite")[0] == out


def test_points_are_written_with_all_their_figures(capsys: pytest.CaptureFixture[str]) -> None:
    args = "sweep", "int4_array", "products.json", *FLAGS, "--best", "energy,area", "--out", "out", "--csv", "p.csv"
    printed(capsys, *args)
    assert Path("p.csv").read_text() == Path("out/points.csv").read_text()
    rows = list(csv.DictReader(Path("p.csv").read_text().splitlines()))
    assert len(rows) == 6
    assert {figure.value for figure in Headline} <= set(rows[0])
    assert {path.name for path in Path("out").iterdir()} == {
        "sweep.json", "points.csv", "front.csv", "sensitivity.csv", "sweep_front.csv", "sweep_front.svg",
        "sweep_tornado.csv", "sweep_tornado.svg",
    }  # fmt: skip


def test_figures_from_a_file_are_sought_and_bound(capsys: pytest.CaptureFixture[str]) -> None:
    Path("wer.csv").write_text("precision,wer\nw8a8,4.0\nw4a4,5.0\n")
    args = "sweep", "int4_array", "products.json", *FLAGS, "--measures", "wer.csv", "--json", "-"
    out, _ = printed(capsys, *args, "--where", "wer < 4.5", "--best", "wer,energy")
    found = json.loads(out)
    assert {dict(row["axes"])["precision"] for row in found["rows"] if row["fits"]} == {"w8a8"}
    assert [dict(answer["row"]["measured"])["wer"] for answer in found["answers"]] == [4.0, 4.0]


def test_an_estimate_keeps_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = printed(capsys, "sweep", "sweep.yaml", "--estimate")
    assert out == ""
    assert "6 points to run, in 6 groups that share plans, on 1 process: about" in err
    assert not Path("sweep.sqlite").exists()


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ("", "Missing argument"),
        ("int4_array", "arguments = 'int4_array': must be the file of a sweep, its store, or chips and workloads"),
        ("int4_array products.json --set array.rows", "--set = 'array.rows': must be fields and their values"),
        ("int4_array products.json --set array.rws=1", "unknown field 'array.rws'"),
        ("int4_array products.json --where rtf", "where = 'rtf': must compare something, such as rtf < 0.01"),
        ("int4_array products.json --best speed", "best = 'speed': unknown figure 'speed'"),
        ("int4_array products.json --seed 1", "--seed = 1: says how points are chosen; say how many with --sample N"),
        ("int4_array products.json --resume", "--resume = True: needs a store; name it with --store FILE"),
        ("int4_array products.json --show", "--show = True: needs a store; name it with --store FILE"),
        ("sweep.yaml --where rtf<1", "--where = ('rtf<1',): belongs to a sweep that the command line describes"),
        ("sweep.yaml --show --open 1", "--show = True: is asked for together with --open; ask for one of them"),
        ("none.yaml", "none.yaml: cannot be read: No such file or directory"),
        ("none.sqlite --show", "none.sqlite: there is no such store; run the sweep first"),
        ("int4_array products.json --scheduler gone.json", "--scheduler gone.json: there is no such scheduler file"),
    ],
)
def test_what_cannot_be_meant_is_refused(capsys: pytest.CaptureFixture[str], args: str, line: str) -> None:
    assert main(["sweep", *args.split()]) == 2
    assert line in capsys.readouterr().err


POOL = {
    "array.rows": "8,16,24",
    "array.cols": "8,16,48",
    "array.dataflow": "ws,is,os",
    "scratchpad.size": "32 KiB,48 KiB,64 KiB",
    "scratchpad.buffers": "1,2,3",
    "dram.read": "4 GB/s..16 GB/s*2",
    "dram.latency": "0 ns,100 ns",
    "vector.lanes": "16..64/3",
    "precision": "fp16,w8a8,w4a4",
    "clock": "500 MHz,1 GHz",
    "energy.dram.lpddr4.energy": "8 pJ,12 pJ",
    "model.cells": "150,200",
    "batch": "1,2",
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_points_of_drawn_sweeps_are_runs_in_fresh_processes(capsys: pytest.CaptureFixture[str], seed: int) -> None:
    drawn = random.Random(seed)
    Path("small.json").write_text(json.dumps(LSTM))
    flags = [part for path in drawn.sample(sorted(POOL), 5) for part in ("--set", f"{path}={POOL[path]}")]
    sample = ["--sample", "14", "--method", "random", "--seed", str(seed)]
    args = ["sweep", "int4_array", "small.json", *flags, *sample]
    printed(capsys, *args, "--json", "s.json")
    rows = [row for row in json.loads(Path("s.json").read_text())["rows"] if row["status"] == "done"]
    for row in drawn.sample(rows, 2):
        opened = [*args, "--open", str(row["number"]), "--json", "-"]
        done = subprocess.run([sys.executable, "-m", "hwsim", *opened], capture_output=True, text=True, check=True)
        summary = json.loads(done.stdout)["summary"]
        figures = row["figures"]
        assert [summary[name] for name in ("cycles", "energy_aj", "dram_read_bytes", "dram_write_bytes")] == [
            row[name] for name in ("cycles", "energy_aj", "dram_read_bytes", "dram_write_bytes")
        ]
        for name in ("latency_ms", "rtf", "energy_mj", "utilization", "model_bytes"):
            assert summary[name] == figures[name]
