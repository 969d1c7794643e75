"""SCALE-Sim's files: what valid ones mean, and each way to break one with the exact line that it gives."""

import csv
import doctest
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import ROOT
from hwsim.cli.main import main
from hwsim.core.chip import Dataflow
from hwsim.core.scalesim import Interface, LayerReport, ScaleSimConfig, ScaleSimLayer
from hwsim.errors import FileProblem
from hwsim.inputs.files import TextFile
from hwsim.inputs.scalesim.config import read_config
from hwsim.inputs.scalesim.topology import open_topology, read_topology

EXAMPLES = ROOT / "examples" / "scalesim"
SCALE = EXAMPLES / "scale.cfg"
CONFORMER = EXAMPLES / "conformer_m.csv"
SCALE_TEXT = SCALE.read_text()
GEMMS = "Layer, M, N, K,\nup, 200, 1024, 256,\ndown, 200, 256, 1024,\n"
CONVOLUTIONS = (
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
    "Conv1, 227, 227, 11, 11, 3, 96, 4,\n"
    "Conv2, 27, 27, 5, 5, 96, 256, 1,\n"
)
KNOWN_ARRAY = (
    "known: arrayheight, arraywidth, bandwidth, dataflow, filteroffset, filtersramszkb, ifmapoffset, ifmapsramszkb, "
    "memorybanks, ofmapoffset, ofmapsramszkb, onchipmemorybankports, onchipmemorybanks, readrequestbuffer, "
    "writerequestbuffer"
)
SPARSE = "sparse filters are not modelled; remove the column of the sparsity ratio to run the layer as a dense one"
CONV_COLUMNS = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides"

# What is replaced by what in scale.cfg, and the line that hwsim answers.
BROKEN_CONFIGS = [
    ("ArrayHeight:    32", "ArrayHeight:    0", "6: architecture_presets.ArrayHeight = '0': must be at least 1"),
    ("ArrayHeight:    32", "ArrayHeight: -4", "6: architecture_presets.ArrayHeight = '-4': must be at least 1"),
    ("ArrayHeight:    32", "ArrayHeight: 32.5", "6: architecture_presets.ArrayHeight = '32.5': must be a whole number"),
    ("ArrayHeight:    32", "ArrayHeight:", "6: architecture_presets.ArrayHeight = '': must be a whole number"),
    (
        "ArrayHeight:    32",
        "ArrayHeight: 65537",
        "6: architecture_presets.ArrayHeight = '65537': must be at most 65536",
    ),
    (
        "ArrayHeight:",
        "ArrayHieght:",
        f"6: architecture_presets.arrayhieght: unknown entry; did you mean arrayheight? {KNOWN_ARRAY}",
    ),
    ("ArrayWidth:     32", "ArrayHeight:    32", "7: ArrayHeight is given twice, first on line 6"),
    ("ArrayWidth:     32", "ArrayWidth", "7: 'ArrayWidth' must be key = value"),
    ("ArrayWidth:     32", "= 32", "7: '= 32' must be key = value"),
    ("ArrayWidth:", "  ArrayWidth:", "7: starts with a blank, which would go on with the value above"),
    ("SramSzkB:   64", "SramSzkB: 64 kB", "8: architecture_presets.IfmapSramSzkB = '64 kB': must be a whole number"),
    ("SramSzkB:   64", "SramSzkB: 0", "8: architecture_presets.IfmapSramSzkB = '0': must be at least 1"),
    ("Bandwidth : 10", "Bandwidth : 0", "14: architecture_presets.Bandwidth = '0': must be at least 1"),
    ("Bandwidth : 10", "Bandwidth : 10, x", "14: architecture_presets.Bandwidth = '10, x': must be a whole number"),
    ("Dataflow : ws", "Dataflow : rs", "15: architecture_presets.Dataflow = 'rs': known: ws, is, os"),
    (
        "InterfaceBandwidth: CALC",
        "InterfaceBandwidth: USR",
        "33: run_presets.InterfaceBandwidth = 'USR': did you mean USER? known: CALC, USER",
    ),
    (
        "SparsitySupport : false",
        "SparsitySupport : true",
        "30: sparsity.SparsitySupport = 'true': sparse filters are not modelled; every weight is taken as there",
    ),
    (
        "SparsitySupport : false",
        "SparsitySupport : maybe",
        "30: sparsity.SparsitySupport = 'maybe': must be true or false",
    ),
    (
        "[layout]",
        "[layuot]",
        "19: [layuot]: unknown section; did you mean layout? "
        "known: general, architecture_presets, layout, sparsity, network_presets, run_presets",
    ),
    ("[layout]", "[layout", "19: '[layout' must be [section]"),
    ("[layout]", "[general]", "19: [general] is given twice, first on line 2"),
    ("[general]\n", "", "2: 'run_name = scale_example_run_32x32_ws' stands before the first [section]"),
    ("scale_example_run_32x32_ws", "", "3: general.run_name = '': must not be empty"),
]

