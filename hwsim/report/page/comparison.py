"""The page of a comparison: its first screen, its figures, precisions and ops side by side, provenance."""

from hwsim.quantities.plain_data import ATTOJOULES_PER_MILLIJOULE
from hwsim.report.comparison_screen import comparison_screen
from hwsim.report.gains import times_text
from hwsim.report.numbers import figure, joules, percent, scaled, seconds
from hwsim.report.page.listings import assumptions_listing, flat_lines, provenance_pairs
from hwsim.report.page.run import SCREENS
from hwsim.report.page.sheet import Cell, Listing, Page, Shown
from hwsim.report.plots.sets import comparison_drawings
from hwsim.report.tables import limit_text
from hwsim.results.result import Comparison


def comparison_page(comparison: Comparison, command: str) -> str:
    """The page of a comparison that this command made."""
    wide, narrow = (comparison_screen(comparison, screen) for screen in SCREENS)
    return Page(
        title=f"{comparison.workload} on {comparison.chip} in {', '.join(row.precision for row in comparison.rows)}",
        command=command,
        texts=[(wide, narrow)],
        figures=[Shown.of(drawing) for drawing in comparison_drawings(comparison)],
        listings=[
            _precisions(comparison),
            *([_ops(comparison)] if comparison.ops else []),
            assumptions_listing(comparison.provenance),
        ],
        provenance=provenance_pairs(comparison.provenance),
    ).html()


def _precisions(comparison: Comparison) -> Listing:
    return Listing(
        name="precisions",
        short="Precisions",
        title="Precisions",
        note=f"Gains are relative to {comparison.rows[0].precision}.",
        columns=("precision", "latency", "RTF", "speed-up", "energy", "gain", "DRAM", "model", "array"),
        lines=flat_lines(
            (
                Cell(row.precision),
                Cell(seconds(row.latency_ms / 1000), row.latency_ms),
                Cell(figure(row.rtf), row.rtf),
                Cell(times_text(row.speedup), row.speedup),
                Cell(joules(row.energy_aj), row.energy_mj),
                Cell(times_text(row.energy_gain), row.energy_gain or 0.0),
                Cell(scaled(row.dram_bytes, "B"), row.dram_bytes),
                Cell(scaled(row.model_bytes, "B"), row.model_bytes),
                Cell(percent(row.utilization), row.utilization),
            )
            for row in comparison.rows
        ),
    )


def _ops(comparison: Comparison) -> Listing:
    first, last = comparison.rows[0], comparison.rows[-1]
    return Listing(
        name="ops",
        short="Ops",
        title=f"Ops in {first.precision} and in {last.precision}",
        columns=(
            "op", f"cycles in {first.precision}", f"cycles in {last.precision}", "speed-up", "bound by before", "after",
            f"energy in {first.precision}", f"energy in {last.precision}",
        ),
        lines=flat_lines(
            (
                Cell(op.name),
                Cell(f"{op.cycles_before:,}", op.cycles_before),
                Cell(f"{op.cycles_after:,}", op.cycles_after),
                _speedup(op.cycles_before, op.cycles_after),
                Cell(limit_text(op.limit_before)),
                Cell(limit_text(op.limit_after)),
                Cell(joules(op.energy_before_aj), op.energy_before_aj / ATTOJOULES_PER_MILLIJOULE),
                Cell(joules(op.energy_after_aj), op.energy_after_aj / ATTOJOULES_PER_MILLIJOULE),
            )
            for op in comparison.ops
        ),
    )  # fmt: skip


def _speedup(before: int, after: int) -> Cell:
    return Cell(times_text(before / after), before / after) if after else Cell("", 0.0)
