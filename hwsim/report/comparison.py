"""What `compare` prints: the precisions side by side, and change by change what separates the first from the last."""

from collections.abc import Sequence
from fractions import Fraction
from math import prod

from rich.table import Table
from rich.text import Text

from hwsim.core.result import Comparison
from hwsim.core.waterfall import Change, SlowerOp, WaterfallStep
from hwsim.report.figures import figure, joules, percent, scaled, seconds
from hwsim.report.tables import Screen, limit_text, new_table, render

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
            seconds(row.latency_ms / 1000),
            figure(row.rtf),
            _times(row.speedup),
            joules(row.energy_aj),
            _times(row.energy_gain),
            scaled(row.dram_bytes, "B"),
            scaled(row.model_bytes, "B"),
            _times(row.compression_vs_fp32),
            percent(row.utilization),
        )
    return render((title, table, *_waterfall(comparison), *_slower(comparison)), screen)


def _waterfall(comparison: Comparison) -> list[Table]:
    """Two tables, one of time and one of energy; beside each gain that of the same change in the other order."""
    steps, other = comparison.waterfall, comparison.waterfall_other_order
    if not steps:
        return []
    first, last = comparison.rows[0].precision, comparison.rows[-1].precision
    begin, end = steps[0], steps[-1]
    time = new_table(
        "change", "cycles", "saved", "speed-up", "other order", title=f"From {first} to {last}: time, change by change"
    )
    time.add_row(first, f"{begin.cycles_before:,}", "", "", "")
    energy = new_table(
        "change", "energy", "saved", "gain", "other order", title=f"From {first} to {last}: energy, change by change"
    )
    energy.add_row(first, joules(begin.energy_before_aj), "", "", "")
    for step in steps:
        name, beside = _name(step), _same_changes(step, other)
        if step.changes != (Change.MAC_PRICE,):  # time does not know of prices
            speedup = _product([one.speedup for one in beside])
            saved = f"{step.cycles_saved:,}"
            time.add_row(name, f"{step.cycles_after:,}", saved, _times(step.speedup), _times(speedup))
        gain = _product([one.energy_gain for one in beside])
        saved = _signed_joules(step.energy_saved_aj)
        energy.add_row(name, joules(step.energy_after_aj), saved, _times(step.energy_gain), _times(gain))
    speedup, gain = _product([one.speedup for one in steps]), _product([one.energy_gain for one in steps])
    saved = f"{sum(one.cycles_saved for one in steps):,}"
    time.add_row(f"all: {last}", f"{end.cycles_after:,}", saved, _times(speedup), _times(speedup))
    saved = _signed_joules(sum(one.energy_saved_aj for one in steps))
    energy.add_row(f"all: {last}", joules(end.energy_after_aj), saved, _times(gain), _times(gain))
    return [time, energy]


def _name(step: WaterfallStep) -> str:
    return ", ".join(change.value for change in step.changes)


def _same_changes(step: WaterfallStep, other: Sequence[WaterfallStep]) -> list[WaterfallStep]:
    """The steps of the other order that together make just these changes; none if some make others with them."""
    beside = [one for one in other if set(one.changes) & set(step.changes)]
    made = {change for one in beside for change in one.changes}
    return beside if made == set(step.changes) else []


def _product(gains: Sequence[Fraction | None]) -> Fraction | None:
    known = [gain for gain in gains if gain is not None]
    return prod(known, start=Fraction(1)) if known and len(known) == len(gains) else None


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


def _signed_joules(attojoules: int) -> str:
    return f"-{joules(-attojoules)}" if attojoules < 0 else joules(attojoules)


def _times(factor: float | Fraction | None) -> str:
    return "" if factor is None else f"{figure(float(factor))} ×"