# Likewise in the two topologies above.
BROKEN_GEMMS = [
    ("Layer, M, N, K,", "Layer, M, K, N,", "1: columns M, K, N: must be in the order M, N, K, in which they are read"),
    ("Layer, M, N, K,", "Layer, M, N, K, Sparsity,", f"1: column 'Sparsity': {SPARSE}"),
    ("Layer, M, N, K,", "Layer, M, N, K, Batch,", "1: column 'Batch': unknown column; the columns are Layer, M, N, K"),
    (
        "Layer, M, N, K,\n",
        "",
        f"1: 'up, 200, 1024, 256' must be a line of column names: Layer, M, N, K or {CONV_COLUMNS}",
    ),
    ("200, 1024, 256,", "200, 1024, 256, 2:4,", f"2: up: '2:4': {SPARSE}"),
    ("200, 1024, 256,", "200, 1024,", "2: 'up': must have 4 values, not 3: Layer, M, N, K"),
    ("200, 1024, 256,", "200, 1024, 256, 3,", "2: 'up': must have 4 values, not 5: Layer, M, N, K"),
    ("200, 1024, 256,", "200, 0, 256,", "2: up: N = 0: must be at least 1"),
    ("200, 1024, 256,", "200, -1, 256,", "2: up: N = -1: must be at least 1"),
    ("200, 1024, 256,", "200, 1e3, 256,", "2: up: N = '1e3': must be a whole number"),
    ("200, 1024, 256,", "200, , 256,", "2: up: N = '': must be a whole number"),
    ("down, 200, 256,", "down, 9999999999999, 256,", "3: down: M = 9999999999999: must be at most 1099511627776"),
    (
        "down, 200, 256,",
        "down, 999999999999, 256000,",
        "3: down: macs = 262143999999737856000: must be at most 72057594037927936 products",
    ),
    ("down,", ",", "3: layer without a name: Layer = '': must not be empty"),
    ("up, 200, 1024, 256,\ndown, 200, 256, 1024,\n", ",,,,\n", " has no layer below its line of column names"),
    (GEMMS, "", " is empty; a topology starts with a line of column names"),
]
BROKEN_CONVOLUTIONS = [
    (" 11, 11, 3, 96, 4,", " 228, 11, 3, 96, 4,", "2: Conv1: Filter Height = 228: the input has 227 rows"),
    (" 11, 11, 3, 96, 4,", " 11, 228, 3, 96, 4,", "2: Conv1: Filter Width = 228: the input has 227 columns"),
    (" 11, 11, 3, 96, 4,", " 11, 11, 3, 96, 0,", "2: Conv1: Strides = 0: must be at least 1"),
    (" 11, 11, 3, 96, 4,", " 11, 11, 3, 0, 4,", "2: Conv1: Num Filter = 0: must be at least 1"),
    (" 11, 11, 3, 96, 4,", " 11, 11, H, 96, 4,", "2: Conv1: Channels = 'H': must be a whole number"),
    (" 11, 11, 3, 96, 4,", " 11, 11, 3, 96,", f"2: 'Conv1': must have 8 values, not 7: {CONV_COLUMNS}"),
    (" 11, 11, 3, 96, 4,", " 11, 11, 3, 96, 4, 1:4,", f"2: Conv1: '1:4': {SPARSE}"),
    ("Strides,\n", "Strides, Sparsity,\n", f"1: column 'Sparsity': {SPARSE}"),
    ("Strides,\n", "\n", f"1: has 7 columns, must have 8: {CONV_COLUMNS}"),
    (
        "Conv1, 227, 227, 11, 11, 3,",
        "DP1, 227, 227, 11, 11, 0,",
        "2: DP1: Channels = 0: must be from 1 to 65536 layers of one channel",
    ),
]


