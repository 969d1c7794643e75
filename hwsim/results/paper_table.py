"""The table of a paper: workloads on chips in precisions, a row each."""

from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, Table
from hwsim.results.figures import Count
from hwsim.results.result import ComparisonRow


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRow(Noun):
    """One workload on one chip in one precision, of `audio_seconds` of all utterances that run together.

    `figures` are None where the chip refuses, and `refused` says why. Gains are relative to the first precision in
    which the chip runs the workload. `inputs` are hashes of chip, workload, prices and precision.
    """

    chip: Name
    workload: Name
    precision: Name
    figures: ComparisonRow | None
    macs: Count = 0
    audio_seconds: float = 0.0
    inputs: Annotated[tuple[tuple[Name, Name], ...], Table()] = ()
    refused: str | None = None

    def check(self) -> None:
        if (self.figures is None) != (self.refused is not None):
            raise InvalidValue("refused", self.refused, "must say why there are no figures, and only then")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt(Noun):
    """How many parameters and unit prices behind a chip's rows there are, and how many have no source that was read."""

    chip: Name
    parameters: Count
    parameters_without: Count
    prices: Count
    prices_without: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTable(Noun):
    """The rows, as chips, workloads and precisions were asked for; `columns` are the keys of what is shown of each."""

    columns: tuple[Name, ...]
    rows: tuple[PaperRow, ...]
    doubts: tuple[Doubt, ...]
    versions: Annotated[tuple[tuple[Name, Name], ...], Table()]
    files: Annotated[tuple[tuple[Name, Name], ...], Table()]

    def check(self) -> None:
        if not self.rows:
            raise InvalidValue("rows", self.rows, "must be at least one")
