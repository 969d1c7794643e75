"""The page of a comparison: its first screen, its figures, precisions and ops side by side, provenance."""

from collections import Counter
from collections.abc import Iterable, Sequence

from hwsim.quantities.plain_data import ATTOJOULES_PER_MILLIJOULE
from hwsim.report.comparison_screen import comparison_screen
from hwsim.report.gains import times_text
from hwsim.report.numbers import figure, groups, joules, percent, scaled, seconds
from hwsim.report.page.listings import assumptions_listing, flat_lines, provenance_pairs
from hwsim.report.page.run import SCREENS
from hwsim.report.page.sheet import Cell, Line, Listing, Page, Shown
from hwsim.report.plots.ops import joined
from hwsim.report.plots.sets import comparison_drawings
from hwsim.report.tables import limit_text
from hwsim.results.result import Comparison
from hwsim.results.waterfall import ComparedOp
from hwsim.schedule.unit_table import Limit


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
            *([ops_listing(comparison)] if comparison.ops else []),
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


def ops_listing(comparison: Comparison) -> Listing:
    """All ops in both precisions, folded into groups of equal ones."""
    first, last = comparison.rows[0], comparison.rows[-1]
    lines: list[Line] = []
    for group in groups(comparison.ops, lambda op: op.name):
        several, place = len(group.members) > 1, len(lines)
        lines.append(_line(joined(group.name, len(group.members)), group.members, folds=several))
        if several:
            lines += [_line(op.name, [op], level=1, parent=place) for op in group.members]
    return Listing(
        name="ops",
        short="Ops",
        title=f"Ops in {first.precision} and in {last.precision}",
        columns=(
            "op", f"cycles in {first.precision}", f"cycles in {last.precision}", "speed-up", "bound by before", "after",
            f"energy in {first.precision}", f"energy in {last.precision}",
        ),
        lines=lines,
        depths=((0, "Groups"), (1, "Ops")),
    )  # fmt: skip


def _line(
    name: str, ops: Sequence[ComparedOp], *, level: int = 0, parent: int | None = None, folds: bool = False
) -> Line:
    before, after = sum(op.cycles_before for op in ops), sum(op.cycles_after for op in ops)
    spent, spends = sum(op.energy_before_aj for op in ops), sum(op.energy_after_aj for op in ops)
    cells = (
        Cell(name),
        Cell(f"{before:,}", before),
        Cell(f"{after:,}", after),
        Cell(times_text(before / after), before / after) if after else Cell("", 0.0),
        Cell(_usual((op.limit_before, op.cycles_before) for op in ops)),
        Cell(_usual((op.limit_after, op.cycles_after) for op in ops)),
        Cell(joules(spent), spent / ATTOJOULES_PER_MILLIJOULE),
        Cell(joules(spends), spends / ATTOJOULES_PER_MILLIJOULE),
    )
    return Line(cells, level, parent, folds)


def _usual(bounds: Iterable[tuple[Limit, int]]) -> str:
    """What binds with most of the cycles."""
    cycles = Counter[Limit]()
    for limit, taken in bounds:
        cycles[limit] += taken
    return limit_text(max(cycles, key=lambda limit: cycles[limit]))
