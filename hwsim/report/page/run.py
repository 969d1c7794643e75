"""The page of a run: its first screen, its figures, all ops, prices, assumptions, provenance."""

from dataclasses import replace

from hwsim.report.asked import Asked
from hwsim.report.page.listings import assumptions_listing, prices_listing, provenance_pairs
from hwsim.report.page.ops import ops_listing
from hwsim.report.page.sheet import Page, Shown
from hwsim.report.plots.sets import run_drawings
from hwsim.report.screen import run_text
from hwsim.report.tables import LEAST_WIDTH, Screen
from hwsim.results.pictured import Pictured
from hwsim.results.result import Result
from hwsim.results.tiles_result import TilesResult

SCREENS = (Screen(width=100), Screen(width=LEAST_WIDTH))
"""Texts for wide windows and for narrow ones."""


def run_page(result: Result | TilesResult, pictured: Pictured, command: str) -> str:
    """The page of a run that this command made."""
    summary = result.summary
    return Page(
        title=f"{summary.workload} in {summary.precision} on {summary.chip}",
        command=command,
        texts=_texts(result),
        figures=[Shown.of(drawing) for drawing in run_drawings(result, pictured)],
        listings=[ops_listing(result), prices_listing(result.prices), assumptions_listing(result.provenance)],
        provenance=provenance_pairs(result.provenance),
    ).html()


def _texts(result: Result | TilesResult) -> list[tuple[str, str]]:
    """The first screen, and what else was asked for."""
    alone: Result | TilesResult
    if isinstance(result, Result):
        alone = replace(result, band=None, changed=(), explanation=None, quality=None, dram_banks=None)
    else:
        alone = replace(result, band=None, changed=(), explained=None, quality=None)
    first = _both(alone)
    if alone == result:
        return [first]
    wide, narrow = (  # what stands behind the first screen, where that is not replaced, stands behind it here too
        whole.removeprefix(screen).lstrip("\n") for screen, whole in zip(first, _both(result), strict=True)
    )
    return [first, (wide, narrow)]


def _both(result: Result | TilesResult) -> tuple[str, str]:
    wide, narrow = (run_text(result, Asked(), screen) for screen in SCREENS)
    return wide, narrow
