"""The unit prices of actions, worked out from the entries of a table by stated rules."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip, Machine
from hwsim.hardware.prices import Component, Confidence, DramType, UnitPrice, WidthRule
from hwsim.price.book import Entry, PriceBook, Term, root, unit_price, whole
from hwsim.quantities.precision import Precision

WORST_FIT = Fraction(15, 100)


def scratchpad_price(book: PriceBook[Machine]) -> UnitPrice:
    """A byte of one bank of the scratchpad, read or written."""
    return _sram_price(book, "scratchpad byte", Component.SCRATCHPAD, bank_bytes(book.chip), 8)


def accumulator_price(book: PriceBook[Machine], mode: Precision, bits: int, entries: int | None) -> UnitPrice:
    """One sum of that width in a memory of so many; without a stated number of entries sums are in the scratchpad."""
    capacity = bank_bytes(book.chip) if entries is None else -(-entries * bits // 8)
    return _sram_price(book, f"accumulator {mode.value}, {bits} bits", Component.ACCUMULATORS, capacity, bits)


def bank_bytes(chip: Machine) -> int:
    """The size of one bank of the scratchpad."""
    return chip.scratchpad.size // chip.scratchpad.banks


def dram_price(book: PriceBook[Machine], memory: DramType) -> UnitPrice:
    """A byte between DRAM and chip."""
    entry = book.need("dram", memory)
    per_byte = Term(entry, Fraction(8, entry.quote.bits), f" · 8/{entry.quote.bits}")
    low, high = (None if bound is None else bound * per_byte.times for bound in (entry.quote.low, entry.quote.high))
    return replace(unit_price("dram byte", Component.DRAM, per_byte), low=low, high=high)


def interconnect_price(book: PriceBook[Machine], core_um2: Fraction, action: str = "byte on wires") -> UnitPrice:
    """A byte on the wires of a core, assumed to travel the side of a square with the area of the core."""
    entry = book.need("wire")
    side_nm = root(core_um2) * 1000
    times = Fraction(8, entry.quote.bits) * side_nm / entry.quote.length
    millimetres = float(entry.quote.length / 10**6)
    written = f" · 8/{entry.quote.bits} · {float(side_nm) / 10**6:.3g}/{millimetres:g} mm"
    return unit_price(action, Component.INTERCONNECT, Term(entry, times, written), at_best=Confidence.ASSUMED)


def exchange_price(book: PriceBook[Machine], cores_um2: Fraction, length: Fraction | None) -> UnitPrice:
    """A byte on the wires between cores: of that length in nanometres, or, without one, as long as the side of a square
    with the area of all cores."""
    entry = book.need("wire")
    distance = root(cores_um2) * 1000 if length is None else length
    times = Fraction(8, entry.quote.bits) * distance / entry.quote.length
    written = f" · 8/{entry.quote.bits} · {float(distance) / 10**6:.3g}/{float(entry.quote.length / 10**6):g} mm"
    term = Term(entry, times, written)
    return unit_price("byte between cores", Component.INTERCONNECT, term, at_best=Confidence.ASSUMED)


def fit(points: Sequence[tuple[int, Fraction]], name: str) -> tuple[Fraction, Fraction]:
    """a and b of a + b·√capacity, with the least squares of relative errors over the points; the sizes are in bytes.

    What does not depend on the size is decoding and sensing; wires across the memory grow with its side. A fit that
    misses one of its points by more than 15 %, or that falls with the capacity, is refused. Either all energies are 0
    or none is, as `hardware/prices.py` checks: an energy of 0 has no relative error.

    >>> [round(float(x), 3) for x in fit([(100, Fraction(3)), (400, Fraction(5))], "two points")]
    [1.0, 0.2]
    """
    if len(points) == 1 or not any(energy for _, energy in points):
        return points[0][1], Fraction(0)
    rows = [(1 / energy, root(Fraction(capacity)) / energy) for capacity, energy in points]
    xx, xy = sum(x * x for x, _ in rows), sum(x * y for x, y in rows)
    yy, sx, sy = sum(y * y for _, y in rows), sum(x for x, _ in rows), sum(y for _, y in rows)
    determinant = xx * yy - xy * xy
    a, b = Fraction(sx * yy - sy * xy) / determinant, Fraction(sy * xx - sx * xy) / determinant
    if b < 0:
        raise Unsupported(f"{name}: sram: energies fall with the capacity, which no memory does")
    for capacity, energy in points:
        off = (a + b * root(Fraction(capacity))) / energy - 1
        if abs(off) > WORST_FIT:
            raise Unsupported(
                f"{name}: sram: the fit over its capacities is {float(100 * off):+.0f} % off at {capacity} bytes, more "
                "than 15 %; give entries that lie on one curve, or one entry alone"
            )
    return a, b


def sram_bit_energy(book: PriceBook[Machine], capacity: int) -> tuple[Fraction, tuple[Entry, ...]]:
    """The energy of a bit of a memory of that size, and the entries between which it lies on the fitted curve."""
    entries = book.first_list("sram", memory=True)
    largest = entries[-1][0].capacity
    if capacity > largest:
        raise Unsupported(
            f"price table {entries[0][1].layer.name}: sram: has no price for a memory of {capacity} bytes, the largest "
            f"is {largest}; give the scratchpad more banks, or the table a larger entry"
        )
    points = [(item.capacity, entry.energy / entry.quote.bits) for item, entry in entries]
    a, b = fit(points, f"price table {entries[0][1].layer.name}")
    energy = a + b * root(Fraction(capacity))
    if energy < 0:
        raise Unsupported(
            f"price table {entries[0][1].layer.name}: sram: the fit is negative for a memory of {capacity} bytes; give "
            "the table a smaller entry"
        )
    return energy, tuple(entry for _, entry in entries)


def _sram_price(book: PriceBook[Machine], action: str, component: Component, capacity: int, bits: int) -> UnitPrice:
    energy, entries = sram_bit_energy(book, capacity)
    doubts = [entry.quote.sure for entry in entries]
    return UnitPrice(
        action=action,
        component=component,
        exact=energy * bits,
        basis=f"{_list_name(entries)} fitted, {capacity} bytes · {bits} bits{entries[0].scaled}",
        sources=tuple(dict.fromkeys(entry.source for entry in entries)),
        sure=max(doubts, key=list(Confidence).index),
        overridden=entries[0].layer.overrides,
    )


def _list_name(entries: tuple[Entry, ...]) -> str:
    return entries[0].path.partition("[")[0]


def adc_price(book: PriceBook[Machine], bits: int) -> UnitPrice:
    """One conversion to that many bits."""
    return _converter(book, "adc", bits)


def dac_price(book: PriceBook[Machine], bits: int) -> UnitPrice:
    """One conversion from that many bits."""
    return _converter(book, "dac", bits)


def converter_area(book: PriceBook[Machine], section: str, bits: int) -> Fraction:
    """The area of one converter, in square micrometres of the chip's process."""
    for item, entry in book.first_list(section):
        if item.bits == bits and item.price.area is not None:
            area: Fraction = item.price.area * entry.area_factor
            return area
    raise Unsupported(f"price table {book.table.name}: {section}: has no area for {bits} bits")


