"""What a study found out: predictions beside what was published, bands, and tables of its runs."""

from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.quantities.noun import Name, Noun, Remark, Table
from hwsim.results.recognition import Recognitions
from hwsim.results.study_file import Claim, Quantity, StudyFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterfactual(Noun):
    """What a prediction would be with something changed."""

    says: Remark
    predicted: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimOutcome(Noun):
    """A published figure, what is predicted instead, and what counterfactuals would give."""

    claim: Claim
    predicted: float
    counterfactuals: tuple[Counterfactual, ...] = ()

    @property
    def difference(self) -> float:
        """How far off the prediction is, relative to what was published."""
        return self.predicted / self.claim.published - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BandSample(Noun):
    """One point of a band: which ends its axes have, none where all are as they are, and both figures."""

    ends: Annotated[tuple[tuple[Name, Remark], ...], Table()]
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BandOutcome(Noun):
    """A band: its points, the first of which is the runs as they are, then each axis alone, then the drawn ones."""

    name: Name
    title: Remark
    x: Quantity
    y: Quantity
    points: tuple[BandSample, ...]

    @property
    def alone(self) -> tuple[BandSample, ...]:
        """The points with one axis alone at an end."""
        return tuple(point for point in self.points if len(point.ends) == 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn(Noun):
    """The head of a column and the unit of its figures."""

    head: Remark
    unit: str
    ratio: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow(Noun):
    """A name and a figure for each column, None where there is none."""

    name: Name
    figures: tuple[float | str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOutcome(Noun):
    """A table of runs, or of the parts of one."""

    name: Name
    title: Remark
    first: Remark
    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNote(Noun):
    """A run in words: its chip, workload and precision, the fields that were changed, and how many constants behind it
    have no source that was read."""

    name: Name
    chip: Name
    workload: Name | None
    precision: Name | None
    changed: Annotated[tuple[tuple[Remark, Remark], ...], Table()]
    parameters: int = 0
    parameters_without: int = 0
    prices: int = 0
    prices_without: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardInStudy(Noun):
    """What was heard in a recognition of a study, and the command that hears the same."""

    name: Name
    title: Remark
    command: Remark
    found: Recognitions


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOutcome(Noun):
    """All that a study shows but for its figures; `reading` is the text that people wrote behind its tables."""

    name: Name
    file: StudyFile
    reading: str
    runs: tuple[RunNote, ...]
    claims: tuple[ClaimOutcome, ...]
    bands: tuple[BandOutcome, ...]
    tables: tuple[TableOutcome, ...]
    recognitions: tuple[HeardInStudy, ...] = ()
