"""What is printed of a run on tiles: a first screen that fits, tables that say all, an explanation of one op."""

from dataclasses import replace
from functools import cache

import pytest

from command import complaint, printed
from hwsim.inputs.chips import load_analog_chip
from hwsim.inputs.load import load_workload
from hwsim.report.asked import Asked
from hwsim.report.nouns import noun_text
from hwsim.report.screen import run_text
from hwsim.report.tables import Screen
from hwsim.report.tiles_headline import tiles_headline
from hwsim.results.tiles_result import TilesResult
from hwsim.study.simulate import simulate

WIDTHS = (60, 80, 120)
ASKED = (Asked(), Asked(full=True), Asked(tensors=True), Asked(sources=True), Asked(energy=True))


@cache
def result_of(workload: str = "mlperf_rnnt", chip: str = "analog_pcm") -> TilesResult:
    return simulate(load_analog_chip(chip), load_workload(workload))


@pytest.mark.parametrize("workload", ["mlperf_rnnt", "conformer_s", "tdnnf_7q"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_first_screen_has_at_most_40_lines(workload: str, width: int) -> None:
    lines = run_text(result_of(workload), Asked(), Screen(width=width)).splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_screen(asked: Asked, width: int) -> None:
    text = run_text(result_of(), asked, Screen(width=width))
    assert max(map(len, text.splitlines())) <= width


def test_the_first_screen_says_what_is_waited_for_and_what_is_digital() -> None:
    result = result_of()
    text = " ".join(run_text(result, Asked(), Screen(width=200)).split())
    slowest = max(result.parts, key=lambda part: part.cycles)
    assert f"of the time waits for {slowest.name}" in text
    assert "2.18 % of the products, 2 ops, are digital because `digital` names it." in text
    assert f"tiles {sum(result.placement.tiles_used)} of 170 on 5 chips" in text
    assert "the cells' energy is that of typical inputs: --values" in text


def test_what_the_run_takes_without_a_host_is_that_without_one() -> None:
    plain = tiles_headline(result_of("tdnnf_7q"))
    assert not any(name.startswith("without") for name, _, _ in plain)
    work = replace(load_workload("tdnnf_7q"), host=5 * 10**9, decoding_steps=1)
    with_host = tiles_headline(simulate(load_analog_chip("analog_pcm"), work))
    of_name = {name: value for name, value, _ in plain}
    assert [line for line in with_host if line[0].startswith("without")] == [
        ("without host", of_name["latency"], f"RTF {of_name['RTF']}, if the host took no time")
    ]
    assert {name for name, _, _ in with_host} - {name for name, _, _ in plain} == {"without host"}


def test_a_network_all_of_which_is_on_tiles_says_so() -> None:
    assert "All products are made on tiles." in " ".join(run_text(result_of("tdnnf_7q"), Asked(), Screen()).split())


def test_all_tables_name_every_op_every_matrix_and_every_digital_product() -> None:
    result = result_of()
    text = run_text(result, Asked(full=True), Screen(width=200))
    for op in result.ops:
        assert op.name in text
    every = run_text(result, Asked(tensors=True), Screen(width=200))
    for digital in result.placement.digital:
        assert digital.op in every
    assert f"{result.placement.programmed_cells:,} cells programmed once" in every


def test_an_explanation_says_where_an_op_stands_and_what_its_rows_wait_for() -> None:
    op = next(op for op in result_of().ops if op.name == "encoder.1.forward.recurrent")
    text = run_text(replace(result_of(), explained=op.name), Asked(), Screen(width=120))
    assert text.startswith("encoder.1.forward.recurrent: gemm, 334 runs, 334 rows\n")
    assert "1, 16           0 to 512        0 to 512" in text
    assert f"{op.cycles:,} cycles of its time" in text


def test_the_commands_take_chips_of_tiles(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "run", "analog_pcm", "mlperf_rnnt")
    assert out == run_text(result_of(), Asked(), Screen(width=80)) or out.startswith(
        "mlperf_rnnt in w4a4 on analog_pcm"
    )
    out, _ = printed(capsys, "compare", "analog_pcm", "mlperf_rnnt", "--precisions", "w8a8,w4a4")
    assert "w4a4 is 1.00 times faster than w8a8" in " ".join(out.split())
    out, _ = printed(capsys, "check", "analog_pcm", "mlperf_rnnt")
    assert out.endswith("mlperf_rnnt runs on analog_pcm\n")
    text = complaint(capsys, "run", "analog_pcm", "mlperf_rnnt", "--power-cap", "1 W")
    assert text == "power_cap on analog_pcm: its weights stand on tiles, which leaves no such choice; leave it out"
    assert complaint(capsys, "gemm", "analog_pcm", "--act", "a.npy", "--weight", "w.npy").endswith(
        "array.kind: is analog; hwsim run, compare, mvm and hwsim.load_analog_chip take such a chip"
    )


def test_a_chip_of_tiles_and_its_results_are_texts_in_notebooks() -> None:
    text = noun_text(load_analog_chip("analog_pcm"))
    assert "5 × 34 of 512 × 512 weights, 4 cells each" in text
    assert "512 ns, the next after 300 ns" in text
    assert noun_text(result_of()).startswith("mlperf_rnnt in w4a4 on analog_pcm")
