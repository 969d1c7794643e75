"""The silicon of a systolic array: its processing elements, and the sums under it."""

from fractions import Fraction
from typing import TYPE_CHECKING

from hwsim.arrays.systolic.elements import Dataflow, Drain
from hwsim.hardware.array import ArrayArea
from hwsim.hardware.array_parts import PartAreas
from hwsim.quantities.precision import Precision

if TYPE_CHECKING:
    from hwsim.arrays.systolic.array import SystolicArray


def array_area(array: "SystolicArray", areas: PartAreas) -> ArrayArea:
    """The area of all elements, and of a memory for the sums of each column."""
    return ArrayArea(
        array=array.rows * array.cols * _element_area(array, areas),
        accumulators=areas.memory(array.cols * _column_bits(array)),
    )


def element_register_bits(array: "SystolicArray", mode: Precision) -> int:
    """The registers of one processing element in one mode."""
    packed, sum_bits = array.packed(mode), array.running_bits(mode)
    word, sums = packed.k * mode.bits, packed.n * sum_bits
    if array.dataflow is Dataflow.OS:
        drain = sums if array.drain is Drain.SEPARATE else 0
        return word + packed.n * word + sums + drain
    return word + sums + packed.n * word * (2 if array.shadow_weights else 1)


def _element_area(array: "SystolicArray", areas: PartAreas) -> Fraction:
    """Integer modes share the multipliers and adders of the largest of them; floating-point ones have their own."""
    modes = array.modes
    integer = max((_integer_area(array, areas, mode) for mode in modes if not mode.floating), default=Fraction(0))
    floating = sum((_floating_area(array, areas, mode) for mode in modes if mode.floating), Fraction(0))
    return integer + floating + areas.registers(max(element_register_bits(array, mode) for mode in modes))


def _integer_area(array: "SystolicArray", areas: PartAreas, mode: Precision) -> Fraction:
    packed = array.packed(mode)
    tree = (packed.k - 1) * (2 * mode.bits + (packed.k - 1).bit_length())
    return packed.n * (packed.k * areas.multiplier(mode) + areas.adder(tree + array.running_bits(mode)))


def _floating_area(array: "SystolicArray", areas: PartAreas, mode: Precision) -> Fraction:
    packed = array.packed(mode)
    return packed.n * packed.k * (areas.multiplier(mode) + areas.floating_adder())


def _column_bits(array: "SystolicArray") -> int:
    """The largest memory that a column needs for its sums; none with stated entries means that it has none."""
    if array.dataflow is Dataflow.OS:
        return 0
    return max(
        array.packed(mode).n * (array.accumulator_of(mode).entries or 0) * array.result_bits(mode)
        for mode in array.modes
    )