def text_file(text: str) -> TextFile:
    return TextFile("file", text, "hash")


def answered(found: FileProblem) -> str:
    return str(found).removeprefix("file:")


@pytest.mark.parametrize(("old", "new", "answer"), BROKEN_CONFIGS)
def test_a_broken_configuration_gives_one_line_with_place_and_law(old: str, new: str, answer: str) -> None:
    assert old in SCALE_TEXT
    with pytest.raises(FileProblem) as found:
        read_config(text_file(SCALE_TEXT.replace(old, new, 1)))
    assert answered(found.value) == answer


@pytest.mark.parametrize(
    ("text", "old", "new", "answer"),
    [(GEMMS, *broken) for broken in BROKEN_GEMMS] + [(CONVOLUTIONS, *broken) for broken in BROKEN_CONVOLUTIONS],
)
def test_a_broken_topology_gives_one_line_with_place_and_law(text: str, old: str, new: str, answer: str) -> None:
    assert old in text
    with pytest.raises(FileProblem) as found:
        read_topology(text_file(text.replace(old, new, 1)))
    assert answered(found.value) == answer


PIECES = st.lists(
    st.sampled_from(["[general]", "[layout]", "\n", " ", ":", "=", ",", "ArrayWidth", "Bandwidth", "M, N, K", "Layer"])
    | st.sampled_from(["IFMAP Height", "Strides", "DP", "3", "-1", "2:4", "1e9", "#", ";", "\t", "\u2028", "é"])
)


@given(PIECES, st.sampled_from([SCALE_TEXT, GEMMS, CONVOLUTIONS, ""]), st.integers(0, 400))
def test_whatever_a_file_holds_it_is_read_or_refused_in_one_line(pieces: list[str], text: str, at: int) -> None:
    mixed = text_file(text[:at] + "".join(pieces) + text[at:])
    answers = []
    for read in (read_config, read_topology):
        try:
            read(mixed)
        except FileProblem as error:
            answers.append(str(error))
    assert all(answer.startswith("file:") and "\n" not in answer for answer in answers)


def test_the_example_says_what_it_says() -> None:
    assert read_config(text_file(SCALE_TEXT)) == ScaleSimConfig(
        name="scale_example_run_32x32_ws",
        rows=32,
        cols=32,
        ifmap_sram_kb=64,
        filter_sram_kb=64,
        ofmap_sram_kb=64,
        dataflow=Dataflow.WS,
        bandwidth=10,
        interface=Interface.CALC,
    )


def without(section: str) -> str:
    """The example without a section."""
    head, _, tail = SCALE_TEXT.partition(f"[{section}]\n")
    return head + tail[tail.find("[") :] if "[" in tail else head


@pytest.mark.parametrize(
    ("section", "remark"),
    [
        ("general", "[general] is missing: run_name = scale_run by default"),
        (
            "architecture_presets",
            "[architecture_presets] is missing: ArrayHeight = 4, ArrayWidth = 4, IfmapSramSzkB = 256, "
            "FilterSramSzkB = 256, OfmapSramSzkB = 128, Dataflow = ws, Bandwidth = 10 by default",
        ),
        ("layout", "[layout] is missing: IfmapCustomLayout = False, FilterCustomLayout = False by default"),
        ("sparsity", "[sparsity] is missing: SparsitySupport = False by default"),
        ("run_presets", "[run_presets] is missing: InterfaceBandwidth = CALC, UseRamulatorTrace = False by default"),
    ],
)
def test_a_missing_section_has_its_default_and_is_named(section: str, remark: str) -> None:
    assert read_config(text_file(without(section))).remarks == (remark,)


def test_an_empty_configuration_is_all_default() -> None:
    config = read_config(text_file("# nothing\n"))
    assert (config.rows, config.cols, config.dataflow, config.interface) == (4, 4, Dataflow.WS, Interface.CALC)
    assert len(config.remarks) == 5


def test_sections_in_any_order_keys_in_any_case_and_both_marks_are_read() -> None:
    text = (
        "[run_presets]\ninterfacebandwidth = USER\n; comment\n[architecture_presets]\nARRAYHEIGHT=7\nbandwidth: 3,4\n"
    )
    config = read_config(text_file(text))
    assert (config.rows, config.bandwidth, config.interface) == (7, 3, Interface.USER)


