"""SCALE-Sim's columns equal those that it reported, and what hardware takes beside them obeys its laws."""

import csv
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import ROOT
from hwsim.arrays.systolic.elements import Dataflow
from hwsim.inputs.load import load_prices
from hwsim.kernels import scalesim as kernels
from hwsim.quantities.plain_data import plain
from hwsim.scalesim.counts import LayerCounts, capacity_words, layer_counts
from hwsim.scalesim.hardware import WORD, physical_chip, physical_figures
from hwsim.scalesim.nouns import ConvWindow, Interface, LayerReport, ScaleSimConfig, ScaleSimLayer, convolution
from hwsim.scalesim.run import PRICES, run_scalesim
from witnesses.scalesim_witness import buffered_reads, filter_demands, ifmap_demands, windows


def recorded(name: str) -> list[dict[str, str]]:
    with (ROOT / "tests" / "data" / name).open() as file:
        return list(csv.DictReader(file))


GEMMS = recorded("scalesim_v3.csv")
CALC = [row for row in GEMMS if row["mode"] == "CALC"]
USER = [row for row in GEMMS if row["mode"] == "USER"]
CONVOLUTIONS = recorded("scalesim_conv.csv")

WITHOUT_STALLS = ("mapping_eff_pct", "compute_util_pct", "sram_ifmap_reads", "sram_filter_reads", "sram_ofmap_writes")
REPRODUCED = (
    "total_cycles", "stall_cycles", "overall_util_pct", *WITHOUT_STALLS, "dram_ifmap_reads", "dram_filter_reads",
)  # fmt: skip
SRAM_BANDWIDTHS = ("avg_ifmap_sram_bw", "avg_filter_sram_bw", "avg_ofmap_sram_bw")


def config_of(row: dict[str, str]) -> ScaleSimConfig:
    return ScaleSimConfig(
        rows=int(row["array_rows"]),
        cols=int(row["array_cols"]),
        ifmap_sram_kb=int(row["ifmap_sram_kB"]),
        filter_sram_kb=int(row["filter_sram_kB"]),
        ofmap_sram_kb=int(row["ofmap_sram_kB"]),
        dataflow=Dataflow(row["dataflow"]),
        interface=Interface(row.get("mode", "CALC")),
        bandwidth=int(row.get("bandwidth_words_per_cycle") or 10),
    )


def gemm_of(row: dict[str, str]) -> ScaleSimLayer:
    return ScaleSimLayer(name="gemm", m=int(row["M"]), k=int(row["K"]), n=int(row["N"]))


def conv_of(row: dict[str, str]) -> ScaleSimLayer:
    names = ("ifmap_height", "ifmap_width", "filter_height", "filter_width", "channels", "stride")
    return convolution("conv", ConvWindow(**{name: int(row[name]) for name in names}), int(row["filters"]))


def report_of(config: ScaleSimConfig, layer: ScaleSimLayer) -> LayerReport:
    return run_scalesim(config, [layer]).layers[0]


def differing(report: LayerReport, row: dict[str, str], columns: tuple[str, ...]) -> dict[str, Any]:
    found = plain(report)
    return {column: (found[column], row[column]) for column in columns if found[column] != float(row[column])}


@pytest.mark.slow
def test_in_calc_mode_all_columns_equal_every_recorded_run() -> None:
    assert len(CALC) == 104
    for row in CALC:
        found = report_of(config_of(row), gemm_of(row))
        assert not differing(found, row, REPRODUCED + SRAM_BANDWIDTHS), row["case_id"]


def test_what_prefetches_decide_is_left_out() -> None:
    columns = [name for name in GEMMS[0] if name.startswith(("total", "avg", "sram", "dram"))]
    found = plain(report_of(config_of(CALC[0]), gemm_of(CALC[0])))
    absent = {name for name in columns if found[name] is None}
    ends = {name for name in columns if name.endswith(("_start", "_stop"))}
    bandwidths = {"avg_ifmap_dram_bw", "avg_filter_dram_bw", "avg_ofmap_dram_bw"}
    assert absent == ends | bandwidths | {"total_cycles_incl_prefetch", "dram_ofmap_writes"}


@pytest.mark.slow
def test_in_user_mode_cycles_without_stalls_equal_every_recorded_run() -> None:
    assert len(USER) == 147
    for row in USER:
        config, layer = config_of(row), gemm_of(row)
        assert layer_counts(config, layer).cycles == int(row["total_cycles"]) - int(row["stall_cycles"])
        found = report_of(config, layer)
        assert not differing(found, row, WITHOUT_STALLS), row["case_id"]
        if found.physical is not None:
            assert found.stall_cycles == found.physical.stall_cycles
            assert found.total_cycles == layer_counts(config, layer).cycles + found.physical.stall_cycles
        else:
            assert found.total_cycles is found.stall_cycles is found.overall_util_pct is None


