"""The figure of ratios: by how many times one thing is better than another, a line a row, a mark a column."""

from hwsim.report.numbers import figure as written
from hwsim.report.plots.axes import empty, line_of, name_lines, points_legend
from hwsim.report.plots.canvas import Canvas, Rows
from hwsim.report.plots.looks import BLACK, GREY, looks_of
from hwsim.results.study_outcome import TableOutcome

COLUMNS = ("name", "what", "ratio")
CAPTION = "By how many times each is better; 1 is no change, and left of it is worse."
SPREAD = 10.0
"""From which largest over smallest ratio on the axis is in powers of ten, where small ones would lie on each other."""

TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
_APART = 0.16
"""How far marks of one line stand above each other, as a part of a line: equal ratios would hide each other."""


def rows(table: TableOutcome) -> Rows:
    """A row for each cell of the columns that are ratios."""
    return [
        {"name": row.name, "what": column.head, "ratio": value}
        for row in table.rows
        for column, value in zip(table.columns, row.figures, strict=True)
        if column.ratio and isinstance(value, float)
    ]


def draw(rows: Rows, canvas: Canvas) -> None:
    """Marks along lines."""
    names = list(dict.fromkeys(row["name"] for row in rows))
    looks = looks_of([row["what"] for row in rows])
    tall = 1.4 + 0.36 * len(names)
    canvas.size(tall, narrow=tall + 0.4)
    ax = canvas.axes()
    if not rows:
        empty(ax, "no ratios")
        return
    ax.axvline(1.0, color=BLACK, linewidth=0.8)
    for place, name in enumerate(names):
        middle, _ = line_of(place, canvas)
        for row in (row for row in rows if row["name"] == name):
            look, rank = looks[row["what"]], list(looks).index(row["what"])
            line = middle + _APART * (rank - (len(looks) - 1) / 2)
            ax.plot([1.0, row["ratio"]], [line, line], color=GREY, linewidth=1)
            (mark,) = ax.plot(
                row["ratio"], line, linestyle="", marker=look.marker, color=look.colour, markeredgecolor="black",
                markersize=7,
            )  # fmt: skip
            canvas.note(mark, f"{name}, {row['what']}: {written(row['ratio'])} ×")
    name_lines(ax, names, canvas)
    ratios = [1.0, *(row["ratio"] for row in rows)]
    low, high = min(ratios), max(ratios)
    if low > 0 and high / low >= SPREAD:
        ax.set_xscale("log")
        ax.set_xlim(low / 1.25, high * 1.25)
        ticks = [tick for tick in TICKS if low / 1.25 <= tick <= high * 1.25]
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.set_xticks([], minor=True)
    else:
        ax.set_xlim(0, 1.08 * high)
    ax.set_xlabel("times as good [×]")
    ax.grid(axis="x")
    points_legend(canvas, looks)
