"""What the file of a study says: which runs it makes, which published figures stand beside them, what it shows."""

from collections.abc import Iterable, Iterator
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, UnknownName
from hwsim.quantities.formula import Formula
from hwsim.quantities.noun import Name, Noun, Number, Remark, Table, Text, Whole
from hwsim.quantities.precision import Rule
from hwsim.results.recognition import SearchKind
from hwsim.results.sweep_file import Scalar, SweepAxis

Fields = Annotated[tuple[tuple[Remark, Scalar], ...], Table()]
"""Values of fields of a chip, its price table or a workload, by dotted path."""

Prose = Annotated[str, Text(longest=20_000, lines=True)]
Unit = Annotated[str, Text(longest=20)]
Published = Annotated[float, Number(low=-1e30, high=1e30)]

AGAINST = "against"
PART = "part"
"""In a table of parts a formula may name the part of its row so: `int4.latency[part]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRun(Noun):
    """One run: a workload on a chip, in its own precision or under another policy with these rules, with other values
    of some fields. Without a workload only the chip's peaks, in that precision, and its area are looked at. `values`
    says that the integers are computed as well, so that analog cells are priced by the currents of the run."""

    chip: Remark
    workload: Remark | None = None
    precision: Name | None = None
    rules: tuple[Rule, ...] = ()
    point: Name | None = None
    fields: Fields = ()
    values: bool = False

    def check(self) -> None:
        if self.workload is None and (self.rules or self.values):
            raise InvalidValue("workload", self.workload, "must be there, if there are rules or values")
        if self.rules and self.precision is None:
            raise InvalidValue("rules", [rule.match for rule in self.rules], "must stand beside a precision")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRecognition(Noun):
    """What a network hears of the utterances beside it, as `hwsim recognise` does: on a chip, and on others `beside`
    it, in each precision, with other values of some fields. `take` are so many of the utterances, `buckets` lengths at
    which they are timed, and devices of analog tiles are drawn `draws` times; `at` and `compensation` are of such
    tiles."""

    name: Name
    title: Remark
    chip: Remark
    beside: tuple[Remark, ...] = ()
    workload: Remark
    precisions: tuple[Name, ...]
    axes: tuple[SweepAxis, ...] = ()
    at: tuple[Remark, ...] = ("0s",)
    compensation: tuple[Name, ...] = ("none",)
    draws: Annotated[int, Whole(low=1, high=1024)] = 1
    take: Annotated[int, Whole(low=1)] | None = None
    search: SearchKind | None = None
    quantise: Fields = ()
    buckets: Annotated[int, Whole(low=0, high=10_000)] = 1
    seed: Annotated[int, Whole()] = 0

    def check(self) -> None:
        if not self.precisions:
            raise InvalidValue("precisions", self.precisions, "must be at least one")
        if self.search is SearchKind.NONE:
            raise InvalidValue("search", SearchKind.NONE.value, "leaves nothing to count errors of; name a search")


Runs = Annotated[tuple[tuple[Name, StudyRun], ...], Table()]
RulesOf = Annotated[tuple[tuple[Name, tuple[Rule, ...]], ...], Table()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Noun):
    """Other values of fields of runs, of all of them if `on` names none, another chip, and other rules of some."""

    says: Remark
    chip: Remark | None = None
    fields: Fields = ()
    rules: RulesOf = ()
    on: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Noun):
    """A figure that was published or measured, and the formula that predicts it.

    `assumed` says what was not published, `why` where the prediction misses; each of `closed_by` is a counterfactual:
    the same prediction with one thing changed.
    """

    what: Remark
    unit: Unit | None = None
    published: Published
    source: Remark
    predicted: Remark
    assumed: Remark | None = None
    why: Remark | None = None
    closed_by: tuple[Change, ...] = ()

    def check(self) -> None:
        Formula.read(self.predicted)
        if not self.published:
            raise InvalidValue("published", self.published, "must not be zero: differences are relative to it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity(Noun):
    """What an axis or a column shows; `published` stands beside it, if it was."""

    label: Remark
    unit: Unit | None = None
    of: Remark
    published: Published | None = None

    def check(self) -> None:
        Formula.read(self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis(Noun):
    """Something that was not published, as the runs have it, and its ends."""

    name: Name
    nominal: Remark
    low: Change | None = None
    high: Change | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyBand(Noun):
    """Two figures over what was not published: as the runs are, each axis alone at its ends, and `corners` draws of
    all axes at an end, from `seed`."""

    name: Name
    title: Remark
    x: Quantity
    y: Quantity
    axes: tuple[Axis, ...]
    corners: Annotated[int, Whole(low=0, high=1024)] = 0
    seed: Annotated[int, Whole()] = 0

    def check(self) -> None:
        if not self.axes:
            raise InvalidValue("axes", self.axes, "must be at least one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Noun):
    """A column of a table: a formula, in which a figure without a run is that of the row's run."""

    head: Remark
    unit: Unit | None = None
    of: Remark

    def check(self) -> None:
        Formula.read(self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyTable(Noun):
    """A table: a row for each run that `rows` names, or for each part of the run `parts_of`. A column is the name of a
    figure, or a formula with a head. With `against: fp16` formulas may name the run `against`: of the row `rnnt` it is
    the run `rnnt_fp16`."""

    name: Name
    title: Remark
    rows: tuple[Name, ...] = ()
    parts_of: Name | None = None
    against: Name | None = None
    columns: tuple[Name | Column, ...]

    def check(self) -> None:
        if bool(self.rows) is (self.parts_of is not None):
            raise InvalidValue("rows", self.rows, "must name runs, unless parts_of names one, and not both")
        if not self.columns:
            raise InvalidValue("columns", self.columns, "must be at least one")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFigure(Noun):
    """A figure: of which kind, and of which runs, or of which band; of none, if it is of all claims."""

    figure: Name
    of: Name | tuple[Name, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """What it is of."""
        return (self.of,) if isinstance(self.of, str) else self.of


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFile(Noun):
    """A study: what it asks, its runs, and what it shows of them."""

    title: Remark
    question: Prose
    runs: Runs = ()
    recognitions: tuple[StudyRecognition, ...] = ()
    claims: tuple[Claim, ...] = ()
    bands: tuple[StudyBand, ...] = ()
    tables: tuple[StudyTable, ...] = ()
    figures: tuple[StudyFigure, ...] = ()

    def check(self) -> None:
        runs, heard = dict(self.runs), [one.name for one in self.recognitions]
        for name in heard:
            if name in runs:
                raise InvalidValue("recognitions", name, "is the name of a run, too")
        for where, names in self._named_runs():
            for name in names:
                if name not in runs and name not in heard:
                    raise InvalidValue(where, name, str(UnknownName("run", name, (*runs, *heard))))
        for table in self.tables:
            for name in (*table.rows, *(() if table.parts_of is None else (table.parts_of,))):
                if name in heard:
                    raise InvalidValue(f"tables.{table.name}", name, "has a table of its own; rows are runs")
        for where, names in (
            ("tables", [table.name for table in self.tables]),
            ("bands", [band.name for band in self.bands]),
            ("recognitions", [*(one.name for one in self.recognitions), *(table.name for table in self.tables)]),
        ):
            for place, name in enumerate(names):
                if name in names[:place]:
                    raise InvalidValue(where, name, "is there twice; each must have a name of its own")

    def _named_runs(self) -> Iterator[tuple[str, Iterable[str]]]:
        """The runs that each place names."""
        for place, claim in enumerate(self.claims):
            yield f"claims[{place}].predicted", _runs_in(claim.predicted)
            for change in claim.closed_by:
                yield f"claims[{place}].closed_by", change.on
        for band in self.bands:
            for axis in (band.x, band.y):
                yield f"bands.{band.name}", _runs_in(axis.of)
            for end in (end for axis in band.axes for end in (axis.low, axis.high) if end is not None):
                yield f"bands.{band.name}.axes", (*end.on, *(name for name, _ in end.rules))
        for table in self.tables:
            yield f"tables.{table.name}", (*table.rows, *(() if table.parts_of is None else (table.parts_of,)))
            beside = set() if table.against is None else {AGAINST}
            yield f"tables.{table.name}", [f"{row}_{table.against}" for row in table.rows if beside]
            for column in table.columns:
                named = _runs_in(column.of if isinstance(column, Column) else column)
                yield f"tables.{table.name}", [name for name in named if name not in beside]


def _runs_in(formula: str) -> list[str]:
    """The runs that a formula names."""
    return [figure.run for figure in Formula.read(formula).figures if figure.run is not None]
