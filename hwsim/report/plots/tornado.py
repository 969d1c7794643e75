"""The figure of a band: a tornado for each of the figures that are drawn, what moves it most on top."""

from matplotlib.axes import Axes

from hwsim.report.band import TORNADOS
from hwsim.report.headline_words import headline_text
from hwsim.report.plots.axes import areas_legend, line_of, name_lines
from hwsim.report.plots.canvas import Canvas, Row, Rows
from hwsim.report.plots.looks import BLUE, ORANGE, Look
from hwsim.results.band import Band
from hwsim.results.headline_figures import Headline

COLUMNS = ("figure", "unit", "as_it_is", "field", "low", "nominal", "high", "at_low", "at_high", "reach")
CAPTION = "What each field alone, at both its ends, makes of figures of the run."

MOST = 10
"""Fields of a tornado; those that move the figure less are left out."""

_LOW, _HIGH = Look(BLUE, "///"), Look(ORANGE)
_AXES = {Headline.DRAM: (1e-9, "GB"), Headline.MODEL: (1e-6, "MB")}
"""Factors and units of axes, where they are others than those of the figure."""


def rows(band: Band) -> Rows:
    """A row a figure and field, the field that moves it most first."""
    ends = {field.path: field for field in band.fields}
    return [
        {
            "figure": one.figure.value,
            "unit": one.figure.unit,
            "as_it_is": one.nominal,
            "field": swing.path,
            "low": ends[swing.path].low,
            "nominal": ends[swing.path].nominal,
            "high": ends[swing.path].high,
            "at_low": swing.at_low,
            "at_high": swing.at_high,
            "reach": swing.reach(one.nominal),
        }
        for one in band.figures
        for swing in one.tornado
    ]


def draw(rows: Rows, canvas: Canvas) -> None:
    """A tornado for each figure that anything moves."""
    drawn = [figure for figure in TORNADOS if moving(rows, figure)] or [TORNADOS[0]]
    lines = max(1, *(len(moving(rows, figure)) for figure in drawn))
    each = 1.2 + 0.36 * lines
    across = min(2, len(drawn))
    canvas.size(each * -(-len(drawn) // across) + 0.6, narrow=each * len(drawn) + 0.6)
    for figure, ax in zip(drawn, canvas.grid(len(drawn), across), strict=True):
        draw_tornado(rows, figure, ax, lines, canvas)
    areas_legend(canvas, {"the field at its low end": _LOW, "the field at its high end": _HIGH}, across=2)


def moving(rows: Rows, figure: Headline) -> list[Row]:
    """The rows of the fields that move a figure, as many as are drawn."""
    return [row for row in rows if row["figure"] == figure.value and row["reach"]][:MOST]


def draw_tornado(rows: Rows, figure: Headline, ax: Axes, lines: int, canvas: Canvas) -> None:
    """Bars from the figure as it is to the figure with each field alone at its low and at its high end; there is room
    for so many lines."""
    shown = moving(rows, figure)
    factor, unit = _AXES.get(figure, (1.0, figure.unit))
    as_it_is = next(row["as_it_is"] for row in rows if row["figure"] == figure.value)
    nominal = as_it_is * factor
    for place, row in enumerate(shown):
        middle, high = line_of(place, canvas)
        ends = [(row["at_low"], row["low"], _LOW), (row["at_high"], row["high"], _HIGH)]
        for right in (False, True):
            beyond = [(at * factor, text) for at, text, _ in ends if at != as_it_is and (at > as_it_is) is right]
            _label(ax, middle, beyond, right, small=not canvas.wide)
        # The longer bar first, so that none is hidden where both lie on one side.
        for at, text, look in sorted(ends, key=lambda end: -abs(end[0] - as_it_is)):
            (bar,) = ax.barh(
                middle, at * factor - nominal, left=nominal, height=high, color=look.colour, hatch=look.hatch,
                edgecolor="white",
            )  # fmt: skip
            canvas.note(bar, f"{row['field']} = {text}: {figure.label} {headline_text(figure, at)}")
    ax.axvline(nominal, color="0.2", linewidth=1)
    name_lines(ax, [row["field"] for row in shown], canvas)
    ax.set_ylim(lines - 0.5, -0.5)
    ax.margins(x=0.3)
    ax.set_xlabel(f"{figure.label} [{unit}]" if unit and unit != figure.label else figure.label)
    ax.set_title(f"{figure.label}: {headline_text(figure, as_it_is)} as it is")


def _label(ax: Axes, middle: float, ends: list[tuple[float, str]], right: bool, *, small: bool) -> None:
    """The values of the field whose bars lie on one side, beside the end of the longer one."""
    if not ends:
        return
    values = [value for value, _ in ends]
    ax.annotate(
        ", ".join(text for _, text in ends),
        (max(values) if right else min(values), middle),
        xytext=(4 if right else -4, 0),
        textcoords="offset points",
        va="center",
        ha="left" if right else "right",
        fontsize=6.5 if small else 8,
    )
