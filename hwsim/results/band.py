"""What runs with other values of some fields found out: bands of headline figures, and changes beside a run."""

from enum import Enum
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, Remark, Table, Whole
from hwsim.results.headline_figures import Headline, HeadlineFigures

Path = Remark
"""The dotted path of a field."""

Count = Annotated[int, Whole()]


class Owner(Enum):
    """The file in which a field stands."""

    CHIP = "chip"
    PRICES = "price table"
    WORKLOAD = "workload"


@dataclass(frozen=True, slots=True, kw_only=True)
class BandField(Noun):
    """A field with the ends between which it is not known, and its value as it is, each with its unit."""

    path: Path
    owner: Owner
    nominal: Remark
    low: Remark
    high: Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class BandPoint(Noun):
    """One run: the values of all fields of the band, the headline figures, and what takes most of its time."""

    values: Annotated[tuple[tuple[Path, Remark], ...], Table()]
    figures: HeadlineFigures
    binds: Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing(Noun):
    """A figure with one field at its low and at its high end, all other fields as they are."""

    path: Path
    at_low: float
    at_high: float

    def reach(self, nominal: float) -> float:
        """How far apart the three values of the figure lie.

        >>> Swing(path="clock", at_low=3.0, at_high=9.0).reach(4.0)
        6.0
        """
        return max(self.at_low, self.at_high, nominal) - min(self.at_low, self.at_high, nominal)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureBand(Noun):
    """A headline figure as it is, its least and its most value of all points, at which points these are, and what each
    field alone makes of it, the field that moves it most first."""

    figure: Headline
    nominal: float
    low: float
    high: float
    low_at: Count
    high_at: Count
    tornado: tuple[Swing, ...]

    def check(self) -> None:
        if not self.low <= self.nominal <= self.high:
            raise InvalidValue("nominal", self.nominal, f"must lie from {self.low} to {self.high}")
        reaches = [swing.reach(self.nominal) for swing in self.tornado]
        if reaches != sorted(reaches, reverse=True):
            raise InvalidValue("tornado", [swing.path for swing in self.tornado], "must begin with what moves it most")


class Corners(Enum):
    """Which points with all fields at an end were run."""

    ALL = "all"
    SAMPLED = "sampled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Band(Noun):
    """Bands of all headline figures over the points that were run, of which the first is as it is, and the next two of
    each field have that field alone at its ends; then come `corners`. Of sampled ones `seed` drew some."""

    chip: Name
    workload: Name
    precision: Name
    fields: tuple[BandField, ...]
    corners: Corners
    seed: Count | None
    points: tuple[BandPoint, ...]
    figures: tuple[FigureBand, ...]

    def check(self) -> None:
        if (self.seed is None) is not (self.corners is Corners.ALL):
            raise InvalidValue("seed", self.seed, "must stand beside corners that were sampled, and there alone")
        for figure in self.figures:
            for place, end in ((figure.low_at, figure.low), (figure.high_at, figure.high)):
                if place >= len(self.points) or dict(self.points[place].figures)[figure.figure] != end:
                    raise InvalidValue(f"figures.{figure.figure.value}", end, f"must be that of point {place}")

    def of(self, figure: Headline) -> FigureBand:
        """The band of one figure."""
        return next(band for band in self.figures if band.figure is figure)

    def __repr__(self) -> str:
        latency = self.of(Headline.LATENCY)
        return (
            f"<Band {self.workload} in {self.precision} on {self.chip}: {len(self.fields)} fields, "
            f"{len(self.points)} runs, {latency.low:.4g} to {latency.high:.4g} ms>"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange(Noun):
    """A field with another value."""

    path: Path
    owner: Owner
    before: Remark
    after: Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRun(Noun):
    """A run as it is beside one with changed fields, planned anew: headline figures, and what takes most time."""

    changes: tuple[FieldChange, ...]
    before: HeadlineFigures
    after: HeadlineFigures
    binds_before: Remark
    binds_after: Remark

    def __repr__(self) -> str:
        changes = ", ".join(f"{change.path}: {change.before} → {change.after}" for change in self.changes)
        before, after = dict(self.before)[Headline.LATENCY], dict(self.after)[Headline.LATENCY]
        return f"<ChangedRun {changes}: {before:.4g} → {after:.4g} ms>"
