"""The figure of utilisation: what groups of ops, or groups of tiles, make of the peak."""

from collections.abc import Iterable
from fractions import Fraction

from hwsim.report.numbers import percent
from hwsim.report.plots.axes import areas_legend, beside, height_of, line_of, name_lines
from hwsim.report.plots.canvas import Canvas, Row, Rows
from hwsim.report.plots.looks import BLUE, SKY, Look
from hwsim.report.plots.ops import GROUPS, shown_groups, title_of
from hwsim.results.figures import ratio
from hwsim.results.result import OpResult, Result
from hwsim.results.tiles_result import TilesResult
from hwsim.schedule.tiles_run import UnitTime

COLUMNS = ("name", "span_cycles", "share", "reachable_share")
CAPTION = (
    "The share of the array's peak that each group of products reaches while its steps run, and of what the "
    "scratchpad's port can feed; on analog tiles, the share of the time in which sets of tiles take vectors."
)
_NOMINAL, _REACHABLE = "of the peak", "of what can be fed"


def rows(result: Result | TilesResult) -> Rows:
    """A row a group of products, in the order of their time; on tiles a row a set of tiles, the busiest first."""
    if isinstance(result, TilesResult):
        return _of_tiles(result)
    products = [op for op in result.ops if op.mode is not None and op.macs and op.span]
    return [
        {
            "name": title_of(group),
            "span_cycles": sum(op.span for op in group.members),
            "share": _mean((op.utilization, op) for op in group.members),
            "reachable_share": _mean((op.reachable_utilization, op) for op in group.members),
        }
        for group in shown_groups(products, lambda op: op.name, lambda op: op.span)
    ]


def _mean(shares: Iterable[tuple[float, OpResult]]) -> float:
    """The mean of shares, by the spans over which they are."""
    parts = [(Fraction(share) * op.span, op.span) for share, op in shares]
    return ratio(sum(part for part, _ in parts), sum(span for _, span in parts))


def _of_tiles(result: TilesResult) -> Rows:
    names = {matrix.unit: matrix.tensor for matrix in reversed(result.placement.matrices)}
    tiles = [unit for unit in result.units if unit.name.startswith("tiles.")]
    busiest = sorted(tiles, key=lambda unit: -_share(unit))[: GROUPS + 6]
    return [_row(unit, names[int(unit.name.partition(".")[2])]) for unit in busiest]


def _share(unit: UnitTime) -> float:
    return ratio(unit.busy, unit.busy + unit.idle)


def _row(unit: UnitTime, tensor: str) -> Row:
    span = unit.busy + unit.idle
    return {"name": tensor, "span_cycles": span, "share": _share(unit), "reachable_share": None}


def draw(rows: Rows, canvas: Canvas) -> None:
    """Bars of the share of what can be fed, and in front of them narrower ones of the share of the peak."""
    canvas.size(height_of(len(rows), canvas))
    ax = canvas.axes()
    looks = {_NOMINAL: Look(BLUE), _REACHABLE: Look(SKY, "///")}
    for place, row in enumerate(rows):
        nominal, fed = row["share"], row["reachable_share"]
        middle, high = line_of(place, canvas)
        if fed is not None:
            (wide,) = ax.barh(middle, 100 * fed, height=high, color=SKY, hatch="///", edgecolor="white", linewidth=0.5)
            canvas.note(wide, f"{row['name']}: {percent(fed)} of what can be fed")
        (front,) = ax.barh(middle, 100 * nominal, height=high / 2, color=BLUE, edgecolor="white", linewidth=0.5)
        canvas.note(front, f"{row['name']}: {percent(nominal)} of the peak")
        shown = percent(nominal) if fed is None or fed == nominal else f"{percent(nominal)}, {percent(fed)}"
        beside(ax, 100 * max(nominal, fed or 0.0), place, shown, canvas)
    name_lines(ax, [row["name"] for row in rows], canvas)
    most = max((100 * max(row["share"], row["reachable_share"] or 0.0) for row in rows), default=0.0)
    ax.set_xlim(0, 1.25 * most or 1.0)
    ax.set_xticks([tick for tick in ax.get_xticks() if tick <= 100])  # no share is larger: what is beyond is for words
    ax.set_xlim(0, 1.25 * most or 1.0)
    fed = any(row["reachable_share"] is not None for row in rows)
    ax.set_xlabel("share [%]" if fed else "busy [%]")
    if fed:
        areas_legend(canvas, looks)
