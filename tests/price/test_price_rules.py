"""Tables and rules give back the points that were published, and refuse where no rule holds."""

from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Chip
from hwsim.hardware.prices import Confidence, DramType, PriceTable, SramPrice, TechnologyTable, UnitPrice, WidthRule
from hwsim.hardware.summation import Accumulator
from hwsim.inputs.load import load_prices
from hwsim.price.book import PriceBook, area_factor, energy_factor, root
from hwsim.price.price import Tariff, core_area
from hwsim.price.rules import (
    adc_price,
    converter_area,
    dac_price,
    dram_price,
    fit,
    gated_mac_price,
    interconnect_price,
    mac_price,
    multiply_term,
    register_price,
    scratchpad_price,
    sram_bit_energy,
)
from hwsim.quantities.precision import Precision
from strategies.chips import chip, systolic

NAMES = ("aladdin_40nm", "generic_7nm", "horowitz_45nm", "pcm_14nm")
TABLES = {name: load_prices(name) for name in NAMES}
GENERIC = TABLES["generic_7nm"]


def book(name: str = "generic_7nm", **changes: object) -> PriceBook[Chip]:
    return PriceBook(chip(**changes), TABLES[name])


@pytest.mark.parametrize("name", NAMES)
def test_a_chip_in_a_table_s_own_process_gets_its_entries_as_published(name: str) -> None:
    own = book(name)
    for section in ("multiply", "add"):
        for precision, entry in getattr(TABLES[name], section):
            assert own.need(section, precision).energy == entry.energy
    for memory, entry in TABLES[name].dram:
        assert dram_price(own, memory).exact == entry.energy * Fraction(8, entry.bits)


@pytest.mark.parametrize(
    ("name", "section", "key", "picojoules"),
    [
        ("horowitz_45nm", "multiply", Precision.INT8, "0.2"),
        ("horowitz_45nm", "multiply", Precision.INT32, "3.1"),
        ("horowitz_45nm", "add", Precision.FP32, "0.9"),
        ("generic_7nm", "multiply", Precision.INT8, "0.07"),
        ("generic_7nm", "add", Precision.INT32, "0.03"),
        ("generic_7nm", "multiply", Precision.FP16, "0.34"),
        ("aladdin_40nm", "multiply", Precision.INT32, "12.68"),
        ("aladdin_40nm", "add", Precision.INT32, "0.21"),
    ],
)
def test_tables_hold_the_published_numbers(name: str, section: str, key: Precision, picojoules: str) -> None:
    assert book(name).need(section, key).energy == Fraction(picojoules) * 10**6


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_says_where_it_comes_from(name: str) -> None:
    table = TABLES[name]
    entries = [price for _, price in (*table.multiply, *table.add, *table.dram)]
    entries += [memory.price for memory in table.sram]
    entries += [converter.price for converter in (*table.adc, *table.dac)]
    for entry in entries:
        assert entry.source
        assert entry.sure in (Confidence.READ, Confidence.RECALLED)
    assert table.node > 0 < table.voltage


@pytest.mark.parametrize(
    ("points", "name"),
    [
        ([(8, "7.5"), (32, "8.5"), (1024, "14")], "generic_7nm"),
        ([(8, "10"), (32, "20"), (1024, "100")], "horowitz_45nm"),
    ],
)
def test_memories_lie_within_15_percent_of_every_published_point(points: list[tuple[int, str]], name: str) -> None:
    for kibibytes, picojoules in points:
        energy, _ = sram_bit_energy(book(name), kibibytes * 1024)
        assert abs(64 * energy / (Fraction(picojoules) * 10**6) - 1) <= Fraction(15, 100)


@given(st.integers(1, 2**20), st.integers(0, 2**20))
def test_a_larger_memory_never_costs_less(capacity: int, more: int) -> None:
    smaller, _ = sram_bit_energy(book(), min(capacity, 2**20))
    larger, _ = sram_bit_energy(book(), min(capacity + more, 2**20))
    assert 0 < smaller <= larger


def test_a_bad_fit_is_refused() -> None:
    with pytest.raises(Unsupported, match=r"sketch: sram: the fit over its capacities is .* off at .* bytes, more"):
        fit([(8192, Fraction(10)), (32_768, Fraction(90)), (1 << 20, Fraction(100))], "sketch")
    with pytest.raises(Unsupported, match="energies fall with the capacity"):
        fit([(8192, Fraction(10)), (32_768, Fraction(9))], "sketch")
    assert fit([(8192, Fraction(10))], "sketch") == (Fraction(10), Fraction(0))


