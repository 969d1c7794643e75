"""The page of an allocation: what budgets come to, the curve, and all layers with their options."""

from hwsim.report.allocation_screen import allocation_text, option_rows
from hwsim.report.numbers import joules, scaled
from hwsim.report.page.listings import flat_lines
from hwsim.report.page.run import SCREENS
from hwsim.report.page.sheet import Cell, Listing, Page, Shown
from hwsim.report.plots.sets import allocation_drawings
from hwsim.results.allocation import AllocationOutcome


def allocation_page(outcome: AllocationOutcome, command: str) -> str:
    """The page of an allocation that this command made."""
    wide, narrow = (allocation_text(outcome, screen) for screen in SCREENS)
    return Page(
        title=f"{outcome.workload} on {outcome.chip}: formats of its layers",
        command=command,
        texts=[(wide, narrow)],
        figures=[Shown.of(drawing) for drawing in allocation_drawings(outcome)],
        listings=[_options(outcome)],
        provenance=[(f"file {name}", value) for name, value in outcome.files],
    ).html()


def _options(outcome: AllocationOutcome) -> Listing:
    return Listing(
        name="options",
        short="Layers",
        title="Layers with their options",
        columns=("layer", "format", "bottleneck", "parameters", "stored", "cycles", "energy", "loses", "chosen within"),
        lines=flat_lines(
            (
                Cell(str(row["layer"])),
                Cell(option.title),
                Cell("" if option.bottleneck is None else str(option.bottleneck), option.bottleneck),
                Cell(f"{row['parameters']:,}", float(str(row["parameters"]))),
                Cell(scaled(option.model_bytes, "B"), option.model_bytes),
                Cell(f"{option.cycles:,}", option.cycles),
                Cell(joules(option.energy_aj), option.energy_aj / 10**15),
                Cell(f"{option.sensitivity:.3g}", option.sensitivity),
                Cell(str(row["chosen_within"])),
            )
            for row, option in zip(
                option_rows(outcome), (option for layer in outcome.layers for option in layer.options), strict=True
            )
        ),
    )
