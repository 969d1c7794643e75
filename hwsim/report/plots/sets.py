"""The figures that results have: which ones, of which rows; and their files."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hwsim.quantities.plain_data import flat
from hwsim.report.band import band_title
from hwsim.report.drift import drift_title
from hwsim.report.export import to_csv
from hwsim.report.plots import (
    budget_curve,
    drift,
    lines,
    occupancy,
    quality,
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
from hwsim.report.plots.registry import Drawing
from hwsim.report.quality import weights_remark
from hwsim.report.recognition import recognition_title
from hwsim.report.tuning_screen import tornado_rows
from hwsim.results.result import Comparison, Result

if TYPE_CHECKING:
    from hwsim.results.allocation import AllocationOutcome
    from hwsim.results.drift import Drift
    from hwsim.results.pictured import Pictured
    from hwsim.results.quality import Quality
    from hwsim.results.recognition import Recognitions
    from hwsim.results.streams import StreamStudy
    from hwsim.results.sweep import SweepOutcome
    from hwsim.results.tiles_result import TilesResult
    from hwsim.results.tuning import TuningOutcome


def run_drawings(result: "Result | TilesResult", pictured: "Pictured") -> list[Drawing]:
    """The figures of a run, those of its values and of its band included."""
    summary = result.summary
    title = f"{summary.workload} in {summary.precision} on {summary.chip}"
    if pictured.followed < pictured.cycles:
        followed = f"{title}, the first {pictured.followed:,} of {pictured.cycles:,} cycles"
    else:
        followed = title
    return [
        Drawing("roofline", title, roofline.rows(result, pictured)),
        Drawing("time_groups", title, time_groups.rows(result)),
        Drawing("occupancy", followed, occupancy.rows(pictured)),
        Drawing("energy_parts", title, stacks.energy_rows(result)),
        Drawing("traffic_parts", title, stacks.traffic_rows(result)),
        Drawing("utilisation", title, utilisation.rows(result)),
        Drawing("scratchpad", title, residency.rows(pictured))
        if isinstance(result, Result)
        else Drawing("tiles", title, residency.tiles_rows(result)),
        *(
            []
            if result.band is None
            else [Drawing("tornado", f"{band_title(result.band).plain}, each alone", tornado.rows(result.band))]
        ),
        *(
            []
            if result.quality is None
            else [quality_drawing(f"{summary.workload} in {summary.precision}", result.quality)]
        ),
    ]


def quality_drawing(title: str, found: "Quality") -> Drawing:
    """The figure of a run of values."""
    return Drawing("quality", f"{title}{weights_remark(found)}", quality.rows(found))


def sweep_drawings(outcome: "SweepOutcome") -> list[Drawing]:
    """The figures of a sweep."""
    return [
        Drawing("sweep_front", outcome.title, sweep_points.front_rows(outcome)),
        Drawing("sweep_tornado", outcome.title, sweep_points.tornado_rows(outcome)),
    ]


def allocation_drawings(outcome: "AllocationOutcome") -> list[Drawing]:
    """The figure of an allocation."""
    return [Drawing("budget_curve", f"{outcome.workload} on {outcome.chip}", budget_curve.rows(outcome))]


def tuning_drawings(outcome: "TuningOutcome") -> list[Drawing]:
    """The figure of a tuned chip: half and twice of each resource, drawn as a band is."""
    title = f"{outcome.workload} in {outcome.precision} on {outcome.chip}, half and twice of each resource alone"
    return [Drawing("tornado", title, tornado_rows(outcome))]


def comparison_drawings(comparison: Comparison) -> list[Drawing]:
    """The figures of a comparison; those of changes, where it has any."""
    title = f"{comparison.workload} on {comparison.chip}"
    points = [
        {"label": row.precision, "latency_ms": row.latency_ms, "energy_mj": row.energy_mj} for row in comparison.rows
    ]
    steps = waterfall.rows(comparison)
    return [
        Drawing("precisions", title, stacks.precision_rows(comparison)),
        *([Drawing("waterfall", title, steps)] if steps else []),
        Drawing("pareto", title, lines.on_front(points)),
    ]


def stream_drawings(study: "StreamStudy") -> list[Drawing]:
    """The figures of a study of real time."""
    title = f"{study.workload} in {study.precision} on {study.chip}"
    return [Drawing("streams", title, [flat(point) for point in study.points])]


def drift_drawings(found: "Drift") -> list[Drawing]:
    """The figures of a study of drift."""
    return [Drawing("drift", drift_title(found), drift.rows(found))]


def recognition_drawings(found: "Recognitions") -> list[Drawing]:
    """The figures of a recognition."""
    title, curve, front = recognition_title(found), recognition_curve.rows(found), recognition_front.rows(found)
    return [
        Drawing("recognition", title, recognition.rows(found)),
        *([Drawing("recognition_curve", title, curve)] if curve else []),
        *([Drawing("recognition_front", title, front)] if len(front) > 1 else []),
    ]


def drawn_files(drawings: Iterable[Drawing], *, pdf: bool = False) -> dict[str, str | bytes]:
    """The files of figures by name: each as its rows, as SVG and, if asked for, as PDF."""
    files: dict[str, str | bytes] = {}
    for drawing in drawings:
        files[f"{drawing.name}.csv"] = to_csv(drawing.rows, columns=drawing.plot.columns)
        files[f"{drawing.name}.svg"] = drawing.svg()
        if pdf:
            files[f"{drawing.name}.pdf"] = drawing.pdf()
    return files
