"""The command line as programs and people meet it: shapes, sums, streams, files and exit codes."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data import ARCH, RNNT, ROOT
from hwsim.cli.main import COMMANDS, main

HWSIM = Path(sys.executable).with_name("hwsim")

SUMMARY_KEYS = [
    "chip", "workload", "precision", "batch", "cycles", "latency_ms", "audio_seconds", "rtf", "energy_aj", "energy_mj",
    "macs", "utilization", "dram_read_bytes", "dram_write_bytes", "parameters", "model_bytes", "compression_vs_fp32",
]  # fmt: skip
OP_KEYS = [
    "name", "kind", "times", "mode", "macs", "cycles", "busy_cycles", "stall_cycles", "bound", "utilization",
    "dram_read_bytes", "dram_write_bytes", "scratchpad_read_bytes", "scratchpad_write_bytes", "energy_aj",
    "energy_by_component_aj",
]  # fmt: skip
ROW_KEYS = [
    "precision", "cycles", "latency_ms", "rtf", "speedup", "energy_aj", "energy_mj", "energy_gain", "dram_bytes",
    "model_bytes", "compression_vs_fp32", "utilization",
]  # fmt: skip


def printed(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[str, str]:
    assert main(args) == 0
    out, err = capsys.readouterr()
    return out, err


@pytest.fixture
def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(printed(capsys, "run", str(ARCH), str(RNNT), "--json", "-")[0])


def test_json_has_exactly_the_documented_keys(document: Any) -> None:
    assert list(document) == ["summary", "ops", "counters", "energy_by_component_aj", "prices", "provenance"]
    assert list(document["summary"]) == SUMMARY_KEYS
    assert all(list(op) == OP_KEYS for op in document["ops"])
    assert list(document["provenance"]) == ["versions", "inputs", "files", "engine", "seed"]


def test_ops_sum_to_the_summary_exactly(document: Any) -> None:
    summary, ops = document["summary"], document["ops"]
    for key in ("macs", "cycles", "energy_aj", "dram_read_bytes", "dram_write_bytes"):
        assert sum(op[key] for op in ops) == summary[key]
        assert isinstance(summary[key], int)
    assert summary["parameters"] == 57164282
    assert sum(document["energy_by_component_aj"].values()) == summary["energy_aj"]
    for op in ops:
        assert sum(op["energy_by_component_aj"].values()) == op["energy_aj"]
        assert op["bound"] in ("array", "load", "vector", "store", "latency")


def test_headline_figures_follow_from_the_integers(document: Any) -> None:
    summary = document["summary"]
    assert summary["latency_ms"] == summary["cycles"] / 1e6  # at 1 GHz
    assert summary["rtf"] == pytest.approx(summary["latency_ms"] / 1000 / summary["audio_seconds"], rel=1e-15)
    assert summary["energy_mj"] == pytest.approx(summary["energy_aj"] / 1e15, rel=1e-15)
    assert 0 < summary["utilization"] < 1


def test_busy_stalled_and_idle_make_up_the_time_of_every_unit(document: Any) -> None:
    counters = document["counters"]
    for unit in ("load", "array", "vector", "store"):
        stalled = sum(counters["stalls"][reason][unit] for reason in counters["stalls"])
        assert counters["busy"][unit] + stalled + counters["idle"][unit] == counters["cycles"]


def test_json_on_standard_output_is_alone(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = printed(capsys, "run", "int4_array", "rnnt", "--json", "-")
    json.loads(out)
    assert "latency" in err


def test_same_inputs_give_the_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    runs = {printed(capsys, "run", "int4_array", "rnnt", "--json", "-")[0] for _ in range(2)}
    assert len(runs) == 1


def test_comparison_has_a_row_for_each_precision(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "compare", "int4_array", "rnnt", "--precisions", "fp16, w8a8,w4a4", "--json", "-")
    document = json.loads(out)
    rows = document["rows"]
    assert [row["precision"] for row in rows] == ["fp16", "w8a8", "w4a4"]
    assert all(list(row) == ROW_KEYS for row in rows)
    assert rows[0]["speedup"] == 1
    assert rows[2]["speedup"] == rows[0]["cycles"] / rows[2]["cycles"] > rows[1]["speedup"] > 1
    assert rows[2]["compression_vs_fp32"] > rows[1]["compression_vs_fp32"] > rows[0]["compression_vs_fp32"] == 2


def test_out_writes_json_and_csv(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "results"
    out, _ = printed(capsys, "run", "int4_array", "rnnt", "--out", str(folder), "--json", str(tmp_path / "r.json"))
    assert sorted(path.name for path in folder.iterdir()) == ["ops.csv", "prices.csv", "result.json", "summary.csv"]
    assert (folder / "result.json").read_text() == (tmp_path / "r.json").read_text()
    document = json.loads((folder / "result.json").read_text())
    with (folder / "ops.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [op["name"] for op in document["ops"]]
    assert sum(int(row["cycles"]) for row in rows) == document["summary"]["cycles"]
    assert "rnnt in w4a4 on int4_array" in out


def test_precision_option_replaces_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(printed(capsys, "run", "int4_array", "rnnt", "--precision", "fp16", "--json", "-")[0])
    assert document["summary"]["precision"] == "fp16"
    assert {op["mode"] for op in document["ops"]} == {"fp16", None}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["runn"], "No such command 'runn'."),
        (["run", "int4_array"], "Missing argument 'WORKLOAD'."),
        (["run", "int4_aray", "rnnt"], "unknown chip 'int4_aray'; did you mean int4_array? known: int4_array"),
        (
            ["run", "int4_array", "rnnt", "--precision", "w3"],
            "unknown precision policy 'w3'; known: bf16, fp16, fp32, w4a16, w4a4, w4a8, w8a8",
        ),
        (
            ["run", "int4_array", "rnnt", "--precision", "w4a16"],
            "encoder.0.forward.input: int4_array cannot multiply fp16 activations by int4 weights; "
            "its array does fp16, int4, int8",
        ),
        (
            ["compare", "int4_array", "rnnt", "--precisions", ","],
            "precisions = []: must name at least one policy, such as fp16,w4a4",
        ),
        (
            ["run", "int4_array", "rnnt", "--out", "/dev/null/x"],
            "/dev/null/x: cannot be made a folder: Not a directory",
        ),
        (
            ["schema", "chip"],
            "Invalid value for '{arch|workload|energy}': 'chip' is not one of 'arch', 'workload', 'energy'.",
        ),
    ],
)
def test_what_users_get_wrong_is_one_line_and_exit_code_2(
    args: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == 2
    assert capsys.readouterr() == ("", f"hwsim: {message}\n")


def test_a_misspelt_option_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "int4_array", "rnnt", "--jsn", "-"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "--jsn" in err
    assert "--json" in err


def test_a_defect_of_ours_is_a_traceback_and_exit_code_1(tmp_path: Path) -> None:
    breaks = "import hwsim.study.simulate as s; s.schedule = None; from hwsim.cli.main import run; run()"
    command = [sys.executable, "-c", breaks, "run", "int4_array", "rnnt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_interruption_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hwsim.inputs.load.open_source", interrupted)
    assert main(["run", "int4_array", "rnnt"]) == 130


def test_a_reader_that_goes_away_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([HWSIM, "run", "int4_array", "rnnt"], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_every_command_has_a_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        out, _ = printed(capsys, name, "--help")
        assert f"Example: hwsim {name}" in " ".join(out.split())


def test_the_commands_in_the_documentation_are_those_of_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "--help")
    documented = (ROOT / "docs" / "command_line.md").read_text()
    for name, does in COMMANDS.items():
        assert f"  {name}" in out
        assert f"| `{name}` | {does} |" in documented


def test_help_and_validation_do_not_wait_for_numba(tmp_path: Path) -> None:
    for args, forbidden in ((["--help"], ("numpy", "numba", "pydantic")), (["check", str(ARCH)], ("numpy", "numba"))):
        script = (
            f"import sys; from hwsim.cli.main import main; code = main({args!r}); "
            f"print([name for name in {forbidden!r} if name in sys.modules], code)"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
        assert done.stdout.splitlines()[-1] == "[] 0"


def test_a_run_needs_neither_pandas_nor_matplotlib(tmp_path: Path) -> None:
    script = (
        "import sys; from hwsim.cli.main import main; main(['run', 'int4_array', 'rnnt', '--json', '-']); "
        "print([name for name in ('pandas', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("kind", ["arch", "workload", "energy"])
def test_schemas_are_json_schemas_of_the_shipped_files(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(printed(capsys, "schema", kind)[0])
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "name" in schema["properties"]
    assert schema["additionalProperties"] is False


def test_list_names_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "list")
    assert out == "chips: int4_array\nworkloads: rnnt\nprice tables: generic_7nm\n"