@pytest.mark.slow
def test_convolutions_equal_every_recorded_run() -> None:
    assert len(CONVOLUTIONS) == 90
    for row in CONVOLUTIONS:
        assert not differing(report_of(config_of(row), conv_of(row)), row, REPRODUCED), row


DATAFLOWS = st.sampled_from(Dataflow)
SMALL = st.integers(1, 9)
CAPACITIES = st.integers(1, 40)


def counted_with(capacity: int, config: ScaleSimConfig, layer: ScaleSimLayer) -> LayerCounts:
    """The counts with read buffers of so few words that they are full all the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hwsim.scalesim.counts.capacity_words", lambda kilobytes: capacity)
        return layer_counts(config, layer)


@given(DATAFLOWS, st.tuples(SMALL, SMALL), st.tuples(SMALL, SMALL, SMALL), CAPACITIES)
def test_reads_of_gemms_equal_a_walk_over_every_word(
    dataflow: Dataflow, array: tuple[int, int], size: tuple[int, int, int], capacity: int
) -> None:
    (rows, cols), (m, k, n) = array, size
    act = [[row * k + column for column in range(k)] for row in range(m)]
    weight = [[column * k + row for column in range(n)] for row in range(k)]
    found = counted_with(
        capacity,
        ScaleSimConfig(rows=rows, cols=cols, dataflow=dataflow),
        ScaleSimLayer(name="gemm", m=m, k=k, n=n),
    )
    wanted = buffered_reads(ifmap_demands(dataflow.value, act, n, rows, cols), capacity)
    assert found.dram_ifmap_reads == wanted
    assert found.dram_filter_reads == buffered_reads(filter_demands(dataflow.value, weight, m, rows, cols), capacity)


@pytest.mark.slow
@given(
    DATAFLOWS,
    st.tuples(SMALL, SMALL),
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 4), st.integers(1, 4)),
    st.tuples(st.integers(1, 3), st.integers(1, 60), st.integers(1, 3)),
    CAPACITIES,
)
def test_reads_of_convolutions_equal_a_walk_over_every_word(
    dataflow: Dataflow,
    array: tuple[int, int],
    shape: tuple[int, int, int, int],
    depth: tuple[int, int, int],
    capacity: int,
) -> None:
    (rows, cols), (beyond, aside, down, across), (channels, filters, stride) = array, shape, depth
    window = ConvWindow(
        ifmap_height=down + beyond,
        ifmap_width=across + aside,
        filter_height=down,
        filter_width=across,
        channels=channels,
        stride=stride,
    )
    act = windows(down + beyond, across + aside, (down, across), channels, stride)
    layer = convolution("conv", window, filters)
    assert (layer.m, layer.k) == (len(act), len(act[0]))
    config = ScaleSimConfig(rows=rows, cols=cols, dataflow=dataflow)
    wanted = buffered_reads(ifmap_demands(dataflow.value, act, filters, rows, cols), capacity)
    assert counted_with(capacity, config, layer).dram_ifmap_reads == wanted


def test_a_buffer_that_is_just_full_is_emptied() -> None:
    """Recorded: 500 words in a buffer of 1 kB are read anew for each of three column folds, 490 words are not."""
    config = ScaleSimConfig(rows=4, cols=4, ifmap_sram_kb=1, filter_sram_kb=1)
    assert capacity_words(1) == 500
    for m, k, reads in ((10, 50, 1500), (20, 25, 1500), (10, 49, 490)):
        assert layer_counts(config, ScaleSimLayer(name="gemm", m=m, k=k, n=12)).dram_ifmap_reads == reads


@st.composite
def configs(draw: st.DrawFn) -> ScaleSimConfig:
    return ScaleSimConfig(
        rows=draw(SMALL),
        cols=draw(SMALL),
        ifmap_sram_kb=draw(SMALL),
        filter_sram_kb=draw(SMALL),
        ofmap_sram_kb=draw(SMALL),
        dataflow=draw(DATAFLOWS),
        bandwidth=draw(st.integers(1, 40)),
    )


SIZES = st.tuples(st.integers(1, 60), st.integers(1, 60), st.integers(1, 60))
TABLE = load_prices(PRICES)


@pytest.mark.slow
@given(configs(), SIZES)
def test_hardware_takes_two_cycles_more_and_drains_an_output_stationary_array(
    config: ScaleSimConfig, size: tuple[int, int, int]
) -> None:
    m, k, n = size
    layer = ScaleSimLayer(name="gemm", m=m, k=k, n=n)
    found = physical_figures(physical_chip(config, TABLE), layer, TABLE)
    there = layer_counts(config, layer).cycles
    if config.dataflow is Dataflow.OS:
        folds = -(-m // config.rows) * -(-n // config.cols)
        assert found.array_cycles == there + 1 + folds * config.rows
        assert found.partial_sum_reads == found.partial_sum_energy_aj == 0
    else:
        assert found.array_cycles == there + 2
        assert found.partial_sum_reads == (-(-k // config.rows) - 1) * m * n
    assert found.stall_cycles == found.cycles - found.array_cycles >= 0
    assert found.dram_read_bytes >= m * k + k * n
    assert found.dram_write_bytes == m * n
    # What comes back is a part of what accumulators cost: every sum is also written and read once as a result.
    assert found.energy_aj == found.energy_by_component_aj.total
    kept = found.energy_by_component_aj.accumulators - found.partial_sum_energy_aj
    if config.dataflow is Dataflow.OS:
        assert kept == 0
    else:
        passes = -(-k // config.rows)
        assert kept * (passes - 1) == found.partial_sum_energy_aj > 0 or (passes == 1 and kept > 0)


@pytest.mark.slow
@given(configs(), SIZES)
def test_with_memory_out_of_the_way_nothing_stalls(config: ScaleSimConfig, size: tuple[int, int, int]) -> None:
    m, k, n = size
    chip = physical_chip(replace(config, bandwidth=10**5, ofmap_sram_kb=1024), TABLE)
    found = physical_figures(chip, ScaleSimLayer(name="gemm", m=m, k=k, n=n), TABLE)
    assert found.array_cycles == chip.array.gemm_cycles(WORD, m, k, n).out
    # At most a cycle for each of two loads, their latency, the requantisation and the store.
    assert 0 <= found.stall_cycles <= 5


@pytest.mark.slow
@given(configs(), SIZES)
def test_more_bandwidth_never_adds_a_stall(config: ScaleSimConfig, size: tuple[int, int, int]) -> None:
    m, k, n = size
    layer = ScaleSimLayer(name="gemm", m=m, k=k, n=n)
    chips = [physical_chip(replace(config, bandwidth=config.bandwidth * factor), TABLE) for factor in (1, 2)]
    slow, fast = (physical_figures(chip, layer, TABLE).cycles for chip in chips)
    assert fast <= slow


def test_a_convolution_never_reads_more_than_its_windows() -> None:
    window = ConvWindow(ifmap_height=20, ifmap_width=20, filter_height=3, filter_width=3, channels=8, stride=1)
    conv = convolution("conv", window, filters=16)
    chip = physical_chip(ScaleSimConfig(), TABLE)
    as_conv = physical_figures(chip, conv, TABLE)
    as_gemm = physical_figures(chip, replace(conv, window=None), TABLE)
    assert as_conv.array_cycles == as_gemm.array_cycles
    assert 20 * 20 * 8 + conv.k * conv.n <= as_conv.dram_read_bytes <= as_gemm.dram_read_bytes


def test_a_layer_that_does_not_fit_has_columns_but_no_hardware() -> None:
    config = ScaleSimConfig(rows=128, cols=128, ifmap_sram_kb=4, filter_sram_kb=8, ofmap_sram_kb=4)
    layers = [ScaleSimLayer(name=name, m=128, k=128, n=128) for name in ("one", "two")]
    for interface, stalls in ((Interface.CALC, 0), (Interface.USER, None)):
        report = run_scalesim(replace(config, interface=interface), layers)
        assert [layer.layer for layer in report.layers] == ["one", "two"]
        assert report.layers[0].physical is None
        assert report.layers[0].stall_cycles == stalls
        (remark,) = report.remarks
        assert remark.startswith("one: no physical figures: one tile of the array takes ")


def test_each_kernel_is_compiled_once() -> None:
    for dataflow in Dataflow:
        config = ScaleSimConfig(rows=8, cols=4, dataflow=dataflow)
        for interface in (Interface.CALC, Interface.USER):
            run_scalesim(replace(config, interface=interface), [conv_of(CONVOLUTIONS[0])])
    for compiled in (kernels.block_reads, kernels.streamed_reads, kernels.stationary_reads, kernels.summed_shares):
        assert len(getattr(compiled, "signatures", (None,))) == 1  # without compilation there are none
