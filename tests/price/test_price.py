"""Energy is counters times prices, exact in attojoules, monotone in every count, and refuses what it cannot price."""

from dataclasses import fields, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Chip, Interconnect
from hwsim.hardware.prices import Component, Confidence, Constants, DramType, Price, Share, TechnologyTable
from hwsim.inputs.load import load_prices
from hwsim.price.book import PriceBook
from hwsim.price.gating import zero_products
from hwsim.price.price import Tariff, price
from hwsim.quantities.precision import Precision
from hwsim.results.figures import Components, Energy
from hwsim.results.measured import Measured
from hwsim.schedule.counters import OpCounters, Stalls, Units, Work
from strategies.chips import chip

TABLE = load_prices("generic_7nm")
ON = chip(idle_power=Fraction(1, 1000))
JOINED = replace(ON, cores=2, interconnect=Interconnect(rate=8))


def op(work: Work, cycles: int = 9, mode: Precision | None = Precision.INT8) -> OpCounters:
    return OpCounters(
        name="gemm",
        kind="gemm",
        mode=mode,
        times=1,
        macs=work.macs,
        cycles=cycles,
        busy=Units(),
        stalls=Stalls(),
        span=cycles,
        work=work,
    )


def energy(work: Work, cycles: int = 9, on: Chip = ON, zeros: int = 0) -> Energy:
    return price([op(work, cycles)], on, TABLE, Measured.of(zero_products={"gemm": zeros}))


WORKS = st.builds(Work, **{f.name: st.integers(0, 10**15) for f in fields(Work)})


@given(WORKS, st.sampled_from(fields(Work)))
def test_every_counter_is_in_a_price_and_never_lowers_the_energy(work: Work, grown: object) -> None:
    name = grown.name  # type: ignore[attr-defined]
    more = replace(work, **{name: getattr(work, name) + 1})
    assert energy(more, on=JOINED).components.total > energy(work, on=JOINED).components.total


def test_a_byte_between_cores_travels_the_length_of_their_wires() -> None:
    """0.75 V at 8 bits: twice as far costs twice as much; without a length it is the side of all cores' area."""
    sent = Work(exchange_bytes=1000)

    def spent(on: Chip) -> int:
        return energy(sent, cycles=0, on=on).components.interconnect

    def of_length(millimetres: int) -> Chip:
        return replace(JOINED, interconnect=Interconnect(rate=8, length=Fraction(millimetres * 10**6)))

    assert spent(of_length(2)) == 2 * spent(of_length(1)) > 0
    side = Tariff.of(PriceBook(JOINED, TABLE)).core.total * 2
    (line,) = (line for line in energy(sent, on=JOINED).lines if line.action == "byte between cores")
    (wire,) = (line for line in energy(Work(), on=of_length(1)).lines if line.action == "byte between cores")
    assert float(line.exact_unit_aj / wire.exact_unit_aj) == pytest.approx(float(side) ** 0.5 / 1000)
    assert not any(line.action == "byte between cores" for line in energy(Work()).lines)


@given(WORKS, st.integers(0, 10**9))
def test_every_cycle_leaks(work: Work, cycles: int) -> None:
    less, more = energy(work, cycles).components, energy(work, cycles + 1).components
    assert more.leakage > less.leakage
    assert more.idle - less.idle == 10**15 // ON.clock  # 1 mW for a nanosecond is a picojoule
    assert replace(more, leakage=less.leakage, idle=less.idle) == less


@given(WORKS, st.integers(0, 1000), st.integers(0, 1000))
def test_energy_is_linear_in_work_and_cycles(work: Work, cycles: int, times: int) -> None:
    assert energy(work * times, cycles * times).components == energy(work, cycles).components * times


