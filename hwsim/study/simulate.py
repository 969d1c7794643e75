"""One run: a workload on a chip, from its program to its result."""

from collections.abc import Mapping

from hwsim.core.chip import Chip
from hwsim.core.prices import PriceTable
from hwsim.core.progress import Progress, no_progress
from hwsim.core.result import Result
from hwsim.core.workload import Workload
from hwsim.engine.digital import run
from hwsim.inputs.load import load_prices
from hwsim.mapping.schedule import schedule
from hwsim.price.price import price
from hwsim.study.outcome import provenance, result


def simulate(
    chip: Chip, workload: Workload, *, files: Mapping[str, str] | None = None, progress: Progress = no_progress
) -> Result:
    """Run a workload on a chip. `files` are hashes of the files that they came from, for the provenance."""
    table = prices_of(chip)
    plan = schedule(workload.program, chip, progress)
    counters = run(plan)
    energy = price(counters.ops, chip, table)
    return result(chip, workload, plan, counters, energy, provenance(chip, workload, table, files or {}))


def prices_of(chip: Chip) -> PriceTable:
    """The price table that a chip has or names."""
    return chip.energy if isinstance(chip.energy, PriceTable) else load_prices(chip.energy)