QUOTED = [Fraction(0), Fraction(1, 10**18), Fraction(1), Fraction(10**7), Fraction(10**18)]


@given(st.lists(st.sampled_from(QUOTED), min_size=1, max_size=4), st.sampled_from([1, 7, 2**20, 2**50]))
def test_a_memory_is_priced_or_its_table_refused_whatever_the_energies(energies: list[Fraction], size: int) -> None:
    """Of nothing there is no relative error: sizes that are free stand alone, or all of them are."""
    price = GENERIC.sram[0].price
    points = [
        SramPrice(capacity=size * (n + 1), price=replace(price, energy=energy))
        for n, energy in enumerate(energies)
        if size * (n + 1) <= 2**50
    ]
    if 0 < sum(not point.price.energy for point in points) < len(points):
        with pytest.raises(InvalidValue, match=r"sram = '0 J at .* no curve of relative errors goes through it"):
            replace(GENERIC, sram=tuple(points))
        return
    with suppress(Unsupported):  # energies that lie on no curve
        assert sram_bit_energy(PriceBook(chip(), replace(GENERIC, sram=tuple(points))), size)[0] >= 0


def test_a_fit_that_is_negative_for_a_small_memory_is_refused() -> None:
    steep = tuple(
        replace(entry, price=replace(entry.price, energy=Fraction(energy)))
        for entry, energy in zip(GENERIC.sram[1:], (10**6, 10**7), strict=True)
    )
    with pytest.raises(Unsupported, match="the fit is negative for a memory of 1 bytes"):
        sram_bit_energy(PriceBook(chip(), replace(GENERIC, sram=steep)), 1)


def test_a_memory_larger_than_any_published_one_is_refused() -> None:
    large = chip()
    large = replace(large, scratchpad=replace(large.scratchpad, size=(1 << 20) + 1))
    with pytest.raises(Unsupported, match=r"has no price for a memory of 1048577 bytes, .* more banks"):
        scratchpad_price(PriceBook(large, GENERIC))


@pytest.mark.parametrize(
    ("mode", "packed", "accumulator", "attojoules"),
    [
        (Precision.INT8, 1, 32, Fraction(70_000 + 30_000)),
        (Precision.INT4, 1, 32, Fraction(70_000, 4) + 30_000),
        (Precision.INT4, 1, 16, Fraction(70_000, 4) + 15_000),
        # Eight products: a tree of seven adders of 4 + 4 + 3 bits, then one of 32, shared by all eight.
        (Precision.INT4, 8, 32, Fraction(70_000, 4) + Fraction(30_000 * (7 * 11 + 32), 32 * 8)),
        (Precision.INT8, 2, 32, 70_000 + Fraction(30_000 * (17 + 32), 32 * 2)),
        (Precision.FP16, 1, 32, Fraction(340_000 + 380_000)),
    ],
)
def test_a_product_costs_its_multiplier_and_its_share_of_the_additions(
    mode: Precision, packed: int, accumulator: int, attojoules: Fraction
) -> None:
    price = mac_price(book(), mode, packed, accumulator)
    assert price.exact == attojoules
    assert price.exact - gated_mac_price(book(), mode, packed, accumulator).exact == multiply_term(book(), mode).energy


@pytest.mark.parametrize(
    ("name", "rule", "picojoules"),
    [
        ("aladdin_40nm", None, Fraction("12.68") / 64),  # 0.198 pJ
        ("aladdin_40nm", WidthRule.LINEAR, Fraction("12.68") / 8),  # 1.585 pJ
        ("generic_7nm", None, Fraction("0.07") / 4),
        ("generic_7nm", WidthRule.LINEAR, Fraction("0.07") / 2),
    ],
)
def test_a_multiplier_of_four_bits_by_either_rule(name: str, rule: WidthRule | None, picojoules: Fraction) -> None:
    ruled = PriceBook(chip(), replace(TABLES[name], multiply_width=rule))
    assert multiply_term(ruled, Precision.INT4).energy == picojoules * 10**6


def test_a_published_width_wins_over_the_rule() -> None:
    assert multiply_term(book(), Precision.INT32).energy == Fraction("1.48") * 10**6