@given(st.lists(st.tuples(WORKS, st.integers(0, 10**6), st.sampled_from([None, Precision.INT8, Precision.FP16]))))
def test_sums_equal_parts(works: list[tuple[Work, int, Precision | None]]) -> None:
    ops = [replace(op(work, cycles, mode), name=f"op{n}") for n, (work, cycles, mode) in enumerate(works)]
    found = price(ops, ON, TABLE)
    assert found.components.total == sum(one.components.total for one in found.ops)
    assert found.components.total == sum(line.energy_aj for line in found.lines)
    assert all(line.energy_aj == line.count * line.unit_aj for line in found.lines)
    assert all(abs(line.unit_aj - line.exact_unit_aj) <= Fraction(1, 2) for line in found.lines)
    for component in Component:
        of_it = sum(line.energy_aj for line in found.lines if line.component is component)
        assert of_it == getattr(found.components, component.value)


def test_components_have_one_name_each() -> None:
    assert [component.value for component in Component] == [f.name for f in fields(Components)]


def test_an_energy_whose_lines_are_not_its_ops_is_refused() -> None:
    found = energy(Work(macs=5))
    with pytest.raises(InvalidValue, match=r"lines.mac = .*must be the sum of the ops"):
        replace(found, lines=found.lines[1:])
    with pytest.raises(InvalidValue, match="must be 5 times"):
        replace(found.lines[0], energy_aj=1)


def test_prices_are_rounded_once_to_whole_attojoules() -> None:
    (line,) = [
        line for line in energy(Work(array_register_bits=7)).lines if line.component is Component.CLOCK and line.count
    ]
    assert line.exact_unit_aj.denominator > 1
    assert (line.unit_aj, line.count, line.energy_aj) == (round(line.exact_unit_aj), 7, 7 * round(line.exact_unit_aj))


def test_a_chip_whose_tables_lack_an_action_is_refused_by_name() -> None:
    bare = replace(TABLE, filled_from=())
    with pytest.raises(Unsupported, match=r"price table generic_7nm: multiply: has no area for int4; it has none"):
        price([op(Work())], ON, bare)
    horowitz, aladdin = (table for table in TABLE.filled_from if isinstance(table, TechnologyTable))
    for section, message in (("register", "has no area"), ("wire", "has no price"), ("leakage", "has no price")):
        filled = (horowitz, replace(aladdin, **{section: None}))  # type: ignore[arg-type]
        with pytest.raises(Unsupported, match=f"{section}: {message} .nor have horowitz_45nm, aladdin_40nm"):
            price([op(Work())], ON, replace(TABLE, filled_from=filled))
    no_dram = replace(TABLE, dram=(), filled_from=(replace(horowitz, dram=()), *TABLE.filled_from[1:]))
    with pytest.raises(Unsupported, match="dram: has no price for lpddr4; it has none"):
        price([op(Work())], ON, no_dram)
    others = tuple(entry for entry in TABLE.dram if entry[0] is not DramType.HBM2)
    with pytest.raises(Unsupported, match="dram: has no price for hbm2; it has ddr4, gddr6, lpddr4"):
        price([op(Work())], replace(ON, dram=replace(ON.dram, type=DramType.HBM2)), replace(TABLE, dram=others))


def test_an_override_takes_the_place_of_an_entry_and_is_marked() -> None:
    own = Price(energy=Fraction(12_345), source="our synthesis", sure=Confidence.READ)
    overridden = replace(ON, energy_override=Constants(multiply=((Precision.INT8, own),)))
    before, after = energy(Work(macs=4)), energy(Work(macs=4), on=overridden)
    assert before.components.mac - after.components.mac == 4 * (70_000 - 12_345)
    assert [line.action for line in after.lines if line.overridden] == [
        "mac int8", "clock tree of mac int8", "control of mac int8",
    ]  # fmt: skip
    assert "our synthesis" in after.lines[0].sources
    assert not any(line.overridden for line in before.lines)


@given(WORKS)
def test_clock_tree_and_control_are_stated_shares_of_logic(work: Work) -> None:
    """A quarter and seven hundredths of products, registers and lanes, but for the rounding of each price."""
    spent = energy(work).components
    logic, actions = spent.mac + spent.registers + spent.vector, work.macs + work.array_register_bits
    actions += work.vector_lane_cycles + work.array_shared_adder_bits
    assert abs(spent.clock - Fraction(25, 100) * logic) <= actions
    assert abs(spent.control - Fraction(7, 100) * logic) <= actions


