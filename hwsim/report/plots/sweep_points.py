"""Figures of a sweep: its points by two figures with the front among them, and how far each axis moves a figure."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hwsim.errors import printable
from hwsim.report.headline_words import headline_text
from hwsim.report.numbers import figure as written
from hwsim.report.plots.axes import empty, legend, line_of, name_lines
from hwsim.report.plots.canvas import Canvas, Row, Rows
from hwsim.report.plots.looks import BLACK, BLUE, GREY, ORANGE, SKY, VERMILLION
from hwsim.report.sweep_screen import NO_EFFECT, label_of, point_text
from hwsim.results.sweep import SweepOutcome, SweepRow, value_of
from hwsim.results.sweep_file import FIGURES, SQNR, more_is_better

FRONT_COLUMNS = ("row", "x", "y", "x_label", "y_label", "kind", "said")
FRONT_CAPTION = (
    "Points by two figures; of those on the front no other that satisfies the conditions is as good in both."
)
TORNADO_COLUMNS = ("figure", "axis", "value", "factor", "points", "reach")
TORNADO_CAPTION = "The geometric mean of a figure over all points with a value of an axis ÷ that over all points."

FRONT, FITS, MISSES = "on the front", "beaten by another", "misses a condition"
_KINDS = {FRONT: ("D", VERMILLION), FITS: ("o", SKY), MISSES: ("x", GREY)}
NAMED = 10
"""Points on the front that have their numbers beside them."""
WIDE_RANGE = 20.0
"""Figures that differ by more than this factor are drawn in powers of ten."""


def pair_of(best: Sequence[str]) -> tuple[str, str]:
    """The two figures that are drawn against each other: the first two that are sought, or latency with one.

    >>> pair_of(["energy"]), pair_of(["latency"]), pair_of(["area", "rtf", "power"])
    (('latency', 'energy'), ('latency', 'energy'), ('area', 'rtf'))
    """
    if len(best) > 1:
        return best[0], best[1]
    return ("latency", "energy" if best[0] == "latency" else best[0])


def front_rows(outcome: SweepOutcome) -> Rows:
    """A row a point that has both figures, the front first."""
    x, y = pair_of(outcome.best)
    known = [
        (row, a, b)
        for row in outcome.rows
        if (a := value_of(row, x)) is not None and (b := value_of(row, y)) is not None
    ]
    best = _on_front([(row, _cost(x, a), _cost(y, b)) for row, a, b in known if row.fits])
    rows = [
        {
            "row": row.number,
            "x": a,
            "y": b,
            "x_label": _axis_label(x),
            "y_label": _axis_label(y),
            "kind": FRONT if row.number in best else FITS if row.fits else MISSES,
            "said": _told(outcome, row, (x, a), (y, b)) if row.number in best else "",
        }
        for row, a, b in known
    ]
    return sorted(rows, key=lambda row: (row["kind"] != FRONT, row["x"], row["row"]))


def _told(outcome: SweepOutcome, row: SweepRow, *figures: tuple[str, float]) -> str:
    """What a point of the front says when somebody points at it."""
    return ", ".join([f"row {row.number}, {point_text(outcome, row)}", *(_said(*one) for one in figures)])


def _cost(name: str, value: float) -> float:
    return -value if more_is_better(name) else value


def _on_front(points: Sequence[tuple[SweepRow, float, float]]) -> set[int]:
    """The numbers of the points that no other beats in both costs."""
    found, least = set(), float("inf")
    for row, _, cost in sorted(points, key=lambda point: (point[1], point[2], point[0].number)):
        if cost < least:
            found.add(row.number)
            least = cost
    return found


def _said(name: str, value: float) -> str:
    return f"{label_of(name)} {headline_text(FIGURES[name], value) if name in FIGURES else written(value)}"


def _axis_label(name: str) -> str:
    unit = FIGURES[name].unit if name in FIGURES else "dB" if name == SQNR else ""
    return f"{label_of(name)} [{unit}]" if unit and unit != label_of(name) else label_of(name)


def draw_front(rows: Rows, canvas: Canvas) -> None:
    """Points by two figures, those on the front joined by steps."""
    canvas.size(4.2, narrow=4.2)
    ax = canvas.axes()
    if not rows:
        empty(ax, "no points")
        return
    shown = [kind for kind in _KINDS if any(row["kind"] == kind for row in rows)]
    for order, kind in enumerate(reversed(shown)):
        marker, colour = _KINDS[kind]
        if kind == FRONT:
            continue
        own = [row for row in rows if row["kind"] == kind]
        ax.plot(
            [row["x"] for row in own], [row["y"] for row in own], linestyle="", marker=marker, color=colour,
            markersize=4.5, markeredgecolor=colour if marker == "x" else "black", markeredgewidth=0.4, zorder=2 + order,
        )  # fmt: skip
    best = [row for row in rows if row["kind"] == FRONT]
    ax.plot([row["x"] for row in best], [row["y"] for row in best], color=BLACK, linewidth=1, zorder=5)
    for place, row in enumerate(best):
        (mark,) = ax.plot(
            row["x"], row["y"], linestyle="", marker="D", color=VERMILLION, markeredgecolor="black", markersize=7,
            zorder=6,
        )  # fmt: skip
        canvas.note(mark, row["said"])
        if len(best) <= NAMED or place in (0, len(best) - 1):
            ax.annotate(
                f"row {row['row']}",
                (row["x"], row["y"]),
                xytext=(6, 5),
                textcoords="offset points",
                fontsize=7,
                zorder=7,
                bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.5},
            )
    for axis, scale in (("x", ax.set_xscale), ("y", ax.set_yscale)):
        values = [row[axis] for row in rows]
        if min(values) > 0 and max(values) / min(values) > WIDE_RANGE:
            scale("log")
    ax.margins(0.08)
    ax.set_xlabel(rows[0]["x_label"])
    ax.set_ylabel(rows[0]["y_label"])
    ax.grid()
    handles = [
        Line2D(
            [], [], linestyle="", marker=_KINDS[kind][0], color=_KINDS[kind][1],
            markeredgecolor=GREY if kind == MISSES else "black",
        )
        for kind in shown
    ]  # fmt: skip
    legend(canvas, handles, shown)


def tornado_rows(outcome: SweepOutcome) -> Rows:
    """A row a figure, axis and value, the axis that moves the figure most first."""
    return [
        {
            "figure": label_of(one.figure),
            "axis": one.axis,
            "value": level.value,
            "factor": level.factor,
            "points": level.points,
            "reach": one.reach,
        }
        for one in outcome.sensitivity
        for level in one.levels
    ]


def draw_tornado(rows: Rows, canvas: Canvas) -> None:
    """A tornado for each figure: how far the values of each axis move it, on average over all other axes."""
    figures = list(dict.fromkeys(row["figure"] for row in rows))
    most = max((len(_axes_of(rows, name)) for name in figures), default=1)
    height = 1.1 + (0.36 if canvas.wide else 0.46) * most
    lines = -(-len(figures) // (2 if canvas.wide else 1))
    canvas.size(height * max(1, lines) + 0.3, narrow=height * max(1, len(figures)) + 0.3)
    if not rows:
        empty(canvas.axes(), "no axis moves a figure")
        return
    for ax, name in zip(canvas.grid(len(figures), 2), figures, strict=True):
        _tornado(ax, [row for row in rows if row["figure"] == name], name, canvas)


LONGEST_AXIS, LONGEST_VALUE = 36, 28
"""Characters that a figure has room for."""


def _short(text: str, longest: int) -> str:
    return printable(text if len(text) <= longest else f"{text[: longest - 1]}…")


def _axes_of(rows: Rows, figure: str) -> list[str]:
    return list(dict.fromkeys(row["axis"] for row in rows if row["figure"] == figure))


def _tornado(ax: Axes, rows: Rows, figure: str, canvas: Canvas) -> None:
    axes = _axes_of(rows, figure)
    for place, axis in enumerate(axes):
        middle, high = line_of(place, canvas)
        own = [row for row in rows if row["axis"] == axis]
        if own[0]["reach"] < NO_EFFECT:
            ax.annotate(
                "moves nothing", (1, middle), xytext=(4, 0), textcoords="offset points", fontsize=7, va="center"
            )
            continue
        for row, colour in _ends(own):
            (drawn,) = ax.barh(middle, row["factor"] - 1, left=1, height=high, color=colour, edgecolor="white")
            canvas.note(drawn, f"{figure} with {axis} = {row['value']}: {written(row['factor'])} × the mean")
            right = row["factor"] >= 1
            ax.annotate(
                _short(row["value"], LONGEST_VALUE), (row["factor"], middle), xytext=(3 if right else -3, 0),
                textcoords="offset points", fontsize=7, va="center", ha="left" if right else "right",
            )  # fmt: skip
    ax.axvline(1.0, color=BLACK, linewidth=0.8)
    ax.set_xscale("log")
    factors = [row["factor"] for row in rows]
    low, high = min(factors), max(factors)
    room = max(1.15, (high / low) ** 0.35)
    ax.set_xlim(low / room, high * room)
    ticks = _ticks(low / room, high * room)
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xticks([], minor=True)
    name_lines(ax, [_short(axis, LONGEST_AXIS) for axis in axes], canvas)
    ax.set_xlabel("× the mean over all points")
    ax.set_title(figure)


_TICKS = (
    (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.25, 1.5, 2),
    (0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2),
    (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10),
    (0.001, 0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100, 1000),
)
"""Factors that an axis may name, from close ones to distant ones."""
NEAREST = 0.07
"""How close two of them may be, as a share of the axis."""


def _ticks(low: float, high: float) -> list[float]:
    """Factors that an axis between these names."""
    span = math.log(high / low)
    for factors in _TICKS:
        ticks = [tick for tick in factors if low <= tick <= high]
        if all(math.log(b / a) > NEAREST * span for a, b in pairwise(ticks)):
            return ticks
    return [1]


def _ends(rows: Rows) -> Iterator[tuple[Row, str]]:
    """The values of an axis with the least and with the most of the figure."""
    ordered = sorted(rows, key=lambda row: row["factor"])
    yield ordered[0], BLUE
    yield ordered[-1], ORANGE
