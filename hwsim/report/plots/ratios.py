"""The figure of ratios: by how many times one thing is better than another, a line a row, a mark a column."""

from hwsim.report.numbers import figure as written
from hwsim.report.plots.axes import empty, line_of, name_lines, points_legend
from hwsim.report.plots.canvas import Canvas, Rows
from hwsim.report.plots.looks import BLACK, GREY, looks_of
from hwsim.results.study_outcome import TableOutcome

COLUMNS = ("name", "what", "ratio")
CAPTION = "By how many times each is better; 1 is no change."


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
    high = 1.4 + 0.32 * len(names)
    canvas.size(high, narrow=high + 0.4)
    ax = canvas.axes()
    if not rows:
        empty(ax, "no ratios")
        return
    ax.axvline(1.0, color=BLACK, linewidth=0.8)
    for place, name in enumerate(names):
        mine, (line, _) = [row for row in rows if row["name"] == name], line_of(place, canvas)
        ax.plot(
            [min(1.0, *(row["ratio"] for row in mine)), max(row["ratio"] for row in mine)],
            [line, line],
            color=GREY,
            linewidth=1,
        )
        for row in mine:
            look = looks[row["what"]]
            (mark,) = ax.plot(
                row["ratio"], line, linestyle="", marker=look.marker, color=look.colour, markeredgecolor="black",
                markersize=7,
            )  # fmt: skip
            canvas.note(mark, f"{name}, {row['what']}: {written(row['ratio'])} ×")
    name_lines(ax, names, canvas)
    ax.set_xlim(left=0)
    ax.margins(x=0.08)
    ax.set_xlabel("times")
    ax.grid(axis="x")
    points_legend(canvas, looks)
