"""The page of a sweep: its answer, its points by any two figures to point at and to brush, its figures, all points."""

from hwsim.report.headline_words import headline_text
from hwsim.report.numbers import figure as written
from hwsim.report.page.listings import flat_lines
from hwsim.report.page.run import SCREENS
from hwsim.report.page.sheet import Cell, Listing, Page, Scatter, Shown
from hwsim.report.plots.sets import sweep_drawings
from hwsim.report.plots.sweep_points import pair_of
from hwsim.report.sweep_screen import label_of, sweep_text
from hwsim.results.headline_figures import Headline
from hwsim.results.sweep import Status, SweepOutcome, SweepRow

MOST = 3000
"""Points that a page has; of more the best ones."""

POINTS = "points"


def sweep_page(outcome: SweepOutcome, command: str) -> str:
    """The page of a sweep that this command made."""
    wide, narrow = (sweep_text(outcome, screen) for screen in SCREENS)
    x, y = pair_of(outcome.best)
    return Page(
        title=outcome.title,
        command=command,
        texts=[(wide, narrow)],
        figures=[Shown.of(drawing) for drawing in sweep_drawings(outcome)],
        listings=[_points(outcome)],
        scatter=Scatter(
            listing=POINTS, x=label_of(x), y=label_of(y), units=[(one.label, one.unit) for one in Headline if one.unit]
        ),
        provenance=[
            *((f"version of {name}", value) for name, value in outcome.versions),
            *((f"file {name}", value) for name, value in outcome.files),
        ],
    ).html()


def shown_rows(outcome: SweepOutcome) -> list[SweepRow]:
    """The points of a page: all, or the front, then those that fit, then the others, as far as there is room."""
    front = set(outcome.front)

    def late(row: SweepRow) -> tuple[bool, ...]:
        return row.number not in front, not row.fits, row.status is not Status.DONE

    ordered = sorted(outcome.rows, key=late)
    return sorted(ordered[:MOST], key=lambda row: row.number)


def _points(outcome: SweepOutcome) -> Listing:
    rows = shown_rows(outcome)
    measured = [name for name, _ in rows[0].measured] if rows else []
    more = f"{len(rows):,} of {outcome.size:,} points: the front first, then those that satisfy the conditions."
    return Listing(
        name=POINTS,
        short="Points",
        title="Points",
        note=more if len(rows) < outcome.size else "",
        columns=(
            "row", "status", "chip", "workload", *outcome.axes, *(figure.label for figure in Headline), *measured,
            "satisfies", "on the front",
        ),
        lines=flat_lines(_cells(outcome, row, len(measured)) for row in rows),
    )  # fmt: skip


def _cells(outcome: SweepOutcome, row: SweepRow, measured: int) -> tuple[Cell, ...]:
    figures = dict(row.figures)
    return (
        Cell(str(row.number), row.number),
        Cell(row.error or row.status.value),
        Cell(row.chip),
        Cell(row.workload),
        *(Cell("–" if value is None else value) for _, value in row.axes),
        *(Cell(headline_text(one, figures[one]), figures[one]) if one in figures else Cell("") for one in Headline),
        *(Cell("") if value is None else Cell(written(value), value) for _, value in row.measured[:measured]),
        Cell("yes" if row.fits else "no"),
        Cell("yes" if row.number in outcome.front else ""),
    )
