"""What several figures draw alike: lines with a name each, stacks of bars, legends beside the data, scales of units."""

from collections.abc import Mapping, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hwsim.errors import printable
from hwsim.report.plots.canvas import Canvas
from hwsim.report.plots.looks import Look

EDGE = "white"
_LINE, _NARROW_LINE = 0.235, 0.33
"""Inches of a line with a name."""

_SCALES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


def scale_of(largest: float) -> tuple[float, str]:
    """By what values are divided, and the prefix of the unit, so that the largest has few digits.

    >>> scale_of(2.5e7), scale_of(12), scale_of(0)
    ((1000000.0, 'M'), (1.0, ''), (1.0, ''))
    """
    return next((scale for scale in _SCALES if largest >= scale[0]), (1.0, ""))


def height_of(lines: int, canvas: Canvas, *, legend: int = 1) -> float:
    """How high a figure with so many named lines is, with its title, its axis and lines of a legend."""
    return max(0.5, (_LINE if canvas.wide else _NARROW_LINE) * lines) + 0.9 + 0.2 * legend


def line_of(place: float, canvas: Canvas) -> tuple[float, float]:
    """Where the bar of a line lies and how high it is; in the narrow layout its name stands above it."""
    return (place, 0.72) if canvas.wide else (place + 0.2, 0.44)


def name_lines(ax: Axes, names: Sequence[str], canvas: Canvas) -> None:
    """A line for each name, the first on top: beside the axes or, in the narrow layout, above the bars."""
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(axis="x")
    names = [printable(name) for name in names]
    if canvas.wide:
        ax.set_yticks(range(len(names)), names, fontsize=8)
        return
    ax.set_yticks([])
    for place, name in enumerate(names):
        ax.annotate(
            name, (0, place - 0.04), xycoords=("axes fraction", "data"), xytext=(2, 0), textcoords="offset points",
            va="bottom", ha="left", fontsize=7, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.3},
        )  # fmt: skip


def bars(ax: Axes, place: float, pieces: Sequence[tuple[float, Look, str]], canvas: Canvas) -> float:
    """Pieces of a bar one behind another, each with what it says; where the bar ends."""
    at, (middle, high) = 0.0, line_of(place, canvas)
    for value, look, said in pieces:
        if not value:
            continue
        (drawn,) = ax.barh(
            middle, value, left=at, height=high, color=look.colour, hatch=look.hatch, edgecolor=EDGE, linewidth=0.5
        )
        canvas.note(drawn, said)
        at += value
    return at


def beside(ax: Axes, value: float, place: float, text: str, canvas: Canvas) -> None:
    """A text behind the end of a bar."""
    ax.annotate(
        text, (value, line_of(place, canvas)[0]), xytext=(3, 0), textcoords="offset points", va="center", ha="left",
        fontsize=7.5,
    )  # fmt: skip


def from_nothing(ax: Axes, room: float) -> None:
    """Bars begin at the axis, with room behind the longest one for its text. Left to itself, an axis would begin at the
    smallest piece of a bar."""
    ax.margins(x=room)
    ax.set_xlim(left=0)


def areas_legend(canvas: Canvas, looks: Mapping[str, Look], *, across: int = 4) -> int:
    """A legend of areas below the axes; how many lines it takes."""
    handles = [Patch(facecolor=look.colour, hatch=look.hatch, edgecolor=EDGE) for look in looks.values()]
    return legend(canvas, handles, list(looks), across=across)


def points_legend(canvas: Canvas, looks: Mapping[str, Look], *, across: int = 4) -> int:
    """A legend of points below the axes."""
    handles = [
        Line2D([], [], linestyle="", marker=look.marker, color=look.colour, markeredgecolor="black", markersize=6)
        for look in looks.values()
    ]
    return legend(canvas, handles, list(looks), across=across)


def legend(canvas: Canvas, handles: Sequence[Artist], names: Sequence[str], *, across: int = 4) -> int:
    """A legend outside the axes, where it hides nothing; how many lines it takes."""
    across = min(len(names), across if canvas.wide else max(1, across // 2))
    if not names:
        return 0
    canvas.figure.legend(
        list(handles),
        [printable(name) for name in names],
        loc="outside lower center",
        ncols=across,
        handlelength=1.6,
        columnspacing=1.2,
    )
    return -(-len(names) // across)


def lines_of(names: int, across: int, *, wide: bool) -> int:
    """How many lines a legend with so many names takes."""
    return -(-names // max(1, across if wide else across // 2))


def in_order(names: Sequence[str], looks: Mapping[str, Look]) -> dict[str, Look]:
    """The looks of those names that occur, in the order of the table."""
    return {name: look for name, look in looks.items() if name in set(names)}


def empty(ax: Axes, text: str) -> None:
    """What stands where there is nothing to draw."""
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)
    ax.set_xticks([])
    ax.set_yticks([])
