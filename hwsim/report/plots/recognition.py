"""The figure of a recognition: error rates with their intervals, one precision beside another, and over energy."""

from matplotlib.axes import Axes

from hwsim.report.plots.axes import empty, line_of, name_lines, points_legend
from hwsim.report.plots.canvas import Canvas, Row, Rows
from hwsim.report.plots.looks import GREY, Look, looks_of
from hwsim.results.recognition import Recognitions

COLUMNS = ("precision", "token", "rate", "low", "high", "energy_per_audio_second_mj", "rtf", "model_bytes")
CAPTION = "Errors for each token that was said, with intervals of 95 %, and what a second of audio costs."


def rows(found: Recognitions) -> list[Row]:
    """A row a precision."""
    return [
        {
            "precision": run.label,
            "token": run.token,
            "rate": run.rate.rate,
            "low": run.rate.low,
            "high": run.rate.high,
            "energy_per_audio_second_mj": None if run.cost is None else run.cost.energy_per_audio_second_mj,
            "rtf": None if run.cost is None else run.cost.rtf,
            "model_bytes": None if run.cost is None else run.cost.model_bytes,
        }
        for run in found.runs
        if run.rates
    ]


def draw(rows: Rows, canvas: Canvas) -> None:
    """Lines with an interval each on one side, points over energy on the other."""
    names = list(dict.fromkeys(row["precision"] for row in rows))
    looks = looks_of(names)
    high = max(2.6, 1.4 + 0.32 * len(names))
    canvas.size(high, narrow=2 * high)
    beside, over = canvas.grid(2, 2)
    if not rows:
        empty(beside, "nothing was recognised")
        empty(over, "nothing was recognised")
        return
    draw_rates(rows, beside, looks, canvas)
    draw_costs(rows, over, looks, canvas)
    points_legend(canvas, looks)


def draw_rates(rows: Rows, ax: Axes, looks: dict[str, Look], canvas: Canvas) -> None:
    """A line for each precision: its rate, and the interval around it."""
    for place, row in enumerate(rows):
        line, look = line_of(place, canvas)[0], looks[row["precision"]]
        ax.plot([100 * row["low"], 100 * row["high"]], [line, line], color=GREY, linewidth=2)
        (mark,) = ax.plot(
            100 * row["rate"], line, linestyle="", marker=look.marker, color=look.colour, markeredgecolor="black"
        )
        canvas.note(mark, f"{_said(row)}, 95 % of draws from {100 * row['low']:.1f} to {100 * row['high']:.1f} %")
    name_lines(ax, [row["precision"] for row in rows], canvas)
    ax.set_xlim(left=0)
    ax.set_xlabel(f"{rows[0]['token']} errors [%]")
    ax.set_title("error rate")


def draw_costs(rows: Rows, ax: Axes, looks: dict[str, Look], canvas: Canvas) -> None:
    """A point for each precision that the chip has: its rate over its energy."""
    priced = [row for row in rows if row["energy_per_audio_second_mj"] is not None]
    ax.set_title("and energy")
    if not priced:
        empty(ax, "no precision was timed")
        return
    for row in priced:
        look, energy = looks[row["precision"]], row["energy_per_audio_second_mj"]
        ends = [100 * row["low"], 100 * row["high"]]
        ax.plot([energy, energy], ends, color=GREY, linewidth=1)
        (mark,) = ax.plot(
            energy, 100 * row["rate"], linestyle="", marker=look.marker, color=look.colour, markeredgecolor="black"
        )
        canvas.note(mark, f"{_said(row)}, {energy:.3g} mJ a second of audio, RTF {row['rtf']:.3g}")
    ax.set_xlim(left=0)
    ax.set_ylim(bottom=0)
    ax.margins(x=0.1)
    ax.set_xlabel("energy for a second of audio [mJ]")
    ax.set_ylabel(f"{rows[0]['token']} errors [%]")
    ax.grid()


def _said(row: Row) -> str:
    return f"{row['precision']}: {100 * row['rate']:.1f} %"
