"""The silicon of analog tiles, and of chips that are made of them.

A tile has a cell for each that a weight of each row and column stands on, a driver for each row, a converter for the
columns that share it, and behind each converter an adder of 32 bits, which is assumed. Control, wires between these,
what programs the cells, the DRAM's interface and pads are not counted.
"""

from fractions import Fraction

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.analog.conversion import Adc, Encoding, InputConversion
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.weights import OffsetRemoval
from hwsim.price.book import PriceBook, area_of
from hwsim.price.price import BookAreas, lanes_area
from hwsim.results.figures import AnalogAreas, TileAreas

_ADDER_BITS = 32


@dataclass(frozen=True, slots=True)
class TileArea:
    """Square micrometres of one tile."""

    cells: Fraction
    drivers: Fraction
    converters: Fraction
    adders: Fraction

    @property
    def logic(self) -> Fraction:
        """What is made of transistors that leak; cells hold their conductances without a supply."""
        return self.drivers + self.converters + self.adders

    @property
    def total(self) -> Fraction:
        return self.cells + self.logic

    def figures(self, tiles: int) -> TileAreas:
        """The area of so many tiles."""
        return TileAreas(
            cells_mm2=_mm2(self.cells * tiles),
            drivers_mm2=_mm2(self.drivers * tiles),
            converters_mm2=_mm2(self.converters * tiles),
            adders_mm2=_mm2(self.adders * tiles),
            total_mm2=_mm2(self.total * tiles),
        )


@dataclass(frozen=True, slots=True)
class AnalogArea:
    """Square micrometres of one chip: of one of its tiles, of all of them, and of its digital side."""

    tile: TileArea
    tiles: Fraction
    vector: Fraction
    scratchpad: Fraction

    @property
    def total(self) -> Fraction:
        return self.tiles + self.vector + self.scratchpad


def driven_bits(inputs: InputConversion) -> int:
    """The bits that a driver puts on a row at once: those of the input, or of its widest slice."""
    if inputs.bits is None:
        raise InvalidValue("array.input.bits", None, "must be given where energy is counted: a driver has a resolution")
    return inputs.bits if inputs.encoding is Encoding.PULSE_WIDTH else max(inputs.widths)


def converter_of(tile: AnalogTile) -> Adc:
    """The tile's converter, without which its readings have no price."""
    if tile.adc is None:
        raise InvalidValue("array.adc", None, "must be given where energy is counted: readings are converted")
    return tile.adc


def tile_area(book: PriceBook[AnalogChip]) -> TileArea:
    """The area of one tile."""
    tile, areas = book.chip.array, BookAreas(book)
    adc = converter_of(tile)
    columns = tile.cols + (tile.weights.offset_removal is OffsetRemoval.COLUMN)
    converters = -(-columns // adc.shared_by)
    return TileArea(
        cells=area_of(book.need("cell", with_area=True)) * (tile.rows * columns * tile.cells),
        drivers=areas.dac(driven_bits(tile.input)) * tile.rows,
        converters=areas.adc(adc.bits) * converters,
        adders=areas.adder(_ADDER_BITS) * converters,
    )


def analog_area(book: PriceBook[AnalogChip]) -> AnalogArea:
    """The area of one chip."""
    chip, tile = book.chip, tile_area(book)
    scratchpad = BookAreas(book).memory(chip.scratchpad.size * 8)
    return AnalogArea(tile, tile.total * chip.tiles, lanes_area(book), scratchpad)


def analog_areas(chip: AnalogChip, area: AnalogArea) -> AnalogAreas:
    """The area of all chips, as results show it."""
    return AnalogAreas(
        tiles=area.tile.figures(chip.tiles * chip.chips),
        vector_mm2=_mm2(area.vector * chip.chips),
        scratchpad_mm2=_mm2(area.scratchpad * chip.chips),
        total_mm2=_mm2(area.total * chip.chips),
    )


def _mm2(um2: Fraction) -> float:
    return float(um2 / 10**6)