@given(WORKS, st.integers(0, 100))
def test_a_product_whose_inputs_are_held_saves_its_multiplication_alone(work: Work, zeros: int) -> None:
    work = replace(work, macs=work.macs + zeros)
    gated, usual = energy(work, zeros=zeros).components, energy(work).components
    assert replace(gated, mac=usual.mac) == usual
    assert usual.mac - gated.mac == 70_000 * zeros


def test_without_shares_nothing_is_spent_beside_logic() -> None:
    nothing = Share(share=Fraction(0), source="none", sure=Confidence.ASSUMED)
    on = replace(ON, energy_override=Constants(clock_tree=nothing, control=nothing))
    with_shares, without = (energy(Work(macs=4, array_register_bits=5), on=each).components for each in (ON, on))
    assert replace(with_shares, clock=0, control=0) == without
    assert with_shares.clock
    assert with_shares.control


def test_negative_prices_are_refused() -> None:
    entry = TABLE.sram[0].price
    with pytest.raises(InvalidValue, match="energy"):
        replace(entry, energy=Fraction(-1))
    with pytest.raises(InvalidValue, match=r"exact = .*must be a rational number of at least 0"):
        replace(energy(Work()).prices[0], exact=Fraction(-1))


def test_a_price_is_as_sure_as_its_least_sure_part() -> None:
    sure = {line.action: line.sure for line in energy(Work()).lines}
    assert sure["dram byte"] is Confidence.READ
    assert sure["scratchpad byte"] is sure["mac int8"] is Confidence.RECALLED
    assert sure["vector lane cycle"] is sure["byte on wires"] is Confidence.ASSUMED


ARRAYS = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@given(ARRAYS, st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.integers(1, 6), st.booleans())
def test_products_with_a_zero_are_counted_from_the_integers(
    rng: np.random.Generator, batch: int, m: int, k: int, n: int, shared: bool
) -> None:
    act = rng.integers(-1, 2, (batch, m, k))
    weight = rng.integers(-1, 2, (k, n) if shared else (batch, k, n))
    products = act[:, :, :, None] * (weight[None] if shared else weight)[:, None, :, :]
    assert zero_products(act, weight) == int(np.count_nonzero(products == 0))


def test_operands_that_do_not_meet_have_no_products() -> None:
    with pytest.raises(InvalidValue, match="the last axis of act is k"):
        zero_products(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(InvalidValue, match="batches must agree"):
        zero_products(np.zeros((2, 2, 3)), np.zeros((4, 3, 5)))


@given(WORKS, st.integers(0, 10**15))
def test_a_product_with_a_zero_saves_its_multiplication(work: Work, zeros: int) -> None:
    zeros = min(zeros, work.macs)
    gated, plain = energy(work, zeros=zeros), energy(work)
    assert plain.components.mac - gated.components.mac == zeros * 70_000  # an int8 multiplication
    counts = {line.action: line.count for line in gated.lines if line.component is Component.MAC}
    assert counts.pop("shared adder bit", 0) == work.array_shared_adder_bits
    assert sum(counts.values()) == work.macs
    assert counts.get("mac int8, a factor 0", 0) == zeros


def test_there_are_no_more_zeros_than_products() -> None:
    with pytest.raises(InvalidValue, match=r"zero_products.gemm = 6: the op has 5 products"):
        energy(Work(macs=5), zeros=6)


def test_a_supply_scales_logic_and_memories_apart() -> None:
    book = PriceBook(replace(ON, voltage=Fraction(55, 100), memory_voltage=Fraction(7, 10)), TABLE)
    logic = book.need("multiply", Precision.INT8).factor
    memory = book.first_list("sram", memory=True)[0][1].factor
    assert logic < memory < 1
    assert book.need("dram", DramType.LPDDR4).factor == 1
    assert book.need("wire").factor == Fraction(55, 90) ** 2
