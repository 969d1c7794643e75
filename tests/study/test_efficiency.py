"""Power, operations and samples a joule, operating points and power caps: each from a run's own integers."""

from dataclasses import fields, replace
from fractions import Fraction
from functools import cache

import pytest

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.elements import Dataflow
from hwsim.cli.main import main
from hwsim.errors import InvalidValue, UnknownName, Unsupported
from hwsim.hardware.chip import OperatingPoint, at_point
from hwsim.hardware.prices import PriceTable
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_prices, load_workload
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff, core_area
from hwsim.price.rules import interconnect_price, scratchpad_price
from hwsim.quantities.precision import Precision
from hwsim.results.figures import EnergyGroups
from hwsim.results.result import Result
from hwsim.study.compare import compare
from hwsim.study.efficiency import groups, peak_energy
from hwsim.study.simulate import simulate
from strategies.chips import MODES, chip

TABLE = load_prices("generic_7nm")
RNNT = load_workload("rnnt", "w4a4")
INT4_ARRAY = load_chip("int4_array")


@cache
def run(cap: Fraction | None = None, point: str | None = None, voltage: str | None = None) -> Result:
    points = (("low", OperatingPoint(clock=500_000_000, voltage=Fraction("0.55"), memory_voltage=Fraction("0.7"))),)
    on = replace(INT4_ARRAY, operating_points=points, voltage=None if voltage is None else Fraction(voltage))
    return simulate(on, RNNT, power_cap=cap, point=point)


@pytest.mark.slow
def test_figures_follow_from_the_integers() -> None:
    result = run()
    summary, found = result.summary, result.efficiency
    joules, seconds = summary.energy_aj / 1e18, summary.cycles / 1e9
    assert found.mode is Precision.INT4
    assert found.average_power_w == pytest.approx(joules / seconds, rel=1e-12)
    assert found.tops == pytest.approx(2 * summary.macs / seconds / 1e12, rel=1e-12)
    assert found.tops_per_watt == pytest.approx(2 * summary.macs / joules / 1e12, rel=1e-12)
    assert found.peak_tops == 2 * 64 * 64 * 8 / 1000
    assert found.peak_tops_per_mm2 == pytest.approx(found.peak_tops / result.area.total_mm2, rel=1e-12)
    assert found.energy_per_audio_second_mj == pytest.approx(summary.energy_mj / summary.audio_seconds, rel=1e-12)
    assert found.utterances_per_joule == pytest.approx(1 / joules, rel=1e-12)
    assert found.energy_delay_js == pytest.approx(joules * seconds, rel=1e-12)
    assert 0 < found.tops < found.peak_tops
    assert found.peak_tops_per_watt is not None
    assert found.tops_per_watt < found.peak_tops_per_watt


@pytest.mark.slow
def test_areas_sum() -> None:
    area = run().area
    parts = [getattr(area, f.name) for f in fields(area) if f.name.endswith("_mm2")]
    parts = [size for size in parts if size not in (area.total_mm2, area.placed_mm2)]
    assert area.total_mm2 == pytest.approx(sum(parts), rel=1e-12)
    assert area.placed_mm2 == pytest.approx(area.total_mm2 / 0.7 / 0.67, rel=1e-12)


@pytest.mark.slow
@pytest.mark.slow
def test_a_power_gated_chip_draws_its_idle_power_alone_while_it_waits() -> None:
    gated = simulate(replace(INT4_ARRAY, power_gated=True), RNNT)
    assert gated.efficiency.standby_per_audio_second_mj == 0
    assert gated.summary.energy_aj == run().summary.energy_aj
    idle = simulate(replace(INT4_ARRAY, power_gated=True, idle_power=Fraction(1, 20)), RNNT).efficiency
    assert idle.standby_per_audio_second_mj == pytest.approx(50 * (1 - idle.duty_cycle), rel=1e-9)


@pytest.mark.slow
def test_what_sources_say_of_the_dram_bounds_the_energy() -> None:
    """4 and 14 pJ a bit instead of 8."""
    result = run()
    found, dram = result.efficiency, result.energy_by_component_aj.dram / 1e15
    assert found.energy_low_mj == pytest.approx(result.summary.energy_mj - dram / 2, rel=1e-12)
    assert found.energy_high_mj == pytest.approx(result.summary.energy_mj + dram * 6 / 8, rel=1e-12)


def test_the_peak_of_a_weight_stationary_array_by_hand() -> None:
    """4 × 4 elements of two int8 products, a stream of 10: 320 products, 40 sums written and read."""
    on = chip(array=SystolicArray(rows=4, cols=4, macs_per_pe=MODES, m_chunk=10))
    book = PriceBook(on, TABLE)
    tariff, found = Tariff.of(book), peak_energy(on, TABLE, Precision.INT8).components
    assert found.mac == 320 * tariff.mac(Precision.INT8).attojoules
    assert found.accumulators == 80 * tariff.sums(Precision.INT8).attojoules
    entering = 10 * 8 + 8 * 4  # activations of 4 rows · 2 products, and 8 · 4 weights
    assert found.scratchpad == entering * scratchpad_price(book).attojoules
    assert found.interconnect == entering * interconnect_price(book, core_area(book).total).attojoules
    bits = 16 * 10 * (16 + 32) + (4 * 10 + 16) * 16
    assert found.registers == bits * tariff.register.attojoules
    assert found.leakage == 10 * sum(unit.attojoules for unit in tariff.static)
    assert found.dram == found.vector == 0


