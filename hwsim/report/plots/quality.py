"""The figure of a run of values: signal to noise along the program, and the ops that lose most."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hwsim.quantities.plain_data import flat
from hwsim.quantities.registry import kind_name
from hwsim.report.numbers import Group, groups
from hwsim.report.op_styles import OP_STYLES
from hwsim.report.plots.axes import beside, empty, legend, line_of, lines_of, name_lines
from hwsim.report.plots.canvas import Canvas, Row, Rows
from hwsim.report.plots.looks import GREY, MARKERS
from hwsim.report.plots.ops import title_of
from hwsim.report.quality import TOP
from hwsim.results.quality import Quality

COLUMNS = ("name", "kind", "sqnr_db", "lost_db")
CAPTION = "Signal to quantisation noise of each op in the program's order, and the ops at which most of it is lost."


def rows(quality: Quality) -> Rows:
    """A row an op, in the order of the program."""
    origin = {"weights_from": quality.weights_from.value, "input_from": quality.input_from.value, "seed": quality.seed}
    return [{**flat(op), "clipped_share": op.clipped_share, **origin} for op in quality.ops]


def draw(rows: Rows, canvas: Canvas) -> None:
    """Ops along the program on one side, those that lose most on the other."""
    kinds = _kinds(rows)
    lines = lines_of(len(kinds), 6, wide=canvas.wide)
    canvas.size(3.9 + 0.2 * lines, narrow=6.4 + 0.2 * lines)
    along, losing = canvas.grid(2, 2)
    draw_along(rows, along, canvas)
    draw_losing(worst(rows), losing, canvas)
    styles = [OP_STYLES.named(kind) for kind in kinds]
    handles = [
        Line2D([], [], linestyle="", marker=marker_of(kind), color=style.colour, markersize=5)
        for kind, style in zip(kinds, styles, strict=True)
    ]
    legend(canvas, handles, [style.label for style in styles], across=6)


def worst(rows: Rows) -> list[Group[Row]]:
    """Groups of equal layers by the one that loses most signal to noise, which stands first; the worst group first."""
    with_loss = sorted((row for row in rows if row["lost_db"] is not None), key=lambda row: -row["lost_db"])
    return groups(with_loss, lambda row: str(row["name"]))[:TOP]


def marker_of(kind: str) -> str:
    """The marker of a kind of op."""
    return MARKERS[list(map(kind_name, OP_STYLES)).index(kind) % len(MARKERS)]


def _kinds(rows: Rows) -> list[str]:
    found = {row["kind"] for row in rows if row["sqnr_db"] is not None}
    return [kind for kind in map(kind_name, OP_STYLES) if kind in found]


def draw_along(rows: Rows, ax: Axes, canvas: Canvas) -> None:
    """SQNR of each op, in program order."""
    heard = [(place, row) for place, row in enumerate(rows) if row["sqnr_db"] is not None]
    ax.plot([place for place, _ in heard], [row["sqnr_db"] for _, row in heard], color=GREY, linewidth=0.6, zorder=1)
    for place, row in heard:
        style = OP_STYLES.named(row["kind"])
        (point,) = ax.plot(
            place, row["sqnr_db"], linestyle="", marker=marker_of(row["kind"]), markersize=3.5,
            color=style.colour, zorder=2,
        )  # fmt: skip
        canvas.note(point, f"{row['name']}: {row['sqnr_db']:.1f} dB")
    if not heard:
        empty(ax, "nothing to compare")
        return
    ax.set_xlabel("op, in program order")
    ax.set_ylabel("signal to quantisation noise [dB]")
    ax.grid()


def draw_losing(worst: Sequence[Group[Row]], ax: Axes, canvas: Canvas) -> None:
    """How much SQNR the worst of each of some groups of ops loses, the worst on top."""
    for place, group in enumerate(worst):
        row, (middle, high) = group.members[0], line_of(place, canvas)
        (bar,) = ax.barh(middle, row["lost_db"], height=high, color=OP_STYLES.named(row["kind"]).colour)
        canvas.note(bar, f"{row['name']}: {row['lost_db']:.1f} dB lost")
        beside(ax, max(0.0, row["lost_db"]), place, f"{row['lost_db']:.1f}", canvas)
    if not worst:
        empty(ax, "no op loses anything")
        return
    name_lines(ax, [title_of(group) for group in worst], canvas)
    ax.margins(x=0.15)
    ax.set_xlabel("lost at this op, in the worst of equal layers [dB]" if canvas.wide else "lost, worst layer [dB]")
