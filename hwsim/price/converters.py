"""Prices of conversions between analog and digital, by bits."""

from fractions import Fraction

from hwsim.errors import Unsupported
from hwsim.hardware.unit_price import Component, UnitPrice
from hwsim.price.book import PriceBook, unit_price, whole


def adc_price(book: PriceBook, bits: int) -> UnitPrice:
    """One conversion to that many bits."""
    return _converter(book, "adc", bits)


def dac_price(book: PriceBook, bits: int) -> UnitPrice:
    """One conversion from that many bits."""
    return _converter(book, "dac", bits)


def converter_area(book: PriceBook, section: str, bits: int) -> Fraction:
    """The area of one converter, in square micrometres of the chip's process."""
    for item, entry in book.first_list(section):
        if item.bits == bits and item.price.area is not None:
            area: Fraction = item.price.area * entry.area_factor
            return area
    raise Unsupported(f"price table {book.table.name}: {section}: has no area for {bits} bits")


def _converter(book: PriceBook, section: str, bits: int) -> UnitPrice:
    """Published resolutions only: between them lies no law that holds for all converters."""
    found = book.first_list(section)
    for item, entry in found:
        if item.bits == bits:
            return unit_price(f"{section} {bits} bits", Component.CONVERTERS, whole(entry))
    known = ", ".join(str(item.bits) for item, _ in found)
    raise Unsupported(f"price table {book.table.name}: {section}: has no price for {bits} bits; it has {known}")
