"""Vectors times a matrix on analog tiles: programmed, aged, read and converted."""

from hwsim.hardware.analog.tile import AnalogTile
from hwsim.quantities.noun import must_be
from hwsim.results.analog import AnalogFigures
from hwsim.tensor.analog import product, programmed
from hwsim.tensor.analog.product import AnalogProduct
from hwsim.tensor.analog.programmed import Programmed
from hwsim.tensor.formats import Array


def program(
    tile: AnalogTile, weight: object, *, seed: int = 0, seconds: float = 0.0, compensation: str = "none"
) -> Programmed:
    """weight[k, n] on as many tiles as it takes, so many seconds after its cells were first read."""
    must_be(AnalogTile, "tile", tile)
    matrix = programmed.program(tile, weight, seed=seed)
    return programmed.after(matrix, seconds, compensation=compensation)


def mvm(
    tile: AnalogTile | Programmed,
    weight: object,
    inputs: object,
    *,
    seed: int = 0,
    first: int = 0,
    seconds: float = 0.0,
    compensation: str = "none",
    ranges: object = None,
    transpose: bool = False,
    threads: int = 1,
) -> AnalogProduct:
    """inputs[m, k] @ weight[k, n] on analog tiles; with `transpose` inputs[m, n] @ weight.T on the same cells.

    Vector i is MVM number first + i of the seed. A matrix that is programmed already stands in the place of the tile;
    weight is None then.
    """
    matrix = tile
    if not isinstance(matrix, Programmed):
        matrix = program(matrix, weight, seed=seed, seconds=seconds, compensation=compensation)
    if transpose:
        matrix = programmed.transposed(matrix)
    return product.multiply(matrix, inputs, seed=seed, first=first, ranges=ranges, threads=threads)


def calibrate(tile: AnalogTile | Programmed, weight: object, inputs: object, *, seed: int = 0) -> Array:
    """Ranges for the converters of a tile that has calibrated ones, from sample inputs[m, k]: what `mvm` takes."""
    return product.calibrate(
        tile if isinstance(tile, Programmed) else program(tile, weight, seed=seed), inputs, seed=seed
    )


def figures(matrix: Programmed, made: AnalogProduct) -> AnalogFigures:
    """What was counted while a product was made."""
    return AnalogFigures(
        vectors=len(made.out),
        tiles=len(matrix.parts),
        passes=matrix.tile.input.passes,
        cells=sum(array.size for part in matrix.parts for array in part.held),
        conversions=sum(codes.size for codes in made.adc_codes),
        clipped=int(made.clipped.sum()),
        retries=int(made.retries.sum()),
    )
