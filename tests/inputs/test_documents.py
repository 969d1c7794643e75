"""What a run and a comparison write for programs: keys, sums that agree, and the integers behind them."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from command import printed
from data import ARCH, RNNT
from hwsim.inputs.files import Kind, names

SUMMARY_KEYS = [
    "chip", "workload", "precision", "batch", "cycles", "latency_ms", "host_ms", "audio_seconds", "rtf",
    "throughput_rtf", "energy_aj", "energy_mj", "macs", "products_by_mode", "widened_macs", "utilization",
    "reachable_utilization", "dram_read_bytes", "dram_write_bytes", "parameters", "model_bytes",
    "compression_vs_fp32", "lm_parameters", "lm_bytes",
]  # fmt: skip
PART_KEYS = [
    "name", "parameters", "model_bytes", "macs", "cycles", "dram_read_bytes", "dram_write_bytes", "energy_aj",
]  # fmt: skip
OP_KEYS = [
    "name", "kind", "times", "mode", "macs", "cycles", "busy_cycles", "stall_cycles", "bound",
    "limit", "port_bound_cycles", "span", "utilization", "reachable_utilization",
    "dram_read_bytes", "dram_write_bytes", "scratchpad_read_bytes", "scratchpad_write_bytes", "energy_aj",
    "energy_by_component_aj",
]  # fmt: skip
STEP_KEYS = [
    "changes", "cycles_before", "cycles_after", "cycles_saved", "speedup", "energy_before_aj", "energy_after_aj",
    "energy_saved_aj", "energy_gain",
]  # fmt: skip
ROW_KEYS = [
    "precision", "mode", "widened_macs", "cycles", "latency_ms", "rtf", "throughput_rtf", "speedup", "cycles_gain",
    "energy_aj", "energy_mj", "energy_gain", "dram_bytes", "model_bytes", "compression_vs_fp32", "utilization",
    "reachable_utilization",
]  # fmt: skip


@pytest.fixture
def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(printed(capsys, "run", str(ARCH), str(RNNT), "--json", "-")[0])


@pytest.mark.slow
def test_json_has_exactly_the_documented_keys(document: Any) -> None:
    assert list(document) == [
        "summary",
        "diagnosis",
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
        "streaming",
        "folded",
        "lengths",
        "provenance",
        "explanation",
        "quality",
        "band",
        "changed",
        "dram_banks",
        "exact",
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
    totals = {
        unit: counters["busy"][unit]
        + sum(stalled[unit] for stalled in counters["stalls"].values())
        + counters["idle"][unit]
        for unit in ("load", "array", "vector", "store")
    }
    totals["load"] += totals.pop("store")  # loads and stores take turns on the one bus of the shipped chip's DRAM
    assert set(totals.values()) == {counters["cycles"]}


def test_provenance_names_files_and_sources(document: Any) -> None:
    provenance = document["provenance"]
    assert set(provenance["files"]) == {
        str(ARCH),
        "dram/lpddr4_3200 (shipped)",
        "energy/aladdin_40nm (shipped)",
        "energy/generic_7nm (shipped)",
        "energy/horowitz_45nm (shipped)",
        str(RNNT),
    }
    assert provenance["sources"]["chip.clock"] == "assumed"
    assert provenance["sources"]["workload.joint.outputs"] == "45 characters and blank; recalled"
    assert {price["sure"] for price in document["prices"]} == {"recalled", "assumed", "read"}


def test_same_inputs_give_the_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    runs = {printed(capsys, "run", "int4_array", "rnnt", "--json", "-")[0] for _ in range(2)}
    assert len(runs) == 1


@pytest.mark.slow
def test_comparison_has_a_row_for_each_precision(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "compare", "int4_array", "mlperf_rnnt", "--precisions", "fp16, w8a8,w4a4", "--json", "-")
    document = json.loads(out)
    assert list(document) == [
        "chip", "workload", "rows", "waterfall", "waterfall_other_order", "ops", "slower_ops", "became_resident",
        "energy_split", "provenance",
    ]  # fmt: skip
    rows = document["rows"]
    assert [row["precision"] for row in rows] == ["fp16", "w8a8", "w4a4"]
    assert all(list(row) == ROW_KEYS for row in rows)
    assert rows[0]["speedup"] == 1
    assert all(row["speedup"] == row["cycles_gain"] for row in rows)  # no host has a share
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


def test_out_writes_json_and_csv(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "results"
    out, _ = printed(capsys, "run", "int4_array", "rnnt", "--out", str(folder), "--json", str(tmp_path / "r.json"))
    assert sorted(path.name for path in folder.iterdir()) == [
        "energy.csv", "energy_parts.csv", "energy_parts.svg", "occupancy.csv", "occupancy.svg", "ops.csv", "parts.csv",
        "prices.csv", "result.json", "roofline.csv", "roofline.svg", "scratchpad.csv", "scratchpad.svg", "summary.csv",
        "tensors.csv", "time_groups.csv", "time_groups.svg", "traffic_parts.csv", "traffic_parts.svg",
        "utilisation.csv", "utilisation.svg",
    ]  # fmt: skip

    assert (folder / "result.json").read_text() == (tmp_path / "r.json").read_text()
    document = json.loads((folder / "result.json").read_text())
    with (folder / "ops.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [op["name"] for op in document["ops"]]
    assert sum(int(row["cycles"]) for row in rows) == document["summary"]["cycles"]
    assert "rnnt in w4a4 on int4_array" in out


@pytest.mark.slow
@pytest.mark.parametrize("name", names(Kind.WORKLOAD))
def test_every_shipped_workload_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(printed(capsys, "run", "int4_array", name, "--json", "-")[0])
    assert 0 < document["summary"]["rtf"] < 1
    assert all(op["cycles"] > 0 for op in document["ops"])


@pytest.mark.slow
def test_precision_option_replaces_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(printed(capsys, "run", "int4_array", "rnnt", "--precision", "fp16", "--json", "-")[0])
    assert document["summary"]["precision"] == "fp16"
    assert {op["mode"] for op in document["ops"]} == {"fp16", None}


@pytest.mark.slow
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
