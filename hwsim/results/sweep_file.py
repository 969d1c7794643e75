"""What the file of a sweep says: chips, workloads and precisions, the fields that vary, what is asked of the points."""

from enum import Enum
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, UnknownName
from hwsim.quantities.condition import Condition
from hwsim.quantities.noun import Name, Noun, Remark, Whole
from hwsim.quantities.plain_data import Objective
from hwsim.results.headline_figures import Headline

Scalar = str | int | float | bool | None

PRECISION = "precision"

MOST_POINTS = 5_000_000
"""Points of the largest sweep."""

FIGURES = {figure.name.lower(): figure for figure in Headline}
"""The figures that conditions and objectives may name."""

SQNR = "sqnr"
"""Signal to quantisation noise at the output, in dB: beside the figures of a run, where it is asked for."""

_MORE = frozenset({Headline.UTILIZATION, Headline.TOPS, Headline.TOPS_PER_WATT, Headline.UTTERANCES_PER_JOULE})


def more_is_better(name: str) -> bool:
    """Whether more of a figure is better than less.

    >>> more_is_better("tops"), more_is_better("sqnr"), more_is_better("energy"), more_is_better("wer")
    (True, True, False, False)
    """
    return name == SQNR or FIGURES.get(name) in _MORE


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepAxis(Noun):
    """A field that varies, or several that vary together. Its values are listed, or are those of a `range` such as
    `8 GB/s..256 GB/s*2` (times two), `16..128+16` (steps), `16..64/4` (four, evenly). In a list each value is that of
    all fields, or is itself a list with a value for each of them."""

    fields: Remark | tuple[Remark, ...]
    values: tuple[Scalar | tuple[Scalar, ...], ...] = ()
    range: Remark | None = None

    def check(self) -> None:
        if not self.paths:
            raise InvalidValue("fields", self.fields, "must name at least one")
        if bool(self.values) is (self.range is not None):
            raise InvalidValue("values", self.values, "must be listed, unless there is a range, and not both")
        for value in self.values:
            if isinstance(value, tuple) and len(value) != len(self.paths):
                raise InvalidValue("values", value, f"must have a value for each of {', '.join(self.paths)}")

    @property
    def paths(self) -> tuple[str, ...]:
        """The dotted paths of its fields."""
        return (self.fields,) if isinstance(self.fields, str) else self.fields

    @property
    def name(self) -> str:
        """What tables call it."""
        return ", ".join(self.paths)


class Method(Enum):
    """How the points are chosen of which a sweep makes not all."""

    RANDOM = "random"
    SOBOL = "sobol"
    GUIDED = "guided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Noun):
    """So many points of the grid: drawn, evenly spread by a Sobol sequence, or sought by what earlier points gave."""

    method: Method = Method.SOBOL
    points: Annotated[int, Whole(low=1, high=MOST_POINTS)]
    seed: Annotated[int, Whole(high=2**31 - 1)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepFile(Noun):
    """A sweep: every chip with every workload in every precision, over all axes, or a sample of that. `where` are
    conditions: those on fields alone leave points out before they run, those with a figure say which points will do.
    `best` are the figures of which the best points are sought. `measures` is a CSV file with figures by precision, such
    as word error rates. `objective` is what the mapper makes least."""

    title: Remark | None = None
    chips: tuple[Remark, ...]
    workloads: tuple[Remark, ...]
    precisions: tuple[Name, ...] = ()
    axes: tuple[SweepAxis, ...] = ()
    where: tuple[Remark, ...] = ()
    best: tuple[Name, ...] = ("energy",)
    sample: Sample | None = None
    measures: Remark | None = None
    objective: Objective = Objective.LATENCY

    def check(self) -> None:
        for name, listed in (("chips", self.chips), ("workloads", self.workloads), ("best", self.best)):
            if not listed:
                raise InvalidValue(name, listed, "must be at least one")
        named = [path for axis in self.axes for path in axis.paths]
        for name, entries in (
            ("chips", self.chips),
            ("workloads", self.workloads),
            ("precisions", self.precisions),
            ("axes", named),
            ("best", self.best),
        ):
            for place, entry in enumerate(entries):
                if entry in entries[:place]:
                    raise InvalidValue(name, entry, "is there twice")
        if PRECISION in named and self.precisions:
            raise InvalidValue("axes", PRECISION, "is an axis already: the precisions are listed")
        for text in self.where:
            Condition.read(text)
        if self.measures is None:
            for name in self.best:
                if name not in FIGURES and name != SQNR:
                    raise InvalidValue("best", name, str(UnknownName("figure", name, (*FIGURES, SQNR))))


def asked_figures(file: SweepFile) -> frozenset[str]:
    """All names in the conditions and objectives of a sweep."""
    return frozenset(file.best).union(*(Condition.read(text).names for text in file.where))
