"""The roofline: groups of products by the operations that they make for each byte, below what memories and array allow.

An op's time is that in which its steps are under way: its span, or its busiest unit, where loads begin before that. So
no point can lie above a roof that the timeline holds it to.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import log10, sqrt
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from hwsim.report.numbers import figure as written
from hwsim.report.numbers import groups
from hwsim.report.plots.axes import empty, in_order, legend, lines_of
from hwsim.report.plots.canvas import Canvas, Row, Rows
from hwsim.report.plots.looks import BOUNDS
from hwsim.report.plots.ops import joined
from hwsim.report.tables import limit_text
from hwsim.report.tiles_headline import place_of
from hwsim.results.pictured import Pictured
from hwsim.results.result import OpResult, Result
from hwsim.results.tiles_result import TilesOpResult, TilesResult
from hwsim.schedule.unit_table import Unit

COLUMNS = (
    "what", "name", "count", "mode", "bound_by", "operations", "seconds", "dram_bytes", "array_bytes",
    "operations_per_dram_byte", "operations_per_array_byte", "tops", "reachable_tops", "gb_per_second",
)  # fmt: skip
CAPTION = (
    "Every group of products, by operations for each byte that passes the DRAM, and for each byte that the array (or "
    "the tiles) reads from the scratchpad, below the roofs of memories and multipliers."
)
NAMED = 8
"""Points with a number, the costliest first."""
_NEAR = 0.035
"""Points nearer than this share of the axes have their numbers together."""

_PANELS = (("DRAM", "operations_per_dram_byte"), ("scratchpad", "operations_per_array_byte"))


MOST = 200
"""Groups that are drawn; of more, those that take longest."""


def rows(result: Result | TilesResult, pictured: Pictured) -> Rows:
    """A row a group of ops with products, the costliest first; then one a peak of a mode in use, and one a memory."""
    products: list[Any] = [op for op in result.ops if op.macs]
    found = [
        _row(joined(group.name, len(group.members)), group.members, mode, result)
        for mode in dict.fromkeys(map(_mode_of, products))
        for group in groups((op for op in products if _mode_of(op) == mode), lambda op: str(op.name))
    ]
    found = sorted(found, key=lambda row: -row["seconds"])[:MOST]
    modes = {row["mode"] for row in found}
    peaks = [
        _full(
            {
                "what": "peak",
                "name": peak.mode,
                "mode": peak.mode,
                "tops": peak.tops,
                "reachable_tops": peak.reachable_tops,
            }
        )
        for peak in pictured.peaks
        if peak.mode in modes
    ]
    memories = [
        _full({"what": "memory", "name": one.memory, "gb_per_second": one.gb_per_second}) for one in pictured.bandwidths
    ]
    return [*found, *peaks, *memories]


def _full(row: Row) -> Row:
    return dict.fromkeys(COLUMNS) | dict(row)


def _mode_of(op: OpResult | TilesOpResult) -> str:
    if isinstance(op, OpResult):
        return "vector unit" if op.mode is None else op.mode.value
    return "analog tiles" if op.tile_work.vectors else "vector unit"


def _row(name: str, ops: Sequence[OpResult | TilesOpResult], mode: str, result: Result | TilesResult) -> Row:
    operations = 2 * sum(op.macs for op in ops)
    shared = isinstance(result, Result) and result.counters.shared_port
    seconds = sum(_cycles(op, shared_port=shared) for op in ops) / result.operation.clock
    dram, array = sum(map(_dram, ops)), sum(map(_array, ops))
    costliest = max(ops, key=lambda op: op.cycles)
    bound = limit_text(costliest.limit) if isinstance(costliest, OpResult) else place_of(costliest)
    return _full(
        {
            "what": "ops",
            "name": name,
            "count": len(ops),
            "mode": mode,
            "bound_by": bound,
            "operations": operations,
            "seconds": seconds,
            "dram_bytes": dram,
            "array_bytes": array,
            "operations_per_dram_byte": operations / dram if dram else None,
            "operations_per_array_byte": operations / array if array else None,
            "tops": operations / seconds / 10**12,
        }
    )


def _cycles(op: OpResult | TilesOpResult, *, shared_port: bool) -> int:
    """How long an op's steps are under way; loads and stores that share a port take turns."""
    if isinstance(op, TilesOpResult):
        return op.last_end - op.first_start
    busy = Counter[Unit]()
    for unit in Unit:
        busy[unit.on_shared_port if shared_port else unit] += op.busy_cycles[unit]
    return max(op.span, *busy.values())


def _dram(op: OpResult | TilesOpResult) -> int:
    work = op if isinstance(op, OpResult) else op.work
    return work.dram_read_bytes + work.dram_write_bytes


def _array(op: OpResult | TilesOpResult) -> int:
    """What stores and other cores do not read."""
    work = op if isinstance(op, OpResult) else op.work
    return work.scratchpad_read_bytes - work.dram_write_bytes - work.exchange_bytes


