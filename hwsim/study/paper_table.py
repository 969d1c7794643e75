"""Workloads on chips in precisions, side by side, as a paper's table has them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Machine
from hwsim.ir.workload import Workload
from hwsim.passes.precision import in_precision
from hwsim.quantities.noun import must_be, sorted_pairs
from hwsim.quantities.plain_data import Objective, Progress, must_map_names, no_progress, stage
from hwsim.results.known import Known, without
from hwsim.results.paper_columns import USUAL, check_columns
from hwsim.results.paper_table import Doubt, PaperRow, PaperTable
from hwsim.study.compare import TimedResult, comparison_row
from hwsim.study.simulate import simulate

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip


def table(
    chips: "Sequence[AnyChip]",
    workloads: Sequence[Workload],
    precisions: Sequence[str],
    *,
    columns: Sequence[str] = USUAL,
    objective: Objective | str = Objective.LATENCY,
    files: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
) -> PaperTable:
    """Run every workload on every chip in each precision, the whole model under one policy; `columns` are shown.

    Gains are relative to the first precision in which the chip runs the workload. What a chip refuses has a row that
    says why; if every run is refused, so is the table.
    """
    for name, values in (("chips", chips), ("workloads", workloads), ("precisions", precisions), ("columns", columns)):
        _check_list(name, values)
    for chip in chips:
        must_be(Machine, "chips", chip)
    for workload in workloads:
        must_be(Workload, "workloads", workload)
    check_columns(columns)
    must_map_names(str, "a text", files=files)
    objective = Objective.named(objective)
    runs = _Runs(objective, files or {}, progress, len(chips) * len(workloads) * len(precisions))
    rows = [row for chip in chips for workload in workloads for row in runs.rows(chip, workload, precisions)]
    if all(row.figures is None for row in rows):
        raise Unsupported(f"every run is refused, the first one thus: {rows[0].refused}")
    return PaperTable(
        columns=tuple(columns),
        rows=tuple(rows),
        doubts=tuple(_doubt(chip, known) for chip, known in runs.known.items()),
        versions=runs.versions,
        files=sorted_pairs(files or {}),
    )


def _check_list(name: str, values: Sequence[object]) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise InvalidValue(name, values, "must list at least one")
    said = [value if isinstance(value, str) else getattr(value, "name", value) for value in values]
    for place, value in enumerate(said):
        if value in said[:place]:
            raise InvalidValue(name, value, "is there twice; each must have a name of its own")


def _doubt(chip: str, known: Known) -> Doubt:
    """How many constants behind a chip's rows have no source that was read."""
    return Doubt(
        chip=chip,
        parameters=len(known.parameters),
        parameters_without=without(known.parameters),
        prices=len(known.prices),
        prices_without=without(known.prices),
    )


@dataclass(slots=True)
class _Runs:
    """The runs of a table, and what is known of their constants by chip."""

    objective: Objective
    files: Mapping[str, str]
    progress: Progress
    all: int
    done: int = 0
    known: dict[str, Known] = field(default_factory=dict)
    versions: tuple[tuple[str, str], ...] = ()

    def rows(self, chip: "AnyChip", workload: Workload, precisions: Sequence[str]) -> Iterator[PaperRow]:
        """One workload on one chip, in each precision."""
        baseline: TimedResult | None = None
        for precision in precisions:
            try:
                timed = self._timed(chip, in_precision(workload, precision))
            except Unsupported as error:
                yield PaperRow(
                    chip=chip.name, workload=workload.name, precision=precision, figures=None, refused=str(error)
                )
                continue
            baseline = baseline or timed
            summary = timed.result.summary
            yield PaperRow(
                chip=chip.name,
                workload=workload.name,
                precision=precision,
                figures=comparison_row(timed, baseline),
                macs=summary.macs,
                audio_seconds=float(workload.audio_seconds * workload.utterances),
                inputs=timed.result.provenance.inputs,
            )

    def _timed(self, chip: "AnyChip", work: Workload) -> TimedResult:
        at = stage(self.progress, self.done, self.all)
        self.done += 1
        result = simulate(chip, work, objective=self.objective, files=self.files, progress=at)
        self.known[chip.name] = self.known.get(chip.name, Known()).joined(Known.of(result))
        self.versions = result.provenance.versions
        return TimedResult.of(result, chip, work)
