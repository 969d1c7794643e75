"""What `run` prints: the one screen, or what it was asked for instead."""

from dataclasses import dataclass

from hwsim.report.energy import energy_text
from hwsim.report.explanation import explanation_text
from hwsim.report.full import full_text
from hwsim.report.quality import quality_text
from hwsim.report.residency import tensors_text
from hwsim.report.screen import screen_text
from hwsim.report.sources import sources_text
from hwsim.report.tables import Screen
from hwsim.results.result import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which reports are printed in place of the screen; an explanation that the result holds always is."""

    full: bool = False
    tensors: bool = False
    sources: bool = False
    energy: bool = False


def run_text(result: Result, asked: Asked, screen: Screen) -> str:
    """All that was asked for, one after another; beside an explanation no values."""
    clock = result.operation.clock
    texts = []
    if result.explanation is not None:
        texts.append(explanation_text(result, clock, screen))
    if asked.full:
        texts.append(full_text(result, clock, screen))
    if asked.tensors:
        texts.append(tensors_text(result, screen))
    if asked.sources:
        texts.append(sources_text(result, screen))
    if asked.energy:
        texts.append(energy_text(result, screen))
    texts = texts or [screen_text(result, clock, screen)]
    if result.quality is not None and result.explanation is None:
        summary = result.summary
        texts.append(quality_text(f"Values of {summary.workload} in {summary.precision}", result.quality, screen))
    return "\n".join(texts)