def draw(rows: Rows, canvas: Canvas) -> None:
    """Two panels, by the bytes of either memory; the costliest points have numbers, which the legend names."""
    ops = [row for row in rows if row["what"] == "ops"]
    bounds = in_order([row["bound_by"] for row in ops], BOUNDS)
    named = [row["name"] for row in ops[:NAMED]]
    lines = lines_of(len(bounds) + len(named), 2, wide=canvas.wide)
    canvas.size(3.3 + 0.2 * lines, narrow=5.6 + 0.18 * lines)
    for ax, (memory, column) in zip(canvas.grid(2, 2), _PANELS, strict=True):
        _panel(ax, rows, memory, column, canvas)
    handles = [
        Line2D([], [], linestyle="", marker=look.marker, color=look.colour, markeredgecolor="black")
        for look in bounds.values()
    ]
    none = [Line2D([], [], linestyle="") for _ in named]
    names = [*(f"bound by {name}" for name in bounds), *(f"{place + 1}  {name}" for place, name in enumerate(named))]
    legend(canvas, [*handles, *none], names, across=2)


def _panel(ax: Axes, rows: Rows, memory: str, column: str, canvas: Canvas) -> None:
    points = [(place, row) for place, row in enumerate(rows) if row["what"] == "ops" and row[column]]
    ax.set_title(memory)
    if not points:
        empty(ax, "no product moves a byte here")
        return
    peaks = [row for row in rows if row["what"] == "peak"]
    rates = [row["gb_per_second"] for row in rows if row["what"] == "memory" and row["name"] == memory]
    low, high = _ends([row[column] for _, row in points])
    ridge = [1000 * row["tops"] / rate for row in peaks for rate in rates]
    low, high = min([low, *(x / 3 for x in ridge)]), max([high, *(3 * x for x in ridge)])
    tops = [row["tops"] for _, row in points]
    bottom, top = min(tops) / 3, max([*tops, *(row["tops"] for row in peaks)]) * 3
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(low, high)
    ax.set_ylim(bottom, top)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter("{x:,.6g}")
    for row in peaks:
        _peak(ax, row, rates, low, high, canvas)
    for rate in rates:
        highest = max([row["tops"] for row in peaks], default=top)
        (line,) = ax.plot([low, 1000 * highest / rate], [low * rate / 1000, highest], color="black", linewidth=1.2)
        canvas.note(line, f"{memory}: {written(rate)} GB/s")
        middle = sqrt(max(low, bottom * 1000 / rate) * 1000 * highest / rate)
        ax.annotate(
            f"{written(rate)} GB/s", (middle, middle * rate / 1000), xytext=(-4, 3), textcoords="offset points",
            fontsize=7, va="bottom", ha="right",
        )  # fmt: skip
    for _, row in points:
        look = BOUNDS[row["bound_by"]]
        (point,) = ax.plot(
            row[column], row["tops"], linestyle="", marker=look.marker, color=look.colour,
            markeredgecolor="black", markeredgewidth=0.5, markersize=6, zorder=3,
        )  # fmt: skip
        canvas.note(
            point,
            f"{row['name']} in {row['mode']}: {written(row['tops'])} TOPS, {written(row[column])} operations a byte, "
            f"bound by {row['bound_by']}",
        )
    for numbers, x, y in _together([(place, row[column], row["tops"]) for place, row in points if place < NAMED], ax):
        ax.annotate(
            ",".join(map(str, numbers)), (x, y), xytext=(5, 0), textcoords="offset points", fontsize=7, va="center",
            zorder=4, bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.3},
        )  # fmt: skip
    ax.set_xlabel("operations a byte")
    ax.set_ylabel("TOPS")
    ax.grid(which="major")


def _peak(ax: Axes, row: Row, rates: Sequence[float], low: float, high: float, canvas: Canvas) -> None:
    for tops, style, word in ((row["tops"], "-", "peak"), (row["reachable_tops"], "--", "reachable")):
        if word == "reachable" and tops == row["tops"]:
            continue
        begin = max([low, *(1000 * tops / rate for rate in rates)])
        (line,) = ax.plot([begin, high], [tops, tops], color="black", linestyle=style, linewidth=1.2)
        said = f"{row['mode']} {word}: {written(tops)} TOPS"
        canvas.note(line, said)
        ax.annotate(
            said, (high, tops), xytext=(-2, 2 if word == "peak" else -2), textcoords="offset points", fontsize=7,
            ha="right", va="bottom" if word == "peak" else "top",
        )  # fmt: skip


def _ends(values: Sequence[float]) -> tuple[float, float]:
    return min(values) / 4, max(values) * 4


def _together(points: Sequence[tuple[int, float, float]], ax: Axes) -> Iterator[tuple[list[int], float, float]]:
    """Numbers of points that lie so near each other that their labels would overlap."""
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    placed: list[tuple[list[int], float, float]] = []
    for number, x, y in points:
        for numbers, other_x, other_y in placed:
            across = abs(log10(x / other_x)) / log10(right / left)
            up = abs(log10(y / other_y)) / log10(top / bottom)
            if across < 2 * _NEAR and up < 2 * _NEAR:
                numbers.append(number + 1)
                break
        else:
            placed.append(([number + 1], x, y))
    yield from placed
