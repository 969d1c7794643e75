"""The page of a tuned chip: the best changes, what each resource moves, and all that was told of."""

from hwsim.report.headline_words import headline_text
from hwsim.report.numbers import figure as written
from hwsim.report.page.listings import flat_lines
from hwsim.report.page.run import SCREENS
from hwsim.report.page.sheet import Cell, Listing, Page, Shown
from hwsim.report.plots.sets import tuning_drawings
from hwsim.report.tuning_screen import SHOWN, trial_rows, tuning_text
from hwsim.results.tuning import TuningOutcome


def tuning_page(outcome: TuningOutcome, command: str) -> str:
    """The page of what this command found."""
    wide, narrow = (tuning_text(outcome, screen) for screen in SCREENS)
    return Page(
        title=f"{outcome.workload} on {outcome.chip}: what more of each resource buys",
        command=command,
        texts=[(wide, narrow)],
        figures=[Shown.of(drawing) for drawing in tuning_drawings(outcome)],
        listings=[_trials(outcome)],
        provenance=[(f"file {name}", value) for name, value in outcome.files],
    ).html()


def _trials(outcome: TuningOutcome) -> Listing:
    return Listing(
        name="changes",
        short="Changes",
        title="Changes of the chip",
        columns=("kind", "changes", "fields", "gain", *(one.label for one in SHOWN), "satisfies", "why"),
        lines=flat_lines(
            (
                Cell(row["kind"]),
                Cell(row["changes"]),
                Cell(row["fields"]),
                Cell(f"{written(row['gain'])} ×", row["gain"]),
                *(Cell(headline_text(one, row[one.value]), row[one.value]) for one in SHOWN),
                Cell("yes" if row["fits"] else "no"),
                Cell(row["reason"] or ""),
            )
            for row in trial_rows(outcome)
        ),
    )
