"""SCALE-Sim's files: what valid ones mean, and each way to break one with the exact line that it gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.arrays.systolic.elements import Dataflow
from hwsim.errors import FileProblem
from hwsim.inputs.files import TextFile
from hwsim.scalesim.config import read_config
from hwsim.scalesim.nouns import Interface, ScaleSimConfig, ScaleSimLayer
from hwsim.scalesim.topology import open_topology, read_topology
from strategies.broken_files import broken
from strategies.scalesim_files import (
    BROKEN_CONFIGS,
    BROKEN_CONVOLUTIONS,
    BROKEN_GEMMS,
    CONFORMER,
    CONVOLUTIONS,
    GEMMS,
    SCALE_TEXT,
)


def text_file(text: str) -> TextFile:
    return TextFile("file", text, "hash")


def answered(found: FileProblem) -> str:
    return str(found).removeprefix("file:")


@pytest.mark.parametrize(("old", "new", "answer"), BROKEN_CONFIGS)
def test_a_broken_configuration_gives_one_line_with_place_and_law(old: str, new: str, answer: str) -> None:
    with pytest.raises(FileProblem) as found:
        read_config(text_file(broken(SCALE_TEXT, old, new)))
    assert answered(found.value) == answer


@pytest.mark.parametrize(
    ("text", "old", "new", "answer"),
    [(GEMMS, *case) for case in BROKEN_GEMMS] + [(CONVOLUTIONS, *case) for case in BROKEN_CONVOLUTIONS],
)
def test_a_broken_topology_gives_one_line_with_place_and_law(text: str, old: str, new: str, answer: str) -> None:
    with pytest.raises(FileProblem) as found:
        read_topology(text_file(broken(text, old, new)))
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


def test_a_depthwise_line_is_as_many_equal_layers_as_it_has_channels() -> None:
    first, second = read_topology(text_file(CONVOLUTIONS.replace("Conv1", "DP1")))
    assert (first.name, first.k, first.times) == ("DP1", 11 * 11, 3)
    assert second.times == 1


def test_the_conformer_is_sixteen_blocks() -> None:
    topology = open_topology(str(CONFORMER))
    assert len(topology.layers) == 16 * 23
    assert sum(layer.macs for layer in topology.layers) == 5_896_372_224
