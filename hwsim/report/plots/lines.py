"""Figures of points: the real-time factor over streams or beam width, and the front of what no other point beats."""

from collections.abc import Callable, Sequence

from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from hwsim.errors import printable
from hwsim.report.numbers import figure as written
from hwsim.report.plots.axes import legend
from hwsim.report.plots.canvas import Canvas, Row, Rows
from hwsim.report.plots.looks import BLACK, GREY, STYLES, VERMILLION, looks_of

STREAMS_COLUMNS = ("streams", "rtf")
STREAMS_CAPTION = "The real-time factor of so many streams together; at most 1 is real time."
BEAM_COLUMNS = ("beam", "rtf")
BEAM_CAPTION = "The real-time factor with so many hypotheses; at most 1 is real time."
PARETO_COLUMNS = ("label", "latency_ms", "energy_mj", "on_front")
PARETO_CAPTION = "Points by latency and energy; of those on the front no other point takes less of both."

NAMED = 12
"""Of more points those on the front alone have their names beside them."""

LABELS = {
    "latency_ms": "latency [ms]", "energy_mj": "energy [mJ]", "rtf": "real-time factor", "area_mm2": "area [mm²]",
    "model_bytes": "model [B]", "dram_bytes": "DRAM traffic [B]", "streams": "streams together", "beam": "beam width",
}  # fmt: skip
"""What axes say of columns; of others the name of the column."""


def over(column: str) -> Callable[[Rows, Canvas], None]:
    """Draws the real-time factor over a column, a line for each value of `series`, if rows have that."""

    def draw(rows: Rows, canvas: Canvas) -> None:
        canvas.size(3.2)
        ax = canvas.axes()
        looks = looks_of([str(row.get("series", "")) for row in rows])
        handles = []
        for place, (series, look) in enumerate(looks.items()):
            points = sorted((row[column], row["rtf"]) for row in rows if str(row.get("series", "")) == series)
            (line,) = ax.plot(
                *zip(*points, strict=True), color=look.colour, marker=look.marker,
                linestyle=STYLES[place % len(STYLES)], markeredgecolor="black", markeredgewidth=0.5,
            )  # fmt: skip
            handles.append(line)
            for x, rtf in points:
                (mark,) = ax.plot(x, rtf, linestyle="", marker=look.marker, color=look.colour, markersize=7, alpha=0)
                canvas.note(mark, f"{series}{': ' if series else ''}{written(x)} {LABELS[column]}, RTF {written(rtf)}")
        (limit,) = ax.plot([], [], color=VERMILLION, linestyle="--")
        ax.axhline(1.0, color=VERMILLION, linestyle="--", linewidth=1)
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        values = sorted({row[column] for row in rows})
        shown = values if len(values) <= 12 else values[:: -(-len(values) // 12)]
        ax.set_xticks(shown, [f"{value:,}" for value in shown])
        ax.set_xticks([], minor=True)
        ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter("{x:g}")
        ax.set_xlabel(LABELS[column])
        ax.set_ylabel(LABELS["rtf"])
        ax.grid()
        named = [series for series in looks if series]
        legend(canvas, [*handles[: len(named)], limit], [*named, "real time"])

    return draw


def on_front(rows: Rows, costs: Sequence[str] = ("latency_ms", "energy_mj")) -> list[Row]:
    """The rows with `on_front`: whether no other row takes less of one cost and not more of all others.

    >>> found = on_front([{"a": 1, "b": 3}, {"a": 2, "b": 2}, {"a": 2, "b": 3}], ("a", "b"))
    >>> [row["on_front"] for row in found]
    [True, True, False]
    """

    def beats(one: Row, other: Row) -> bool:
        return all(one[cost] <= other[cost] for cost in costs) and any(one[cost] < other[cost] for cost in costs)

    return [{**row, "on_front": not any(beats(other, row) for other in rows)} for row in rows]


def front(x: str = "latency_ms", y: str = "energy_mj") -> Callable[[Rows, Canvas], None]:
    """Draws points by two costs, those on the front joined by steps; they have `label` and `on_front`."""

    def draw(rows: Rows, canvas: Canvas) -> None:
        canvas.size(3.2)
        ax = canvas.axes()
        best = sorted({(row[x], row[y]) for row in rows if row["on_front"]})
        ax.step(*zip(*best, strict=True), where="post", color=BLACK, linewidth=1.2, zorder=1)
        left = (min(row[x] for row in rows) + max(row[x] for row in rows)) / 2
        for row in rows:
            colour, marker = (VERMILLION, "D") if row["on_front"] else (GREY, "o")
            (point,) = ax.plot(
                row[x], row[y], linestyle="", marker=marker, color=colour, markeredgecolor="black", markersize=7,
                zorder=3,
            )  # fmt: skip
            canvas.note(
                point, f"{row['label']}: {LABELS.get(x, x)} {written(row[x])}, {LABELS.get(y, y)} {written(row[y])}"
            )
            if row["on_front"] or len(rows) <= NAMED:
                before = row[x] > left
                ax.annotate(
                    printable(row["label"]), (row[x], row[y]), xytext=(-7 if before else 7, 4),
                    textcoords="offset points", fontsize=7.5, ha="right" if before else "left",
                )  # fmt: skip
        ax.margins(0.12)
        ax.set_xlim(left=0)
        ax.set_ylim(bottom=0)
        ax.set_xlabel(LABELS.get(x, x))
        ax.set_ylabel(LABELS.get(y, y))
        ax.grid()
        marks = [("D", VERMILLION, "on the front"), ("o", GREY, "beaten by another")]
        handles = [
            Line2D([], [], linestyle="", marker=marker, color=colour, markeredgecolor="black")
            for marker, colour, _ in marks
        ]
        legend(canvas, handles, [name for *_, name in marks])

    return draw
