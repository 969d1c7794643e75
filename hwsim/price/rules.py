"""How a price table's entries become the price of an action that it does not list itself."""

from fractions import Fraction

from hwsim.core.dram import DramType
from hwsim.core.energy import UnitPrice
from hwsim.core.precision import Precision
from hwsim.core.prices import Price, PriceTable
from hwsim.errors import Unsupported


def mac_price(
    table: PriceTable, mode: Precision, act: Precision, weight: Precision, accumulator_bits: int
) -> UnitPrice:
    """A multiplication of the operands' widths, and an addition to the accumulator.

    An integer multiplier is an array of one-bit cells, so its energy goes with the product of the operands' widths
    (in Horowitz's 45 nm figures 16 times the cells cost 15.5 times the energy); an adder's with its width. A
    floating-point product is added in fp32.
    """
    if mode.floating:
        multiply = _entry(table, table.multiply, mode, "multiply")
        add = _entry(table, table.add, Precision.FP32, "add")
        basis = f"multiply.{mode.value} + add.fp32"
        return UnitPrice(action=f"mac {mode.value}", exact=multiply.energy + add.energy, basis=basis)
    base = _entry(table, table.multiply, Precision.INT8, "multiply")
    wide = _entry(table, table.add, Precision.INT32, "add")
    multiply_energy = base.energy * Fraction(act.bits * weight.bits, 64)
    add_energy = wide.energy * Fraction(accumulator_bits, 32)
    basis = f"multiply.int8 · {act.bits}·{weight.bits}/64 + add.int32 · {accumulator_bits}/32"
    return UnitPrice(action=f"mac {act.value}×{weight.value}", exact=multiply_energy + add_energy, basis=basis)


def lane_price(table: PriceTable) -> UnitPrice:
    """A lane of the vector unit, busy for a cycle: assumed to cost a multiplication and an addition in fp16."""
    multiply = _entry(table, table.multiply, Precision.FP16, "multiply")
    add = _entry(table, table.add, Precision.FP16, "add")
    return UnitPrice(action="vector lane cycle", exact=multiply.energy + add.energy, basis="multiply.fp16 + add.fp16")


def scratchpad_price(table: PriceTable, bank_bytes: int) -> UnitPrice:
    """A byte of a memory of that capacity: the price of the next larger one that the table lists."""
    for entry in table.sram:
        if entry.capacity >= bank_bytes:
            basis = f"sram.{entry.capacity} · 8/{entry.price.bits}"
            return UnitPrice(action="scratchpad byte", exact=_per_byte(entry.price), basis=basis)
    largest = table.sram[-1].capacity
    raise Unsupported(
        f"price table {table.name}: sram: has no price for a bank of {bank_bytes} bytes, the largest is {largest}; "
        "give the scratchpad more banks, or the table a larger entry"
    )


def dram_price(table: PriceTable, memory: DramType) -> UnitPrice:
    """A byte between DRAM and chip."""
    price = dict(table.dram).get(memory)
    if price is None:
        known = ", ".join(key.value for key, _ in table.dram)
        raise Unsupported(f"price table {table.name}: dram: has no price for {memory.value}; it has {known}")
    return UnitPrice(action="dram byte", exact=_per_byte(price), basis=f"dram.{memory.value} · 8/{price.bits}")


def _per_byte(price: Price) -> Fraction:
    assert price.bits is not None  # the table sees to it
    return price.energy * Fraction(8, price.bits)


def _entry(table: PriceTable, entries: tuple[tuple[Precision, Price], ...], key: Precision, what: str) -> Price:
    for precision, price in entries:
        if precision is key:
            return price
    known = ", ".join(precision.value for precision, _ in entries)
    raise Unsupported(f"price table {table.name}: {what}: has no price for {key.value}; it has {known}")
