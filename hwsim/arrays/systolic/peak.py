"""What a full systolic array takes and does in the steady state: the base of its peak rate and of its peak energy."""

from fractions import Fraction
from typing import TYPE_CHECKING

from hwsim.arrays.systolic.closed_form import interval
from hwsim.arrays.systolic.elements import Dataflow
from hwsim.arrays.systolic.movement import sums_kept, tile_register_bits
from hwsim.hardware.array import Feed, FullTile
from hwsim.quantities.precision import Precision
from hwsim.schedule.counters import Work

if TYPE_CHECKING:
    from hwsim.arrays.systolic.array import SystolicArray

LONG_STREAM = 1024
"""Steps of a stationary tile at peak, if neither the array's chunks nor its accumulators end it sooner."""


def feed(array: "SystolicArray", mode: Precision, act_bits: int, weight_bits: int) -> Feed:
    """What enters a full array in each cycle, nothing waited for; what stays costs nothing on a stream that never
    ends, but chunks load it anew."""
    stream = array.m_chunk if array.dataflow is not Dataflow.OS else None
    loading = Fraction(1) if stream is None else Fraction(interval(array, stream), stream)
    return Feed(_bytes_per_cycle(array, mode, act_bits, weight_bits), loading)


def _bytes_per_cycle(array: "SystolicArray", mode: Precision, act_bits: int, weight_bits: int) -> Fraction:
    packed = array.packed(mode)
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


def full_tile(array: "SystolicArray", mode: Precision) -> FullTile:
    """One full tile: every processing element makes all its products in every cycle, sums go to the accumulators. The
    tile takes as long as its interval; its stream is as long as chunks and accumulators allow."""
    packed = array.packed(mode)
    k, across = packed.k, array.cols * packed.n
    if array.dataflow is Dataflow.OS:
        stream, kept = LONG_STREAM, 0
        entering_bits = stream * k * (array.rows + across) * mode.bits
    else:
        stream = min(array.m_chunk or LONG_STREAM, array.accumulator_of(mode).entries or LONG_STREAM)
        entering_bits = array.rows * k * (stream + across) * mode.bits
        kept = sums_kept(array, mode, stream * across, array.rows * k)
    work = Work(
        macs=array.macs_per_cycle(mode) * stream,
        array_register_bits=tile_register_bits(array, mode, stream),
        accumulator_reads=kept,
        accumulator_writes=kept,
    )
    return FullTile(cycles=interval(array, stream), operand_bytes=-(-entering_bits // 8), work=work)
