"""Nouns as text, as a terminal shows them: results as their commands print them."""

from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.chip import Chip
from hwsim.ir.workload import Workload
from hwsim.report.analog_chip import analog_chip_text
from hwsim.report.asked import Asked
from hwsim.report.chip import chip_text
from hwsim.report.comparison_screen import comparison_screen
from hwsim.report.difference_screen import difference_screen
from hwsim.report.listing import listing_text
from hwsim.report.screen import run_text
from hwsim.report.streams import stream_text
from hwsim.report.tables import Screen
from hwsim.results.difference import Difference
from hwsim.results.result import Comparison, Result
from hwsim.results.streams import StreamStudy
from hwsim.results.tiles_result import TilesResult
from hwsim.study.listing import listing


def noun_text(
    noun: Result | TilesResult | Comparison | Difference | StreamStudy | Workload | Chip | AnalogChip,
) -> str:
    """The first screen of a noun."""
    screen = Screen()
    match noun:
        case Result() | TilesResult():
            return run_text(noun, Asked(), screen)
        case Comparison():
            return comparison_screen(noun, screen)
        case Difference():
            return difference_screen(noun, screen)
        case StreamStudy():
            return stream_text(noun, screen)
        case Workload():
            return listing_text(listing(noun), screen)
        case Chip():
            return chip_text(noun, screen)
        case AnalogChip():
            return analog_chip_text(noun, screen)