def _converter(book: PriceBook[Machine], section: str, bits: int) -> UnitPrice:
    """Published resolutions only: between them lies no law that holds for all converters."""
    entries = book.first_list(section)
    for item, entry in entries:
        if item.bits == bits:
            return unit_price(f"{section} {bits} bits", Component.CONVERTERS, whole(entry))
    resolutions = ", ".join(str(item.bits) for item, _ in entries)
    raise Unsupported(f"price table {book.table.name}: {section}: has no price for {bits} bits; it has {resolutions}")


def mac_price(book: PriceBook[Machine], mode: Precision, packed: int, accumulator_bits: int) -> UnitPrice:
    """One product of an element that makes `packed` of them in a cycle, with its share of the additions.

    The multiplier is that of the mode, however narrow the operands: they are sign-extended into it. The packed products
    are summed by a tree of adders before one addition to the accumulator. Floating-point products are added in fp32
    each.
    """
    return unit_price(
        f"mac {mode.value}", Component.MAC, multiply_term(book, mode), _addition(book, mode, packed, accumulator_bits)
    )


def gated_mac_price(book: PriceBook[Machine], mode: Precision, packed: int, accumulator_bits: int) -> UnitPrice:
    """One product with a factor that is zero, where the multiplier's inputs are held: the addition alone."""
    return unit_price(f"mac {mode.value}, a factor 0", Component.MAC, _addition(book, mode, packed, accumulator_bits))


def multiply_term(book: PriceBook[Machine], mode: Precision, *, with_area: bool = False) -> Term:
    """A multiplier: the table's entry, or by the rule of widths that of an integer multiplier of another width."""
    listed = book.find("multiply", mode, with_area=with_area)
    if listed is not None or mode.floating:
        return whole(book.need("multiply", mode, with_area=with_area))
    base, entry = _integer_multiplier(book, mode, with_area)
    rule = book.first(lambda constants: constants.multiply_width) or WidthRule.QUADRATIC
    return width_term(entry, mode.bits, mode.bits, base.bits, rule)


def width_term(entry: Entry, left: int, right: int, base: int, rule: WidthRule) -> Term:
    """A multiplier of `left` × `right` bits from one of `base` × `base`.

    A multiplier is an array of left · right one-bit cells, so its energy and area go with the product of the widths;
    with their sum, if the rule is linear, as in some libraries.
    """
    if rule is WidthRule.QUADRATIC:
        return Term(entry, Fraction(left * right, base * base), f" · {left}·{right}/{base}²")
    return Term(entry, Fraction(left + right, 2 * base), f" · ({left}+{right})/{2 * base}")


