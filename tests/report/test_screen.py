"""The first screen: it fits, splits no word, says what binds a run, and says in words what its figures mean."""

import json
import re
from dataclasses import replace
from fractions import Fraction
from functools import cache
from io import BytesIO, TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from command import printed
from data import ARCH, RNNT
from hwsim.cli.terminal import screen_of
from hwsim.inputs.chips import load_chip
from hwsim.inputs.files import Kind, names
from hwsim.inputs.load import load_workload
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import recipe_of, workload
from hwsim.quantities.plain_data import Objective
from hwsim.report.asked import Asked
from hwsim.report.comparison import comparison_text
from hwsim.report.comparison_screen import comparison_screen
from hwsim.report.screen import run_text
from hwsim.report.tables import Screen
from hwsim.results.result import Comparison, Result
from hwsim.results.waterfall import Change, Cost, WaterfallStep
from hwsim.study.compare import compare
from hwsim.study.simulate import simulate
from strategies.recipes import shallow

ALL = Asked(full=True, tensors=True, sources=True, energy=True)
WIDTHS = (60, 80, 120)


@cache
def result_of(name: str) -> Result:
    return simulate(load_chip("int4_array"), load_workload(name))


@cache
def comparison_of(name: str) -> Comparison:
    return compare(load_chip("int4_array"), with_few_layers(name), ("fp16", "w8a8", "w4a4"))


def with_few_layers(name: str, precision: str | None = None) -> Workload:
    return workload(shallow(recipe_of(load_workload(name))), precision)


@pytest.mark.slow
def test_changes_that_are_worth_next_to_nothing_make_no_table() -> None:
    found = comparison_of("tdnnf_7q")
    assert "each change is worth" in comparison_screen(found, Screen())
    step = WaterfallStep.between((Change.WEIGHTS,), Cost(100, 100), Cost(99, 100))
    text = comparison_screen(replace(found, waterfall=(step,), waterfall_other_order=(step,)), Screen())
    assert "each change is worth" not in text
    assert "Worth less than 5 %: weight bits." in text


def words(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]+", text))


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


@pytest.mark.slow
@pytest.mark.parametrize("name", names(Kind.WORKLOAD))
def test_a_run_is_one_screen_without_a_split_word(name: str) -> None:
    result = result_of(name)
    whole = words(run_text(result, Asked(), Screen(width=400)) + run_text(result, ALL, Screen(width=400)))
    for width in WIDTHS:
        text = run_text(result, Asked(), Screen(width=width))
        assert text.count("\n") <= 40
        assert widest(text) <= width
        assert words(text) <= whole
        assert text.startswith(result.summary.workload)
        assert "--full" in text
        assert "--sources" in text


