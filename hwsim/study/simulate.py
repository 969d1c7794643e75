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
from hwsim.mapping.explain import check_op
from hwsim.mapping.schedule import schedule
from hwsim.price.price import price
from hwsim.study.explain import explain
from hwsim.study.lengths import over_lengths
from hwsim.study.outcome import provenance, result


def simulate(
    chip: Chip,
    workload: Workload,
    *,
    files: Mapping[str, str] | None = None,
    explained: str | None = None,
    progress: Progress = no_progress,
) -> Result:
    """Run a workload on a chip, and explain one of its ops, if that is wanted.

    `files` are hashes of the files that they came from, for the provenance.
    """
    if explained is not None:
        check_op(workload.program, explained)
    table = prices_of(chip)

    def run_one(work: Workload) -> Result:
        plan = schedule(work.program, chip, progress)
        counters = run(plan)
        energy = price(counters.ops, chip, table)
        found = result(chip, work, plan, counters, energy, provenance(chip, work, table, files or {}))
        if explained is None or work is not workload:
            return found
        own = next(op for op in counters.ops if op.name == explained)
        return replace(found, explanation=explain(chip, work, explained, own))

    return replace(run_one(workload), lengths=over_lengths(workload, run_one))


def prices_of(chip: Chip) -> PriceTable:
    """The price table that a chip has or names."""
    return chip.energy if isinstance(chip.energy, PriceTable) else load_prices(chip.energy)
