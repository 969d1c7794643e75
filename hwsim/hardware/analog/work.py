"""What tiles do for one vector times a matrix: how the matrix is cut, and counts of everything that has a price."""

from itertools import pairwise

from hwsim.hardware.analog.conversion import Accumulate
from hwsim.hardware.analog.tile import AnalogTile, Split
from hwsim.hardware.analog.weights import Mapping, OffsetRemoval
from hwsim.schedule.tile_work import TileWork


def parts(tile: AnalogTile, k: int, n: int) -> tuple[list[slice], list[slice]]:
    """How the rows and the columns of a matrix [k, n] are cut."""
    return _cuts(k, tile.rows, tile.split), _cuts(n, tile.cols, tile.split)


def _cuts(size: int, most: int, split: Split) -> list[slice]:
    count = -(-size // most)
    each = round(size / count) if split is Split.EQUAL else most
    if split is Split.EQUAL and size - each * (count - 1) > most:  # the last part takes the rest
        each = -(-size // count)
    bounds = [*(each * part for part in range(count)), size]
    return [slice(first, last) for first, last in pairwise(bounds)]


def tiles_of(tile: AnalogTile, k: int, n: int) -> int:
    """Tiles that a matrix [k, n] takes.

    >>> tiles_of(AnalogTile(rows=512, cols=512), 640, 2560)
    10
    """
    rows, cols = parts(tile, k, n)
    return len(rows) * len(cols)


def matrix_work(tile: AnalogTile, k: int, n: int) -> TileWork:
    """All that tiles do for one vector times a matrix [k, n].

    Readings of a column are added to each other, and those of tiles that share its rows. An offset mapping takes the
    reading of the middle column off each column, or a multiple of the sum of a tile's inputs, which tiles with the same
    inputs share.

    >>> matrix_work(AnalogTile(rows=4, cols=4), 8, 3).additions
    3
    """
    rows, cols = parts(tile, k, n)
    inputs, weights = tile.input, tile.weights
    repeats = 1 if tile.phases is None else tile.phases.repeats
    converted = inputs.passes if inputs.accumulate is Accumulate.DIGITAL else 1
    readings = converted * tile.readings
    offset = weights.mapping is Mapping.OFFSET
    middle = offset and weights.offset_removal is OffsetRemoval.COLUMN
    columns = n + len(cols) * middle
    additions = len(rows) * columns * (readings - 1) + (len(rows) - 1) * n
    if offset:
        additions += len(rows) * n + (0 if middle else k - len(rows))
    return TileWork(
        vectors=1,
        drives=k * len(cols) * inputs.passes * repeats,
        cell_passes=k * columns * tile.cells * inputs.passes * repeats,
        conversions=0 if tile.adc is None else len(rows) * columns * readings,
        additions=additions,
    )