@pytest.mark.slow
@pytest.mark.parametrize("name", names(Kind.WORKLOAD))
def test_five_groups_of_ops_are_named_at_every_width(name: str) -> None:
    groups = {re.sub(r"(?<=\.)\d+(?=\.)", "*", op.name) for op in result_of(name).ops}
    for width in WIDTHS:
        text = run_text(result_of(name), Asked(), Screen(width=width))
        table = text[text.index("costliest ops") :]
        assert len(re.findall(r"^\S.* \d+\.?\d* %", table, re.MULTILINE)) == min(len(groups), 6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rnnt", "conformer_m", "transformer_lm"])
def test_every_report_keeps_to_the_screen(name: str) -> None:
    whole = words(run_text(result_of(name), ALL, Screen(width=400)))
    for width in WIDTHS:
        text = run_text(result_of(name), ALL, Screen(width=width))
        assert widest(text) <= width
        assert words(text) <= whole


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rnnt", "conformer_m", "tdnnf_7q"])
def test_a_comparison_is_one_screen_without_a_split_word(name: str) -> None:
    found = comparison_of(name)
    whole = words(comparison_screen(found, Screen(width=400)) + comparison_text(found, Screen(width=400)))
    for width in WIDTHS:
        short, full = comparison_screen(found, Screen(width=width)), comparison_text(found, Screen(width=width))
        assert short.count("\n") <= 40
        assert max(widest(short), widest(full)) <= width
        assert words(short + full) <= whole


@pytest.mark.slow
def test_a_comparison_names_no_group_of_less_than_a_twentieth_and_says_what_is_worth_how_much() -> None:
    text = comparison_screen(comparison_of("conformer_m"), Screen())
    table = text[text.index("ops, layers joined") :].splitlines()[1:]
    shares = [[float(share) for share in re.findall(r"([\d.]+) %", line)] for line in table]
    assert all(max(pair) >= 5 for pair in shares if pair)
    assert re.search(r"weight bits +\d\.\d+ to \d\.\d+ ×  +\d\.\d+ to \d\.\d+ ×", text)
    assert "Weights that stay on the chip in w4a4, and not or less so in fp16:" in text


@pytest.mark.slow
def test_a_comparison_knows_which_weights_became_resident() -> None:
    found = comparison_of("conformer_m")
    assert found.became_resident
    chip, work = load_chip("int4_array"), with_few_layers("conformer_m")
    kept = {}
    for precision in ("fp16", "w4a4"):
        run = simulate(chip, with_few_layers("conformer_m", precision))
        kept[precision] = {one.tensor: one.kept_bytes / one.bytes for one in run.tensors}
    parameters = {tensor.name for tensor in work.program.tensors if tensor.role.parameter}
    grown = {name for name in parameters & set(kept["fp16"]) if kept["w4a4"].get(name, 0) > kept["fp16"][name]}
    assert {one.tensor for one in found.became_resident} == grown


@pytest.mark.slow
def test_equal_layers_stand_in_one_line() -> None:
    text = run_text(result_of("rnnt"), Asked(), Screen())
    assert re.search(r"^external_lm\.\*\.input × 2 ", text, re.MULTILINE)
    joined = sum(op.cycles for op in result_of("rnnt").ops if re.fullmatch(r"external_lm\.\d\.input", op.name))
    share = 100 * joined / result_of("rnnt").summary.cycles
    assert re.search(rf"external_lm\.\*\.input × 2 .*{share:.1f} %", text)


def test_the_diagnosis_is_that_of_the_counters() -> None:
    found = result_of("rnnt")
    text = " ".join(run_text(found, Asked(), Screen()).split())
    part = max(found.parts, key=lambda one: one.cycles)
    share = f"{100 * part.cycles / found.summary.cycles:.0f}"
    assert f"{share} % of the time is external_lm" in text
    assert "98 % of that in ops bound by reading weights from DRAM. With" in text
    eased = found.diagnosis.eased
    assert f"times as fast ({eased.latency_ms:.0f} ms): then reading from DRAM still binds" in " ".join(text.split())


def test_a_host_that_takes_most_is_named_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = tmp_path / "work.yaml"
    work.write_text(RNNT.read_text().replace("host: 0 s", "host: 5 ms"))
    out, err = printed(capsys, "run", "int4_array", str(work), "--json", "-")
    summary = json.loads(out)["summary"]
    host = 100 * summary["host_ms"] / summary["latency_ms"]
    told = " ".join(err.split())
    assert host > 50
    assert f": 10.0 s of audio {host:.1f} % of the latency is the host's share of the search. 8" in told
    assert " % of the chip's time is external_lm, " in told
    assert re.search(rf"\nhost +{host:.0f} % ", err)
    assert re.search(r"\npart .* chip's time ", err)
    assert re.search(r"\ncostliest ops.* chip's time ", err)
    full, _ = printed(capsys, "run", "int4_array", str(work), "--full")
    assert "\nWhere the chip's time goes\n" in full
    assert "chip's time" not in run_text(result_of("rnnt"), ALL, Screen())


def test_a_host_that_takes_less_than_the_chip_has_a_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = tmp_path / "work.yaml"
    work.write_text(RNNT.read_text().replace("host: 0 s", "host: 100 us"))
    out, err = printed(capsys, "run", "int4_array", str(work), "--json", "-")
    summary = json.loads(out)["summary"]
    host = 100 * summary["host_ms"] / summary["latency_ms"]
    assert 5 < host < 40
    assert "of the latency is the host's" not in err
    assert " % of the chip's time is external_lm, " in err
    assert re.search(rf"\nhost +{host:.0f} % ", err)


@pytest.mark.slow
def test_what_binds_next_is_named_where_the_eased_limit_gains_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chip = tmp_path / "chip.yaml"
    chip.write_text(ARCH.read_text().replace("read: 64 GB/s, write: 64 GB/s", "read: 128 GB/s, write: 128 GB/s"))
    out, err = printed(capsys, "run", str(chip), "rnnt", "--json", "-")
    found = json.loads(out)["diagnosis"]
    assert found["limit"] == "dram_read"
    assert found["beside"]["relief"] == "scratchpad_ports"
    together = f"with ports of the scratchpad twice as wide as well {found['beside']['latency_ms']:.0f} ms."
    assert f"twice the bandwidth of the DRAM would give next to nothing, {together}" in " ".join(err.split())


def test_the_options_print_their_report_alone(capsys: pytest.CaptureFixture[str]) -> None:
    starts = {
        "--full": "mlperf_rnnt in w4a4 on int4_array",
        "--tensors": "Where tensors lie",
        "--sources": "Parameters without a source that was read",
        "--explain-energy": "The energy, action by action",
    }
    outs = {option: printed(capsys, "run", "int4_array", "mlperf_rnnt", option)[0] for option in starts}
    for option, start in starts.items():
        assert outs[option].startswith(start)
        others = set(starts) - {option, "--full"}
        assert not any(f"\n{starts[other]}" in outs[option] for other in others if option != "--full")
    both = printed(capsys, "run", "int4_array", "mlperf_rnnt", "--sources", "--tensors")[0]
    assert both == f"{outs['--tensors']}\n{outs['--sources']}"


def test_bars_are_of_plain_characters_where_the_stream_has_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    screen = screen_of(TextIOWrapper(BytesIO(), encoding="ascii"))
    assert screen == Screen(width=80, colours=False, blocks=False)
    text = run_text(result_of("rnnt"), Asked(), screen)
    assert "█" not in text
    assert "###" in text
    assert "█" in run_text(result_of("rnnt"), Asked(), screen_of(TextIOWrapper(BytesIO(), encoding="utf-8")))


@pytest.mark.parametrize(("columns", "width"), [("70", 70), ("20", 60), ("132", 132)])
def test_columns_set_the_width_down_to_sixty(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert screen_of(TextIOWrapper(BytesIO(), encoding="utf-8")).width == width


@pytest.mark.slow
def test_a_run_that_lags_behind_is_slower_than_the_audio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slow = tmp_path / "slow.yaml"
    slow.write_text(ARCH.read_text().replace("clock: 1 GHz", "clock: 1 MHz"))
    out, _ = printed(capsys, "run", str(slow), "rnnt")
    factor = re.search(r"\nRTF +([\d.]+) +([\d.]+) times slower than the audio", out)
    assert factor is not None
    assert factor[1] == factor[2]
    assert "faster" not in out


def test_the_mode_is_named_where_it_is_wider_than_the_operands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chip = tmp_path / "no_int4.yaml"
    without = re.sub(r"int4: *[^,}\n]+, *|, *int4: *[^,}\n]+(?=\})", "", ARCH.read_text())
    chip.write_text(without)
    out, err = printed(capsys, "run", str(chip), "mlperf_rnnt", "--json", "-")
    summary = json.loads(out)["summary"]
    assert summary["precision"] == "w4a4"
    assert summary["products_by_mode"] == {"int8": summary["macs"]}
    assert summary["widened_macs"] == summary["macs"]
    assert re.search(r"\nmode +int8 +.* in int8; .* are of narrower operands,", err)
    plain, err = printed(capsys, "run", "int4_array", "mlperf_rnnt", "--json", "-")
    assert json.loads(plain)["summary"]["products_by_mode"] == {"int4": summary["macs"]}
    assert json.loads(plain)["summary"]["widened_macs"] == 0
    assert not re.search(r"\nmodes? +int", err)


def test_a_port_that_feeds_less_than_the_peak_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    narrow = tmp_path / "narrow.yaml"
    narrow.write_text(re.sub(r"read: 512 B/cycle", "read: 64 B/cycle", ARCH.read_text()))
    out, err = printed(capsys, "run", str(narrow), "mlperf_rnnt", "--full", "--json", "-")
    document = json.loads(out)
    summary, found = document["summary"], document["efficiency"]
    assert summary["reachable_utilization"] > summary["utilization"]
    told = " ".join(err.split())
    assert (
        f"of its peak, {100 * summary['reachable_utilization']:.2f} % of what the scratchpad's read port can feed"
        in told
    )
    assert f"65.5 at peak, {found['reachable_tops']:.1f} of them reachable" in told
    assert "can feed" not in run_text(result_of("mlperf_rnnt"), Asked(), Screen())


def test_several_modes_are_named_with_their_products(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = tmp_path / "work.yaml"
    plan = "precision: {policy: w4a4, rules: [{match: 'joint.*', policy: w8a8}]}"
    work.write_text(RNNT.read_text().replace("precision: w4a4", plan))
    out, err = printed(capsys, "run", "int4_array", str(work), "--json", "-")
    document = json.loads(out)
    joint = sum(part["macs"] for part in document["parts"] if part["name"] == "joint")
    products = document["summary"]["products_by_mode"]
    assert products["int8"] == joint
    assert sum(products.values()) == document["summary"]["macs"]
    assert re.search(r"\nmodes +int4 int8 +.* in int4, .* in int8\n", err)


def test_the_two_real_time_factors_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = printed(capsys, "run", "int4_array", "mlperf_rnnt", "--dim", "batch=4", "--json", "-")
    summary = json.loads(out)["summary"]
    assert summary["throughput_rtf"] == pytest.approx(summary["rtf"] / 4, rel=1e-12)
    assert re.search(r"\nRTF +[\d.]+ +of an utterance: ", err)
    assert re.search(r"\nthroughput RTF +[\d.]+ +of all audio of the batch: ", err)
    alone = result_of("mlperf_rnnt").summary
    assert alone.throughput_rtf == alone.rtf


@pytest.mark.slow
def test_every_share_and_energy_is_in_words_that_people_use() -> None:
    text = run_text(result_of("rnnt"), Asked(full=True), Screen())
    assert "utterances per joule" in text
    assert re.search(r"energy × delay +[\d.]+ mJ·s", text)
    assert "< 0.01 %" in text
    assert not re.search(r"\b0\.00\d* %", text)
    assert " 0 aJ" not in run_text(result_of("tdnnf_7q"), Asked(full=True), Screen())
    assert "price, pJ" in run_text(result_of("rnnt"), Asked(energy=True), Screen())


def test_colours_change_no_character() -> None:
    coloured = run_text(result_of("rnnt"), Asked(), replace(Screen(), colours=True))
    plain = re.sub(r" *$", "", re.sub(r"\x1b\[[\d;]*m", "", coloured), flags=re.MULTILINE)
    assert plain == run_text(result_of("rnnt"), Asked(), Screen())


EVERYTHING = """
streaming: {chunk: 480 ms}
lengths:
  shares: [{length: 3 s, utterances: 40}, {length: 8 s, utterances: 60}]
  buckets: [4 s, 10 s]
"""


@cache
def everything() -> Result:
    """Lengths, a batch, chunks, a host, a rule, a cap and an objective: all lines that a headline can have."""
    text = RNNT.read_text()
    plan = "precision: {policy: w4a4, rules: [{match: 'joint.*', policy: w8a8}]}"
    text = (
        text.replace("precision: w4a4", plan)
        .replace("host: 0 s", "host: 5 ms")
        .replace("bidirectional: true", "bidirectional: false")
    )
    with TemporaryDirectory() as folder:
        work = Path(folder) / "work.yaml"
        work.write_text(text + EVERYTHING)
        loaded = load_workload(str(work), dims={"batch": 4})
        chip = load_chip("int4_array")
        cap = Fraction(2)
        return simulate(chip, loaded, power_cap=cap, objective=Objective.EDP)


@pytest.mark.slow
def test_a_run_with_every_line_is_one_screen_with_its_parts_and_groups() -> None:
    for width in WIDTHS:
        text = run_text(everything(), Asked(), Screen(width=width))
        assert text.count("\n") <= 40
        assert widest(text) <= width
        for block in ("latency ", "RTF ", "TOPS/W ", "part ", "time goes with", "costliest ops", "--sources", "--full"):
            assert f"\n{block}" in text or block in text.splitlines()[-1] or block == "--sources"


@pytest.mark.slow
def test_a_headline_says_what_it_means() -> None:
    text = run_text(everything(), Asked(full=True), Screen(width=200))
    assert len(re.findall(r"^throughput RTF .* of stated lengths,", text, re.MULTILINE)) == 1
    assert len(re.findall(r"^throughput RTF ", text, re.MULTILINE)) == 1
    assert re.search(r"^chunks .* symbols an utterance$", text, re.MULTILINE)
    assert re.search(r"^planned +for energy × delay +of the plans tried the one", text, re.MULTILINE)
    assert re.search(r"^TOPS/W +[\d.]+ +[\d.]+ at peak; [\d.]+ utterances per joule$", text, re.MULTILINE)
    assert re.search(r"^cap +2\.00 W ", text, re.MULTILINE)


def test_components_have_one_name_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ((), ("--full",), ("--explain-energy",), ("--explain", "joint.output"))
    out = ""
    for options in asked:
        out, _ = printed(capsys, "run", "int4_array", "mlperf_rnnt", *options)
        assert re.search(r"\bwires +", out)
        assert not re.search(r"^(mac|interconnect|dram) +[\d.]+ [mµnp]?J", out, re.MULTILINE)
    assert not re.search(r" 0 J$| 0 J +0 %", out, re.MULTILINE)


def test_one_port_of_loads_and_stores_is_told_where_their_shares_are() -> None:
    text = run_text(result_of("mlperf_rnnt"), Asked(full=True), Screen())
    assert "Load and store take turns on one port: their shares together are the whole." in " ".join(text.split())
    chip = load_chip("int4_array")
    apart = replace(chip, dram=replace(chip.dram, shared_port=False))
    assert "take turns" not in run_text(simulate(apart, load_workload("mlperf_rnnt")), Asked(full=True), Screen())