def test_settings_without_effect_are_named() -> None:
    text = SCALE_TEXT.replace("Layout: False", "Layout: True").replace("Trace: False", "Trace: True")
    assert [remark.partition(" is on")[0] for remark in read_config(text_file(text)).remarks] == [
        "IfmapCustomLayout",
        "FilterCustomLayout",
        "UseRamulatorTrace",
    ]


@pytest.mark.parametrize("text", [GEMMS, CONVOLUTIONS])
def test_the_comma_at_the_end_of_a_line_may_be_missing(text: str) -> None:
    layers = read_topology(text_file(text))
    for variant in (text.replace(",\n", "\n"), text.replace(", ", ","), text.replace("\n", "\n\n"), text.rstrip()):
        assert read_topology(text_file(variant)) == layers


def test_a_gemm_line_is_in_the_order_m_n_k() -> None:
    up, down = read_topology(text_file(GEMMS))
    assert up == ScaleSimLayer(name="up", m=200, k=256, n=1024)
    assert (down.name, down.k) == ("down", 1024)


def test_a_convolution_is_a_gemm_of_positions_windows_and_filters() -> None:
    conv1, conv2 = read_topology(text_file(CONVOLUTIONS))
    assert (conv1.m, conv1.k, conv1.n) == (55 * 55, 11 * 11 * 3, 96)
    assert (conv2.m, conv2.k, conv2.n) == (23 * 23, 5 * 5 * 96, 256)
    (reaching,) = read_topology(text_file(CONVOLUTIONS.partition("Conv2")[0].replace("227, 227", "224, 227")))
    assert reaching.m == 55 * 55  # 213 rows are no multiple of 4: the last step reaches outside


def test_a_depthwise_line_is_a_layer_for_each_channel() -> None:
    layers = read_topology(text_file(CONVOLUTIONS.replace("Conv1", "DP1")))
    assert [layer.name for layer in layers[:3]] == ["DP1Channel_0", "DP1Channel_1", "DP1Channel_2"]
    assert layers[0].k == 11 * 11
    assert len(layers) == 4


def test_the_conformer_is_sixteen_blocks() -> None:
    topology = open_topology(str(CONFORMER))
    assert len(topology.layers) == 16 * 23
    assert sum(layer.macs for layer in topology.layers) == 5_896_372_224


COLUMNS = [name for name in LayerReport.__dataclass_fields__ if name not in ("layer", "physical")]


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[str, str]:
    assert main(["scalesim", *args]) == 0
    out, err = capsys.readouterr()
    return out, err


@pytest.fixture
def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(run(capsys, str(SCALE), str(CONFORMER), "--json", "-")[0])


def test_json_has_the_columns_and_ours_beside_them(document: Any) -> None:
    assert list(document) == ["layers", "config", "remarks", "provenance"]
    assert list(document["layers"][0]) == ["layer", *COLUMNS, "physical"]
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
    out, _ = run(capsys, str(SCALE), str(CONFORMER), "--out", str(tmp_path))
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
    out, _ = run(capsys, str(SCALE), str(CONFORMER))
    total = sum(layer["total_cycles"] for layer in document["layers"])
    assert f"SCALE-Sim  {total:,} cycles" in out
    (row,) = (line for line in out.splitlines() if line.startswith("0.attn.query") and "68.03" in line)
    assert row.split() == ["0.attn.query", "80", "18,815", "0", "68.03", "100.0", "61.54"]
    assert max(map(len, out.splitlines())) <= 100


def test_layers_without_hardware_print_as_not_available(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config, topology = tmp_path / "small.cfg", tmp_path / "one.csv"
    config.write_text(
        "[architecture_presets]\nArrayHeight: 128\nArrayWidth: 128\nIfmapSramSzkB: 1\nFilterSramSzkB: 1\n"
        "OfmapSramSzkB: 1\n[run_presets]\nInterfaceBandwidth: USER\n"
    )
    topology.write_text("Layer, M, N, K\none, 128, 128, 128\n")
    out, _ = run(capsys, str(config), str(topology), "--out", str(tmp_path))
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


def test_the_worked_examples_of_the_documentation_hold() -> None:
    found = doctest.testfile(str(ROOT / "docs" / "scalesim.md"), module_relative=False, encoding="utf-8")
    assert found.failed == 0
    assert found.attempted > 20


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
    assert (out, err) == ("", f"hwsim: {line.partition(',')[0]}: {problem}\n")
