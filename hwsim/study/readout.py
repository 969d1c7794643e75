"""What it takes to read all weights of a chip once, as compensation of drift does: row after row, at full scale."""

from dataclasses import replace

from hwsim.dataclass import dataclass
from hwsim.hardware.analog.chip import AnalogChip, Typical
from hwsim.hardware.analog.conversion import Accumulate
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.price.book import PriceBook
from hwsim.price.tile_prices import AnalogTariff, cell_price, spent
from hwsim.schedule.tile_work import TileWork
from hwsim.schedule.tiles import Placement, TilePart
from hwsim.timing.tile import vector_time


@dataclass(frozen=True, slots=True)
class Readout:
    """Picoseconds until every row of every tile has been read, all tiles at the same time, and attojoules of all."""

    picoseconds: int
    attojoules: int


def readout(chip: AnalogChip, placement: Placement, book: PriceBook[AnalogChip]) -> Readout:
    """The cost of one reading of all placed weights, with cells of typical conductance under full inputs.

    What stands beside each other on a tile is read at the same time; its rows are counted as driven for each.
    """
    rows: dict[tuple[int, int], int] = {}
    work = TileWork()
    for matrix in placement.matrices:
        cells = chip.array.cells // (len(chip.array.weights.significance) if matrix.dense else 1)
        for part in matrix.parts:
            rows[part.spot] = max(rows.get(part.spot, 0), part.rows)
            work += _part(chip.array, part, cells)
    full = replace(chip, typical=Typical(input=1.0, conductance=chip.typical.conductance))
    tariff = AnalogTariff.of(book)
    cells_aj = round(cell_price(full).exact * work.cell_passes)
    one, most = vector_time(chip.array), max(rows.values(), default=0)
    time = (most - 1) * one.interval + one.latency if most else 0
    return Readout(time, spent(tariff.charges(work, cells_aj=cells_aj)).total)


def _part(tile: AnalogTile, part: TilePart, cells: int) -> TileWork:
    """A vector for each row of a part, which drives that row alone."""
    phases, inputs = tile.phases, tile.input
    repeats = 1 if phases is None else phases.repeats
    converted = inputs.passes if inputs.accumulate is Accumulate.DIGITAL else 1
    return TileWork(
        vectors=part.rows,
        drives=part.rows * inputs.passes * repeats,
        cell_passes=part.rows * part.cols * cells * inputs.passes * repeats,
        conversions=0 if tile.adc is None else part.rows * part.cols * tile.readings * converted,
    )
