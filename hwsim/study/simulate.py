"""One run: a workload on a chip, from its program to its result."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, overload

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Chip, Machine, at_point
from hwsim.hardware.prices import PriceTable
from hwsim.inputs.chips import prices_of
from hwsim.ir.workload import Workload
from hwsim.mapping.plan_store import PlanStore
from hwsim.mapping.planner import Planned, Planner
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff
from hwsim.quantities.fields import power_cap as watts
from hwsim.quantities.noun import must_be
from hwsim.quantities.plain_data import Objective, Progress, must_be_named, must_map_names, no_progress
from hwsim.quantities.registry import IdentityCache
from hwsim.results.measured import NOTHING, Measured, Measuring, WriteTrace
from hwsim.results.result import Result
from hwsim.study.efficiency import ATTO, aim_of
from hwsim.study.facts import check_functions, table_of
from hwsim.study.lengths import check_lengths, over_lengths
from hwsim.study.outcome import Conditions, result
from hwsim.study.priced_run import PricedRun, priced_run

if TYPE_CHECKING:
    from hwsim.hardware.analog.chip import AnalogChip
    from hwsim.inputs.chips import AnyChip
    from hwsim.results.tiles_result import TilesResult

STEPS = 100
"""A cap lowers the clock by hundredths of the clock that was asked for."""

Watch = Callable[["AnyChip", Workload, Planned | None], None]
"""Called with the chip at the clock of a run, the workload as it was timed, and its plan, which no tiles have."""


def nobody(chip: "AnyChip", workload: Workload, planned: Planned | None) -> None:
    """Nobody watches."""


_PLANS = IdentityCache[Planned](most=2)
"""The last plans, for whoever asks for another result of the same run, such as one with other measurements."""

_TARIFFS = IdentityCache[Tariff](most=4)
"""The last prices, without a look at all that a chip says of itself."""


def _tariff_of(chip: Chip, table: PriceTable) -> Tariff:
    return _TARIFFS.of(chip, table, make=lambda: Tariff.of(PriceBook(chip, table)))


def power(run: PricedRun) -> Fraction:
    """The average power of a run, in watts."""
    return Fraction(run.energy.components.total * run.chip.clock, ATTO * run.columns.cycles)


def under_cap(chip: Chip, cap: Fraction, run_on: Callable[[Chip], PricedRun]) -> Chip:
    """The chip at its own clock if a run keeps within the cap, else at the highest hundredth of its clock that does.

    If cycles stayed the same, power would be linear in the clock, which says how far to lower the clock at least.
    Memory is faster in cycles of a slower clock, so that cycles can only fall: then the next round lowers it further.
    """
    if cap <= 0:
        raise InvalidValue("power_cap", float(cap), "must be above 0 W")
    asked = chip.clock
    while True:
        run = run_on(chip)
        drawn, static = power(run), _static(run)
        if drawn <= cap:
            return chip
        if static >= cap:
            raise Unsupported(
                f"{chip.name}: leakage and idle power alone are {float(static):.3g} W, more than the power cap of "
                f"{float(cap):.3g} W; raise the cap, or lower the voltage"
            )
        allowed = chip.clock * (cap - static) / (drawn - static)
        step = int(allowed * STEPS / asked)
        clock = asked * step // STEPS
        if clock < 1:
            raise Unsupported(
                f"{chip.name}: draws more than the power cap of {float(cap):.3g} W even at a hundredth of its clock; "
                "raise the cap"
            )
        chip = replace(chip, clock=clock)


def _static(run: PricedRun) -> Fraction:
    spent = run.energy.components
    return Fraction((spent.leakage + spent.idle) * run.chip.clock, ATTO * run.columns.cycles)


@overload
def simulate(
    chip: Chip,
    workload: Workload,
    *,
    point: str | None = None,
    power_cap: Fraction | float | str | None = None,
    measured: Measured = NOTHING,
    explained: str | None = None,
    objective: Objective | str = Objective.LATENCY,
    dram_bursts: int | None = None,
    files: Mapping[str, str] | None = None,
    plans: PlanStore | None = None,
    progress: Progress = no_progress,
    watch: Watch = nobody,
) -> Result: ...


@overload
def simulate(
    chip: "AnalogChip",
    workload: Workload,
    *,
    point: str | None = None,
    power_cap: Fraction | float | str | None = None,
    measured: Measured = NOTHING,
    explained: str | None = None,
    objective: Objective | str = Objective.LATENCY,
    dram_bursts: int | None = None,
    files: Mapping[str, str] | None = None,
    plans: PlanStore | None = None,
    progress: Progress = no_progress,
    watch: Watch = nobody,
) -> "TilesResult": ...


def simulate(
    chip: "AnyChip",
    workload: Workload,
    *,
    point: str | None = None,
    power_cap: Fraction | float | str | None = None,
    measured: Measured = NOTHING,
    explained: str | None = None,
    objective: Objective | str = Objective.LATENCY,
    dram_bursts: int | None = None,
    files: Mapping[str, str] | None = None,
    plans: PlanStore | None = None,
    progress: Progress = no_progress,
    watch: Watch = nobody,
) -> "Result | TilesResult":
    """Run a workload on a chip, and explain the op that `explained` names, if any.

    `point` names one of the chip's operating points. A `power_cap`, in watts or as a text such as `500 mW`, lowers the
    clock until the average power of the run keeps within it. `measured` are measurements of the run's values, such as
    the products with a factor zero, for a chip that gates such products. The mapper makes the `objective` least:
    latency (of plans about as fast, the plan with least energy), energy, or edp, their product. The run's first
    `dram_bursts`, if that is given, are replayed through the banks of the chip's DRAM beside it. `files` are hashes of
    the files behind all inputs, for the provenance. Runs of many chips may share `plans`, in one thread: what one of
    them has planned the others need not plan again. `watch` is called with the run itself, for a timeline of it.

    On a chip of analog tiles the weights stand where they are, and the result is a TilesResult; such a chip has one
    clock, no cap, and nothing that a mapper could choose.
    """
    if not isinstance(chip, Machine):
        must_be(Chip, "chip", chip)
    must_be(Workload, "workload", workload)
    if not isinstance(measured, Measured):
        raise InvalidValue("measured", measured, "must be what hwsim.Measured.of makes")
    must_be_named(point=point, explained=explained)
    must_map_names(str, "a text", files=files)
    if not isinstance(chip, Chip):
        chosen = {"point": point, "power_cap": power_cap, "objective": objective, "dram_bursts": dram_bursts}
        return _on_tiles(chip, workload, chosen, measured, None, explained, files, watch)
    objective = Objective.named(objective)
    cap = None if power_cap is None else watts("power_cap", power_cap)
    if explained is not None:
        # Imported where it is asked for, because few runs explain.
        from hwsim.mapping.explain import check_op

        check_op(workload.program, explained)
    if dram_bursts is not None:
        from hwsim.study.dram_banks import check_replay

        check_replay(chip, dram_bursts)
    table = prices_of(chip)
    given, chip = chip, at_point(chip, point)
    conditions = Conditions(given, table, point, chip.clock, cap, objective, files or {})
    _tariff_of(chip, table)  # what cannot be priced need not be planned
    check_functions(workload.program, chip)
    if workload.lengths is not None:
        check_lengths(workload, workload.lengths)

    def plan(chip: Chip, work: Workload) -> Planned:
        # The workload and its lengths share a budget.
        searches = 1 if workload.lengths is None else 1 + len(workload.lengths.bucketed())
        store = PlanStore() if plans is None else plans
        planner = Planner(chip, aim_of(objective, chip, table), searches=searches, store=store)
        return planner.plan(table_of(work.program), progress=progress)

    def run_on(chip: Chip, work: Workload, measured: Measured, explained: str | None = None) -> PricedRun:
        if explained is None:
            planned = _PLANS.of(chip, table, work.program, work.lengths, objective, make=lambda: plan(chip, work))
        else:
            planned = plan(chip, work)  # explaining fills tables of the plan, which another thread may be asking
        return priced_run(chip, _tariff_of(chip, table), planned, measured)

    if cap is not None:
        chip = under_cap(chip, cap, lambda slower: run_on(slower, workload, measured))

    def run_one(work: Workload, measured: Measured = NOTHING, explained: str | None = None) -> Result:
        run = run_on(chip, work, measured, explained)
        run_result = result(work, run, measured, conditions)
        if work is workload:  # not one of its other lengths
            watch(chip, work, run.planned)
            if dram_bursts is not None:
                from hwsim.study.dram_banks import replay_banks  # few runs are replayed

                byte_aj = run.tariff.dram.attojoules
                replay = replay_banks(chip, work, run.planned, byte_aj, dram_bursts)
                run_result = replace(run_result, dram_banks=replay)
        if explained is None:
            return run_result
        from hwsim.study.explain import explain

        op_counters = next(op for op in run.ops if op.name == explained)
        return replace(run_result, explanation=explain(chip, run.planned, explained, op_counters, run_result.folded))

    run_result, lengths = run_one(workload, measured, explained), workload.lengths
    return run_result if lengths is None else replace(run_result, lengths=over_lengths(workload, lengths, run_one))


def _on_tiles(
    chip: "AnalogChip",
    workload: Workload,
    chosen: Mapping[str, object],
    measured: Measured,
    cells_per_vector_aj: Mapping[str, Fraction] | None,
    explained: str | None,
    files: Mapping[str, str] | None,
    watch: Watch,
) -> "TilesResult":
    # Imported where it is asked for: chips of analog tiles are few, and their nouns many.
    from hwsim.study.tiles import simulate_on_tiles

    found = simulate_on_tiles(
        chip,
        workload,
        chosen,
        measured=measured,
        cells_per_vector_aj=cells_per_vector_aj,
        explained=explained,
        files=files,
    )
    watch(chip, workload, None)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The options of a run; without `measuring` a workload is timed and priced by the counts that its file declares."""

    point: str | None = None
    power_cap: Fraction | None = None
    explained: str | None = None
    objective: Objective = Objective.LATENCY
    dram_bursts: int | None = None
    measuring: Measuring | None = None


