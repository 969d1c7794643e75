"""One run: a workload on a chip, from its program to its result."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from hwsim.engine.accounting import counters_of
from hwsim.errors import InvalidValue
from hwsim.hardware.chip import Chip
from hwsim.hardware.objective import Objective
from hwsim.inputs.load import prices_of
from hwsim.ir.workload import Workload
from hwsim.mapping.explain import check_op
from hwsim.mapping.schedule import schedule
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff, price
from hwsim.quantities.arguments import must_be_named, must_map_names
from hwsim.quantities.noun import must_be
from hwsim.quantities.progress import Progress, no_progress
from hwsim.quantities.units import power_cap as watts
from hwsim.results.energy import Energy
from hwsim.results.measured import NOTHING, Measured
from hwsim.results.result import Result
from hwsim.schedule.counters import RunCounters
from hwsim.schedule.schedule import Schedule
from hwsim.study.explain import explain
from hwsim.study.lengths import over_lengths
from hwsim.study.objective import aim_of
from hwsim.study.operating import at_point, check_functions, under_cap
from hwsim.study.outcome import Conditions, result


def simulate(
    chip: Chip,
    workload: Workload,
    *,
    point: str | None = None,
    power_cap: Fraction | float | str | None = None,
    measured: Measured = NOTHING,
    explained: str | None = None,
    objective: Objective | str = Objective.LATENCY,
    files: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
) -> Result:
    """Run a workload on a chip, and explain one of its ops, if that is wanted.

    `point` names one of the chip's operating points. A `power_cap`, in watts or as a text such as `500 mW`, lowers the
    clock until the average power of the run keeps within it. `measured` is what values say of the run, such as the
    products with a factor zero, for a chip that gates these. The mapper makes the `objective` least: latency (of plans
    about as fast, the one with least energy), energy, or edp, their product. `files` are hashes of the files that all
    this came from, for the provenance.
    """
    must_be(Chip, "chip", chip)
    must_be(Workload, "workload", workload)
    if not isinstance(measured, Measured):
        raise InvalidValue("measured", measured, "must be what hwsim.Measured.of makes")
    must_be_named(point=point, explained=explained)
    must_map_names(str, "a text", files=files)
    objective = Objective.named(objective)
    cap = None if power_cap is None else watts("power_cap", power_cap)
    if explained is not None:
        check_op(workload.program, explained)
    table = prices_of(chip)
    given, chip = chip, at_point(chip, point)
    conditions = Conditions(given, table, point, chip.clock, cap, objective, files or {})
    Tariff.of(PriceBook(chip, table))  # what cannot be priced need not be planned
    check_functions(workload.program, chip)

    def priced(chip: Chip, work: Workload, measured: Measured) -> tuple[Schedule, RunCounters, Energy]:
        scheduled = schedule(work.program, chip, aim=aim_of(objective, chip, table), progress=progress)
        counters = counters_of(scheduled)
        return scheduled, counters, price(counters.ops, chip, table, measured)

    if cap is not None:
        chip = under_cap(chip, cap, lambda slower: priced(slower, workload, measured)[1:])

    def run_one(work: Workload, measured: Measured = NOTHING, explained: str | None = None) -> Result:
        scheduled, counters, energy = priced(chip, work, measured)
        found = result(chip, work, scheduled, counters, energy, measured, conditions)
        if explained is None:
            return found
        own = next(op for op in counters.ops if op.name == explained)
        return replace(found, explanation=explain(chip, work, explained, own, aim_of(objective, chip, table)))

    found, lengths = run_one(workload, measured, explained), workload.lengths
    return found if lengths is None else replace(found, lengths=over_lengths(workload, lengths, run_one))
