"""The area of a chip by component, from the areas of the parts that its price table quotes.

Counted are processing elements, sums under the array, vector lanes and the scratchpad; control, wires between them,
the DRAM's interface and pads are not.
"""

from dataclasses import dataclass
from fractions import Fraction

from hwsim.hardware.chip import Chip, Dataflow, Drain
from hwsim.price.book import PriceBook, Term, area_of, whole
from hwsim.price.rules import accumulator_bits, add_term, multiply_term
from hwsim.quantities.precision import Precision


@dataclass(frozen=True, slots=True)
class CoreArea:
    """Square micrometres of one core, by component."""

    array: Fraction
    accumulators: Fraction
    vector: Fraction
    scratchpad: Fraction

    @property
    def total(self) -> Fraction:
        return self.array + self.accumulators + self.vector + self.scratchpad


def core_area(book: PriceBook) -> CoreArea:
    """The area of one core of the chip."""
    chip = book.chip
    array = chip.array
    return CoreArea(
        array=array.rows * array.cols * _element_area(book),
        accumulators=_sram_area(book, array.cols * _column_bits(chip)),
        vector=chip.vector.lanes
        * (
            area_of(book.need("multiply", Precision.FP16, with_area=True))
            + area_of(book.need("add", Precision.FP16, with_area=True))
        ),
        scratchpad=_sram_area(book, chip.scratchpad.size * 8),
    )


def element_register_bits(chip: Chip, mode: Precision) -> int:
    """The registers of one processing element in one mode."""
    array = chip.array
    packed, sum_bits = array.packed(mode), _running_bits(chip, mode)
    word, sums = packed.k * mode.bits, packed.n * sum_bits
    if array.dataflow is Dataflow.OS:
        drain = sums if array.drain is Drain.SEPARATE else 0
        return word + packed.n * word + sums + drain
    return word + sums + packed.n * word * (2 if array.shadow_weights else 1)


def _running_bits(chip: Chip, mode: Precision) -> int:
    return 32 if mode.floating else chip.array.accumulator_of(mode).bits


def _element_area(book: PriceBook) -> Fraction:
    """Integer modes share the multipliers and adders of the largest of them; floating-point ones have their own."""
    chip = book.chip
    modes = [mode for mode, _ in chip.array.macs_per_pe]
    integer = max((_integer_area(book, mode) for mode in modes if not mode.floating), default=Fraction(0))
    floating = sum((_floating_area(book, mode) for mode in modes if mode.floating), Fraction(0))
    register = book.need("register", with_area=True)
    bits = max(element_register_bits(chip, mode) for mode in modes)
    return integer + floating + area_of(register) * bits / int(register.quote.bits)


def _integer_area(book: PriceBook, mode: Precision) -> Fraction:
    packed = book.chip.array.packed(mode)
    tree = (packed.k - 1) * (2 * mode.bits + (packed.k - 1).bit_length())
    adders = Fraction(tree + _running_bits(book.chip, mode))
    return packed.n * (
        packed.k * _area(multiply_term(book, mode, with_area=True)) + _area(add_term(book, adders, "", with_area=True))
    )


def _floating_area(book: PriceBook, mode: Precision) -> Fraction:
    packed = book.chip.array.packed(mode)
    multiply = multiply_term(book, mode, with_area=True)
    add = whole(book.need("add", Precision.FP32, with_area=True))
    return packed.n * packed.k * (_area(multiply) + _area(add))


def _area(term: Term) -> Fraction:
    return area_of(term.entry) * term.times


def _column_bits(chip: Chip) -> int:
    """The largest memory that a column needs for its sums; none with stated entries means that it has none."""
    array = chip.array
    if array.dataflow is Dataflow.OS:
        return 0
    sizes = [
        array.packed(mode).n * (array.accumulator_of(mode).entries or 0) * accumulator_bits(chip, mode)
        for mode, _ in array.macs_per_pe
    ]
    return max(sizes)


def _sram_area(book: PriceBook, bits: int) -> Fraction:
    if not bits:
        return Fraction(0)
    density = book.need("sram_area")
    return area_of(density) * bits / int(density.quote.bits)
