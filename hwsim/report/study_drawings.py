"""The figures of a study, as its file asks for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import TypeVar

from hwsim.errors import InvalidValue, UserError
from hwsim.report.energy import GROUP_TITLES
from hwsim.report.plots import (
    band_points,
    claims,
    ratios,
    recognition_curve,
    recognition_front,
    stacks,
    time_groups,
    utilisation,
    waterfall,
)
from hwsim.report.plots.canvas import Rows
from hwsim.report.plots.registry import Drawing
from hwsim.results.figures import EnergyGroups
from hwsim.results.recognition import Recognitions
from hwsim.results.result import Result
from hwsim.results.study_file import StudyFigure
from hwsim.results.tiles_result import TilesResult
from hwsim.study.compare import compare
from hwsim.study.efficiency import groups
from hwsim.study.studies import Studied
from hwsim.study.study_figures import StudiedRun

T = TypeVar("T")

BEAM = "decoding.beam"

_OF_A_RUN: Mapping[str, Callable[[Result | TilesResult], Rows]] = {
    "time_groups": time_groups.rows,
    "energy_parts": stacks.energy_rows,
    "traffic_parts": stacks.traffic_rows,
    "utilisation": utilisation.rows,
}


_OF_A_RECOGNITION: Mapping[str, Callable[[Recognitions], Rows]] = {
    "recognition_front": recognition_front.rows,
    "recognition_curve": recognition_curve.rows,
}


KINDS = ("claims", "scatter", "band", "ratios", *_OF_A_RECOGNITION, *_OF_A_RUN, "precisions", "waterfall", "beam")


def study_drawings(studied: Studied) -> list[tuple[str, Drawing]]:
    """Each figure with the name of its files."""
    made: list[tuple[str, Drawing]] = []
    for place, figure in enumerate(studied.outcome.file.figures):
        name = "_".join((figure.figure, *figure.named[:1]))
        if name in dict(made):
            raise studied.runs.study.refused(f"figures[{place}]", f"{name} is there twice")
        try:
            made.append((name, _drawing(studied, figure, f"figures[{place}]")))
        except UserError as error:
            raise studied.runs.study.naming(error, f"figures[{place}]") from error
    return made


def _drawing(studied: Studied, figure: StudyFigure, place: str) -> Drawing:
    outcome, kind, named = studied.outcome, figure.figure, figure.named
    if kind in ("claims", "scatter"):
        return Drawing(kind, outcome.file.title, claims.rows(outcome.claims))
    if kind == "band":
        band = _named(place, named, {one.name: one for one in outcome.bands})
        return Drawing(kind, band.title, band_points.rows(band))
    if kind == "ratios":
        table = _named(place, named, {one.name: one for one in outcome.tables})
        return Drawing(kind, table.title.replace("`", ""), ratios.rows(table))
    if kind in _OF_A_RECOGNITION:
        heard = _named(place, named, {one.name: one for one in outcome.recognitions})
        return Drawing(kind, heard.title.replace("`", ""), _OF_A_RECOGNITION[kind](heard.found))
    if kind not in KINDS:
        raise InvalidValue(f"{place}.figure", kind, f"is no figure of a study; there are {', '.join(KINDS)}")
    runs = dict(outcome.file.runs)
    for name in named or ("",):
        if name not in runs:
            raise InvalidValue(f"{place}.of", name, f"must name runs; there are {', '.join(runs)}")
    made = [studied.runs.of(name) for name in named]
    first = made[0]
    title = f"{first.work.name} on {first.chip.name}"
    if kind in _OF_A_RUN:
        return Drawing(kind, f"{title}, {named[0]}", _OF_A_RUN[kind](first.result))
    if kind == "precisions":
        return Drawing(kind, title, _precisions(made))
    if kind == "waterfall":
        return Drawing(kind, title, _waterfall(place, made))
    return Drawing(kind, title, [_beam(studied, place, one) for one in made])


def _named(place: str, named: Sequence[str], known: Mapping[str, T]) -> T:
    if len(named) != 1 or named[0] not in known:
        raise InvalidValue(f"{place}.of", ", ".join(named), f"must name one of {', '.join(known) or 'none there is'}")
    return known[named[0]]


def _precisions(runs: Sequence[StudiedRun]) -> Rows:
    """Latency and energy of each run, by its precision, or by its name where precisions do not tell runs apart."""
    rows, precisions = [], [run.precision for run in runs]
    apart = None not in precisions and len(set(precisions)) == len(runs)
    for run in runs:
        split = groups(run.result.energy_by_component_aj)
        rows += [
            {
                "precision": run.precision if apart else run.name,
                "group": GROUP_TITLES[field.name],
                "energy_aj": getattr(split, field.name),
                "latency_ms": run.result.summary.latency_ms,
            }
            for field in fields(EnergyGroups)
        ]
    return rows


def _waterfall(place: str, runs: Sequence[StudiedRun]) -> Rows:
    """From the first run's precision to the last one's, on the chip and with the network of the first."""
    precisions = [run.precision for run in runs if run.precision is not None]
    if len(precisions) < 2:
        raise InvalidValue(f"{place}.of", len(precisions), "must name two runs that say their precision")
    return waterfall.rows(compare(runs[0].chip, runs[0].work, precisions))


def _beam(studied: Studied, place: str, run: StudiedRun) -> dict[str, object]:
    """A run by the width of its beam."""
    beam = dict(dict(studied.outcome.file.runs)[run.name].fields).get(BEAM)
    if not isinstance(beam, int):
        raise InvalidValue(f"{place}.of", run.name, f"must be a run that says {BEAM}")
    return {"beam": beam, "rtf": run.result.summary.rtf, "series": run.precision or run.work.formats}
