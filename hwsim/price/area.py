"""The area of a chip by component, from the areas of the parts that its price table quotes.

Counted are the array and the sums under it, as its kind says, vector lanes and the scratchpad; control, wires between
them, the DRAM's interface and pads are not.
"""

from dataclasses import dataclass
from fractions import Fraction

from hwsim.price.book import PriceBook, area_of
from hwsim.price.parts import BookAreas
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
    chip, areas = book.chip, BookAreas(book)
    array = chip.array.area(areas)
    lane = sum(area_of(book.need(part, Precision.FP16, with_area=True)) for part in ("multiply", "add"))
    return CoreArea(
        array=array.array,
        accumulators=array.accumulators,
        vector=Fraction(chip.vector.lanes * lane),
        scratchpad=areas.memory(chip.scratchpad.size * 8),
    )
