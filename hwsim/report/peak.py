"""What an array makes at most, mode by mode, and what keeps it from more."""

from fractions import Fraction

from hwsim.hardware.chip import Chip
from hwsim.report.numbers import figure
from hwsim.results.figures import PeakLimit, ReachablePeak, peaks


def peak_text(chip: Chip) -> str:
    """The peak of each mode; where it is out of reach, both figures and the reason."""
    return "; ".join(_of_mode(chip, peak) for peak in peaks(chip))


def _of_mode(chip: Chip, peak: ReachablePeak) -> str:
    nominal = f"{_tops(chip, Fraction(peak.macs_per_cycle))} TOPS in {peak.mode.value}"
    match peak.limit:
        case PeakLimit.ARRAY:
            return nominal
        case PeakLimit.SCRATCHPAD_READ:
            takes, gives = figure(float(peak.operand_bytes_per_cycle)), figure(float(peak.port_bytes_per_cycle))
            why = f"the array takes {takes} B a cycle, the scratchpad's read port gives {gives}"
        case PeakLimit.WEIGHT_LOAD:
            why = "the array waits while weights are loaded"
    return f"{_tops(chip, peak.reachable_macs_per_cycle)} of {nominal}, because {why}"


def _tops(chip: Chip, macs_per_cycle: Fraction) -> str:
    return figure(float(2 * macs_per_cycle * chip.cores * chip.clock / 10**12))
