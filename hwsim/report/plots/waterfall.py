"""The waterfall from one precision to another, change by change, in both orders of the changes."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from hwsim.quantities.plain_data import ATTOJOULES_PER_MILLIJOULE, flat
from hwsim.report.gains import step_name
from hwsim.report.numbers import figure as written
from hwsim.report.plots.axes import areas_legend, beside, empty, height_of, line_of, name_lines
from hwsim.report.plots.canvas import Canvas, Row, Rows
from hwsim.report.plots.looks import BLUE, GREEN, VERMILLION, Look
from hwsim.results.result import Comparison

COLUMNS = ("order", "first", "last", "changes", "cycles_before", "cycles_after", "energy_before_aj", "energy_after_aj")
CAPTION = "What each change between the first and the last precision takes from cycles and energy, in two orders."

CHAIN, OTHER = "chain", "other order"
_TITLES = {CHAIN: "one change after another", OTHER: "in another order"}
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
    lines = max((sum(row["order"] == order for row in rows) for order in orders), default=0) + 2
    high = height_of(lines, canvas, legend=0)
    canvas.size(high * max(1, len(orders)) + 0.5, narrow=2 * high * max(1, len(orders)) + 0.5)
    if not orders:
        empty(canvas.axes(), "one precision alone")
        return
    places = iter(canvas.grid(2 * len(orders), 2))
    drawn = {order: [row for row in rows if row["order"] == order] for order in orders}
    for steps in drawn.values():
        for what, factor, unit in (("cycles", 1e6, "Mcycles"), ("energy", 1.0, "mJ")):
            most = max(level for order in drawn.values() for level in _levels(order, what, factor))
            ax = next(places)
            _panel(ax, steps, what, factor, unit, canvas)
            ax.set_xlim(0, 1.18 * most or 1.0)  # as wide in both orders, so that equal bars are equally long
    areas_legend(canvas, {"a whole run": _WHOLE, "saved": _LESS, "added": _MORE})


def _panel(ax: Axes, steps: Sequence[Row], what: str, factor: float, unit: str, canvas: Canvas) -> None:
    """A bar for each run and change, a change from where the run before it ends to where it leads."""
    levels = _levels(steps, what, factor)
    bars = [(steps[0]["first"], 0.0, levels[0], _WHOLE)]
    for row, before, after in zip(steps, levels, levels[1:], strict=False):
        bars.append((row["changes"], before, after, _LESS if after <= before else _MORE))
    bars.append((steps[0]["last"], 0.0, levels[-1], _WHOLE))
    for place, (name, begin, end, look) in enumerate(bars):
        middle, high = line_of(place, canvas)
        (bar,) = ax.barh(
            middle, end - begin, left=begin, height=high, color=look.colour, hatch=look.hatch, edgecolor="white"
        )
        sign = "" if look is _WHOLE or begin == end else "−" if look is _LESS else "+"
        said = f"{sign}{written(abs(end - begin))}"
        canvas.note(bar, f"{steps[0]['order']}, {name}: {said} {unit}")
        beside(ax, max(begin, end), place, said, canvas)
    name_lines(ax, [name for name, *_ in bars], canvas)
    ax.set_xlabel(f"{what} [{unit}]")
    ax.set_title(f"{what}, {_TITLES[steps[0]['order']]}")


def _levels(steps: Sequence[Row], what: str, factor: float) -> list[float]:
    """What the first run takes, and what each change leads to."""
    return [_value(steps[0], what, "before") / factor, *(_value(row, what, "after") / factor for row in steps)]


def _value(row: Row, what: str, when: str) -> float:
    whole: int = row[f"{what}_{when}{'_aj' if what == 'energy' else ''}"]
    return whole / ATTOJOULES_PER_MILLIJOULE if what == "energy" else float(whole)
