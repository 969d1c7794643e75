"""The same workload on the same chip in several precisions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.chip import Chip, Machine
from hwsim.inputs.chips import prices_of
from hwsim.ir.workload import Workload
from hwsim.passes.precision import in_precision
from hwsim.quantities.noun import must_be
from hwsim.quantities.plain_data import Objective, Progress, must_map_names, no_progress, stage
from hwsim.results.result import Comparison, ComparisonRow, Result
from hwsim.study.efficiency import energy_split
from hwsim.study.side_by_side import became_resident, compared_ops
from hwsim.study.simulate import simulate
from hwsim.study.slower import slower_ops
from hwsim.study.waterfall import CHAIN, OTHER_ORDER, waterfall

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip
    from hwsim.results.tiles_result import TilesResult


def compare(
    chip: "AnyChip",
    workload: Workload,
    precisions: Sequence[str],
    *,
    objective: Objective | str = Objective.LATENCY,
    files: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
) -> Comparison:
    """Run the workload in each precision, the whole model under one policy; gains are relative to the first.

    With several precisions, the waterfall leads from the first to the last. In all runs the mapper makes the
    `objective` least. On a chip of analog tiles there is no waterfall: tiles take weights of any precision alike.
    """
    if not isinstance(chip, Machine):
        must_be(Chip, "chip", chip)
    must_be(Workload, "workload", workload)
    must_map_names(str, "a text", files=files)
    if isinstance(precisions, str) or not isinstance(precisions, Sequence) or not precisions:
        raise InvalidValue("precisions", precisions, "must list at least one policy, such as fp16, w4a4")
    for place, precision in enumerate(precisions):
        if precision in precisions[:place]:
            raise InvalidValue("precisions", precision, "is there twice; name each policy once")
    objective = Objective.named(objective)
    works = [in_precision(workload, precision) for precision in precisions]
    if isinstance(chip, Chip):
        return _on_array(chip, works, objective, files, progress)
    results = [
        simulate(chip, work, objective=objective, files=files, progress=stage(progress, place, len(works)))
        for place, work in enumerate(works)
    ]
    return _comparison(chip, works, results)


def _on_array(
    chip: Chip, works: Sequence[Workload], objective: Objective, files: Mapping[str, str] | None, progress: Progress
) -> Comparison:
    orders = (CHAIN, OTHER_ORDER) if len(works) > 1 else ()
    stages = len(works) + len(orders)
    results = [
        simulate(chip, work, objective=objective, files=files, progress=stage(progress, place, stages))
        for place, work in enumerate(works)
    ]
    waterfalls = [
        waterfall(
            chip,
            prices_of(chip),
            works[0].program,
            works[-1].program,
            order,
            stage(progress, len(works) + place, stages),
            objective=objective,
        )
        for place, order in enumerate(orders)
    ]
    chained, other_order = waterfalls or ((), ())
    return replace(
        _comparison(chip, works, results),
        waterfall=chained,
        waterfall_other_order=other_order,
        ops=compared_ops(results[0].ops, results[-1].ops),
        slower_ops=slower_ops(results[0].ops, results[-1].ops),
        became_resident=became_resident(works[-1].program, results[0].tensors, results[-1].tensors),
    )


def _comparison(chip: Machine, works: Sequence[Workload], results: "Sequence[Result | TilesResult]") -> Comparison:
    """What all comparisons have: a row for each run, and where its energy goes."""
    baseline = TimedResult.of(results[0], chip, works[0])
    rows = (
        comparison_row(TimedResult.of(result, chip, work), baseline)
        for result, work in zip(results, works, strict=True)
    )
    return Comparison(
        chip=chip.name,
        workload=works[0].name,
        rows=tuple(rows),
        waterfall=(),
        waterfall_other_order=(),
        ops=(),
        slower_ops=(),
        became_resident=(),
        energy_split=tuple(
            energy_split(result.summary.precision, result.energy_by_component_aj, results[0].energy_by_component_aj)
            for result in results
        ),
        provenance=replace(results[0].provenance, inputs=_common([result.provenance.inputs for result in results])),
    )


def _common(hashes: Sequence[tuple[tuple[str, str], ...]]) -> tuple[tuple[str, str], ...]:
    """The hashes of inputs that are the same in all runs, unlike the precisions."""
    return tuple(pair for pair in hashes[0] if all(pair in other for other in hashes))


@dataclass(frozen=True, slots=True)
class TimedResult:
    """A result with its latency as an exact number of seconds: the chip's cycles, the host's share, and starts."""

    result: "Result | TilesResult"
    seconds: Fraction

    @classmethod
    def of(cls, result: "Result | TilesResult", chip: Machine, workload: Workload) -> "TimedResult":
        """The result of a run of that workload on that chip."""
        summary = result.summary
        return cls(result, chip.latency(summary.cycles, workload.host_seconds, summary.dispatched))


def comparison_row(timed: TimedResult, baseline: TimedResult) -> ComparisonRow:
    """A row of a comparison, with gains relative to the baseline."""
    result, summary, before = timed.result, timed.result.summary, baseline.result.summary
    return ComparisonRow(
        precision=summary.precision,
        mode=result.efficiency.mode if isinstance(result, Result) else None,
        widened_macs=summary.widened_macs,
        cycles=summary.cycles,
        latency_ms=summary.latency_ms,
        rtf=summary.rtf,
        throughput_rtf=summary.throughput_rtf,
        speedup=float(baseline.seconds / timed.seconds),
        cycles_gain=float(Fraction(before.cycles, summary.cycles)),
        energy_aj=summary.energy_aj,
        energy_mj=summary.energy_mj,
        energy_gain=float(Fraction(before.energy_aj, summary.energy_aj)) if summary.energy_aj else None,
        dram_bytes=summary.dram_read_bytes + summary.dram_write_bytes,
        model_bytes=summary.model_bytes,
        compression_vs_fp32=summary.compression_vs_fp32,
        utilization=summary.utilization,
        reachable_utilization=summary.reachable_utilization,
    )
