"""The values of a workload on the analog tiles of a chip, as they are some time after programming."""

import os
from collections.abc import Collection

from hwsim.engine.standing import standings
from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.engine.values.evaluate import run_integers
from hwsim.errors import InvalidValue
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.quantities.plain_data import Progress, no_progress
from hwsim.results.measured import Sources, WriteTrace
from hwsim.results.quality import Quality
from hwsim.study.values import Prepared, evaluated, naming_weights
from hwsim.tensor.analog.network import SampledProducts, TileProducts, Tiles
from hwsim.tensor.analog.programmed import COMPENSATIONS
from hwsim.tensor.backend import ExactProducts, ProductBackend


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
) -> Quality:
    """The quality of a workload's values; the ops in `placed` (all that tiles can do, unless given) stand on tiles.

    Devices are drawn with the seed of the sources; converters are calibrated on the vectors of an exact run of the same
    input. `write` is called with a function that writes the trace into a file.
    """
    checked_compensation(compensation)
    threads = os.cpu_count() or 1
    standing = standings(chip, ready.workload.program, placed)

    def on_tiles(table: QuantParamsTable) -> ProductBackend:
        sampled = SampledProducts(standing, threads)
        if sampled.wanted:
            run_integers(ready.workload, ready.given, table, sampled)
        tiles = Tiles(standing, sources.seed, sampled.samples, seconds, (compensation,))
        return TileProducts(chip.name, tiles, compensation, threads)

    with naming_weights(sources):
        return evaluated(ready, sources, ExactProducts(threads), integers=on_tiles, write=write, progress=progress)


def checked_compensation(compensation: str) -> None:
    """Refuse what compensates for nothing."""
    if compensation not in COMPENSATIONS:
        raise InvalidValue("compensation", compensation, f"must be one of {', '.join(COMPENSATIONS)}")
