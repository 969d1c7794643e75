"""The page of a run of values: how close the quantised model is to the float one, op by op."""

from hwsim.report.numbers import figure, percent
from hwsim.report.page.listings import flat_lines
from hwsim.report.page.run import SCREENS
from hwsim.report.page.sheet import Cell, Listing, Page, Shown
from hwsim.report.plots.sets import quality_drawing
from hwsim.report.quality import quality_text
from hwsim.results.quality import Quality


def trace_page(title: str, quality: Quality, command: str) -> str:
    """The page of a run of values that this command made."""
    wide, narrow = (quality_text(title, quality, screen) for screen in SCREENS)
    return Page(
        title=f"Values of {title}",
        command=command,
        texts=[(wide, narrow)],
        figures=[Shown.of(quality_drawing(title, quality))],
        listings=[_ops(quality)],
        provenance=[
            ("output", quality.output),
            ("accumulators", quality.accumulators),
            ("weights from", quality.weights_from.value),
            ("input from", quality.input_from.value),
            *([] if quality.seed is None else [("seed", str(quality.seed))]),
            *((f"drawn: {kind}", how) for kind, how in quality.drawn),
        ],
    ).html()


def _ops(quality: Quality) -> Listing:
    return Listing(
        name="ops",
        short="Ops",
        title="Ops",
        columns=("op", "kind", "SQNR, dB", "lost, dB", "cosine", "top 1", "clipped", "saturated"),
        lines=flat_lines(
            (
                Cell(op.name),
                Cell(op.kind),
                _decibels(op.sqnr_db),
                _decibels(op.lost_db),
                Cell("" if op.cosine is None else figure(op.cosine, 4), op.cosine),
                Cell("" if op.top1 is None else percent(op.top1), op.top1),
                Cell(percent(op.clipped_share), op.clipped_share),
                Cell(f"{op.saturations:,}", op.saturations),
            )
            for op in quality.ops
        ),
    )


def _decibels(value: float | None) -> Cell:
    return Cell("" if value is None else f"{value:.1f}", value)
