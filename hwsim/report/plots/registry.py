"""All figures by name: the columns that each draws, how it draws them, and what it shows in one sentence."""

from collections.abc import Callable

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, UnknownName
from hwsim.report.plots import (
    band_points,
    budget_curve,
    claims,
    drift,
    lines,
    occupancy,
    quality,
    ratios,
    recognition,
    recognition_curve,
    recognition_front,
    residency,
    roofline,
    stacks,
    sweep_points,
    time_groups,
    tornado,
    utilisation,
    waterfall,
)
from hwsim.report.plots.canvas import Canvas, Rows, drawn_with, pdf_of, png_of, svg_of

Draw = Callable[[Rows, Canvas], None]


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure of rows that have these columns."""

    columns: tuple[str, ...]
    draw: Draw
    caption: str


PLOTS: dict[str, Plot] = {
    "roofline": Plot(roofline.COLUMNS, roofline.draw, roofline.CAPTION),
    "time_groups": Plot(time_groups.COLUMNS, time_groups.draw, time_groups.CAPTION),
    "occupancy": Plot(occupancy.COLUMNS, occupancy.draw, occupancy.CAPTION),
    "energy_parts": Plot(stacks.ENERGY_COLUMNS, stacks.draw_energy, stacks.ENERGY_CAPTION),
    "traffic_parts": Plot(stacks.TRAFFIC_COLUMNS, stacks.draw_traffic, stacks.TRAFFIC_CAPTION),
    "utilisation": Plot(utilisation.COLUMNS, utilisation.draw, utilisation.CAPTION),
    "scratchpad": Plot(residency.COLUMNS, residency.draw, residency.CAPTION),
    "tiles": Plot(residency.TILES_COLUMNS, residency.draw_tiles, residency.TILES_CAPTION),
    "precisions": Plot(stacks.PRECISIONS_COLUMNS, stacks.draw_precisions, stacks.PRECISIONS_CAPTION),
    "waterfall": Plot(waterfall.COLUMNS, waterfall.draw, waterfall.CAPTION),
    "pareto": Plot(lines.PARETO_COLUMNS, lines.front(), lines.PARETO_CAPTION),
    "streams": Plot(lines.STREAMS_COLUMNS, lines.over("streams"), lines.STREAMS_CAPTION),
    "beam": Plot(lines.BEAM_COLUMNS, lines.over("beam"), lines.BEAM_CAPTION),
    "quality": Plot(quality.COLUMNS, quality.draw, quality.CAPTION),
    "drift": Plot(drift.COLUMNS, drift.draw, drift.CAPTION),
    "claims": Plot(claims.COLUMNS, claims.draw, claims.CAPTION),
    "scatter": Plot(claims.COLUMNS, claims.draw_scatter, claims.SCATTER_CAPTION),
    "band": Plot(band_points.COLUMNS, band_points.draw, band_points.CAPTION),
    "ratios": Plot(ratios.COLUMNS, ratios.draw, ratios.CAPTION),
    "recognition": Plot(recognition.COLUMNS, recognition.draw, recognition.CAPTION),
    "recognition_curve": Plot(recognition_curve.COLUMNS, recognition_curve.draw, recognition_curve.CAPTION),
    "recognition_front": Plot(recognition_front.COLUMNS, recognition_front.draw, recognition_front.CAPTION),
    "sweep_front": Plot(sweep_points.FRONT_COLUMNS, sweep_points.draw_front, sweep_points.FRONT_CAPTION),
    "sweep_tornado": Plot(sweep_points.TORNADO_COLUMNS, sweep_points.draw_tornado, sweep_points.TORNADO_CAPTION),
    "budget_curve": Plot(budget_curve.COLUMNS, budget_curve.draw, budget_curve.CAPTION),
    "tornado": Plot(tornado.COLUMNS, tornado.draw, tornado.CAPTION),
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """Rows that a figure of that name draws, under a title."""

    name: str
    title: str
    rows: Rows

    def __post_init__(self) -> None:
        if self.name not in PLOTS:
            raise UnknownName("figure", self.name, tuple(PLOTS))
        lacking = [column for row in self.rows for column in self.plot.columns if column not in row]
        if lacking:
            raise InvalidValue(f"rows of {self.name}", sorted(row for row in self.rows[0]), f"must have {lacking[0]}")

    @property
    def plot(self) -> Plot:
        """How it is drawn."""
        return PLOTS[self.name]

    def svg(self, *, wide: bool = True) -> str:
        """As an SVG document."""
        with drawn_with():
            return svg_of(self.canvas(wide=wide))

    def pdf(self, *, wide: bool = True) -> bytes:
        """As a PDF document."""
        with drawn_with():
            return pdf_of(self.canvas(wide=wide))

    def png(self, *, wide: bool = True) -> bytes:
        """As an image."""
        with drawn_with():
            return png_of(self.canvas(wide=wide))

    def canvas(self, *, wide: bool = True) -> Canvas:
        """The sheet on which it is drawn."""
        canvas = Canvas(self.name, wide)
        self.plot.draw(self.rows, canvas)
        canvas.entitle(self.title)
        return canvas
