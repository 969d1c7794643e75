"""Nouns as text, as a terminal shows them: results as their commands print them."""

from hwsim.core.chip import Chip
from hwsim.core.result import Comparison, Result
from hwsim.core.workload import Workload
from hwsim.report.chip import chip_text
from hwsim.report.comparison import comparison_text
from hwsim.report.listing import listing_text
from hwsim.report.quality import run_with_quality_text
from hwsim.report.tables import Screen
from hwsim.study.listing import listing


def noun_text(noun: Result | Comparison | Workload | Chip) -> str:
    """The first screen of a noun."""
    screen = Screen()
    match noun:
        case Result():
            return run_with_quality_text(noun, noun.operation.clock, screen)
        case Comparison():
            return comparison_text(noun, screen)
        case Workload():
            return listing_text(listing(noun), screen)
        case Chip():
            return chip_text(noun, screen)
