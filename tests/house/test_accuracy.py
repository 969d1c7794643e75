"""The figures of the page on accuracy are those that the benchmarks print."""

import re
import runpy
from typing import Any

import pytest

from data import ROOT
from hwsim.inputs.chips import load_chip

BENCHMARK = runpy.run_path(str(ROOT / "benchmarks" / "efficiency.py"))
SILICON = runpy.run_path(str(ROOT / "benchmarks" / "silicon.py"))
TEMPORAL = runpy.run_path(str(ROOT / "benchmarks" / "temporal.py"))
BAND = runpy.run_path(str(ROOT / "benchmarks" / "rnnt_band.py"))
ASSUMPTIONS = runpy.run_path(str(ROOT / "benchmarks" / "assumptions.py"))
PAGE = (ROOT / "docs" / "accuracy.md").read_text()


@pytest.mark.parametrize("point", BENCHMARK["POINTS"], ids=str)
def test_peaks_are_on_the_page(point: object) -> None:
    assert BENCHMARK["peak_row"](point) in PAGE


def test_products_make_up_what_the_page_says() -> None:
    """At RaPiD's supplies a product takes an eighth of its published 121 fJ, and all of it 1.9 times less."""
    (row,) = [line for line in PAGE.splitlines() if line.startswith("| generic_7nm, 7 nm, 0.55") and "**31.6**" in line]
    total, product = (float(cell) for cell in re.findall(r"\| ([\d.]+) ", row)[:2])
    assert round(121 / total, 1) == 1.9
    assert round(121 / product) == 8


def test_gating_half_of_the_products_gains_what_the_page_says() -> None:
    assert f"{100 * BENCHMARK['zero_gating_gain']():.1f} %" in PAGE


@pytest.mark.parametrize("app", SILICON["APPS"], ids=lambda app: app.name)
def test_apps_of_the_first_tpu_are_on_the_page(app: object) -> None:
    assert SILICON["tpu_row"](app) in PAGE


@pytest.mark.parametrize("rows", ["tpu_rows", "gemmini_rows", "spyre_misses"])
def test_what_would_close_a_miss_is_on_the_page(rows: str) -> None:
    for row in SILICON[rows]():
        assert row in PAGE, row


@pytest.mark.parametrize("point", SILICON["RAPID_TOPS_PER_WATT"])
def test_peaks_of_rapid_are_on_the_page(point: str) -> None:
    assert SILICON["rapid_row"](point) in PAGE


@pytest.mark.parametrize("product", SILICON["ON_SPYRE"], ids=str)
def test_products_on_spyre_are_on_the_page(product: object) -> None:
    assert SILICON["spyre_row"](product) in PAGE


@pytest.mark.parametrize("product", SILICON["ON_SPYRE"][:3], ids=str)
def test_what_the_dram_binds_on_spyre_is_within_a_quarter_of_what_was_measured(product: Any) -> None:
    """No weight is read twice, and the launch is part of both."""
    latency, found = SILICON["on_spyre"](product)
    assert abs(latency / product.measured - 1) < 0.25
    assert found.ops[0].limit.value == "dram_read"
    weights, others = 2 * product.k * product.n, 2 * product.m * (product.k + product.n)
    assert weights + 2 * product.m * product.k <= found.summary.dram_read_bytes <= weights + others
    assert found.ops[0].split == "4 of m, 8 of n"


def test_the_layers_of_resnet_50_have_the_products_and_weights_that_are_known() -> None:
    """4.1 GMAC and 25.5 million weights, without biases and norms."""
    layers = SILICON["RESNET_50"]
    weights = [one.times * one.kernel**2 * one.channels * one.outputs for one in layers]
    macs = [each * one.out**2 for each, one in zip(weights, layers, strict=True)]
    assert (sum(one.times for one in layers), sum(macs), sum(weights)) == (54, 4_089_184_256, 25_502_912)
    for made in ("resnet_apart", "resnet_windowed"):
        assert SILICON[made]().program.macs == sum(macs)


def test_carat_beside_a_systolic_array_is_on_the_page() -> None:
    for row in (*TEMPORAL["carat_rows"](), *map(TEMPORAL["area_row"], TEMPORAL["PUBLISHED_MM2"])):
        assert row in PAGE, row


def test_bits_beside_packed_products_are_on_the_page() -> None:
    for rival in TEMPORAL["rivals"]():
        assert TEMPORAL["serial_row"](rival) in PAGE


@pytest.mark.slow
def test_a_workload_on_the_same_area_is_on_the_page() -> None:
    assert TEMPORAL["run_row"]("tdnnf_7q", "w4a8") in PAGE


def test_operands_of_eight_bits_cost_what_the_page_says() -> None:
    """Energy at peak with 4-bit weights and activations, and what activations as wide again bring: 128 bytes more in
    each cycle of 16,384 products."""
    chip = TEMPORAL["load_chip"]("bit_serial")
    peak = TEMPORAL["peak_energy"](chip, TEMPORAL["prices_of"](chip), TEMPORAL["INT4"])
    spent = peak.components
    entering = (spent.scratchpad + spent.interconnect) / peak.macs
    assert float(chip.array.feed(TEMPORAL["INT4"], 4, 4).bytes_per_cycle) == 256
    assert float(chip.array.feed(TEMPORAL["INT4"], 8, 4).bytes_per_cycle) == 384
    assert round((float(peak.per_mac_aj) + entering * 128 / 256) / 1000) == 185


@pytest.mark.slow
@pytest.mark.parametrize("place", [0, 8])
def test_settings_that_give_both_published_figures_are_on_the_page(place: int) -> None:
    """With the rate of the DRAM and the host's time that the page says."""
    setting = BAND["SETTINGS"][place]
    (row,) = re.findall(rf"\| {re.escape(setting.name)} \| ([\d.]+) GB/s \| (\d+) µs \| 3.\d\d × \| 0.0600 \|", PAGE)
    assert BAND["pair"](setting, round(float(row[0]) * 1e9), int(row[1])).agrees


@pytest.mark.slow
def test_what_assumptions_weigh_is_on_the_page() -> None:
    assert ASSUMPTIONS["row"](load_chip("int4_array"), "lstm_lm") in PAGE