def add_term(book: PriceBook[Machine], bits: Fraction, written: str, *, with_area: bool = False) -> Term:
    """An integer adder: its energy and area go with its width."""
    return Term(book.need("add", Precision.INT32, with_area=with_area), bits / 32, written)


def additions_price(book: PriceBook[Machine], action: str, bits: Fraction, gates: Fraction, floating: int) -> UnitPrice:
    """A product made without a multiplier, by additions and gates; what there is none of is not asked for."""
    terms = [add_term(book, bits, f" · {_written(bits)}/32")]
    if floating:
        adder = book.need("add", Precision.FP32)
        terms.append(whole(adder) if floating == 1 else Term(adder, Fraction(floating), f" · {floating}"))
    if gates:
        terms.append(Term(book.need("gate"), gates, f" · {_written(gates)}"))
    return unit_price(action, Component.MAC, *terms)


def _written(count: Fraction) -> str:
    return f"{float(count):.6g}"


def shared_adder_price(book: PriceBook[Machine]) -> UnitPrice:
    """A bit of an addition in the array that many products share."""
    return unit_price("shared adder bit", Component.MAC, add_term(book, Fraction(1), " · 1/32"))


def lane_price(book: PriceBook[Machine]) -> UnitPrice:
    """A lane of the vector unit, busy for a cycle: assumed to cost a multiplication and an addition in fp16."""
    parts = (book.need("multiply", Precision.FP16), book.need("add", Precision.FP16))
    return unit_price("vector lane cycle", Component.VECTOR, *map(whole, parts), at_best=Confidence.ASSUMED)


def check_lanes(book: PriceBook[Machine]) -> None:
    """Refuse lanes that add more products in a cycle than the price of a lane's cycle pays for.

    Such a lane has the multipliers of its format beside those that the price names, or is made of the same gates. Sums
    are as wide as those of the array in that mode, else 32 bits.
    """
    lane, chip = lane_price(book), book.chip
    for mode, products in chip.vector.macs_per_lane:
        bits = Precision.INT32.bits
        if isinstance(chip, Chip) and mode in chip.array.modes:
            bits = chip.array.summation(mode).register.bits
        most = products
        while most and most * mac_price(book, mode, most, bits).exact > lane.exact:
            most -= 1
        if most < products:
            raise Unsupported(
                f"vector.macs_per_lane.{mode.value} = {products}: a lane's cycle is priced at {lane.basis}, which pays "
                f"for {most} {mode.value} product{'' if most == 1 else 's'}; lower it, or give more lanes"
            )


def register_price(book: PriceBook[Machine]) -> UnitPrice:
    """A bit that a register of the array takes over."""
    entry = book.need("register")
    per_bit = Term(entry, Fraction(1, entry.quote.bits), "" if entry.quote.bits == 1 else f" / {entry.quote.bits}")
    return unit_price("register bit", Component.REGISTERS, per_bit)


_BESIDE = (("clock_tree", "clock tree", Component.CLOCK), ("control", "control", Component.CONTROL))


def beside_logic(book: PriceBook[Machine], logic: UnitPrice) -> tuple[UnitPrice, ...]:
    """What the clock's tree and control spend beside one action of the logic that they drive, by the table's shares."""
    found = []
    for section, what, component in _BESIDE:
        entry = book.find(section)
        if entry is not None and entry.quote.share:
            percent = entry.quote.share
            found.append(
                UnitPrice(
                    action=f"{what} of {logic.action}",
                    component=component,
                    exact=logic.exact * percent / 100,
                    basis=f"{entry.path}: {float(percent):g} % of {logic.action}",
                    sources=(entry.source,),
                    sure=max(entry.quote.sure, logic.sure, key=list(Confidence).index),
                    overridden=entry.layer.overrides or logic.overridden,
                )
            )
    return tuple(found)


def _addition(book: PriceBook[Machine], mode: Precision, packed: int, accumulator_bits: int) -> Term:
    if mode.floating:
        return whole(book.need("add", Precision.FP32))
    tree_bits = (packed - 1) * (2 * mode.bits + (packed - 1).bit_length())
    total = tree_bits + accumulator_bits
    return add_term(book, Fraction(total, packed), f" · {total}/{32 * packed}")


def _integer_multiplier(book: PriceBook[Machine], mode: Precision, with_area: bool) -> tuple[Precision, Entry]:
    """The int8 multiplier, or else the narrowest integer multiplier, of the first layer that has any."""
    for layer in book.layers:
        formats = [key for key, price in layer.constants.multiply if not (with_area and price.area is None)]
        widths = [key for key in formats if not key.floating and (key is Precision.INT8 or not layer.overrides)]
        if widths:
            base = Precision.INT8 if Precision.INT8 in widths else min(widths, key=lambda key: key.bits)
            return base, book.entry_of(layer, "multiply", base)
    raise book.lacking("multiply", mode, "area" if with_area else "price")
