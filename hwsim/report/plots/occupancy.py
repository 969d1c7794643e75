"""The figure of units over time: the share of each part of the run in which each unit works."""

from hwsim.report.numbers import percent
from hwsim.report.plots.axes import empty
from hwsim.report.plots.canvas import Canvas, Rows
from hwsim.report.plots.looks import UNITS, Look
from hwsim.results.pictured import Pictured

COLUMNS = ("unit", "servers", "begin_cycle", "end_cycle", "begin_ms", "end_ms", "busy_cycles", "share")
CAPTION = "The share of the time in which each unit works, from the beginning of the run to its end."


def rows(pictured: Pictured) -> Rows:
    """A row a unit and part of the run."""
    return [
        {
            "unit": one.unit,
            "servers": one.servers,
            "begin_cycle": one.begin,
            "end_cycle": one.end,
            "begin_ms": one.begin * 1000 / pictured.clock,
            "end_ms": one.end * 1000 / pictured.clock,
            "busy_cycles": one.busy,
            "share": one.share,
        }
        for one in pictured.occupied
    ]


def draw(rows: Rows, canvas: Canvas) -> None:
    """A line of its own for each unit, filled as high as it is busy."""
    units = list(dict.fromkeys(row["unit"] for row in rows))
    canvas.size(0.75 * max(1, len(units)) + 0.7)
    places = canvas.figure.subplots(max(1, len(units)), 1, sharex=True, squeeze=False)[:, 0]
    for unit, ax in zip(units, places, strict=False):
        mine, look = [row for row in rows if row["unit"] == unit], UNITS.get(unit, Look("#555555"))
        edges = [*(row["begin_ms"] for row in mine), mine[-1]["end_ms"]]
        shares = [100 * row["share"] for row in mine]
        area = ax.stairs(shares, edges, fill=True, color=look.colour)
        ax.stairs(shares, edges, color="black", linewidth=0.5)
        busy = sum(row["busy_cycles"] for row in mine)
        could = sum((row["end_cycle"] - row["begin_cycle"]) * row["servers"] for row in mine)
        several = f" ({mine[0]['servers']:,} side by side)" if mine[0]["servers"] > 1 else ""
        canvas.note(area, f"{unit}{several}: busy {percent(busy, could)} of the time")
        ax.set_ylim(0, 105)
        ax.set_xlim(edges[0], edges[-1])
        ax.set_yticks([0, 50, 100], ["0", "", "100"])
        ax.set_ylabel("busy [%]" if len(units) == 1 else "")
        ax.set_title(f"{unit}{several}, {percent(busy, could)} of the time", loc="left", fontsize=8, pad=2)
        ax.grid(axis="y")
    if not units:
        empty(places[0], "no unit works")
    elif len(units) > 1:
        canvas.figure.supylabel("busy [%]", fontsize=9)
    places[-1].set_xlabel("time [ms]")
