"""The figure of time: groups of equal ops, the costliest first, each in the look of what binds it."""

from hwsim.report.numbers import percent, seconds
from hwsim.report.plots.axes import (
    areas_legend,
    bars,
    beside,
    from_nothing,
    height_of,
    in_order,
    lines_of,
    name_lines,
    scale_of,
)
from hwsim.report.plots.canvas import Canvas, Row, Rows
from hwsim.report.plots.looks import BOUNDS
from hwsim.report.plots.ops import seen, shown_groups, title_of, usual_bound
from hwsim.results.result import Result
from hwsim.results.tiles_result import TilesResult

COLUMNS = ("ops", "count", "cycles", "ms", "share", "bound_by")
CAPTION = "Groups of equal ops by the cycles by which they move the end of the run, and what binds most of each."


def rows(result: Result | TilesResult) -> Rows:
    """A row a group; host and starts, which no op has, are rows of their own."""
    summary, clock = result.summary, result.operation.clock
    found: list[Row] = []
    for group in shown_groups(seen(result), lambda op: op.name, lambda op: op.cycles):
        cycles = sum(op.cycles for op in group.members)
        found.append(
            {
                "ops": title_of(group),
                "count": len(group.members),
                "cycles": cycles,
                "ms": cycles * 1000 / clock,
                "bound_by": usual_bound(group.members),
            }
        )
    for name, spent in (("host", summary.host_ms), ("launch", summary.launch_ms)):
        if spent:
            cycles = round(spent * clock / 1000)
            found.append({"ops": name, "count": 1, "cycles": cycles, "ms": spent, "bound_by": name})
    return [{**row, "share": row["ms"] / summary.latency_ms} for row in found]


def draw(rows: Rows, canvas: Canvas) -> None:
    """Bars of time, with shares beside them."""
    bounds = in_order([row["bound_by"] for row in rows], BOUNDS)
    legend = lines_of(len(bounds), 5, wide=canvas.wide)
    canvas.size(height_of(len(rows), canvas, legend=legend))
    ax = canvas.axes()
    factor, prefix = _unit(max((row["ms"] for row in rows), default=1.0))
    for place, row in enumerate(rows):
        said = f"{row['ops']}: {seconds(row['ms'] / 1000)}, {percent(row['share'])}, bound by {row['bound_by']}"
        end = bars(ax, place, [(row["ms"] / factor, BOUNDS[row["bound_by"]], said)], canvas)
        beside(ax, end, place, percent(row["share"]), canvas)
    name_lines(ax, [row["ops"] for row in rows], canvas)
    from_nothing(ax, 0.14)
    ax.set_xlabel(f"time [{prefix}]")
    areas_legend(canvas, bounds, across=5)


def _unit(milliseconds: float) -> tuple[float, str]:
    _, prefix = scale_of(milliseconds * 1e6)
    return {"": (1e-6, "ns"), "k": (1e-3, "µs"), "M": (1.0, "ms")}.get(prefix, (1e3, "s"))
