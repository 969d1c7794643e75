"""A study: its runs, predictions beside what was published, bands, and tables."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hwsim.errors import InvalidValue, UserError
from hwsim.inputs.studies import OpenedStudy, open_run
from hwsim.quantities.formula import Figure, Formula
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.plain_data import Progress, no_progress, stage
from hwsim.results.known import Known, without
from hwsim.results.paper_columns import Value
from hwsim.results.study_file import PART, Axis, Change, Claim, Column, StudyBand, StudyRun, StudyTable
from hwsim.results.study_outcome import (
    BandOutcome,
    BandSample,
    ClaimOutcome,
    Counterfactual,
    RunNote,
    StudyOutcome,
    TableColumn,
    TableOutcome,
    TableRow,
)
from hwsim.study.study_figures import FIGURES, StudiedRun, figure_of, number_of


@dataclass(slots=True)
class StudiedRuns:
    """All runs of a study, those with changes too: each is made once, when somebody asks for it."""

    study: OpenedStudy
    made: dict[tuple[str, StudyRun], StudiedRun] = field(default_factory=dict)

    def of(self, name: str, changes: Sequence[Change] = ()) -> StudiedRun:
        """The run of that name, with changes."""
        run = dict(self.study.file.runs)[name]
        for change in changes:
            run = changed_run(name, run, change)
        if (name, run) not in self.made:
            opened = open_run(self.study, name, run)
            self.made[name, run] = StudiedRun(
                name, opened.chip, opened.workload, run.precision, dict(opened.files), run.values
            )
        return self.made[name, run]

    def value(self, formula: str, changes: Sequence[Change] = (), *, row: str | None = None) -> float:
        """What a formula comes to, with changes in all its runs; `row` is the run of figures that name none."""

        def number(figure: Figure) -> float:
            name = figure.run or row
            if name is None:
                raise InvalidValue("formula", formula, f"must say of which run {figure.name} is")
            return number_of(self.of(name, changes), figure.name, figure.of)

        return Formula.read(formula).value(number)


def changed_run(name: str, run: StudyRun, change: Change) -> StudyRun:
    """A run with a change, if that is one of it."""
    if change.on and name not in change.on:
        return run
    fields = sorted_pairs({**dict(run.fields), **dict(change.fields)})
    return replace(run, fields=fields, rules=dict(change.rules).get(name, run.rules))


@dataclass(frozen=True, slots=True)
class Studied:
    """What a study found out, and its runs, for whoever draws figures of them."""

    outcome: StudyOutcome
    runs: StudiedRuns


Asked = tuple[tuple[str, ...], tuple[Change, ...]]
"""Formulas, and the changes with which they are asked for."""
Many = Callable[[str, Sequence[Asked], Progress], Sequence[tuple[float, ...]]]
"""What makes many points of the study in that file at once, as `study_workers.values` does."""


def studied(study: OpenedStudy, progress: Progress = no_progress, many: Many | None = None) -> Studied:
    """Make all runs of a study, and what it says of them; those of bands by `many`, if that is there."""
    file, runs = study.file, StudiedRuns(study)
    steps = len(file.claims) + len(file.bands) + len(file.tables)
    claims, bands, tables = [], [], []
    for done, claim in enumerate(file.claims):
        with _naming(study, f"claims[{done}]"):
            claims.append(_claim(runs, claim))
        stage(progress, done, steps)(1, 1)
    for done, band in enumerate(file.bands, len(file.claims)):
        with _naming(study, f"bands.{band.name}"):
            bands.append(_band(runs, band, stage(progress, done, steps), many))
    for table in file.tables:
        with _naming(study, f"tables.{table.name}"):
            tables.append(_table(runs, table))
    outcome = StudyOutcome(
        name=study.name,
        file=file,
        runs=tuple(_note(runs, name, run) for name, run in file.runs),
        claims=tuple(claims),
        bands=tuple(bands),
        tables=tuple(tables),
    )
    return Studied(outcome, runs)


@dataclass(frozen=True, slots=True)
class _naming:
    """Refusals name the study's file and the place in it."""

    study: OpenedStudy
    place: str

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, UserError) and not str(error).startswith(self.study.title):
            raise self.study.refused(self.place, str(error)) from error


