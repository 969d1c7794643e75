"""What a sweep found out: its points, the best of them, and by how much each axis moves a figure."""

from enum import Enum
from typing import Annotated, Any

from hwsim.dataclass import dataclass
from hwsim.quantities.noun import Name, Noun, Remark, Table, Whole
from hwsim.results.figures import AttojouleCount
from hwsim.results.headline_figures import Headline, HeadlineFigures
from hwsim.results.sweep_file import FIGURES

Count = Annotated[int, Whole()]


class Status(Enum):
    """What is known of a point."""

    OPEN = "open"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow(Noun):
    """One point: its number, what it varies (None, where its chip or workload lacks the field), and what a run of it
    came to, or why there is none. `measured` are figures of the definition's file; `fits` says whether it satisfies all
    conditions."""

    number: Count
    status: Status
    chip: Name
    workload: Name
    axes: tuple[tuple[Remark, Remark | None], ...]
    cycles: Count | None = None
    energy_aj: AttojouleCount | None = None
    dram_read_bytes: Count | None = None
    dram_write_bytes: Count | None = None
    figures: HeadlineFigures = ()
    measured: tuple[tuple[Name, float | None], ...] = ()
    error: str | None = None
    fits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Noun):
    """The point that is best by a figure, of those that satisfy all conditions."""

    figure: Name
    row: SweepRow


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisLevel(Noun):
    """One value of an axis: how many points have it, and the geometric mean of a figure over them, relative to that
    over all points."""

    value: Remark
    points: Count
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity(Noun):
    """By how much an axis moves a figure: `reach` is the largest factor of its values ÷ the smallest."""

    figure: Name
    axis: Remark
    levels: tuple[AxisLevel, ...]
    reach: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOutcome(Noun):
    """A sweep, as far as it has come: how many points are done, refused and open, how many satisfy the conditions, the
    best by each figure, the points of which none is better in all of these figures, and what moves them most."""

    title: Remark
    axes: tuple[Remark, ...]
    where: tuple[Remark, ...]
    best: tuple[Name, ...]
    done: Count
    refused: Count
    open: Count
    fitting: Count
    answers: tuple[Answer, ...]
    front: tuple[Count, ...]
    sensitivity: tuple[Sensitivity, ...]
    rows: tuple[SweepRow, ...]
    versions: Annotated[tuple[tuple[str, str], ...], Table()]
    files: Annotated[tuple[tuple[str, str], ...], Table()]

    def row(self, number: int) -> SweepRow:
        """The point of that number."""
        return self.rows[number - 1]

    @property
    def size(self) -> int:
        """How many points there are."""
        return self.done + self.refused + self.open

    def __repr__(self) -> str:
        return f"<SweepOutcome {self.title}: {self.size:,} points, {self.done:,} done, {self.fitting:,} fit>"


def point_row(row: SweepRow) -> dict[str, Any]:
    """One point: its axes, its figures, and its status."""
    figures = {figure.value: value for figure, value in row.figures}
    return {
        "row": row.number,
        "status": row.status.value,
        "chip": row.chip,
        "workload": row.workload,
        **dict(row.axes),
        **({"energy_aj": row.energy_aj} if row.energy_aj is not None else {}),
        "dram_read_bytes": row.dram_read_bytes,
        "dram_write_bytes": row.dram_write_bytes,
        **figures,
        **dict(row.measured),
        "fits": row.fits,
        "error": row.error,
    }


_PLACES = {figure: place for place, figure in enumerate(sorted(Headline, key=lambda figure: figure.value))}


def value_of(row: SweepRow, name: str) -> float | None:
    """A figure of a point, by the name that conditions and objectives have for it; None, where it has none."""
    if name in FIGURES:
        return row.figures[_PLACES[FIGURES[name]]][1] if row.figures else None
    return next((value for known, value in row.measured if known == name), None)
