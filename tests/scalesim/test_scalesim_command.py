"""`hwsim scalesim` writes SCALE-Sim's columns under its names with ours beside them, and refuses in one line."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from command import printed
from data import ROOT
from hwsim.cli.main import main
from hwsim.scalesim.nouns import LayerReport
from strategies.scalesim_files import CONFORMER, CONVOLUTIONS, SCALE

COLUMNS = [name for name in LayerReport.__dataclass_fields__ if name not in ("layer", "physical", "times")]


@pytest.fixture
def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(printed(capsys, "scalesim", str(SCALE), str(CONFORMER), "--json", "-")[0])


def test_json_has_the_columns_and_ours_beside_them(document: Any) -> None:
    assert list(document) == ["layers", "config", "remarks", "provenance"]
    assert list(document["layers"][0]) == ["layer", *COLUMNS, "physical", "times"]
    with (ROOT / "tests" / "data" / "scalesim_v3.csv").open() as file:
        recorded = next(csv.reader(file))
    assert recorded[recorded.index("total_cycles_incl_prefetch") :] == COLUMNS
    assert set(document["provenance"]["files"]) == {str(SCALE), str(CONFORMER)}
    first = document["layers"][0]
    assert (first["total_cycles"], first["physical"]["array_cycles"]) == (75263, 75265)


def read_csv(path: Path) -> Sequence[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_out_writes_reports_under_its_names(capsys: pytest.CaptureFixture[str], document: Any, tmp_path: Path) -> None:
    out, _ = printed(capsys, "scalesim", str(SCALE), str(CONFORMER), "--out", str(tmp_path))
    names = ["BANDWIDTH_REPORT.csv", "COMPUTE_REPORT.csv", "DETAILED_ACCESS_REPORT.csv", "PHYSICAL_REPORT.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*names, "result.json"]
    assert json.loads((tmp_path / "result.json").read_text()) == document
    compute, access = read_csv(tmp_path / "COMPUTE_REPORT.csv"), read_csv(tmp_path / "DETAILED_ACCESS_REPORT.csv")
    ours = read_csv(tmp_path / "PHYSICAL_REPORT.csv")
    for at, layer in enumerate(document["layers"]):
        assert compute[at]["LayerID"] == str(at)
        assert compute[at]["Total Cycles (incl. prefetch)"] == "n/a"
        assert compute[at]["Total Cycles"] == str(layer["total_cycles"])
        assert access[at]["DRAM IFMAP Reads"] == str(layer["dram_ifmap_reads"])
        assert access[at]["DRAM IFMAP Start Cycle"] == "n/a"
        assert (ours[at]["layer"], ours[at]["energy_aj"]) == (layer["layer"], str(layer["physical"]["energy_aj"]))
    assert "conformer_m on scale_example_run_32x32_ws" in out


def test_the_table_counts_equal_layers_and_sums_all(capsys: pytest.CaptureFixture[str], document: Any) -> None:
    out, _ = printed(capsys, "scalesim", str(SCALE), str(CONFORMER))
    total = sum(layer["total_cycles"] for layer in document["layers"])
    assert f"SCALE-Sim  {total:,} cycles" in out
    (row,) = (line for line in out.splitlines() if line.startswith("0.attn.query") and "68.03" in line)
    assert row.split() == ["0.attn.query", "80", "18,815", "0", "68.03", "100.0", "61.54"]
    assert max(map(len, out.splitlines())) <= 100


def test_equal_layers_are_counted_and_add_up_as_if_they_were_listed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    header, first, _ = CONVOLUTIONS.splitlines(keepends=True)
    counted, listed = tmp_path / "counted.csv", tmp_path / "listed.csv"
    counted.write_text(header + first.replace("Conv1", "DP1") + first.replace("Conv1", "last"))
    alone = first.replace("Conv1", "one").replace(" 3, 96", " 1, 96")
    listed.write_text(header + alone * 3 + first.replace("Conv1", "last"))
    sums = [printed(capsys, "scalesim", str(SCALE), str(path))[0].partition("In sum")[2] for path in (counted, listed)]
    assert sums[0] == sums[1]
    printed(capsys, "scalesim", str(SCALE), str(counted), "--out", str(tmp_path / "out"))
    for name in ("COMPUTE_REPORT.csv", "PHYSICAL_REPORT.csv"):
        assert [(row["LayerID"], row["Layers"]) for row in read_csv(tmp_path / "out" / name)] == [
            ("0", "3"),
            ("3", "1"),
        ]


def test_a_hundred_lines_of_65536_layers_are_a_hundred_rows(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    header, first, _ = CONVOLUTIONS.splitlines(keepends=True)
    topology = tmp_path / "deep.csv"
    wide = first.replace(" 3, 96", " 65536, 96")
    topology.write_text(header + "".join(wide.replace("Conv1", f"DP{place}") for place in range(100)))
    layers = json.loads(printed(capsys, "scalesim", str(SCALE), str(topology), "--json", "-")[0])["layers"]
    assert [layer["times"] for layer in layers] == [65536] * 100


def test_layers_without_hardware_print_as_not_available(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config, topology = tmp_path / "small.cfg", tmp_path / "one.csv"
    config.write_text(
        "[architecture_presets]\nArrayHeight: 128\nArrayWidth: 128\nIfmapSramSzkB: 1\nFilterSramSzkB: 1\n"
        "OfmapSramSzkB: 1\n[run_presets]\nInterfaceBandwidth: USER\n"
    )
    topology.write_text("Layer, M, N, K\none, 128, 128, 128\n")
    out, _ = printed(capsys, "scalesim", str(config), str(topology), "--out", str(tmp_path))
    assert "one: no physical figures: " in " ".join(out.split())
    assert read_csv(tmp_path / "COMPUTE_REPORT.csv")[0]["Total Cycles"] == "n/a"
    assert read_csv(tmp_path / "PHYSICAL_REPORT.csv") == [{"LayerID": "0", "layer": "one"}]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["none.cfg", str(CONFORMER)], "none.cfg: cannot be read: No such file or directory"),
        ([str(SCALE), "none.csv"], "none.csv: cannot be read: No such file or directory"),
        ([str(CONFORMER), str(CONFORMER)], f"{CONFORMER}:1: 'Layer,M,N,K,' stands before the first [section]"),
        ([str(SCALE)], "Missing argument 'TOPOLOGY'."),
    ],
)
def test_what_users_get_wrong_is_one_line_and_exit_code_2(
    args: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scalesim", *args]) == 2
    assert capsys.readouterr() == ("", f"hwsim: {message}\n")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("wide, 40000, 8000, 8, 8, 1, 4, 1,", "an input of 320000000 words; hwsim walks over up to 134217728"),
        (
            "deep, 4000, 4000, 40, 40, 1, 4, 1,",
            "15689521 positions that ask for 1600 words each; hwsim looks up to 4294967296 words up",
        ),
    ],
)
def test_a_convolution_that_would_take_hours_is_refused_by_its_name(
    line: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    topology = tmp_path / "large.csv"
    topology.write_text(CONVOLUTIONS.replace("Conv2, 27, 27, 5, 5, 96, 256, 1,", line))
    assert main(["scalesim", str(SCALE), str(topology)]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"hwsim: {SCALE}, {topology}: {line.partition(',')[0]}: {problem}\n")
