"""The values of a workload on the analog tiles of a chip, as they are some time after programming."""

import os
from collections.abc import Collection, Mapping
from fractions import Fraction

from hwsim.dataclass import dataclass
from hwsim.engine.standing import standings
from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.engine.values.evaluate import run_integers
from hwsim.errors import InvalidValue
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.mapping.tiles.placement import place
from hwsim.quantities.plain_data import Progress, no_progress
from hwsim.results.measured import Sources, WriteTrace
from hwsim.results.quality import Quality
from hwsim.schedule.tiles import Placement
from hwsim.study.values import Prepared, evaluated, naming_weights
from hwsim.tensor.analog.network import SampledProducts, TileProducts, Tiles
from hwsim.tensor.analog.programmed import COMPENSATIONS
from hwsim.tensor.backend import ExactProducts, ProductBackend


@dataclass(frozen=True, slots=True, eq=False)
class ValuesOnTiles:
    """What values came to, and what the cells of each op took for a vector, on average, in attojoules."""

    quality: Quality
    cells_per_vector_aj: Mapping[str, Fraction]


def ops_of(placement: Placement) -> frozenset[str]:
    """The ops that stand on the tiles of a chip, which may have too few for all that could."""
    return frozenset(op for matrix in placement.matrices for op in matrix.ops)


def run_values_on_tiles(
    ready: Prepared,
    sources: Sources,
    chip: AnalogChip,
    placed: Collection[str] | None = None,
    *,
    seconds: float = 0.0,
    compensation: str = "none",
    write: WriteTrace | None = None,
    progress: Progress = no_progress,
) -> ValuesOnTiles:
    """The values of a workload; the ops in `placed` (those that the chip has room for, unless given) stand on tiles.

    Devices are drawn with the seed of the sources; converters are calibrated on the vectors of an exact run of the same
    input. `write` is called with a function that writes the trace into a file.
    """
    checked_compensation(compensation)
    threads = os.cpu_count() or 1
    program = ready.workload.program
    standing = standings(chip, program, ops_of(place(program, chip)) if placed is None else placed)
    made: list[TileProducts] = []

    def on_tiles(table: QuantParamsTable) -> ProductBackend:
        sampled = SampledProducts(standing, threads)
        if sampled.wanted:
            run_integers(ready.workload, ready.given, table, sampled)
        tiles = Tiles(standing, sources.seed, sampled.samples, seconds, (compensation,))
        made.append(TileProducts(chip.name, tiles, compensation, threads))
        return made[-1]

    with naming_weights(sources):
        exact = ExactProducts(threads)
        quality = evaluated(ready, sources, exact, integers=on_tiles, write=write, progress=progress)
    return ValuesOnTiles(quality, made[-1].cells_per_vector() if made else {})


def checked_compensation(compensation: str) -> None:
    """Refuse what compensates for nothing."""
    if compensation not in COMPENSATIONS:
        raise InvalidValue("compensation", compensation, f"must be one of {', '.join(COMPENSATIONS)}")