def test_a_format_without_a_price_is_refused() -> None:
    with pytest.raises(Unsupported, match="price table generic_7nm: multiply: has no price for fp8_e4m3; it has"):
        multiply_term(book(), Precision("fp8_e4m3"))


def test_sums_under_the_array_cost_what_their_memory_costs() -> None:
    def of(accumulator: Accumulator) -> UnitPrice:
        array = SystolicArray(rows=4, cols=4, macs_per_pe=((Precision.INT8, 1),), accumulator=accumulator)
        return Tariff.of(book(array=array)).sums(Precision.INT8)

    assert of(Accumulator(bits=32, entries=1024)).exact == 32 * sram_bit_energy(book(), 4096)[0]
    assert of(Accumulator(bits=16, entries=1024)).exact == 16 * sram_bit_energy(book(), 2048)[0]
    assert of(Accumulator()).exact == 4 * scratchpad_price(book()).exact  # in the scratchpad, which has one bank


def test_a_bit_of_a_register_is_scaled_from_the_process_in_which_it_was_published() -> None:
    assert register_price(book("aladdin_40nm")).exact == 9000
    factor = energy_factor(Fraction(40), Fraction("0.9"), Fraction(7), Fraction("0.75"))
    without = PriceBook(chip(), replace(GENERIC, register=None))
    assert register_price(without).exact == 9000 * factor
    assert "0.07715" in register_price(without).basis


def test_a_register_of_7_nm_is_smaller_by_what_a_product_is() -> None:
    """9 fJ times 0.07/0.2; the published scaling of gates would make it a fifth of that."""
    ratio = (
        dict(GENERIC.multiply)[Precision.INT8].energy / dict(TABLES["horowitz_45nm"].multiply)[Precision.INT8].energy
    )
    assert register_price(book()).exact == 9000 * ratio == 3150


def test_a_wire_costs_its_length_and_the_square_of_its_supply() -> None:
    here = chip(node=Fraction(40), voltage=Fraction("0.9"))
    price = interconnect_price(PriceBook(here, TABLES["aladdin_40nm"]), Fraction(100 * 10**6))  # 10 mm × 10 mm
    assert price.exact == Fraction(310 * 10**6 * 8, 256)
    # The same source's projection for 10 nm is 150 fJ a bit and millimetre at 0.75 V, 115 at 0.65 V, from 240 at 0.9 V.
    for volts, projected in (("0.75", 150), ("0.65", 115)):
        ours = 240 * PriceBook(replace(here, voltage=Fraction(volts)), TABLES["aladdin_40nm"]).need("wire").factor
        assert abs(ours / projected - 1) < Fraction(12, 100)


@pytest.mark.parametrize(
    ("bits", "picojoules", "um2"), [(6, "0.2251194510125035", 944.24), (8, "0.36221240730878806", 1088.60)]
)
def test_converters_have_the_published_prices_by_bits(bits: int, picojoules: str, um2: float) -> None:
    assert adc_price(book("pcm_14nm"), bits).exact == Fraction(picojoules) * 10**6
    assert float(converter_area(book("pcm_14nm"), "adc", bits)) == pytest.approx(um2, abs=0.01)


def test_a_converter_in_its_own_process_has_its_own_price() -> None:
    at_32 = PriceBook(chip(node=Fraction(32), voltage=Fraction("0.8")), TABLES["pcm_14nm"])
    assert dac_price(at_32, 1).sources == ("accelergy-library-plug-in, isaac_dac.csv",)
    with pytest.raises(Unsupported, match="price table pcm_14nm: adc: has no price for 12 bits; it has 6, 7, 8, 9, 10"):
        adc_price(book("pcm_14nm"), 12)
    with pytest.raises(Unsupported, match="price table generic_7nm: adc: has no price"):
        adc_price(book(), 8)


def test_energy_scales_by_the_published_polynomials() -> None:
    """At 0.8 V: 7 nm 0.065358, 45 nm 0.69302, 16 nm 0.120272."""
    v = Fraction(8, 10)
    assert energy_factor(Fraction(45), v, Fraction(7), v) == Fraction("0.065358") / Fraction("0.69302")
    assert energy_factor(Fraction(16), v, Fraction(16), Fraction(1)) == Fraction("0.20194") / Fraction("0.120272")
    assert energy_factor(Fraction(7), v, Fraction(7), v) == 1
    beyond = energy_factor(Fraction(7), v, Fraction(5), v)  # with the root of the node
    assert beyond == root(Fraction(5, 7))
    assert float(beyond) == pytest.approx(0.845154, abs=1e-6)


