"""Vectors times a matrix on analog tiles: programmed, aged, read and converted, with the time and energy that takes."""

from dataclasses import fields, replace

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.work import matrix_work
from hwsim.hardware.prices import PriceTable
from hwsim.price.book import PriceBook
from hwsim.price.tile_prices import AnalogTariff, spent
from hwsim.quantities.noun import must_be
from hwsim.results.analog import AnalogFigures
from hwsim.results.figures import Components
from hwsim.tensor.analog import product, programmed
from hwsim.tensor.analog.currents import cell_energy
from hwsim.tensor.analog.product import AnalogProduct
from hwsim.tensor.analog.programmed import Programmed
from hwsim.tensor.formats import Array
from hwsim.timing.tile import batch_time, vector_time


@dataclass(frozen=True, slots=True, eq=False)
class CostedProduct(AnalogProduct):
    """A product, and what all of its vectors took: nanoseconds, if the tile has phases, and attojoules by component, if
    it is a chip's."""

    latency_ns: float | None = None
    energy: Components | None = None

    @property
    def energy_aj(self) -> int | None:
        """The energy in all."""
        return None if self.energy is None else self.energy.total


def program(
    tile: AnalogTile | AnalogChip, weight: object, *, seed: int = 0, seconds: float = 0.0, compensation: str = "none"
) -> Programmed:
    """weight[k, n] on as many tiles as it takes, so many seconds after its cells were first read."""
    if isinstance(tile, AnalogChip):
        matrix = replace(programmed.program(tile.array, weight, seed=seed), chip=tile)
        _check_room(tile, matrix)
    else:
        must_be(AnalogTile, "tile", tile)
        matrix = programmed.program(tile, weight, seed=seed)
    return programmed.after(matrix, seconds, compensation=compensation)


def mvm(
    tile: AnalogTile | AnalogChip | Programmed,
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
) -> CostedProduct:
    """inputs[m, k] @ weight[k, n] on analog tiles; with `transpose` inputs[m, n] @ weight.T on the same cells.

    Vector i is MVM number first + i of the seed. A matrix that is programmed already stands in the place of the tile;
    weight is None then. On the tiles of a chip the product has an energy: that of the tiles alone.
    """
    matrix = tile
    if not isinstance(matrix, Programmed):
        matrix = program(matrix, weight, seed=seed, seconds=seconds, compensation=compensation)
    if transpose:
        matrix = programmed.transposed(matrix)
    tariff = _tariff(matrix)  # what cannot be priced need not be computed
    made = product.multiply(matrix, inputs, seed=seed, first=first, ranges=ranges, threads=threads)
    return CostedProduct(
        **{field.name: getattr(made, field.name) for field in fields(made)},
        latency_ns=_latency_ns(matrix, made),
        energy=None if tariff is None else _energy(tariff, matrix, inputs, made),
    )


def calibrate(tile: AnalogTile | AnalogChip | Programmed, weight: object, inputs: object, *, seed: int = 0) -> Array:
    """Ranges for the converters of a tile that has calibrated ones, from sample inputs[m, k]: what `mvm` takes."""
    return product.calibrate(
        tile if isinstance(tile, Programmed) else program(tile, weight, seed=seed), inputs, seed=seed
    )


def figures(matrix: Programmed, made: CostedProduct, *, codes: bool = False) -> AnalogFigures:
    """What was counted while a product was made, and what it took."""
    tile, tariff = matrix.tile, _tariff(matrix)
    time = None if tile.phases is None else vector_time(tile)
    tera_operations = 2 * len(made.out) * matrix.shape[0] * matrix.shape[1] / 1e12
    return AnalogFigures(
        vectors=len(made.out),
        tiles=len(matrix.parts),
        passes=tile.input.passes,
        cells=sum(array.size for part in matrix.parts for array in part.held),
        conversions=sum(codes.size for codes in made.adc_codes),
        clipped=int(made.clipped.sum()),
        retries=int(made.retries.sum()),
        latency_ns=made.latency_ns,
        vector_latency_ns=None if time is None else time.latency / 1e3,
        interval_ns=None if time is None else time.interval / 1e3,
        tops=None if made.latency_ns is None else tera_operations / (made.latency_ns * 1e-9),
        energy_aj=made.energy_aj,
        energy=made.energy,
        tops_per_watt=tera_operations / (made.energy_aj * 1e-18) if made.energy_aj else None,
        area=None if tariff is None else tariff.area.tile.figures(len(matrix.parts)),
        codes=tuple(tuple(map(tuple, each.tolist())) for each in made.adc_codes) if codes else None,
    )


def _check_room(chip: AnalogChip, matrix: Programmed) -> None:
    tiles, room = len(matrix.parts), chip.tiles * chip.chips
    if tiles > room:
        law = f"takes {tiles} tiles of {chip.array.rows}×{chip.array.cols}; {chip.name} has {room}"
        raise InvalidValue("weight.shape", matrix.shape, law)


def _tariff(matrix: Programmed) -> AnalogTariff | None:
    """The prices of the chip that the tiles are part of."""
    chip = matrix.chip
    if chip is None:
        return None
    if not isinstance(chip.energy, PriceTable):
        raise InvalidValue("energy", chip.energy, "must be a price table; hwsim.load_prices reads the one of that name")
    return AnalogTariff.of(PriceBook(chip, chip.energy))


def _latency_ns(matrix: Programmed, made: AnalogProduct) -> float | None:
    if matrix.tile.phases is None:
        return None
    return batch_time(matrix.tile, (made.retries + 1).tolist()) / 1e3


def _energy(tariff: AnalogTariff, matrix: Programmed, inputs: object, made: AnalogProduct) -> Components:
    """What the tiles took: counts of all tries times prices, and the currents of the cells vector by vector."""
    cells = np.rint(cell_energy(matrix, inputs, made.retries))
    work = matrix_work(matrix.tile, *matrix.shape) * int((made.retries + 1).sum())
    return spent(tariff.charges(work, cells_aj=sum(int(each) for each in cells)))
