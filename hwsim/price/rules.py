"""How a price table's entries become the price of an action that it does not list itself."""

from fractions import Fraction

from hwsim.core.dram import DramType
from hwsim.core.energy import UnitPrice
from hwsim.core.precision import Precision
from hwsim.core.prices import Price, PriceTable, Sureness
from hwsim.errors import Unsupported


def mac_price(table: PriceTable, mode: Precision, packed: int, accumulator_bits: int) -> UnitPrice:
    """One product of an element that makes `packed` of them in a cycle, with its share of the additions.

    The multiplier is that of the mode, however narrow the operands: they are sign-extended into it. It is an array of
    one-bit cells, so its energy goes with the square of its width; an adder's with its width. The packed products are
    summed by a tree of adders before one addition to the accumulator. Floating-point products are added in fp32 each.
    """
    if mode.floating:
        multiply = _entry(table, table.multiply, mode, "multiply")
        add = _entry(table, table.add, Precision.FP32, "add")
        exact = multiply.energy + add.energy
        basis = f"multiply.{mode.value} + add.fp32"
    else:
        multiply = _entry(table, table.multiply, Precision.INT8, "multiply")
        add = _entry(table, table.add, Precision.INT32, "add")
        tree_bits = (packed - 1) * (2 * mode.bits + (packed - 1).bit_length())
        added = Fraction(tree_bits + accumulator_bits, 32 * packed)
        exact = multiply.energy * Fraction(mode.bits**2, 64) + add.energy * added
        basis = f"multiply.int8 · {mode.bits}²/64 + add.int32 · {tree_bits + accumulator_bits}/{32 * packed}"
    return _unit(f"mac {mode.value}", exact, basis, multiply, add)


def lane_price(table: PriceTable) -> UnitPrice:
    """A lane of the vector unit, busy for a cycle: assumed to cost a multiplication and an addition in fp16."""
    multiply = _entry(table, table.multiply, Precision.FP16, "multiply")
    add = _entry(table, table.add, Precision.FP16, "add")
    unit = _unit("vector lane cycle", multiply.energy + add.energy, "multiply.fp16 + add.fp16", multiply, add)
    return UnitPrice(
        action=unit.action, exact=unit.exact, basis=unit.basis, sources=unit.sources, sure=Sureness.ASSUMED
    )


def scratchpad_price(table: PriceTable, bank_bytes: int) -> UnitPrice:
    """A byte of a memory of that capacity: the price of the next larger one that the table lists."""
    for entry in table.sram:
        if entry.capacity >= bank_bytes:
            basis = f"sram.{entry.capacity} · 8/{entry.price.bits}"
            return _unit("scratchpad byte", _per_byte(entry.price), basis, entry.price)
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
    return _unit("dram byte", _per_byte(price), f"dram.{memory.value} · 8/{price.bits}", price)


def _unit(action: str, exact: Fraction, basis: str, *parts: Price) -> UnitPrice:
    """A price made of others is as sure as the least sure of them."""
    doubtful = max((part.sure for part in parts), key=list(Sureness).index)
    sources = tuple(dict.fromkeys(part.source for part in parts))
    return UnitPrice(action=action, exact=exact, basis=basis, sources=sources, sure=doubtful)


def _per_byte(price: Price) -> Fraction:
    assert price.bits is not None  # the table sees to it
    return price.energy * Fraction(8, price.bits)


def _entry(table: PriceTable, entries: tuple[tuple[Precision, Price], ...], key: Precision, what: str) -> Price:
    for precision, price in entries:
        if precision is key:
            return price
    known = ", ".join(precision.value for precision, _ in entries)
    raise Unsupported(f"price table {table.name}: {what}: has no price for {key.value}; it has {known}")
