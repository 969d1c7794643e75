"""One run: a workload on a chip, from its program to its result."""

from collections.abc import Mapping
from dataclasses import replace

from hwsim.core.chip import Chip
from hwsim.core.prices import PriceTable
from hwsim.core.progress import Progress, no_progress
from hwsim.core.result import Result
from hwsim.core.workload import Workload
from hwsim.engine.digital import run
from hwsim.inputs.load import load_prices
from hwsim.mapping.schedule import schedule
from hwsim.price.price import price
from hwsim.study.lengths import over_lengths
from hwsim.study.outcome import provenance, result


def simulate(
    chip: Chip, workload: Workload, *, files: Mapping[str, str] | None = None, progress: Progress = no_progress
) -> Result:
    """Run a workload on a chip. `files` are hashes of the files that they came from, for the provenance."""
    table = chip.energy if isinstance(chip.energy, PriceTable) else load_prices(chip.energy)

    def run_one(work: Workload) -> Result:
        counters = run(schedule(work.program, chip), progress)
        energy = price(counters, chip, table)
        return result(chip, work, counters, energy, provenance(chip, work, table, files or {}))

    return replace(run_one(workload), lengths=over_lengths(workload, run_one))
