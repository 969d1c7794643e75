"""Prices of analog tiles: by hand, linear in counts, of the cells' physics, and refused where a table lacks them."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.analog.chip import AnalogChip, Link, Typical
from hwsim.hardware.analog.conversion import Adc, Encoding, InputConversion
from hwsim.hardware.analog.device import Device
from hwsim.hardware.analog.phases import Phases
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.weights import Mapping, OffsetRemoval, WeightMapping
from hwsim.hardware.analog.work import matrix_work
from hwsim.hardware.prices import Component
from hwsim.inputs.chips import load_analog_chip
from hwsim.inputs.load import load_prices
from hwsim.price.book import PriceBook, area_factor
from hwsim.price.tile_area import analog_area, analog_areas, driven_bits, tile_area
from hwsim.price.tile_prices import AnalogTariff, cell_price, spent
from hwsim.quantities.precision import Precision
from hwsim.schedule.tile_work import TileWork
from hwsim.tensor.analog.currents import cell_energy
from hwsim.tensor.analog.programmed import program
from strategies.broken_files import ANALOG_CHIP

TABLE = load_prices("pcm_14nm")
CHIP = load_analog_chip(yaml.safe_load(ANALOG_CHIP))


def chip(**changes: Any) -> AnalogChip:
    return replace(CHIP, **changes)


def tile(**changes: Any) -> AnalogTile:
    return replace(CHIP.array, **changes)


def tariff(of: AnalogChip = CHIP) -> AnalogTariff:
    return AnalogTariff.of(PriceBook(of, TABLE))


WORKS = st.builds(TileWork, **{name: st.integers(0, 10**6) for name in TileWork.__slots__ if name != "far_bytes"})


@given(left=WORKS, right=WORKS, times=st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_energy_is_linear_in_counts(left: TileWork, right: TileWork, times: int) -> None:
    of = tariff()
    both = spent(of.charges(left + right * times, cycles=5, lane_cycles=3))
    assert both == spent(of.charges(left, cycles=5, lane_cycles=3)) + spent(of.charges(right)) * times


def test_each_count_is_charged_its_price() -> None:
    of = tariff(chip(link=Link(between_energy=Fraction(10**6))))
    work = TileWork(vectors=1, drives=2, cell_passes=3, conversions=5, additions=7, link_bytes=11, far_bytes=13)
    charged = {
        unit.action: (unit.component, count)
        for unit, count in of.charges(work, lane_cycles=17, scratchpad_bytes=19, dram_bytes=23, cycles=29)
    }
    assert charged == {
        "cell, a pass": (Component.MAC, 3),
        "addition of readings": (Component.ACCUMULATORS, 7),
        "scratchpad byte": (Component.SCRATCHPAD, 19),
        "byte on wires": (Component.INTERCONNECT, 19),
        "byte to another unit": (Component.INTERCONNECT, 11 + 13),
        "byte to another chip": (Component.INTERCONNECT, 13),
        "dram byte": (Component.DRAM, 23),
        "vector lane cycle": (Component.VECTOR, 17),
        "clock tree of addition of readings": (Component.CLOCK, 7),
        "control of addition of readings": (Component.CONTROL, 7),
        "clock tree of vector lane cycle": (Component.CLOCK, 17),
        "control of vector lane cycle": (Component.CONTROL, 17),
        "dac 8 bits": (Component.CONVERTERS, 2),
        "adc 8 bits": (Component.CONVERTERS, 5),
        "leakage of tiles, a cycle": (Component.LEAKAGE, 29),
        "leakage of vector unit, a cycle": (Component.LEAKAGE, 29),
        "leakage of scratchpad, a cycle": (Component.LEAKAGE, 29),
    }


def test_a_cell_in_a_pass_takes_what_the_page_says() -> None:
    """0.2 of 127 ticks of 1 ns at 0.2 V through 0.1 of 25 µS."""
    assert cell_price(CHIP).exact == Fraction(2, 10) * 127 * Fraction(4, 100) * 25 * Fraction(1, 10) * 10**3
    assert tariff().conversion.exact == Fraction("362212.40730878806")
    assert tariff().addition.exact == 10**5 * PriceBook(CHIP, TABLE).need("add", Precision.INT32).factor


def test_what_was_measured_stands_in_the_place_of_what_is_typical() -> None:
    work = TileWork(vectors=1, cell_passes=1000, conversions=3)
    typical, measured = spent(tariff().charges(work)), spent(tariff().charges(work, cells_aj=12_345))
    assert measured.mac == 12_345
    assert typical.mac == 1000 * tariff().cells.attojoules
    assert replace(typical, mac=0) == replace(measured, mac=0)


@pytest.mark.parametrize("repeats", [1, 2, 4])
@pytest.mark.parametrize(
    "inputs",
    [InputConversion(bits=8), InputConversion(bits=5, encoding=Encoding.BIT_SERIAL)],
    ids=["pulse_width", "bit_serial"],
)
def test_typical_cells_take_what_cells_take_that_are_typical(inputs: InputConversion, repeats: int) -> None:
    """Equal cells, and inputs whose mean is said."""
    phases = Phases(voltage=Fraction(1, 5), tick=1000, convert=0, repeats=repeats)
    weights = WeightMapping(mapping=Mapping.OFFSET)
    array = AnalogTile(rows=8, cols=6, input=inputs, weights=weights, phases=phases)
    x = np.ones((1, 20))  # all bits of full scale are set in every pass
    x[0, ::4] = 0.0
    matrix = program(array, np.zeros((20, 9)))
    held = float(matrix.parts[0].held[0][0, 0])
    price = cell_price(chip(array=array, typical=Typical(input=0.75, conductance=held))).exact
    expected = float(price) * matrix_work(array, 20, 9).cell_passes
    np.testing.assert_allclose(cell_energy(matrix, x), [expected], rtol=1e-12)


def test_bytes_to_other_chips_are_refused_where_they_have_no_price() -> None:
    with pytest.raises(Unsupported, match=r"link\.between_energy: is missing, and bytes go to another chip; give"):
        list(tariff().charges(TileWork(far_bytes=1)))
    assert list(tariff().charges(TileWork(link_bytes=1)))


@pytest.mark.parametrize(
    ("inputs", "bits"),
    [
        (InputConversion(bits=8), 8),
        (InputConversion(bits=8, encoding=Encoding.BIT_SERIAL), 1),
        (InputConversion(bits=8, encoding=Encoding.SLICES, slice_bits=4, first_bits=3), 4),
        (InputConversion(bits=8, encoding=Encoding.SLICES, slice_bits=2, first_bits=3), 3),
    ],
)
def test_a_driver_has_the_bits_of_a_pass(inputs: InputConversion, bits: int) -> None:
    assert driven_bits(inputs) == bits


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (tile(adc=Adc(bits=12)), "adc: has no price for 12 bits"),
        (tile(input=InputConversion(bits=4)), "dac: has no price for 4 bits; it has 1, 8"),
    ],
)
def test_a_resolution_without_a_price_is_refused(array: AnalogTile, message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        tariff(chip(array=array))


@pytest.mark.parametrize("field", ["adc", "input"])
def test_what_is_not_converted_has_no_price(field: str) -> None:
    array = tile(adc=None) if field == "adc" else tile(input=InputConversion(bits=None))
    with pytest.raises(InvalidValue, match=f"array.{field}.*must be given where energy is counted"):
        tariff(chip(array=array))


def test_a_table_without_the_area_of_a_cell_is_refused() -> None:
    with pytest.raises(Unsupported, match="price table pcm_14nm: cell: has no area"):
        AnalogTariff.of(PriceBook(CHIP, replace(TABLE, cell=None)))


def test_the_area_of_a_tile_is_that_of_its_cells_drivers_converters_and_adders() -> None:
    """Of 128 rows and columns, two cells a weight, four columns a converter; areas scale as published."""
    area = tile_area(PriceBook(CHIP, TABLE))
    assert area.cells == 128 * 128 * 2 * Fraction("0.0729") * Fraction("0.061")
    assert area.converters == 32 * Fraction("1088.597565888481")
    assert area.drivers == 128 * 438 * area_factor(Fraction(40), Fraction(14))
    assert area.adders == 32 * 137 * area_factor(Fraction(45), Fraction(14))
    assert area.total == area.cells + area.drivers + area.converters + area.adders


def test_converters_of_a_middle_column_and_of_shared_columns_are_counted() -> None:
    offset = WeightMapping(mapping=Mapping.OFFSET, offset_removal=OffsetRemoval.COLUMN)

    def converters(weights: WeightMapping, shared_by: int) -> Fraction:
        array = tile(weights=weights, adc=Adc(bits=8, shared_by=shared_by))
        return (
            tile_area(PriceBook(chip(array=array), TABLE)).converters
            / tile_area(PriceBook(chip(array=tile(adc=Adc(bits=8, shared_by=128))), TABLE)).converters
        )

    assert converters(WeightMapping(), 1) == 128
    assert converters(WeightMapping(), 3) == 43
    assert converters(offset, 1) == 129
    assert converters(offset, 128) == 2


def test_chips_beside_each_other_have_the_area_and_leak_as_often() -> None:
    five = chip(chips=5)
    areas, of_five = (analog_areas(each, analog_area(PriceBook(each, TABLE))) for each in (CHIP, five))
    assert of_five.total_mm2 == pytest.approx(5 * areas.total_mm2, rel=1e-12)
    assert of_five.total_mm2 == pytest.approx(
        of_five.tiles.total_mm2 + of_five.vector_mm2 + of_five.scratchpad_mm2, rel=1e-12
    )
    for one, all_ in zip(tariff().static, tariff(five).static, strict=True):
        assert all_.exact == 5 * one.exact
    assert tariff(five).interconnect.exact == tariff().interconnect.exact


def test_a_byte_to_another_unit_crosses_the_chip_and_one_of_the_scratchpad_its_own_side() -> None:
    of = tariff()
    area = of.area
    ratio = float(of.link.exact / of.interconnect.exact)
    assert ratio == pytest.approx(float(area.total / (area.vector + area.scratchpad)) ** 0.5, rel=1e-9)


def test_cells_do_not_leak() -> None:
    larger = chip(array=tile(weights=WeightMapping(significance=(1.0,) * 8)))
    assert tariff(larger).static[0].exact == tariff().static[0].exact
    assert tariff(larger).area.tile.cells == 8 * tariff().area.tile.cells


def test_lanes_that_add_more_products_than_their_price_pays_for_are_refused() -> None:
    vector = replace(CHIP.vector, macs_per_lane=((Precision.INT8, 16),))
    with pytest.raises(Unsupported, match=r"vector\.macs_per_lane\.int8 = 16"):
        tariff(chip(vector=vector))


def test_more_voltage_ticks_or_conductance_cost_more() -> None:
    phases = CHIP.array.phases
    assert phases is not None
    base = cell_price(CHIP).exact
    assert cell_price(chip(array=tile(phases=replace(phases, voltage=Fraction(2, 5))))).exact == 4 * base
    assert cell_price(chip(array=tile(phases=replace(phases, tick=3000)))).exact == 3 * base
    assert cell_price(chip(array=tile(device=Device(g_max=Fraction(50, 10**6))))).exact == 2 * base
