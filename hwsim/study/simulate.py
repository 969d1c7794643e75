"""One run: a workload on a chip, from its program to its result."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from hwsim.engine.accounting import counters_of
from hwsim.hardware.chip import Chip
from hwsim.hardware.objective import Objective
from hwsim.hardware.prices import PriceTable
from hwsim.inputs.load import load_prices
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
from hwsim.results.result import Result
from hwsim.schedule.counters import RunCounters
from hwsim.schedule.schedule import Schedule
from hwsim.study.efficiency import areas, efficiency, operation
from hwsim.study.explain import explain
from hwsim.study.lengths import over_lengths
from hwsim.study.objective import aim_of
from hwsim.study.operating import at_point, under_cap
from hwsim.study.outcome import Figures, provenance, result
from hwsim.study.runnable import check_functions


def simulate(
    chip: Chip,
    workload: Workload,
    *,
    point: str | None = None,
    power_cap: Fraction | float | str | None = None,
    zero_products: Mapping[str, int] | None = None,
    explained: str | None = None,
    objective: Objective | str = Objective.LATENCY,
    files: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
) -> Result:
    """Run a workload on a chip, and explain one of its ops, if that is wanted.

    `point` names one of the chip's operating points. A `power_cap`, in watts or as a text such as `500 mW`, lowers the
    clock until the average power of the run keeps within it. `zero_products` says of ops how many of their products
    have a factor that is zero, for a chip that gates these. The mapper makes the `objective` least: latency (of plans
    about as fast, the one with least energy), energy, or edp, their product. `files` are hashes of the files that all
    this came from, for the provenance.
    """
    must_be(Chip, "chip", chip)
    must_be(Workload, "workload", workload)
    must_be_named(point=point, explained=explained)
    must_map_names(int, "a whole number", zero_products=zero_products)
    must_map_names(str, "a text", files=files)
    objective = Objective.named(objective)
    cap = None if power_cap is None else watts("power_cap", power_cap)
    if explained is not None:
        check_op(workload.program, explained)
    table = prices_of(chip)
    given, chip = chip, at_point(chip, point)
    asked_clock = chip.clock
    Tariff.of(PriceBook(chip, table))  # what cannot be priced need not be planned
    check_functions(workload.program, chip)

    def planned_on(chip: Chip, work: Workload) -> Schedule:
        return schedule(work.program, chip, aim=aim_of(objective, chip, table), progress=progress)

    def priced(chip: Chip) -> tuple[RunCounters, Energy]:
        counters = counters_of(planned_on(chip, workload))
        return counters, price(counters.ops, chip, table, zero_products)

    if cap is not None:
        chip = under_cap(chip, cap, priced)

    def run_one(work: Workload) -> Result:
        plan = planned_on(chip, work)
        counters = counters_of(plan)
        energy = price(counters.ops, chip, table, zero_products if work is workload else None)
        figures = Figures(
            efficiency=efficiency(chip, table, work, counters.ops, counters.total.cycles, energy),
            area=areas(chip, table),
            operation=operation(chip, table, point, asked_clock, cap, objective),
        )
        found = result(chip, work, plan, counters, energy, figures, provenance(given, work, table, files or {}))
        if explained is None or work is not workload:
            return found
        own = next(op for op in counters.ops if op.name == explained)
        return replace(found, explanation=explain(chip, work, explained, own, aim_of(objective, chip, table)))

    return replace(run_one(workload), lengths=over_lengths(workload, run_one))


def prices_of(chip: Chip) -> PriceTable:
    """The price table that a chip has or names."""
    return chip.energy if isinstance(chip.energy, PriceTable) else load_prices(chip.energy)
