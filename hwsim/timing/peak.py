"""How many products a cycle an array makes at most: as many as its processing elements can, and as its ports feed.

A bound for every product, however large: what the array reads anew in each cycle must pass the scratchpad's read port,
what stays in it costs nothing on a stream that never ends. `docs/model.md` derives it.
"""

from fractions import Fraction
from functools import lru_cache

from hwsim.hardware.chip import Chip, Dataflow
from hwsim.quantities.precision import Precision
from hwsim.results.efficiency import PeakLimit, ReachablePeak
from hwsim.timing.systolic import interval


def peaks(chip: Chip) -> tuple[ReachablePeak, ...]:
    """The peak of each mode of the chip's array, with operands of just that format."""
    return tuple(reachable_peak(chip, mode, mode.bits, mode.bits) for mode, _ in chip.array.macs_per_pe)


@lru_cache(maxsize=1024)
def reachable_peak(chip: Chip, mode: Precision, act_bits: int, weight_bits: int) -> ReachablePeak:
    """The peak of one mode for operands of those widths in the scratchpad."""
    array = chip.array
    most = array.macs_per_cycle(mode)
    stream = array.m_chunk if array.dataflow is not Dataflow.OS else None
    loading = Fraction(1) if stream is None else Fraction(interval(array, stream), stream)
    wanted = _bytes_per_cycle(chip, mode, act_bits, weight_bits)
    reading = wanted / chip.scratchpad.read
    if max(loading, reading) <= 1:
        limit = PeakLimit.ARRAY
    else:
        limit = PeakLimit.SCRATCHPAD_READ if reading >= loading else PeakLimit.WEIGHT_LOAD
    return ReachablePeak(
        mode=mode,
        macs_per_cycle=most,
        reachable_macs_per_cycle=most / max(Fraction(1), loading, reading),
        limit=limit,
        operand_bytes_per_cycle=wanted,
        port_bytes_per_cycle=Fraction(chip.scratchpad.read),
    )


def _bytes_per_cycle(chip: Chip, mode: Precision, act_bits: int, weight_bits: int) -> Fraction:
    """What enters a full array in each cycle, nothing waited for."""
    array, packed = chip.array, chip.array.packed(mode)
    across = array.cols * packed.n
    match array.dataflow:
        case Dataflow.WS:
            streamed, stationary = act_bits, weight_bits
        case Dataflow.IS:
            streamed, stationary = weight_bits, act_bits
        case Dataflow.OS:
            return Fraction(packed.k * (array.rows * act_bits + across * weight_bits), 8)
    entering = Fraction(array.rows * packed.k * streamed, 8)
    if array.m_chunk is not None:  # what stays is loaded anew for each chunk
        entering += Fraction(array.rows * packed.k * across * stationary, 8 * array.m_chunk)
    return entering
