"""What `compare --full` prints: precisions side by side, and change by change what separates first and last."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from hwsim.report.energy import split_tables
from hwsim.report.gains import product, same_changes, step_name, times_text
from hwsim.report.numbers import figure, joules, percent, scaled, seconds
from hwsim.report.tables import Screen, limit_text, new_table, render
from hwsim.results.result import Comparison, ComparisonRow
from hwsim.results.waterfall import Change, SlowerOp

TOP = 10


def comparison_text(comparison: Comparison, screen: Screen) -> str:
    """The precisions of a comparison, side by side."""
    first = comparison.rows[0].precision
    title = Text.assemble(
        (comparison.workload, "bold"), " on ", (comparison.chip, "bold"), f", gains relative to {first}"
    )
    table = new_table("precision", "latency", "RTF", "speed-up", "energy", "gain", "DRAM", "model", "vs fp32", "array")
    for row in comparison.rows:
        table.add_row(
            row.precision,
            *time_and_energy(row),
            *sizes(row),
            times_text(row.compression_vs_fp32),
            percent(row.utilization),
        )
    blocks = (title, table, *_waterfall(comparison), *_slower(comparison), *split_tables(comparison))
    return render(blocks, screen)


def time_and_energy(row: ComparisonRow) -> tuple[str, ...]:
    """Latency, real-time factor, speed-up, energy and its gain, as both tables of precisions print them."""
    return (
        seconds(row.latency_ms / 1000),
        figure(row.rtf),
        times_text(row.speedup),
        joules(row.energy_aj),
        times_text(row.energy_gain),
    )


def sizes(row: ComparisonRow) -> tuple[str, str]:
    """What passed the DRAM, and the model."""
    return scaled(row.dram_bytes, "B"), scaled(row.model_bytes, "B")


def _waterfall(comparison: Comparison) -> list[Table]:
    """Two tables, one of time and one of energy; beside each gain that of the same change in the other order."""
    steps, other = comparison.waterfall, comparison.waterfall_other_order
    if not steps:
        return []
    first, last = comparison.rows[0].precision, comparison.rows[-1].precision
    begin, end = steps[0], steps[-1]
    title = f"From {first} to {last}: time, of the chip's cycles, change by change"
    time = new_table("change", "cycles", "saved", "speed-up", "other order", title=title)
    time.add_row(first, f"{begin.cycles_before:,}", "", "", "")
    energy = new_table(
        "change", "energy", "saved", "gain", "other order", title=f"From {first} to {last}: energy, change by change"
    )
    energy.add_row(first, joules(begin.energy_before_aj), "", "", "")
    for step in steps:
        name, beside = step_name(step), same_changes(step, other)
        if step.changes != (Change.MAC_PRICE,):  # time does not know of prices
            speedup = product([same.speedup for same in beside])
            saved = f"{step.cycles_saved:,}"
            time.add_row(name, f"{step.cycles_after:,}", saved, times_text(step.speedup), times_text(speedup))
        gain = product([same.energy_gain for same in beside])
        saved = joules(step.energy_saved_aj)
        energy.add_row(name, joules(step.energy_after_aj), saved, times_text(step.energy_gain), times_text(gain))
    speedup, gain = product([step.speedup for step in steps]), product([step.energy_gain for step in steps])
    saved = f"{sum(step.cycles_saved for step in steps):,}"
    time.add_row(f"all: {last}", f"{end.cycles_after:,}", saved, times_text(speedup), times_text(speedup))
    saved = joules(sum(step.energy_saved_aj for step in steps))
    energy.add_row(f"all: {last}", joules(end.energy_after_aj), saved, times_text(gain), times_text(gain))
    return [time, energy]


def _slower(comparison: Comparison) -> list[Table | Text]:
    """The ops that lose most cycles."""
    slower: Sequence[SlowerOp] = comparison.slower_ops
    if len(comparison.rows) < 2:
        return []
    first, last = comparison.rows[0].precision, comparison.rows[-1].precision
    if not slower:
        return [Text(f"No op takes more cycles in {last} than in {first}.")]
    title = f"Slower in {last} than in {first}: {len(slower)} ops"
    table = new_table("op", first, last, "before", "after", "why", title=title)
    for op in slower[:TOP]:
        cycles = f"{op.cycles_before:,}", f"{op.cycles_after:,}"
        table.add_row(op.name, *cycles, limit_text(op.limit_before), limit_text(op.limit_after), op.reason)
    return [table] if len(slower) <= TOP else [table, Text(f"and {len(slower) - TOP} more, which lose less")]