def _claim(runs: StudiedRuns, claim: Claim) -> ClaimOutcome:
    return ClaimOutcome(
        claim=claim,
        predicted=runs.value(claim.predicted),
        counterfactuals=tuple(
            Counterfactual(says=change.says, predicted=runs.value(claim.predicted, [change]))
            for change in claim.closed_by
        ),
    )


Ends = Mapping[str, Change]
"""The ends of the axes that are not as the runs have them."""


def _band(runs: StudiedRuns, band: StudyBand, progress: Progress, many: Many | None) -> BandOutcome:
    points = list(ends_of(band))
    asked = [((band.x.of, band.y.of), tuple(ends.values())) for ends in points]
    if many is None:
        values = []
        for done, (formulas, changes) in enumerate(asked, 1):
            values.append(tuple(runs.value(formula, changes) for formula in formulas))
            progress(done, len(asked))
    else:
        values = many(runs.study.title, asked, progress)
    samples = tuple(
        BandSample(ends=sorted_pairs({axis: change.says for axis, change in ends.items()}), x=x, y=y)
        for ends, (x, y) in zip(points, values, strict=True)
    )
    return BandOutcome(name=band.name, title=band.title, x=band.x, y=band.y, points=samples)


def ends_of(band: StudyBand) -> Iterator[Ends]:
    """The points of a band: as the runs are, each axis alone, and drawn corners, in half of which each axis is at its
    low end; an end that an axis does not have is its value as it is."""
    yield {}
    for axis in band.axes:
        for end in (axis.low, axis.high):
            if end is not None:
                yield {axis.name: end}
    drawn = random.Random(band.seed)
    half = band.corners // 2
    columns = {
        axis.name: drawn.sample([False] * half + [True] * (band.corners - half), band.corners) for axis in band.axes
    }
    for corner in range(band.corners):
        yield dict(_corner(band.axes, {name: column[corner] for name, column in columns.items()}))


def _corner(axes: Iterable[Axis], high: Mapping[str, bool]) -> Iterator[tuple[str, Change]]:
    for axis in axes:
        end = axis.high if high[axis.name] else axis.low
        if end is not None:
            yield axis.name, end


def _table(runs: StudiedRuns, table: StudyTable) -> TableOutcome:
    columns = [_column(column) for column in table.columns]
    if table.parts_of is None:
        rows = [TableRow(name=name, figures=tuple(_cell(runs, of, name) for _, of in columns)) for name in table.rows]
        first = "Run"
    else:
        parts = [part.name for part in runs.of(table.parts_of).result.parts if part.cycles]
        rows = [
            TableRow(
                name=part,
                figures=tuple(_cell(runs, of.replace(f"[{PART}]", f"[{part}]"), table.parts_of) for _, of in columns),
            )
            for part in parts
        ]
        first = "Part"
    heads = tuple(head for head, _ in columns)
    return TableOutcome(name=table.name, title=table.title, first=first, columns=heads, rows=tuple(rows))


def _column(column: str | Column) -> tuple[TableColumn, str]:
    """The head of a column, and its formula."""
    if isinstance(column, Column):
        return TableColumn(head=column.head, unit=column.unit or "", ratio=column.unit == "×"), column.of
    _check_figure(column)
    kind = FIGURES[column]
    return TableColumn(head=kind.label, unit=kind.unit, ratio=kind.ratio), column


def _check_figure(name: str) -> None:
    if name not in FIGURES:
        raise InvalidValue("columns", name, f"is no figure; there are {', '.join(FIGURES)}")


def _cell(runs: StudiedRuns, formula: str, row: str) -> Value:
    """The figure of a column in a row; a figure alone may be a text, or missing."""
    if formula in FIGURES:
        return figure_of(runs.of(row), formula)
    return runs.value(formula, row=row)


def _note(runs: StudiedRuns, name: str, run: StudyRun) -> RunNote:
    made = runs.of(name)
    known = Known.of(made.result) if "result" in made.__dict__ else Known()
    return RunNote(
        name=name,
        chip=made.chip.name,
        workload=None if made.workload is None else made.workload.name,
        precision=run.precision or (None if made.workload is None else made.workload.formats),
        changed=sorted_pairs({path: str(value) for path, value in run.fields}),
        parameters=len(known.parameters),
        parameters_without=without(known.parameters),
        prices=len(known.prices),
        prices_without=without(known.prices),
    )
