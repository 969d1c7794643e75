"""The figure of an allocation: the least that layers lose within any budget, and what runs within some came to."""

from matplotlib.lines import Line2D

from hwsim.report.allocation_screen import LOSSES, cost_text, gap_text
from hwsim.report.plots.axes import legend
from hwsim.report.plots.canvas import Canvas, Row, Rows
from hwsim.report.plots.looks import BLUE, GREY, ORANGE, VERMILLION
from hwsim.results.allocation import AllocationOutcome, Judged, Sensing, Spent, decibels

COLUMNS = ("series", "name", "cost", "value", "measured", "x_label", "y_label", "said")
CAPTION = (
    "The least that layers lose within a limit, by the sum over layers; points are runs of the whole network, "
    "with what their outputs lost."
)

EXACT, GREEDY, UNIFORM, BUDGET = "least by the sum", "greedy", "one policy throughout", "within a budget"
_SCALES = {Spent.MODEL: (1e-6, "stored [MB]"), Spent.ENERGY: (1e-15, "energy [mJ]"), Spent.CYCLES: (1e-6, "Mcycles")}


def rows(outcome: AllocationOutcome) -> Rows:
    """A row a point of each line, a policy and a budget; decibels, where noise at the output is made least."""
    factor, x_label = _SCALES[outcome.spent]
    beside = " with ".join(["stored", *(one.workload for one in outcome.beside)])
    labels = {
        "x_label": f"{beside} [MB]" if outcome.spent is Spent.MODEL else x_label,
        "y_label": "SQNR at the output [dB]" if outcome.sensing is Sensing.SQNR else LOSSES[outcome.sensing],
    }

    def row(series: str, name: str, cost: int, lost: float, measured: float | None, said: str = "") -> Row:
        value = decibels(lost) if outcome.sensing is Sensing.SQNR else lost
        return {
            "series": series, "name": name, "cost": cost * factor, "value": value, "measured": measured, "said": said,
            **labels,
        }  # fmt: skip

    lines = [
        row(series, "", point.cost if series == EXACT else point.limit, lost, None)
        for series in (EXACT, GREEDY)
        for point in outcome.curve
        for lost in (point.sensitivity if series == EXACT else point.greedy,)
    ]
    uniform = [
        row(
            UNIFORM, one.policy, one.cost, one.sensitivity, _measured(one.judged, outcome.sensing),
            f"all {one.policy}: {cost_text(one.cost, outcome)}",
        )
        for one in outcome.uniform
    ]  # fmt: skip
    budgets = [
        row(
            BUDGET, one.budget, one.taken, one.sensitivity, _measured(one.judged, outcome.sensing),
            f"within {one.budget}: {cost_text(one.taken, outcome)}, greedy {gap_text(one)}",
        )
        for one in outcome.chosen
    ]  # fmt: skip
    return [one for one in (*lines, *uniform, *budgets) if one["value"] is not None]


def _measured(judged: Judged, sensing: Sensing) -> float | None:
    """What the run itself lost, in the measure of the axis, where it is one of outputs."""
    return {Sensing.SQNR: judged.sqnr_db, Sensing.KL: judged.divergence}.get(sensing)


def draw(rows: Rows, canvas: Canvas) -> None:
    """Both lines, and the points."""
    canvas.size(4.0, narrow=4.0)
    ax = canvas.axes()
    for series, colour, style in ((GREEDY, ORANGE, "--"), (EXACT, BLUE, "-")):
        line = sorted((row["cost"], row["value"]) for row in rows if row["series"] == series)
        if line:
            ax.plot(*zip(*line, strict=True), color=colour, linestyle=style, linewidth=1.4, zorder=2)
    for series, colour, marker, across, align in (
        (UNIFORM, GREY, "s", 7, "left"),
        (BUDGET, VERMILLION, "D", -7, "right"),
    ):
        for row in (row for row in rows if row["series"] == series):
            at = row["value"] if row["measured"] is None else row["measured"]
            (mark,) = ax.plot(
                row["cost"], at, linestyle="", marker=marker, color=colour, markeredgecolor="black", markersize=7,
                zorder=4,
            )  # fmt: skip
            canvas.note(mark, row["said"])
            ax.annotate(
                row["name"], (row["cost"], at), xytext=(across, -9 if series == UNIFORM else 5),
                textcoords="offset points", fontsize=7.5, ha=align, zorder=5,
            )  # fmt: skip
    if rows and not rows[0]["y_label"].endswith("[dB]") and min(row["value"] for row in rows) > 0:
        ax.set_yscale("log")
    ax.margins(0.09)
    ax.set_xlabel(rows[0]["x_label"] if rows else "")
    ax.set_ylabel(rows[0]["y_label"] if rows else "")
    ax.grid()
    marks = {
        EXACT: Line2D([], [], color=BLUE),
        GREEDY: Line2D([], [], color=ORANGE, linestyle="--"),
        UNIFORM: Line2D([], [], linestyle="", marker="s", color=GREY, markeredgecolor="black"),
        BUDGET: Line2D([], [], linestyle="", marker="D", color=VERMILLION, markeredgecolor="black"),
    }
    legend(canvas, list(marks.values()), list(marks))
