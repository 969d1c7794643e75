"""A price book as arrays see it: prices and areas by part."""

from dataclasses import dataclass
from fractions import Fraction

from hwsim.hardware.unit_price import Component, UnitPrice
from hwsim.price.book import PriceBook, Term, area_of, unit_price, whole
from hwsim.price.converters import adc_price, converter_area, dac_price
from hwsim.price.memory import accumulator_price
from hwsim.price.rules import add_term, gated_mac_price, mac_price, multiply_term
from hwsim.quantities.precision import Precision


@dataclass(frozen=True, slots=True)
class BookPrices:
    """The energies of parts (`core.parts.PartPrices`)."""

    book: PriceBook

    def mac(self, mode: Precision, packed: int, sum_bits: int, *, gated: bool) -> UnitPrice:
        return (gated_mac_price if gated else mac_price)(self.book, mode, packed, sum_bits)

    def additions(self, action: str, bits: int) -> UnitPrice:
        return unit_price(action, Component.MAC, add_term(self.book, Fraction(bits), f" · {bits}/32"))

    def partial_sum(self, mode: Precision, bits: int, entries: int | None) -> UnitPrice:
        return accumulator_price(self.book, mode, bits, entries)

    def adc(self, bits: int) -> UnitPrice:
        return adc_price(self.book, bits)

    def dac(self, bits: int) -> UnitPrice:
        return dac_price(self.book, bits)


@dataclass(frozen=True, slots=True)
class BookAreas:
    """The areas of parts (`core.parts.PartAreas`)."""

    book: PriceBook

    def multiplier(self, mode: Precision) -> Fraction:
        return _area(multiply_term(self.book, mode, with_area=True))

    def adder(self, bits: int) -> Fraction:
        return _area(add_term(self.book, Fraction(bits), "", with_area=True))

    def floating_adder(self) -> Fraction:
        return _area(whole(self.book.need("add", Precision.FP32, with_area=True)))

    def registers(self, bits: int) -> Fraction:
        register = self.book.need("register", with_area=True)
        return area_of(register) * bits / int(register.quote.bits)

    def memory(self, bits: int) -> Fraction:
        if not bits:
            return Fraction(0)
        density = self.book.need("sram_area")
        return area_of(density) * bits / int(density.quote.bits)

    def adc(self, bits: int) -> Fraction:
        return converter_area(self.book, "adc", bits)

    def dac(self, bits: int) -> Fraction:
        return converter_area(self.book, "dac", bits)


def _area(term: Term) -> Fraction:
    return area_of(term.entry) * term.times
