"""A study: its runs, predictions beside what was published, bands, and tables."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, UserError
from hwsim.inputs.studies import OpenedStudy, Runs
from hwsim.quantities.formula import Figure, Formula
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.plain_data import Progress, no_progress, stage
from hwsim.results.known import Known as Sureness
from hwsim.results.known import without
from hwsim.results.paper_columns import Value
from hwsim.results.recognition import Recognitions
from hwsim.results.study_file import (
    AGAINST,
    PART,
    Axis,
    Change,
    Claim,
    Column,
    StudyBand,
    StudyFile,
    StudyRun,
    StudyTable,
)
from hwsim.results.study_outcome import (
    BandOutcome,
    BandSample,
    ClaimOutcome,
    Counterfactual,
    HeardInStudy,
    RunNote,
    StudyOutcome,
    TableColumn,
    TableOutcome,
    TableRow,
)
from hwsim.study.study_figures import FIGURES, StudiedRun, figure_of, number_of
from hwsim.study.study_recognitions import command_of, figure_heard, heard


@dataclass(slots=True)
class StudiedRuns:
    """All runs of a study, those with changes too: each is made once, when somebody asks for it."""

    study: OpenedStudy
    made: dict[tuple[str, StudyRun], StudiedRun] = field(default_factory=dict)
    heard: dict[str, Recognitions] = field(default_factory=dict)
    opener: Runs = field(init=False)

    def __post_init__(self) -> None:
        self.opener = Runs(self.study)

    def of(self, name: str, changes: Sequence[Change] = ()) -> StudiedRun:
        """The run of that name, with changes."""
        run = dict(self.study.file.runs)[name]
        for change in changes:
            run = changed_run(name, run, change)
        if (name, run) not in self.made:
            opened = self.opener.open(name, run)
            self.made[name, run] = StudiedRun(
                name, opened.chip, opened.workload, run.precision, dict(opened.files), run.values
            )
        return self.made[name, run]

    def recognised(self, name: str) -> Recognitions:
        """What is heard in the recognition of that name."""
        if name not in self.heard:
            self.heard[name] = heard(self.study, name)
        return self.heard[name]

    def forget_changed(self) -> None:
        """Forget the runs with changes, which hold all of their plans."""
        own = set(self.study.file.runs)
        self.made = {key: run for key, run in self.made.items() if key in own}

    def value(self, asked: "Asked") -> float:
        """What a formula comes to."""

        def number(figure: Figure) -> float:
            name = asked.row if figure.run is None else asked.against if figure.run == AGAINST else figure.run
            if name is None:
                raise InvalidValue("formula", asked.formula, f"must say of which run {figure.name} is")
            if any(one.name == name for one in self.study.file.recognitions):
                return figure_heard(self.recognised(name), figure.name, figure.of)
            return number_of(self.of(name, asked.changes), figure.name, figure.of)

        try:
            return Formula.read(asked.formula).value(number)
        except UserError as error:
            raise self.study.naming(error, asked.formula) from error

    def values(self, groups: "Groups", progress: Progress) -> list[list[float]]:
        """What formulas come to, one after another."""
        found = []
        for done, group in enumerate(groups, 1):
            found.append([self.value(asked) for asked in group])
            progress(done, len(groups))
        return found


@dataclass(frozen=True, slots=True)
class Asked:
    """A formula, with changes in all its runs: figures without a run are those of `row`, those of `against` of another
    run."""

    formula: str
    changes: tuple[Change, ...] = ()
    row: str | None = None
    against: str | None = None


def changed_run(name: str, run: StudyRun, change: Change) -> StudyRun:
    """A run with a change, if that is one of it."""
    if change.on and name not in change.on:
        return run
    fields = sorted_pairs({**dict(run.fields), **dict(change.fields)})
    return replace(run, chip=change.chip or run.chip, fields=fields, rules=dict(change.rules).get(name, run.rules))


@dataclass(frozen=True, slots=True)
class Studied:
    """What a study found out, and its runs, for whoever draws figures of them."""

    outcome: StudyOutcome
    runs: StudiedRuns


Groups = Sequence[Sequence[Asked]]
"""Formulas; those in one group share runs."""
PointValues = Mapping[tuple[Asked, ...], Sequence[float]]
"""What the formulas of points of bands come to."""


def studied(
    study: OpenedStudy,
    progress: Progress = no_progress,
    points: PointValues | None = None,
    heard: Mapping[str, Recognitions] | None = None,
) -> Studied:
    """Make all runs of a study, and what it says of them; `points` are values of some of `band_groups`, and `heard`
    what was heard in its recognitions, if somebody has worked them out already."""
    try:
        return _studied(study, progress, points or {}, heard or {})
    except UserError as error:
        raise study.naming(error, study.name) from error


def _studied(study: OpenedStudy, progress: Progress, points: PointValues, heard: Mapping[str, Recognitions]) -> Studied:
    file, runs = study.file, StudiedRuns(study, heard=dict(heard))
    own, apart = list(_own_groups(file)), [group for group in band_groups(file) if group not in points]
    values: list[Sequence[float]] = [*runs.values(own, stage(progress, 0, 2))]
    values += runs.values(apart, stage(progress, 1, 2))
    known = {
        asked: value
        for group, found in zip([*own, *apart, *points], [*values, *points.values()], strict=True)
        for asked, value in zip(group, found, strict=True)
    }
    outcome = StudyOutcome(
        name=study.name,
        file=file,
        reading=study.reading,
        runs=tuple(_note(runs, name, run) for name, run in file.runs),
        claims=tuple(_claim(claim, known) for claim in file.claims),
        bands=tuple(_band(band, known) for band in file.bands),
        tables=tuple(_table(runs, table, known) for table in file.tables),
        recognitions=tuple(
            HeardInStudy(
                name=one.name, title=one.title, command=command_of(study, one.name), found=runs.recognised(one.name)
            )
            for one in file.recognitions
        ),
    )
    return Studied(outcome, runs)


Known = Mapping[Asked, float]


def _own_groups(file: StudyFile) -> Iterator[tuple[Asked, ...]]:
    """The formulas of claims and tables, those that share runs together."""
    for claim in file.claims:
        yield (Asked(claim.predicted),)
        for change in claim.closed_by:
            yield (Asked(claim.predicted, (change,)),)
    for table in file.tables:
        for row in table.rows:
            yield tuple(asked for asked in (_asked(table, of, row) for _, of in _columns(table)) if asked is not None)


def band_groups(file: StudyFile) -> list[tuple[Asked, ...]]:
    """The formulas of bands, those of a point together."""
    return [
        tuple(Asked(axis.of, tuple(ends.values())) for axis in (band.x, band.y))
        for band in file.bands
        for ends in ends_of(band)
    ]


def _claim(claim: Claim, known: Known) -> ClaimOutcome:
    return ClaimOutcome(
        claim=claim,
        predicted=known[Asked(claim.predicted)],
        counterfactuals=tuple(
            Counterfactual(says=change.says, predicted=known[Asked(claim.predicted, (change,))])
            for change in claim.closed_by
        ),
    )


Ends = Mapping[str, Change]
"""The ends of the axes that are not as the runs have them."""


def _band(band: StudyBand, known: Known) -> BandOutcome:
    points = tuple(
        BandSample(
            ends=sorted_pairs({axis: change.says for axis, change in ends.items()}),
            x=known[Asked(band.x.of, tuple(ends.values()))],
            y=known[Asked(band.y.of, tuple(ends.values()))],
        )
        for ends in ends_of(band)
    )
    return BandOutcome(name=band.name, title=band.title, x=band.x, y=band.y, points=points)


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


def _table(runs: StudiedRuns, table: StudyTable, known: Known) -> TableOutcome:
    columns = _columns(table)
    if table.parts_of is None:
        rows = [
            TableRow(name=row, figures=tuple(_cell(runs, known, _asked(table, of, row), of, row) for _, of in columns))
            for row in table.rows
        ]
    else:
        rows = [
            TableRow(
                name=part,
                figures=tuple(runs.value(Asked(of.replace(f"[{PART}]", f"[{part}]"))) for _, of in columns),
            )
            for part in (part.name for part in runs.of(table.parts_of).result.parts if part.cycles)
        ]
    heads = tuple(head for head, _ in columns)
    first = "Part" if table.parts_of is not None else "Run"
    return TableOutcome(name=table.name, title=table.title, first=first, columns=heads, rows=tuple(rows))


def _columns(table: StudyTable) -> list[tuple[TableColumn, str]]:
    return [_column(column) for column in table.columns]


def _asked(table: StudyTable, formula: str, row: str) -> Asked | None:
    """What a column asks of a row; None of a figure alone, which may be a text, or missing."""
    if formula in FIGURES:
        return None
    return Asked(formula, row=row, against=None if table.against is None else f"{row}_{table.against}")


def _cell(runs: StudiedRuns, known: Known, asked: Asked | None, figure: str, row: str) -> Value:
    return figure_of(runs.of(row), figure) if asked is None else known[asked]


def _column(column: str | Column) -> tuple[TableColumn, str]:
    """The head of a column, and its formula."""
    if isinstance(column, Column):
        return TableColumn(head=column.head, unit=column.unit or "", ratio=column.unit == "×"), column.of
    if column not in FIGURES:
        raise InvalidValue("columns", column, f"is no figure; there are {', '.join(FIGURES)}")
    kind = FIGURES[column]
    return TableColumn(head=kind.label, unit=kind.unit, ratio=kind.ratio), column


def _note(runs: StudiedRuns, name: str, run: StudyRun) -> RunNote:
    made = runs.of(name)
    known = Sureness.of(made.result) if made.has_run else Sureness()
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