NODES = st.fractions(min_value=5, max_value=130, max_denominator=10)


@given(NODES, NODES, NODES, *[st.sampled_from([Fraction(v, 100) for v in (60, 75, 90, 100)])] * 3)
def test_scaling_there_and_on_is_scaling_at_once(
    a: Fraction, b: Fraction, c: Fraction, one: Fraction, two: Fraction, three: Fraction
) -> None:
    one, two, three = (max(v, Fraction(6, 10)) for v in (one, two, three))
    at_once = energy_factor(a, one, c, three)
    assert energy_factor(a, one, b, two) * energy_factor(b, two, c, three) == at_once > 0


@pytest.mark.parametrize(
    ("old", "new", "factor"),
    [(45, 32, "0.46"), (45, 20, "0.21"), (45, 16, "0.19"), (45, 7, "0.059"), (7, 45, "17"), (14, 7, "0.34")],
)
def test_areas_scale_by_the_published_factors(old: int, new: int, factor: str) -> None:
    assert area_factor(Fraction(old), Fraction(new)) == Fraction(factor)


def test_areas_are_interpolated_between_nodes_and_linear_beyond() -> None:
    middle = area_factor(Fraction(45), Fraction(85, 10))
    assert middle == (Fraction("0.059") + Fraction("0.1")) / 2
    assert area_factor(Fraction(45), Fraction(5)) == Fraction("0.059") * Fraction(5, 7)


def test_a_supply_below_the_range_of_the_polynomial_is_refused() -> None:
    with pytest.raises(Unsupported, match=r"0.25 V at 7 nm is below the 0.256 V"):
        energy_factor(Fraction(7), Fraction(3, 4), Fraction(7), Fraction(1, 4))


def test_the_area_of_a_chip_is_that_of_its_parts() -> None:
    """16 elements, int8 by hand: two multipliers, adders, and a register of 16 + 32 + 2 · 16 bits; in 45 nm."""
    array = SystolicArray(rows=4, cols=4, macs_per_pe=((Precision.INT8, 2),))
    found = core_area(book("horowitz_45nm", array=array))
    adders = Fraction(137 * ((2 - 1) * (16 + 1) + 32), 32)
    registers = 80 * Fraction("5.98") * area_factor(Fraction(40), Fraction(45))
    assert found.array == 16 * (2 * 282 + adders + registers)
    assert found.vector == 4 * (1640 + 1360)
    assert found.scratchpad == 4096 * 8 * Fraction(119 * 10**6, 153_000_000)
    assert found.accumulators == 0  # without entries of their own sums are in the scratchpad
    assert found.total == found.array + found.vector + found.scratchpad


@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 64))
def test_more_of_a_part_is_more_area(rows: int, cols: int, lanes: int) -> None:
    base = chip(array=SystolicArray(rows=rows, cols=cols, macs_per_pe=((Precision.INT8, 1),)))
    for larger in (
        replace(base, array=replace(systolic(base), rows=rows + 1)),
        replace(base, vector=replace(base.vector, lanes=lanes + 4)),
        replace(base, scratchpad=replace(base.scratchpad, size=8192)),
        replace(base, array=replace(systolic(base), accumulator=Accumulator(entries=16))),
    ):
        assert core_area(PriceBook(larger, GENERIC)).total > core_area(PriceBook(base, GENERIC)).total


def test_tables_are_filled_from_others_but_not_from_those_of_others() -> None:
    assert [table.name for table in GENERIC.filled_from if isinstance(table, TechnologyTable)] == [
        "horowitz_45nm",
        "aladdin_40nm",
    ]
    assert all(
        isinstance(table, TechnologyTable) and not isinstance(table, PriceTable) for table in GENERIC.filled_from
    )
    assert book().need("wire").path == "aladdin_40nm:wire"


def test_lists_are_in_order_and_transfers_have_bits() -> None:
    with pytest.raises(InvalidValue, match=r"sram = .*must list each once, smallest first"):
        replace(GENERIC, sram=GENERIC.sram[::-1])
    lpddr4 = dict(GENERIC.dram)[DramType.LPDDR4]
    with pytest.raises(InvalidValue, match=r"dram\.lpddr4\.bits"):
        replace(GENERIC, dram=((DramType.LPDDR4, replace(lpddr4, bits=None)),))
