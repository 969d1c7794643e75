"""The figure of a run of values: signal to noise along the program, and the ops that lose most."""

from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwsim.quantities.registry import kind_name
from hwsim.report.op_styles import OP_STYLES
from hwsim.report.quality import TOP, losing_most, weights_remark
from hwsim.results.quality import OpQuality, Quality


def quality_png(title: str, quality: Quality) -> bytes:
    """The figure as a PNG file."""
    sheet = Figure(figsize=(11, 4.8), layout="constrained")
    along, losing = sheet.subplots(1, 2, width_ratios=(3, 2))
    draw_along(quality.ops, along)
    draw_losing(losing_most(quality.ops, TOP), losing)
    sheet.suptitle(f"{title}{weights_remark(quality)}")
    data = BytesIO()
    sheet.savefig(data, format="png", dpi=120, metadata={"Software": None})
    return data.getvalue()


def draw_along(ops: tuple[OpQuality, ...], ax: Axes) -> None:
    """SQNR of each op, in program order."""
    heard = [(place, op) for place, op in enumerate(ops) if op.sqnr_db is not None]
    ax.plot([place for place, _ in heard], [op.sqnr_db or 0.0 for _, op in heard], color="0.8", linewidth=1, zorder=1)
    styles = {op.kind: OP_STYLES.named(op.kind) for _, op in heard}
    for kind in map(kind_name, OP_STYLES):  # the order of the legend
        if kind in styles:
            style, points = styles[kind], [(place, op.sqnr_db or 0.0) for place, op in heard if op.kind == kind]
            places, levels = zip(*points, strict=True)
            ax.scatter(places, levels, s=14, color=style.colour, label=style.label, zorder=2)
    ax.set_xlabel("op, in program order")
    ax.set_ylabel("signal to quantisation noise [dB]")
    ax.grid(alpha=0.3)
    if heard:
        ax.legend(frameon=False)


def draw_losing(ops: list[OpQuality], ax: Axes) -> None:
    """How much SQNR each of some ops loses, the worst on top."""
    places = range(len(ops))
    ax.barh(places, [op.lost_db or 0.0 for op in ops], color=[OP_STYLES.named(op.kind).colour for op in ops])
    ax.set_yticks(places, [op.name for op in ops], fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel("lost at this op [dB]")
    ax.grid(axis="x", alpha=0.3)
