"""The waterfall from one precision to another, change by change, in both orders of the changes."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from hwsim.quantities.plain_data import flat
from hwsim.report.gains import step_name
from hwsim.report.plots.axes import areas_legend, empty
from hwsim.report.plots.canvas import Canvas, Row, Rows
from hwsim.report.plots.looks import BLUE, GREEN, VERMILLION, Look
from hwsim.report.tables import wrapped
from hwsim.results.result import Comparison

COLUMNS = ("order", "changes", "cycles_before", "cycles_after", "energy_before_mj", "energy_after_mj")
CAPTION = "What each change between the first and the last precision takes from cycles and energy, in two orders."

CHAIN, OTHER = "chain", "other order"
_WHOLE, _LESS, _MORE = Look(BLUE), Look(GREEN, "///"), Look(VERMILLION, "xxx")


def rows(comparison: Comparison) -> list[Row]:
    """A row a step of either order; the first and the last precision stand with each."""
    first, last = comparison.rows[0].precision, comparison.rows[-1].precision
    return [
        {"order": order, **flat(step), "changes": step_name(step), "first": first, "last": last}
        for order, steps in ((CHAIN, comparison.waterfall), (OTHER, comparison.waterfall_other_order))
        for step in steps
    ]


def draw(rows: Rows, canvas: Canvas) -> None:
    """Cycles and energy beside each other, one order below the other."""
    orders = [order for order in (CHAIN, OTHER) if any(row["order"] == order for row in rows)]
    canvas.size(2.6 * max(1, len(orders)) + 0.5, narrow=4.9 * max(1, len(orders)) + 0.5)
    if not orders:
        empty(canvas.axes(), "one precision alone")
        return
    places = iter(canvas.grid(2 * len(orders), 2))
    for order in orders:
        steps = [row for row in rows if row["order"] == order]
        _panel(next(places), steps, "cycles", 1e6, "Mcycles", canvas)
        _panel(next(places), steps, "energy", 1.0, "mJ", canvas)
    areas_legend(canvas, {"a whole run": _WHOLE, "saved": _LESS, "added": _MORE})


def _panel(ax: Axes, steps: Sequence[Row], what: str, factor: float, unit: str, canvas: Canvas) -> None:
    ends = [(_value(row, what, "before") / factor, _value(row, what, "after") / factor) for row in steps]
    bars = [(steps[0]["first"], 0.0, ends[0][0], _WHOLE)]
    for row, (before, after) in zip(steps, ends, strict=True):
        bars.append((row["changes"], min(before, after), abs(before - after), _LESS if after <= before else _MORE))
    bars.append((steps[0]["last"], 0.0, ends[-1][1], _WHOLE))
    top = max(low + high for _, low, high, _ in bars)
    for place, (name, low, high, look) in enumerate(bars):
        (bar,) = ax.bar(place, high, bottom=low, width=0.7, color=look.colour, hatch=look.hatch, edgecolor="white")
        sign = "" if look is _WHOLE else "−" if look is _LESS else "+"
        canvas.note(bar, f"{steps[0]['order']}, {name}: {sign}{high:.4g} {unit}")
        ax.annotate(
            f"{sign}{high:.3g}", (place, low + high), xytext=(0, 1), textcoords="offset points", ha="center", va="bottom",
            fontsize=7,
        )  # fmt: skip
    levels = [ends[0][0], *(after for _, after in ends)]
    for place, level in enumerate(levels):
        ax.plot([place - 0.35, place + 1.35], [level, level], color="black", linewidth=0.6)
    ax.set_xticks(range(len(bars)), ["\n".join(wrapped(name, 14)) for name, *_ in bars], fontsize=6.5)
    if max(len(name) for name, *_ in bars) > 4:
        ax.tick_params(axis="x", rotation=40)
        for tick in ax.get_xticklabels():
            tick.set_ha("right")
            tick.set_rotation_mode("anchor")
    ax.tick_params(axis="x", length=0)
    ax.set_ylim(0, top * 1.12)
    ax.set_ylabel(f"{what} [{unit}]")
    ax.set_title(f"{what}, {steps[0]['order']}", loc="left")


def _value(row: Row, what: str, when: str) -> float:
    return float(row[f"cycles_{when}"] if what == "cycles" else row[f"energy_{when}_aj"] / 10**15)
