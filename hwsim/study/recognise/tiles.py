"""A network on analog tiles: which of its products stand there, what calibrates their converters, and the tiles
themselves, which are programmed once for all utterances."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hwsim.engine.standing import standings
from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.ir.workload import Workload
from hwsim.mapping.tiles.placement import place
from hwsim.study.on_tiles import ops_of
from hwsim.study.recognise.lots import Lot
from hwsim.study.recognise.network import Network
from hwsim.study.recognise.variants import Variant
from hwsim.tensor.analog.network import SAMPLES, SampledProducts, Samples, Standing, TileProducts, Tiles

if TYPE_CHECKING:
    from hwsim.hardware.analog.chip import AnalogChip

VECTORS = 1 << 18
"""By so many the numbers of vectors of neighbouring utterances differ: more than a product reads in minutes of audio,
so that noise is drawn anew for each. There are 2^32 numbers, which then come again."""


def standings_of(chip: "AnalogChip", work: Workload) -> dict[str, Standing]:
    """How the products stand for which a chip has room."""
    return standings(chip, work.program, ops_of(place(work.program, chip)))


def samples_of(
    chip: "AnalogChip", work: Workload, table: QuantParamsTable, lots: Iterable[Lot], threads: int
) -> Samples:
    """The first vectors that products on tiles read in the exact network, as many as ranges are calibrated with."""
    standing = standings_of(chip, work)
    sampled = SampledProducts(standing, threads)
    if not sampled.wanted:
        return {}
    network = Network(table, sampled)
    full = sum(each.matrices for each in standing.values())
    for lot in lots:
        network.run(lot)
        if sum(sum(map(len, kept)) >= SAMPLES for kept in sampled.samples.values()) == full:
            break
    return sampled.samples


def products_on(chip: "AnalogChip", work: Workload, variant: Variant, samples: Samples, threads: int) -> TileProducts:
    """Products as the tiles of a chip make them, so old as a variant says; devices are drawn with its seed."""
    compensation = variant.compensation
    tiles = Tiles(standings_of(chip, work), variant.devices, samples, float(variant.age), (compensation,))
    return TileProducts(chip.name, tiles, compensation, threads, cells=False)


def first_vector(number: int) -> int:
    """The number of the first vector of an utterance with that number.

    >>> first_vector(3), first_vector(2**14 + 3)
    (786432, 786432)
    """
    return number * VECTORS % 2**32
