"""The figure of a band: a tornado for each of the figures that are drawn, what moves it most on top."""

from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from hwsim.report.band import TORNADOS, band_title
from hwsim.report.headline_words import headline_text
from hwsim.results.band import Band, FigureBand
from hwsim.results.headline_figures import Headline

LOW, HIGH = "#0072B2", "#E69F00"
"""Blue and orange of Okabe and Ito's palette, which people who confuse red and green tell apart."""
_HATCH = "///"
MOST = 10
"""Fields of a tornado; those that move the figure less are left out."""
_AXES = {Headline.DRAM: (1e-9, "GB"), Headline.MODEL: (1e-6, "MB")}
"""Factors and units of axes, where they are others than those of the figure."""


def band_png(band: Band) -> bytes:
    """The figure as a PNG file."""
    drawn = [band.of(figure) for figure in TORNADOS if band.of(figure).low != band.of(figure).high]
    drawn = drawn or [band.of(TORNADOS[0])]
    rows = max(1, *(len(moving(one)) for one in drawn))
    columns = min(2, len(drawn))
    lines = -(-len(drawn) // columns)
    sheet = Figure(figsize=(7.5 * columns, (1.4 + 0.5 * rows) * lines + 0.8), layout="constrained")
    places = list(sheet.subplots(lines, columns, squeeze=False).flat)
    for one, ax in zip(drawn, places, strict=False):
        draw_tornado(band, one, ax, rows)
    for ax in places[len(drawn) :]:
        ax.set_axis_off()
    sheet.suptitle(f"{band_title(band).plain}, each alone")
    handles = [Patch(facecolor=LOW, hatch=_HATCH, edgecolor="white"), Patch(facecolor=HIGH, edgecolor="white")]
    names = ["the field at its low end", "the field at its high end"]
    sheet.legend(handles, names, frameon=False, ncols=2, loc="outside lower center")
    data = BytesIO()
    sheet.savefig(data, format="png", dpi=120, metadata={"Software": None})
    return data.getvalue()


def moving(one: FigureBand) -> list[str]:
    """The fields that move a figure, as many as are drawn."""
    return [swing.path for swing in one.tornado if swing.reach(one.nominal)][:MOST]


def draw_tornado(band: Band, one: FigureBand, ax: Axes, rows: int) -> None:
    """Bars from the figure as it is to the figure with each field alone at its low and at its high end; there is room
    for so many rows."""
    shown = moving(one)
    ends = {field.path: field for field in band.fields}
    swings = {swing.path: swing for swing in one.tornado}
    factor, unit = _AXES.get(one.figure, (1.0, one.figure.unit))
    nominal = one.nominal * factor
    for place, path in enumerate(shown):
        field, swing = ends[path], swings[path]
        bars = [(swing.at_low * factor, field.low, LOW, _HATCH), (swing.at_high * factor, field.high, HIGH, None)]
        for right in (False, True):
            _label(ax, place, [(value, text) for value, text, *_ in bars if _beyond(value, nominal, right)], right)
        # The longer bar first, so that none is hidden where both lie on one side.
        for value, _, colour, hatch in sorted(bars, key=lambda bar: -abs(bar[0] - nominal)):
            ax.barh(place, value - nominal, left=nominal, height=0.6, color=colour, hatch=hatch, edgecolor="white")
    ax.axvline(nominal, color="0.2", linewidth=1)
    ax.set_yticks(range(len(shown)), shown, fontsize=8)
    ax.set_ylim(rows - 0.5, -0.5)
    ax.margins(x=0.25)
    ax.set_xlabel(f"{one.figure.label} [{unit}]" if unit and unit != one.figure.label else one.figure.label)
    ax.set_title(f"{one.figure.label}: {headline_text(one.figure, one.nominal)} as it is", fontsize=10)
    ax.grid(axis="x", alpha=0.3)


def _beyond(value: float, nominal: float, right: bool) -> bool:
    return value > nominal if right else value < nominal


def _label(ax: Axes, place: int, ends: list[tuple[float, str]], right: bool) -> None:
    """The values of the field whose bars lie on one side, beside the end of the longer one."""
    if not ends:
        return
    values = [value for value, _ in ends]
    ax.annotate(
        ", ".join(text for _, text in ends),
        (max(values) if right else min(values), place),
        xytext=(4 if right else -4, 0),
        textcoords="offset points",
        va="center",
        ha="left" if right else "right",
        fontsize=8,
    )
