"""Figures of predictions beside what was published: by how much each is off, and both on one sheet."""

from collections.abc import Sequence

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hwsim.report.numbers import figure as written
from hwsim.report.plots.axes import empty, legend, line_of, name_lines, points_legend
from hwsim.report.plots.canvas import Canvas, Row, Rows
from hwsim.report.plots.looks import BLACK, BLUE, GREY, VERMILLION, Look, looks_of
from hwsim.report.study_tables import difference
from hwsim.results.study_outcome import ClaimOutcome

WITHIN = 0.25
"""By how much a prediction may be off and still count as near."""

_NEAR, _FAR = Look(BLUE), Look(VERMILLION, marker="D")

TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)

COLUMNS = ("what", "unit", "published", "predicted")
CAPTION = "Predictions over what was published or measured; the grey band is 25 % to either side."
SCATTER_CAPTION = "Predicted and published figures; the grey band is 25 % to either side of equality."


def rows(outcomes: Sequence[ClaimOutcome]) -> Rows:
    """A row a published figure."""
    return [
        {
            "what": one.claim.what,
            "unit": one.claim.unit or "",
            "published": one.claim.published,
            "predicted": one.predicted,
        }
        for one in outcomes
    ]


def _told(row: Row) -> str:
    unit = f" {row['unit']}" if row["unit"] else ""
    return f"{row['what']}: published {written(row['published'])}{unit}, predicted {written(row['predicted'])}{unit}"


def draw(rows: Rows, canvas: Canvas) -> None:
    """A line a figure: how many times what was published is predicted."""
    tall = 1.7 + 0.3 * len(rows)
    canvas.size(tall, narrow=tall + 0.4)
    ax = canvas.axes()
    if not rows:
        empty(ax, "no published figures")
        return
    ax.axvspan(1 - WITHIN, 1 + WITHIN, color=GREY, alpha=0.25, linewidth=0)
    ax.axvline(1.0, color=BLACK, linewidth=0.8)
    for place, row in enumerate(rows):
        ratio, (line, _) = row["predicted"] / row["published"], line_of(place, canvas)
        look = _NEAR if abs(ratio - 1) <= WITHIN else _FAR
        ax.plot([1.0, ratio], [line, line], color=GREY, linewidth=1)
        (mark,) = ax.plot(
            ratio, line, linestyle="", marker=look.marker, color=look.colour, markeredgecolor="black", markersize=6.5,
        )  # fmt: skip
        canvas.note(mark, _told(row))
        ax.annotate(
            difference(row["predicted"], row["published"]), (ratio, line), xytext=(8 if ratio >= 1 else -8, 0),
            textcoords="offset points", fontsize=7.5, va="center", ha="left" if ratio >= 1 else "right",
        )  # fmt: skip
    name_lines(ax, [row["what"] for row in rows], canvas)
    ax.set_xscale("log")
    ratios = [1 - WITHIN, 1 + WITHIN, *(row["predicted"] / row["published"] for row in rows)]
    room = 1.6 if canvas.wide else 2.4  # for what stands beside the outermost marks
    ax.set_xlim(min(ratios) / room, max(ratios) * room)
    low, high = ax.get_xlim()
    ticks = [tick for tick in TICKS if low <= tick <= high]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("predicted ÷ published")
    ax.grid(axis="x")
    points_legend(canvas, {f"within {WITHIN:.0%}".replace("%", " %"): _NEAR, "further off": _FAR})


def draw_scatter(rows: Rows, canvas: Canvas) -> None:
    """Predicted over published, a look for each unit, both axes in powers of ten."""
    canvas.size(4.6, narrow=4.6)
    ax = canvas.axes()
    if not rows:
        empty(ax, "no published figures")
        return
    values = [value for row in rows for value in (row["published"], row["predicted"])]
    low, high = min(values) / 2, max(values) * 2
    ax.fill_between(
        [low, high], [low * (1 - WITHIN), high * (1 - WITHIN)], [low * (1 + WITHIN), high * (1 + WITHIN)],
        color=GREY, alpha=0.25, linewidth=0,
    )  # fmt: skip
    ax.plot([low, high], [low, high], color=BLACK, linewidth=0.8)
    looks = looks_of([row["unit"] for row in rows])
    for row in rows:
        look = looks[row["unit"]]
        (mark,) = ax.plot(
            row["published"], row["predicted"], linestyle="", marker=look.marker, color=look.colour,
            markeredgecolor="black", markersize=6.5,
        )  # fmt: skip
        canvas.note(mark, _told(row))
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set_xlim(low, high)
    ax.set_ylim(low, high)
    ax.set_aspect("equal")
    ax.set_xlabel("published or measured")
    ax.set_ylabel("predicted")
    ax.grid()
    handles = [
        Line2D([], [], linestyle="", marker=look.marker, color=look.colour, markeredgecolor="black")
        for look in looks.values()
    ]
    legend(canvas, [*handles, Patch(color=GREY, alpha=0.25)], [*(unit or "ratio" for unit in looks), "within 25 %"])
