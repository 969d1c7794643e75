"""How many products a cycle an array makes at most: as many as it can by itself, and as its ports feed.

A bound for every product, however large: what the array reads anew in each cycle must pass the scratchpad's read port.
`docs/model.md` derives it.
"""

from fractions import Fraction
from functools import lru_cache

from hwsim.hardware.chip import Chip
from hwsim.quantities.precision import Precision
from hwsim.results.efficiency import PeakLimit, ReachablePeak


def peaks(chip: Chip) -> tuple[ReachablePeak, ...]:
    """The peak of each mode of the chip's array, with operands of just that format."""
    return tuple(reachable_peak(chip, mode, mode.bits, mode.bits) for mode in chip.array.modes)


@lru_cache(maxsize=1024)
def reachable_peak(chip: Chip, mode: Precision, act_bits: int, weight_bits: int) -> ReachablePeak:
    """The peak of one mode for operands of those widths in the scratchpad."""
    most, feed = chip.array.macs_per_cycle(mode), chip.array.feed(mode, act_bits, weight_bits)
    loading, reading = feed.loading, feed.bytes_per_cycle / chip.scratchpad.read
    if max(loading, reading) <= 1:
        limit = PeakLimit.ARRAY
    else:
        limit = PeakLimit.SCRATCHPAD_READ if reading >= loading else PeakLimit.WEIGHT_LOAD
    return ReachablePeak(
        mode=mode,
        macs_per_cycle=most,
        reachable_macs_per_cycle=most / max(Fraction(1), loading, reading),
        limit=limit,
        operand_bytes_per_cycle=feed.bytes_per_cycle,
        port_bytes_per_cycle=Fraction(chip.scratchpad.read),
    )
