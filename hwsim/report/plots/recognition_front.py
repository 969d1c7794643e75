"""The figure of words against energy: a point for each precision on each chip, and the front that no other beats."""

from collections import Counter

from matplotlib.lines import Line2D

from hwsim.errors import printable
from hwsim.report.plots.axes import empty, legend
from hwsim.report.plots.canvas import Canvas, Row, Rows
from hwsim.report.plots.looks import BLACK, GREY, looks_of
from hwsim.report.recognition import front_of
from hwsim.results.recognition import Recognitions

COLUMNS = ("label", "chip", "precision", "token", "rate", "low", "high", "energy_per_audio_second_mj", "on_front")
CAPTION = (
    "Errors for each token that was said over the energy of a second of audio, with intervals of 95 %; of runs on the "
    "front no other has fewer errors for no more energy."
)

ENERGY = "energy_per_audio_second_mj"

WIDE_RANGE = 20.0
"""Energies that differ by more than this factor are drawn in powers of ten."""


def rows(found: Recognitions) -> list[Row]:
    """A row for each run that was timed."""
    front = front_of(found)
    return [
        {
            "label": run.label,
            "chip": run.chip,
            "precision": run.precision,
            "token": run.token,
            "rate": run.rate.rate,
            "low": run.rate.low,
            "high": run.rate.high,
            "energy_per_audio_second_mj": run.cost.energy_per_audio_second_mj,
            "on_front": run.label in front,
        }
        for run in found.runs
        if run.rates and run.cost is not None
    ]


def draw(rows: Rows, canvas: Canvas) -> None:
    """Points with their intervals, a colour for each chip, a mark for each precision; those on the front joined by
    steps, and named."""
    canvas.size(3.6)
    ax = canvas.axes()
    if not rows:
        empty(ax, "no run was timed")
        return
    looks, marks = looks_of([row["chip"] for row in rows]), looks_of([row["precision"] for row in rows])
    best = sorted({(row[ENERGY], 100 * row["rate"]) for row in rows if row["on_front"]})
    ax.step(*zip(*best, strict=True), where="post", color=BLACK, linewidth=1.2, zorder=1)
    energies = [row[ENERGY] for row in rows]
    wide = min(energies) > 0 and max(energies) > WIDE_RANGE * min(energies)
    there, named = Counter[tuple[float, float]](), set[tuple[float, float, str]]()
    for row in rows:
        look, energy, percent = looks[row["chip"]], row[ENERGY], 100 * row["rate"]
        size = max(2.0, 7 - 2.5 * there[energy, percent])  # a point upon another one leaves its rim to be seen
        there[energy, percent] += 1
        ax.plot([energy, energy], [100 * row["low"], 100 * row["high"]], color=GREY, linewidth=0.8, zorder=0)
        (mark,) = ax.plot(
            energy, percent, linestyle="", marker=marks[row["precision"]].marker, color=look.colour, markersize=size,
            zorder=3, markeredgecolor="black" if row["on_front"] else GREY,
        )  # fmt: skip
        canvas.note(mark, f"{row['label']}: {percent:.1f} % {row['token']} errors, {energy:.3g} mJ a second of audio")
        name = row["label"].replace(f", {row['chip']}", "")  # which its colour says
        if row["on_front"] and (energy, percent, name) not in named:
            named.add((energy, percent, name))
            ax.annotate(  # below the front, where no other run lies
                printable(name), (energy, percent), xytext=(-5, -4), textcoords="offset points", fontsize=7.5,
                ha="right", va="top", zorder=4,
            )  # fmt: skip
    if wide:
        ax.set_xscale("log")
    else:
        ax.set_xlim(left=0)
    ax.margins(0.12)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("energy for a second of audio [mJ]")
    ax.set_ylabel(f"{rows[0]['token']} errors [%]")
    ax.grid()
    chips = [Line2D([], [], color=look.colour, linewidth=5) for look in looks.values()]
    precisions = [Line2D([], [], linestyle="", marker=look.marker, color=GREY) for look in marks.values()]
    front = Line2D([], [], color=BLACK, linewidth=1.2)
    legend(canvas, [*chips, *precisions, front], [*looks, *marks, "beaten by no other"])
