"""Energy is counters times prices, exact in attojoules, monotone in every count, and refuses what it cannot price."""

from dataclasses import fields, replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chips import chip
from hwsim.core.counters import Counters, OpCounters, Units, Work
from hwsim.core.dram import DramType
from hwsim.core.energy import Components
from hwsim.core.precision import Precision
from hwsim.core.prices import PriceTable, Sureness
from hwsim.errors import InvalidValue, Unsupported
from hwsim.inputs.load import load_prices
from hwsim.price.price import price
from hwsim.price.rules import dram_price, lane_price, mac_price, scratchpad_price

TABLE = load_prices("generic_7nm")
ON = chip()
IDLE = Units(load=9, array=9, vector=9, store=9)


def components(work: Work, table: PriceTable = TABLE) -> Components:
    counters = Counters(cycles=9, idle=IDLE, work=work)
    op = OpCounters(
        name="gemm",
        kind="gemm",
        mode=Precision.INT8,
        times=1,
        macs=work.macs,
        counters=counters,
        span=9,
        walked_iterations=0,
    )
    return price([op], ON, table).components


@given(st.builds(Work, **{f.name: st.integers(0, 10**15) for f in fields(Work)}), st.sampled_from(fields(Work)))
def test_every_counter_is_in_a_price_and_never_lowers_the_energy(work: Work, grown: object) -> None:
    name = grown.name  # type: ignore[attr-defined]
    more = replace(work, **{name: getattr(work, name) + 1})
    assert components(more).total > components(work).total


@given(st.builds(Work, **{f.name: st.integers(0, 10**15) for f in fields(Work)}), st.integers(0, 1000))
def test_energy_is_linear_in_the_work(work: Work, times: int) -> None:
    assert components(work * times) == components(work) * times


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
    assert mac_price(TABLE, mode, packed, accumulator).exact == attojoules


@pytest.mark.parametrize(
    ("bank", "picojoules_per_access"), [(1, 7.5), (8192, 7.5), (8193, 8.5), (32_769, 14), (1 << 20, 14)]
)
def test_a_bank_costs_what_the_next_larger_published_memory_costs(bank: int, picojoules_per_access: float) -> None:
    assert scratchpad_price(TABLE, bank).exact == Fraction(picojoules_per_access) * 10**6 / 8


def test_prices_are_rounded_once_to_whole_attojoules() -> None:
    unit = mac_price(TABLE, Precision.INT3, 1, accumulator_bits=32)
    assert unit.exact == Fraction(70_000 * 9, 64) + 30_000
    assert unit.attojoules == 39_844


def test_a_price_is_as_sure_as_its_least_sure_part() -> None:
    assert scratchpad_price(TABLE, 1).sure is Sureness.READ
    assert mac_price(TABLE, Precision.INT8, 1, 32).sure is Sureness.RECALLED
    assert lane_price(TABLE).sure is Sureness.ASSUMED
    assert lane_price(TABLE).sources == ("Jouppi ISCA 2021, Table 2",)


def test_what_has_no_price_is_refused_by_name() -> None:
    with pytest.raises(Unsupported, match="price table generic_7nm: sram: has no price for a bank of 1048577 bytes"):
        scratchpad_price(TABLE, (1 << 20) + 1)
    with pytest.raises(Unsupported, match="dram: has no price for hbm2; it has lpddr4"):
        dram_price(replace(TABLE, dram=tuple(e for e in TABLE.dram if e[0] is DramType.LPDDR4)), DramType.HBM2)
    with pytest.raises(Unsupported, match="multiply: has no price for fp16"):
        lane_price(replace(TABLE, multiply=TABLE.multiply[:1]))


def test_negative_prices_are_refused() -> None:
    entry = TABLE.sram[0].price
    with pytest.raises(InvalidValue, match="energy"):
        replace(entry, energy=Fraction(-1))
