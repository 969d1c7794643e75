"""The figure of a band: a tornado for each of the figures that are drawn, what moves it most on top."""

from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from hwsim.report.band import TORNADOS, band_title
from hwsim.report.headline_words import headline_text
from hwsim.results.band import Band, FigureBand

LOW, HIGH = "#0072B2", "#E69F00"
"""Blue and orange of Okabe and Ito's palette, which people who confuse red and green tell apart."""
_HATCH = "///"
MOST = 10
"""Fields of a tornado; those that move the figure less are left out."""


def band_png(band: Band) -> bytes:
    """The figure as a PNG file."""
    drawn = [band.of(figure) for figure in TORNADOS if band.of(figure).low != band.of(figure).high]
    drawn = drawn or [band.of(TORNADOS[0])]
    rows = max(1, *(len(moving(one)) for one in drawn))
    columns = min(2, len(drawn))
    lines = -(-len(drawn) // columns)
    sheet = Figure(figsize=(7.5 * columns, (1.7 + 0.5 * rows) * lines + 0.4), layout="constrained")
    places = list(sheet.subplots(lines, columns, squeeze=False).flat)
    for one, ax in zip(drawn, places, strict=False):
        draw_tornado(band, one, ax)
    for ax in places[len(drawn) :]:
        ax.set_axis_off()
    sheet.suptitle(f"{band_title(band).plain}, each alone")
    data = BytesIO()
    sheet.savefig(data, format="png", dpi=120, metadata={"Software": None})
    return data.getvalue()


def moving(one: FigureBand) -> list[str]:
    """The fields that move a figure, as many as are drawn."""
    return [swing.path for swing in one.tornado if swing.reach(one.nominal)][:MOST]


def draw_tornado(band: Band, one: FigureBand, ax: Axes) -> None:
    """Bars from the figure as it is to the figure with each field alone at its low and at its high end."""
    shown = moving(one)
    ends = {field.path: field for field in band.fields}
    swings = {swing.path: swing for swing in one.tornado}
    nominal = one.nominal
    for place, path in enumerate(shown):
        field, swing = ends[path], swings[path]
        bars = ((swing.at_low, field.low, LOW, _HATCH), (swing.at_high, field.high, HIGH, None))
        for value, written, colour, hatch in sorted(bars, key=lambda bar: -abs(bar[0] - nominal)):
            ax.barh(place, value - nominal, left=nominal, height=0.6, color=colour, hatch=hatch, edgecolor="white")
            if value != nominal:
                right = value > nominal
                ax.annotate(
                    written,
                    (value, place),
                    xytext=(4 if right else -4, 0),
                    textcoords="offset points",
                    va="center",
                    ha="left" if right else "right",
                    fontsize=8,
                )
    ax.axvline(nominal, color="0.2", linewidth=1)
    ax.set_yticks(range(len(shown)), shown, fontsize=8)
    ax.invert_yaxis()
    ax.margins(x=0.22)
    unit = one.figure.unit
    ax.set_xlabel(f"{one.figure.label}{f' [{unit}]' if unit and unit != one.figure.label else ''}")
    ax.set_title(f"{headline_text(one.figure, nominal)} as it is", fontsize=10)
    handles = [Patch(facecolor=LOW, hatch=_HATCH, edgecolor="white"), Patch(facecolor=HIGH, edgecolor="white")]
    ax.legend(handles, ["field at its low end", "at its high end"], frameon=False, fontsize=8, loc="lower right")
    ax.grid(axis="x", alpha=0.3)