def test_sums_that_stay_in_the_array_need_no_accumulators() -> None:
    on = chip(array=SystolicArray(rows=4, cols=4, macs_per_pe=MODES, dataflow=Dataflow.OS))
    assert peak_energy(on, TABLE, Precision.INT8).components.accumulators == 0


@pytest.mark.slow
def test_an_operating_point_sets_clock_and_supply() -> None:
    low, nominal = run(point="low"), run()
    assert (low.operation.clock, low.operation.voltage, low.operation.memory_voltage) == (
        500_000_000,
        Fraction("0.55"),
        Fraction("0.7"),
    )
    assert low.summary.latency_ms > nominal.summary.latency_ms
    assert low.efficiency.peak_tops_per_watt is not None
    assert nominal.efficiency.peak_tops_per_watt is not None
    assert low.efficiency.peak_tops_per_watt > nominal.efficiency.peak_tops_per_watt
    assert low.energy_by_component_aj.mac < nominal.energy_by_component_aj.mac


def test_an_unknown_operating_point_is_refused() -> None:
    points = (("low", OperatingPoint(clock=10**8, voltage=Fraction(1, 2))),)
    with pytest.raises(UnknownName, match="unknown operating point 'lov'; did you mean low"):
        at_point(chip(operating_points=points), "lov")
    with pytest.raises(Unsupported, match="small: has no operating points"):
        at_point(chip(), "low")


@pytest.mark.slow
def test_a_power_cap_lowers_the_clock_and_no_further_than_it_must() -> None:
    cap = Fraction(1, 4)
    capped, free = run(cap=cap), run()
    assert free.efficiency.average_power_w > cap >= capped.efficiency.average_power_w
    assert capped.operation.clock < capped.operation.asked_clock == free.operation.clock == 10**9
    assert capped.operation.clock % 10**7 == 0
    higher = replace(INT4_ARRAY, clock=capped.operation.clock + 10**7)
    assert simulate(higher, RNNT).efficiency.average_power_w > cap


def test_a_cap_that_is_kept_changes_nothing() -> None:
    capped, free = run(cap=Fraction(10)), run()
    assert capped.summary == free.summary
    assert capped.operation == replace(free.operation, power_cap=Fraction(10))


def test_a_cap_below_what_leaks_is_refused() -> None:
    with pytest.raises(
        Unsupported, match=r"leakage and idle power alone are 0.0298 W, more than the power cap of 0.01 W"
    ):
        run(cap=Fraction(1, 100))
    with pytest.raises(InvalidValue, match=r"power_cap = 0.0: must be above 0 W"):
        run(cap=Fraction(0))


def test_idle_power_is_drawn_in_every_cycle() -> None:
    idle = simulate(replace(INT4_ARRAY, idle_power=Fraction(1)), RNNT)
    assert idle.energy_by_component_aj.idle == idle.summary.cycles * 10**9  # 1 W for a nanosecond
    assert idle.summary.energy_aj - run().summary.energy_aj == idle.energy_by_component_aj.idle


@pytest.mark.slow
def test_what_int4_saves_is_split_into_groups_exactly() -> None:
    comparison = compare(INT4_ARRAY, load_workload("lstm_lm"), ["fp16", "w4a4"])
    first, split = comparison.energy_split
    assert set(dict(first.saved_aj).values()) == {0}
    saved = dict(split.saved_aj)
    assert list(saved) == sorted(f.name for f in fields(EnergyGroups))
    assert sum(saved.values()) == comparison.rows[0].energy_aj - comparison.rows[1].energy_aj
    for one, row in zip(comparison.energy_split, comparison.rows, strict=True):
        assert sum(getattr(one.energy_aj, f.name) for f in fields(EnergyGroups)) == row.energy_aj
    assert saved["mac"] > 0 < saved["movement"]
    assert saved["dram"] > 0 < saved["leakage"]


def test_groups_are_all_components() -> None:
    components = run().energy_by_component_aj
    found = groups(components)
    assert sum(getattr(found, f.name) for f in fields(EnergyGroups)) == components.total


def test_each_table_prices_the_shipped_chip() -> None:
    for name in ("aladdin_40nm", "horowitz_45nm", "pcm_14nm"):
        table = load_prices(name)
        assert isinstance(table, PriceTable)
        result = simulate(replace(INT4_ARRAY, energy=table), RNNT)
        assert result.operation.node == table.node
        assert result.summary.energy_aj > 0
        assert result.summary.cycles == run().summary.cycles


def test_a_run_says_what_it_was_planned_for(capsys: pytest.CaptureFixture[str]) -> None:
    for objective, said in (("energy", True), ("edp", True), ("latency", False)):
        assert main(["run", "int4_array", "mlperf_rnnt", "--objective", objective]) == 0
        assert ("planned" in capsys.readouterr().out) is said
