"""How a price table's entries become the price of an action of arithmetic that it does not list itself."""

from fractions import Fraction

from hwsim.hardware.prices import Confidence, WidthRule
from hwsim.hardware.unit_price import Component, UnitPrice
from hwsim.price.book import Entry, PriceBook, Term, unit_price, whole
from hwsim.quantities.precision import Precision


def mac_price(book: PriceBook, mode: Precision, packed: int, accumulator_bits: int) -> UnitPrice:
    """One product of an element that makes `packed` of them in a cycle, with its share of the additions.

    The multiplier is that of the mode, however narrow the operands: they are sign-extended into it. The packed products
    are summed by a tree of adders before one addition to the accumulator. Floating-point products are added in fp32
    each.
    """
    return unit_price(
        f"mac {mode.value}", Component.MAC, multiply_term(book, mode), _addition(book, mode, packed, accumulator_bits)
    )


def gated_mac_price(book: PriceBook, mode: Precision, packed: int, accumulator_bits: int) -> UnitPrice:
    """One product with a factor that is zero, where the multiplier's inputs are held: the addition alone."""
    return unit_price(f"mac {mode.value}, a factor 0", Component.MAC, _addition(book, mode, packed, accumulator_bits))


def multiply_term(book: PriceBook, mode: Precision, *, with_area: bool = False) -> Term:
    """A multiplier: the table's own, or an integer one of another width by the rule of widths."""
    own = book.find("multiply", mode, with_area=with_area)
    if own is not None or mode.floating:
        return whole(book.need("multiply", mode, with_area=with_area))
    base, entry = _integer_multiplier(book, mode, with_area)
    rule = book.first(lambda constants: constants.multiply_width) or WidthRule.QUADRATIC
    return width_term(entry, mode.bits, mode.bits, base.bits, rule)


def width_term(entry: Entry, left: int, right: int, base: int, rule: WidthRule) -> Term:
    """A multiplier of `left` × `right` bits from one of `base` × `base`.

    It is an array of left · right one-bit cells, so its energy and area go with their product; with their sum if the
    rule is linear, as some libraries have it.
    """
    if rule is WidthRule.QUADRATIC:
        return Term(entry, Fraction(left * right, base * base), f" · {left}·{right}/{base}²")
    return Term(entry, Fraction(left + right, 2 * base), f" · ({left}+{right})/{2 * base}")


def add_term(book: PriceBook, bits: Fraction, written: str, *, with_area: bool = False) -> Term:
    """An integer adder: its energy and area go with its width."""
    return Term(book.need("add", Precision.INT32, with_area=with_area), bits / 32, written)


def lane_price(book: PriceBook) -> UnitPrice:
    """A lane of the vector unit, busy for a cycle: assumed to cost a multiplication and an addition in fp16."""
    parts = (book.need("multiply", Precision.FP16), book.need("add", Precision.FP16))
    return unit_price("vector lane cycle", Component.VECTOR, *map(whole, parts), at_best=Confidence.ASSUMED)


def register_price(book: PriceBook) -> UnitPrice:
    """A bit that a register of the array takes over."""
    entry = book.need("register")
    per_bit = Term(entry, Fraction(1, entry.quote.bits), "" if entry.quote.bits == 1 else f" / {entry.quote.bits}")
    return unit_price("register bit", Component.REGISTERS, per_bit)


def _addition(book: PriceBook, mode: Precision, packed: int, accumulator_bits: int) -> Term:
    if mode.floating:
        return whole(book.need("add", Precision.FP32))
    tree_bits = (packed - 1) * (2 * mode.bits + (packed - 1).bit_length())
    total = tree_bits + accumulator_bits
    return add_term(book, Fraction(total, packed), f" · {total}/{32 * packed}")


def _integer_multiplier(book: PriceBook, mode: Precision, with_area: bool) -> tuple[Precision, Entry]:
    """The int8 multiplier, or the narrowest integer one, of the first table that has any."""
    for layer in book.layers:
        known = [key for key, price in layer.constants.multiply if not (with_area and price.area is None)]
        widths = [key for key in known if not key.floating and (key is Precision.INT8 or not layer.overrides)]
        if widths:
            base = Precision.INT8 if Precision.INT8 in widths else min(widths, key=lambda key: key.bits)
            return base, book.entry_of(layer, "multiply", base)
    raise book.lacking("multiply", mode, "area" if with_area else "price")
