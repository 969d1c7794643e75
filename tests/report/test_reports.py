"""What runs and comparisons print for people, down to why an op is cut as it is."""

import csv
import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from command import printed
from data import ARCH, RNNT, ROOT
from hwsim.cli.main import main
from hwsim.engine.accounting import counters_of
from hwsim.inputs.chips import load_chip, prices_of
from hwsim.inputs.load import load_workload
from hwsim.mapping.planner import Planner
from hwsim.quantities.plain_data import NOT_SAID, Objective, confidence
from hwsim.study.efficiency import aim_of
from hwsim.study.explain import explain


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a[/b]c", "my [bold] draft", "[red]x", "x\\[y]"])
def test_names_print_as_they_are(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chip = tmp_path / "chip.yaml"
    chip.write_text(ARCH.read_text().replace("name: int4_array", f"name: '{name}'"))
    out, _ = printed(capsys, "run", str(chip), "rnnt")
    assert f"rnnt in w4a4 on {name}: 10.0 s" in out


@pytest.mark.slow
def test_rules_show_in_the_headline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = tmp_path / "work.yaml"
    plan = "precision: {policy: w4a4, rules: [{match: 'joint.*', policy: w8a8}]}"
    work.write_text(RNNT.read_text().replace("precision: w4a4", plan))
    out, _ = printed(capsys, "run", "int4_array", str(work))
    assert out.startswith("rnnt in w4a4 with 1 rule on int4_array")


def test_a_report_lists_what_has_no_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "arch" / "int4_array.yaml").read_text()
    bare = tmp_path / "bare.yaml"
    bare.write_text(text[: text.index("sources:")])
    out, _ = printed(capsys, "run", str(bare), "mlperf_rnnt", "--full")
    assert "chip.clock (not said), chip.dram (not said)" in " ".join(out.split())
    assert "chip.array.rows" not in out
    whole, _ = printed(capsys, "run", "int4_array", "mlperf_rnnt", "--full")
    assert "chip.scratchpad.size (recalled)" in " ".join(whole.split())
    assert "not said" not in whole


@pytest.mark.parametrize(
    ("source", "sure"),
    [
        ("assumed; a usual size", "assumed"),
        ("the ratio is that of a paper; INT8 between them is assumed", "assumed"),
        ("Table 1, recalled; its unit is assumed", "assumed"),
        ("40 filters; recalled", "recalled"),
        ("what is unassumed and not recalledly said", "read"),
        ("a data sheet", "read"),
        (NOT_SAID, NOT_SAID),
    ],
)
def test_a_source_is_as_sure_as_its_least_sure_word(source: str, sure: str) -> None:
    assert confidence(source) == sure


def test_what_is_assumed_in_part_counts_as_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "run", "int4_array", "mlperf_rnnt", "--sources")
    assert re.search(r"^chip\.array\.macs_per_pe +assumed$", out, re.MULTILINE)


def test_tensors_are_listed_with_their_places(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out, _ = printed(capsys, "run", "int4_array", "mlperf_rnnt", "--full", "--out", str(tmp_path))
    tensors = json.loads((tmp_path / "result.json").read_text())["tensors"]
    with (tmp_path / "tensors.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["tensor"] for row in rows] == [tensor["tensor"] for tensor in tensors]
    shown = dict(re.findall(r"^(\w+) +(\d+) +[\d.]+ [kMG]?B", out[out.index("Where tensors lie") :], re.MULTILINE))
    assert {place: int(count) for place, count in shown.items()} == Counter(tensor["place"] for tensor in tensors)
    assert "Largest that need the DRAM" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.slow
def test_a_comparison_shows_what_each_change_does(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out, _ = printed(capsys, "compare", "int4_array", "mlperf_rnnt", "--full", "--out", str(tmp_path))
    assert "From fp16 to w4a4: time, of the chip's cycles, change by change" in out
    assert "From fp16 to w4a4: energy, change by change" in out
    assert max(map(len, out.splitlines())) <= 80
    assert out.count("price of a product") == 1  # of the energy alone
    with (tmp_path / "waterfall.csv").open() as file:
        steps = [step for step in csv.DictReader(file) if step["order"] == "chain"]
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
    assert chosen in fitting  # the plan may do without blocks that are faster alone
    assert why["array_cycles"] * op["times"] <= op["busy_cycles"]["array"] + op["times"] * 1000
    for roof in why["roofs"]:  # loads may have begun before the array did
        assert roof["cycles"] <= (op["busy_cycles"]["load"] if roof["limit"] == "dram_read" else op["span"])
    for line in (name, "(1 × 1024) · (1024 × 4096)", "chosen", "closed form", "set by ports", "Energy"):
        assert line in err
    assert max(map(len, err.splitlines())) <= 80


@pytest.mark.parametrize("name", ["encoder.0.forward.gates", "joint.relu", "search.choose"])
def test_ops_of_the_vector_unit_are_explained_too(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "run", "int4_array", "mlperf_rnnt", "--explain", name)
    assert out.startswith(f"{name} of mlperf_rnnt in w4a4 on int4_array")
    assert out.count("chosen") == 1
    assert "What it reads, and → writes" in out


def test_every_op_of_a_network_can_be_explained() -> None:
    chip, work = load_chip("int4_array"), load_workload("mlperf_rnnt")
    aim = aim_of(Objective.LATENCY, chip, prices_of(chip))
    found = Planner(chip, aim).plan(work.program)
    for op in counters_of(found.schedule).ops:
        why = explain(chip, found, op.name, op)
        assert why.op == op.name
        assert sum(one.chosen for one in why.candidates) == 1
        assert all(one.fits for one in why.candidates if one.chosen)


def test_an_unknown_op_is_told_with_the_nearest_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "int4_array", "mlperf_rnnt", "--explain", "encoder.0.forward.recurent"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("hwsim: unknown op 'encoder.0.forward.recurent'; did you mean encoder.0.forward.recurrent?")
    assert err.endswith("; hwsim ops WORKLOAD lists all\n")
    assert err.count("\n") == 1
    assert len(err) < 400