@overload
def run(
    chip: Chip,
    work: Workload,
    request: Request,
    *,
    files: Mapping[str, str],
    write: WriteTrace | None = None,
    progress: Progress = no_progress,
    watch: Watch = nobody,
) -> Result: ...


@overload
def run(
    chip: "AnalogChip",
    work: Workload,
    request: Request,
    *,
    files: Mapping[str, str],
    write: WriteTrace | None = None,
    progress: Progress = no_progress,
    watch: Watch = nobody,
) -> "TilesResult": ...


def run(
    chip: "AnyChip",
    work: Workload,
    request: Request,
    *,
    files: Mapping[str, str],
    write: WriteTrace | None = None,
    progress: Progress = no_progress,
    watch: Watch = nobody,
) -> "Result | TilesResult":
    """Measure what the request asks for, then simulate with the measurements.

    `files` are hashes of the files of chip and workload; `write` takes the trace of values, `watch` the run itself.
    """
    measured = NOTHING
    if request.measuring is not None:
        # Imported here because it brings values, audio and searches, which a run without measuring does not need.
        from hwsim.study.measure import measure, measured_on_tiles

        if not isinstance(chip, Chip):
            work, values, read = measured_on_tiles(chip, work, request.measuring, write=write, progress=progress)
            chosen = {
                "point": request.point,
                "power_cap": request.power_cap,
                "objective": request.objective,
                "dram_bursts": request.dram_bursts,
            }
            measured, cells_aj = Measured(quality=values.quality), values.cells_per_vector_aj
            return _on_tiles(chip, work, chosen, measured, cells_aj, request.explained, {**files, **read}, watch)
        work, measured, read = measure(chip, work, request.measuring, write=write, progress=progress)
        files = {**files, **read}
    return simulate(
        chip,
        work,
        point=request.point,
        power_cap=request.power_cap,
        measured=measured,
        explained=request.explained,
        objective=request.objective,
        dram_bursts=request.dram_bursts,
        files=files,
        progress=progress,
        watch=watch,
    )
