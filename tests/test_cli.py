"""The command line as programs and people meet it: shapes, sums, streams, files and exit codes."""

import csv
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest

from data import ARCH, RNNT, ROOT
from hwsim.cli.main import COMMANDS, main
from hwsim.engine.digital import run
from hwsim.inputs.load import load_chip, load_workload
from hwsim.inputs.shipped import Kind, names
from hwsim.mapping.schedule import planned
from hwsim.models.catalogue import RECIPES
from hwsim.study.explain import explain

HWSIM = Path(sys.executable).with_name("hwsim")

SUMMARY_KEYS = [
    "chip", "workload", "precision", "batch", "cycles", "latency_ms", "host_ms", "audio_seconds", "rtf", "energy_aj",
    "energy_mj", "macs", "utilization", "dram_read_bytes", "dram_write_bytes", "parameters", "model_bytes",
    "compression_vs_fp32", "lm_parameters", "lm_bytes",
]  # fmt: skip
PART_KEYS = [
    "name", "parameters", "model_bytes", "macs", "cycles", "dram_read_bytes", "dram_write_bytes", "energy_aj",
]  # fmt: skip
OP_KEYS = [
    "name", "kind", "times", "mode", "macs", "cycles", "busy_cycles", "stall_cycles", "bound",
    "limit", "port_bound_cycles", "span", "utilization",
    "dram_read_bytes", "dram_write_bytes", "scratchpad_read_bytes", "scratchpad_write_bytes", "energy_aj",
    "energy_by_component_aj",
]  # fmt: skip
STEP_KEYS = [
    "changes", "cycles_before", "cycles_after", "cycles_saved", "speedup", "energy_before_aj", "energy_after_aj",
    "energy_saved_aj", "energy_gain",
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
    assert list(document) == [
        "summary",
        "parts",
        "ops",
        "counters",
        "unrolled_iterations",
        "tensors",
        "energy_by_component_aj",
        "prices",
        "energy_lines",
        "efficiency",
        "area",
        "operation",
        "lengths",
        "provenance",
        "explanation",
        "quality",
    ]
    assert document["explanation"] is None
    assert list(document["summary"]) == SUMMARY_KEYS
    assert all(list(part) == PART_KEYS for part in document["parts"])
    assert all(list(op) == OP_KEYS for op in document["ops"])
    assert list(document["provenance"]) == ["versions", "inputs", "files", "sources", "engine", "seed"]


def test_ops_sum_to_the_summary_exactly(document: Any) -> None:
    summary, ops = document["summary"], document["ops"]
    for key in ("macs", "cycles", "energy_aj", "dram_read_bytes", "dram_write_bytes"):
        assert sum(op[key] for op in ops) == sum(part[key] for part in document["parts"]) == summary[key]
        assert isinstance(summary[key], int)
    assert summary["parameters"] == 57164282
    for own, fused in (("parameters", "lm_parameters"), ("model_bytes", "lm_bytes")):
        assert summary[own] + summary[fused] == sum(part[own] for part in document["parts"])
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
    out, _ = printed(capsys, "compare", "int4_array", "mlperf_rnnt", "--precisions", "fp16, w8a8,w4a4", "--json", "-")
    document = json.loads(out)
    assert list(document) == [
        "chip", "workload", "rows", "waterfall", "waterfall_other_order", "slower_ops", "energy_split", "provenance",
    ]  # fmt: skip
    rows = document["rows"]
    assert [row["precision"] for row in rows] == ["fp16", "w8a8", "w4a4"]
    assert all(list(row) == ROW_KEYS for row in rows)
    assert rows[0]["speedup"] == 1
    assert rows[2]["speedup"] == rows[0]["cycles"] / rows[2]["cycles"] > rows[1]["speedup"] > 1
    assert rows[2]["compression_vs_fp32"] > rows[1]["compression_vs_fp32"] > rows[0]["compression_vs_fp32"] == 2
    for steps in (document["waterfall"], document["waterfall_other_order"]):
        assert all(list(step) == STEP_KEYS for step in steps)
        assert steps[0]["cycles_before"] == rows[0]["cycles"]
        assert steps[-1]["energy_after_aj"] == rows[2]["energy_aj"]
        assert sum(step["cycles_saved"] for step in steps) == rows[0]["cycles"] - rows[2]["cycles"]
    slower = {op["name"]: op["cycles_after"] - op["cycles_before"] for op in document["slower_ops"]}
    assert all(lost > 0 for lost in slower.values())
    assert list(slower.values()) == sorted(slower.values(), reverse=True)


def test_a_comparison_shows_what_each_change_does(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out, _ = printed(capsys, "compare", "int4_array", "mlperf_rnnt", "--out", str(tmp_path))
    assert "From fp16 to w4a4: time, change by change" in out
    assert "From fp16 to w4a4: energy, change by change" in out
    assert max(map(len, out.splitlines())) <= 100
    assert out.count("price of a product") == 1  # of the energy alone
    with (tmp_path / "waterfall.csv").open() as file:
        steps = list(csv.DictReader(file))
    assert [step["changes"] for step in steps][:2] == ["weight bits", "activation bits"]
    assert all(step["cycles_after"] == after["cycles_before"] for step, after in pairwise(steps))


def test_an_explanation_shows_why_an_op_is_cut_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    name = "encoder.1.forward.recurrent"
    out, err = printed(capsys, "run", "int4_array", "mlperf_rnnt", "--explain", name, "--json", "-")
    document = json.loads(out)
    why, (op,) = document["explanation"], [op for op in document["ops"] if op["name"] == name]
    assert (why["op"], why["times"], why["mode"]) == (name, op["times"], op["mode"])
    assert why["product"] == [1, 1, 1024, 4096]
    assert [place["tensor"].rsplit(".", 1)[1] for place in why["operands"]] == ["hidden", "weight", "bias", "sums"]
    (chosen,) = (one for one in why["candidates"] if one["chosen"])
    fitting = [one for one in why["candidates"] if one["fits"]]
    assert all(one["bytes_held"] <= why["room_bytes"] for one in fitting)
    assert chosen["cycles_alone"] == min(one["cycles_alone"] for one in fitting)
    assert why["array_cycles"] * op["times"] <= op["busy_cycles"]["array"] + op["times"] * 1000
    assert all(roof["cycles"] <= op["span"] for roof in why["roofs"])
    for line in (name, "(1 × 1024) · (1024 × 4096)", "chosen", "closed form", "set by ports", "Energy"):
        assert line in err
    assert max(map(len, err.splitlines())) <= 100


@pytest.mark.parametrize("name", ["encoder.0.forward.gates", "joint.relu", "search.choose"])
def test_ops_of_the_vector_unit_are_explained_too(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "run", "int4_array", "mlperf_rnnt", "--explain", name)
    assert out.startswith(f"{name} of mlperf_rnnt in w4a4 on int4_array")
    assert out.count("chosen") == 1
    assert "What it reads, and → writes" in out


def test_every_op_of_a_network_can_be_explained() -> None:
    chip, work = load_chip("int4_array"), load_workload("mlperf_rnnt")
    found = planned(work.program, chip)
    for op in run(found.schedule).ops:
        why = explain(chip, work, op.name, op, None)
        assert why.op == op.name
        assert sum(one.chosen for one in why.candidates) == 1
        assert all(one.fits for one in why.candidates if one.chosen)


def test_an_unknown_op_is_told_with_the_nearest_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "int4_array", "mlperf_rnnt", "--explain", "encoder.0.forward.recurent"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("hwsim: unknown op 'encoder.0.forward.recurent'; did you mean encoder.0.forward.recurrent?")
    assert err.count("\n") == 1
    assert len(err) < 400


def test_tensors_are_listed_with_their_places(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out, _ = printed(capsys, "run", "int4_array", "mlperf_rnnt", "--out", str(tmp_path))
    tensors = json.loads((tmp_path / "result.json").read_text())["tensors"]
    with (tmp_path / "tensors.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["tensor"] for row in rows] == [tensor["tensor"] for tensor in tensors]
    shown = dict(re.findall(r"^(\w+) +(\d+) +[\d.]+ [kMG]?B", out[out.index("Where tensors lie") :], re.MULTILINE))
    assert {place: int(count) for place, count in shown.items()} == Counter(tensor["place"] for tensor in tensors)
    assert "Largest that need the DRAM" in out
    assert max(map(len, out.splitlines())) <= 100


def test_out_writes_json_and_csv(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "results"
    out, _ = printed(capsys, "run", "int4_array", "rnnt", "--out", str(folder), "--json", str(tmp_path / "r.json"))
    assert sorted(path.name for path in folder.iterdir()) == [
        "energy.csv", "ops.csv", "parts.csv", "prices.csv", "result.json", "summary.csv", "tensors.csv",
    ]  # fmt: skip

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
            ["run", "int4_array", "conformer_s", "--dim", "encoder.head=3"],
            "unknown dimension 'encoder.head'; did you mean encoder.heads? known: batch, decoder.joint.outputs, "
            "decoder.joint.size, decoder.prediction.cells, decoder.prediction.embedding, decoder.prediction.layers, "
            "decoder.prediction.symbols, encoder.feed_forward, encoder.heads, encoder.kernel, encoder.layers, "
            "encoder.mels, encoder.size",
        ),
        (
            ["run", "int4_array", "conformer_s", "--dim", "encoder.heads=5"],
            "--dim encoder.heads = 5: must divide the size of 144",
        ),
        (
            ["run", "int4_array", "rnnt", "--dim", "decoding.beam=many"],
            "--dim = 'decoding.beam=many': must be a name and a whole number, such as encoder.layers=4",
        ),
        (
            ["compare", "int4_array", "rnnt", "--precisions", ","],
            "precisions = []: must list at least one policy, such as fp16, w4a4",
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


def test_interruption_is_exit_code_130_even_inside_a_kernel(tmp_path: Path) -> None:
    script = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
import hwsim.study.simulate as simulate
from hwsim.kernels.jit import kernel
from hwsim.cli.main import run

@kernel
def spin(count):
    total = 0
    for i in range(count):
        total += i % 7
    return total

spin(1)
def endless(*_, **__):
    print("inside", flush=True)
    spin(10**13)
simulate.simulate = endless
run()
"""
    command = [sys.executable, "-c", script, "run", "int4_array", "rnnt"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "inside\n"
        child.send_signal(signal.SIGINT)
        try:
            _, complaint = child.communicate(timeout=30)
        finally:
            child.kill()
    assert (child.returncode, complaint) == (130, "")


def test_a_bar_appears_on_a_terminal_after_a_second(tmp_path: Path) -> None:
    script = (
        "import time; from hwsim.cli.patience import patiently; "
        "patiently('a long [job]', lambda progress: (progress(1, 2), time.sleep(2.5)))"
    )
    ours, theirs = pty.openpty()
    done = subprocess.run([sys.executable, "-c", script], stderr=theirs, check=False, cwd=tmp_path, timeout=30)
    os.close(theirs)
    shown_bar = b""
    with suppress(OSError):  # the other end is closed
        while chunk := os.read(ours, 4096):
            shown_bar += chunk
    assert done.returncode == 0
    assert b"a long [job]" in shown_bar
    assert b"50%" in shown_bar


def test_a_reader_that_goes_away_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([HWSIM, "run", "int4_array", "rnnt"], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("redirect", "code", "complaint"),
    [
        (">/dev/full", 2, "hwsim: standard output: cannot be written: No space left on device\n"),
        (">&-", 0, ""),
        ("2>&- >/dev/null", 0, ""),
    ],
)
def test_streams_that_cannot_be_written(redirect: str, code: int, complaint: str) -> None:
    done = subprocess.run(
        f"{HWSIM} run int4_array rnnt {redirect}", shell=True, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (code, complaint)


def test_a_terminal_without_greek_letters_shows_the_rest() -> None:
    done = subprocess.run(
        [HWSIM, "run", "int4_array", "rnnt"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0
    assert b"latency" in done.stdout


def test_a_result_goes_through_what_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, link, pipe = tmp_path / "target.json", tmp_path / "link.json", tmp_path / "pipe"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    printed(capsys, "run", "int4_array", "rnnt", "--json", str(link))
    assert link.is_symlink()
    assert json.loads(target.read_text())["summary"]["workload"] == "rnnt"
    assert target.stat().st_mode & 0o777 == 0o640
    os.mkfifo(pipe)
    # A file takes what comes through, as a result is longer than pipes are.
    with TemporaryFile() as through:
        with subprocess.Popen(["cat", pipe], stdout=through):
            printed(capsys, "run", "int4_array", "rnnt", "--json", str(pipe))
        through.seek(0)
        assert json.loads(through.read())["summary"]["workload"] == "rnnt"
    assert pipe.is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.json", "pipe", "target.json"]


@pytest.mark.parametrize("name", ["a[/b]c", "my [bold] draft", "[red]x", "x\\[y]"])
def test_names_print_as_they_are(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chip = tmp_path / "chip.yaml"
    chip.write_text(ARCH.read_text().replace("name: int4_array", f"name: '{name}'"))
    out, _ = printed(capsys, "run", str(chip), "rnnt")
    assert f"rnnt in w4a4 on {name}: 10.0 s" in out


def test_rules_show_in_the_headline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = tmp_path / "work.yaml"
    plan = "precision: {policy: w4a4, rules: [{match: 'joint.*', policy: w8a8}]}"
    work.write_text(RNNT.read_text().replace("precision: w4a4", plan))
    out, _ = printed(capsys, "run", "int4_array", str(work))
    assert out.startswith("rnnt in w4a4 with 1 rule on int4_array")


def test_provenance_names_files_and_sources(document: Any) -> None:
    provenance = document["provenance"]
    assert set(provenance["files"]) == {
        str(ARCH),
        "energy/aladdin_40nm (shipped)",
        "energy/generic_7nm (shipped)",
        "energy/horowitz_45nm (shipped)",
        str(RNNT),
    }
    assert provenance["sources"]["chip.clock"] == "assumed"
    assert provenance["sources"]["workload.joint.outputs"] == "45 characters and blank; recalled"
    assert {price["sure"] for price in document["prices"]} == {"recalled", "assumed", "read"}


def test_every_command_has_a_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        out, _ = printed(capsys, name, "--help")
        assert f"Example: hwsim {name}" in " ".join(out.split())


def test_without_a_command_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys)[0] == printed(capsys, "--help")[0]


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
    kinds = [schema]
    if kind == "workload":
        assert set(schema["discriminator"]["mapping"]) == set(RECIPES)
        kinds = [schema["$defs"][branch["$ref"].rpartition("/")[2]] for branch in schema["oneOf"]]
    for one in kinds:
        assert "name" in one["properties"]
        assert one["additionalProperties"] is False


def test_list_names_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "list")
    assert out == (
        "chips: int4_array\nworkloads: conformer_l, conformer_m, conformer_s, lstm_lm, mlperf_rnnt, rnnt, "
        "tdnnf_7q, transformer_lm\nprice tables: aladdin_40nm, generic_7nm, horowitz_45nm, pcm_14nm\n"
    )


@pytest.mark.parametrize("name", names(Kind.WORKLOAD))
def test_every_shipped_workload_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(printed(capsys, "run", "int4_array", name, "--json", "-")[0])
    assert 0 < document["summary"]["rtf"] < 1
    assert all(op["cycles"] > 0 for op in document["ops"])


def test_weight_only_runs_in_the_mode_of_the_activations(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "run", "int4_array", "transformer_lm", "--precision", "w4a16", "--json", "-")
    document = json.loads(out)
    assert {op["mode"] for op in document["ops"]} == {"fp16", None}
    half = json.loads(printed(capsys, "run", "int4_array", "transformer_lm", "--precision", "fp16", "--json", "-")[0])
    assert document["summary"]["dram_read_bytes"] < half["summary"]["dram_read_bytes"]


def test_a_dimension_is_changed_alone(capsys: pytest.CaptureFixture[str]) -> None:
    dims = ("--dim", "encoder.layers=1", "--dim", "decoding.beam=2")
    document = json.loads(printed(capsys, "run", "int4_array", "rnnt", *dims, "--json", "-")[0])
    layer = 2 * (4 * 640 * (340 + 640) + 2 * 4 * 640)
    assert document["summary"]["parameters"] == layer + 2_396_620 + 536_622
    assert {op["times"] for op in document["ops"] if op["name"] == "search.choose"} == {640}
    sources = document["provenance"]["sources"]
    assert sources["workload.encoder.layers"] == "command line: --dim encoder.layers=1"
    assert sources["workload.encoder.cells"] == "arXiv 2103.09935, recalled"


def test_a_report_lists_what_has_no_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "arch" / "int4_array.yaml").read_text()
    bare = tmp_path / "bare.yaml"
    bare.write_text(text[: text.index("sources:")])
    out, _ = printed(capsys, "run", str(bare), "mlperf_rnnt")
    assert "chip.clock (not said), chip.dram (not said)" in " ".join(out.split())
    assert "chip.array.rows" not in out
    whole, _ = printed(capsys, "run", "int4_array", "mlperf_rnnt")
    assert "chip.scratchpad.size (recalled)" in " ".join(whole.split())
    assert "not said" not in whole
