"""The figure of a band: two figures over what was not published, and the published point among them."""

from matplotlib.lines import Line2D

from hwsim.report.numbers import figure as written
from hwsim.report.plots.axes import legend, lines_of
from hwsim.report.plots.canvas import Canvas, Rows
from hwsim.report.plots.looks import BLACK, GREY, looks_of
from hwsim.results.study_outcome import BandOutcome

COLUMNS = ("axis", "end", "x", "y", "x_label", "y_label")
CAPTION = (
    "Two figures with what is not published at its ends: each field alone, joined to the run as it is, and drawn "
    "combinations of all of them; the hexagon is what was published."
)
WHITE = "#FFFFFF"
NOMINAL, CORNER, PUBLISHED = "as it is", "all together", "published"


def rows(band: BandOutcome) -> Rows:
    """A row a point, the published one last."""
    labels = {
        f"{axis}_label": quantity.label + (f" [{quantity.unit}]" if quantity.unit else "")
        for axis, quantity in (("x", band.x), ("y", band.y))
    }
    found = []
    for point in band.points:
        axis = NOMINAL if not point.ends else point.ends[0][0] if len(point.ends) == 1 else CORNER
        end = ", ".join(f"{name}: {says}" for name, says in point.ends)
        found.append({"axis": axis, "end": end, "x": point.x, "y": point.y, **labels})
    if band.x.published is not None and band.y.published is not None:
        found.append({"axis": PUBLISHED, "end": "", "x": band.x.published, "y": band.y.published, **labels})
    return found


def draw(rows: Rows, canvas: Canvas) -> None:
    """Points by both figures; those of one field alone joined to the run as it is."""
    axes = [row["axis"] for row in rows if row["axis"] not in (NOMINAL, CORNER, PUBLISHED)]
    looks = looks_of(axes)
    below = lines_of(len(looks) + 3, 3, wide=canvas.wide)
    canvas.size(3.6 + 0.2 * below, narrow=4.0 + 0.2 * below)
    ax = canvas.axes()
    nominal = next(row for row in rows if row["axis"] == NOMINAL)
    for row in rows:
        if row["axis"] == CORNER:
            (mark,) = ax.plot(
                row["x"], row["y"], linestyle="", marker="o", color=GREY, markersize=5, alpha=0.8, zorder=2
            )
        elif row["axis"] == NOMINAL:
            (mark,) = ax.plot(row["x"], row["y"], linestyle="", marker="*", color=BLACK, markersize=13, zorder=5)
        elif row["axis"] == PUBLISHED:
            (mark,) = ax.plot(
                row["x"], row["y"], linestyle="", marker="h", color=WHITE, markeredgecolor="black", markersize=12,
                zorder=6,
            )  # fmt: skip
        else:
            look = looks[row["axis"]]
            ax.plot([nominal["x"], row["x"]], [nominal["y"], row["y"]], color=look.colour, linewidth=1, zorder=3)
            (mark,) = ax.plot(
                row["x"], row["y"], linestyle="", marker=look.marker, color=look.colour, markeredgecolor="black",
                markersize=6.5, zorder=4,
            )  # fmt: skip
        what = row["axis"] if not row["end"] else row["end"]
        canvas.note(mark, f"{what}: {row['x_label']} {written(row['x'])}, {row['y_label']} {written(row['y'])}")
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set_xlabel(rows[0]["x_label"])
    ax.set_ylabel(rows[0]["y_label"])
    ax.grid()
    kinds = {PUBLISHED: ("h", WHITE), NOMINAL: ("*", BLACK), CORNER: ("o", GREY)}
    there = {row["axis"] for row in rows}
    shown = {name: look for name, look in kinds.items() if name in there}
    handles = [
        *(
            Line2D([], [], linestyle="", marker=marker, color=colour, markeredgecolor="black")
            for marker, colour in shown.values()
        ),
        *(Line2D([], [], marker=look.marker, color=look.colour, markeredgecolor="black") for look in looks.values()),
    ]
    legend(canvas, handles, [*shown, *looks], across=3)
