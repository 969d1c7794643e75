"""The cost of tiles on a bit-serial array, in closed form: cycles, tails, register bits and widths of adders.

R rows, C columns of elements with L lanes. A step of B cycles (the bits of the serial operand, or those of both
multiplied) makes L products of K in each element; row r and column c work r + c cycles late. Finished sums go to drain
registers and move down (`docs/model.md`).
"""

from typing import TYPE_CHECKING

from hwsim.arrays.bit_serial.elements import Serial
from hwsim.hardware.array import GemmCycles, TileShape
from hwsim.quantities.precision import Precision

if TYPE_CHECKING:
    from hwsim.arrays.bit_serial.array import BitSerialArray


def interval(array: "BitSerialArray", mode: Precision, steps: int) -> int:
    """Cycles from the start of a tile to the earliest start of the next one: drain registers must be free."""
    return max(array.pace(mode) * steps, array.rows)


def drained(array: "BitSerialArray") -> int:
    """Cycles from the end of a tile's steps until its results are complete."""
    return 2 * array.rows + array.cols - 2


def gemm_cycles(array: "BitSerialArray", mode: Precision, m: int, k: int, n: int) -> GemmCycles:
    """Cycles of act[m, k] @ weight[k, n], tile after tile.

    >>> from hwsim.arrays.bit_serial.array import BitSerialArray
    >>> array = BitSerialArray(rows=2, cols=2, lanes=4, formats=(Precision.INT4,), parallel=Precision.INT8)
    >>> gemm_cycles(array, Precision.INT4, m=3, k=6, n=2)
    GemmCycles(mac=18, out=20, tiles=2)
    """
    steps = -(-k // array.lanes)
    tiles = -(-m // array.rows) * -(-n // array.cols)
    end_of_steps = (tiles - 1) * interval(array, mode, steps) + array.pace(mode) * steps
    return GemmCycles(end_of_steps + array.rows + array.cols - 2, end_of_steps + drained(array), tiles)


def alone(array: "BitSerialArray", mode: Precision, whole: TileShape, batch: int) -> int:
    """The products of a batch follow each other at the array's interval."""
    steps = -(-whole.k // array.lanes)
    once = gemm_cycles(array, mode, whole.outer, whole.k, whole.inner).out
    tail = array.pace(mode) * steps + drained(array) - interval(array, mode, steps)
    return (batch - 1) * (once - tail) + once


def _lane_bits(array: "BitSerialArray") -> int:
    """By how many bits a sum of all lanes is wider than one."""
    return (array.lanes - 1).bit_length()


def _both(array: "BitSerialArray") -> bool:
    return array.parallel is None


def inner_bits(array: "BitSerialArray", mode: Precision) -> int:
    """The sum that gathers the bits of activations for one bit of the weights, where both operands are serial."""
    return mode.bits + 1 + _lane_bits(array) if _both(array) else 0


def dot_bits(array: "BitSerialArray", mode: Precision) -> int:
    """The sum that gathers a step: L products of the most negative numbers fit."""
    other = mode.bits if _both(array) else array.parallel_bits()
    return mode.bits + other + _lane_bits(array)


def adder_widths(array: "BitSerialArray", mode: Precision) -> tuple[int, int, int]:
    """Bits of the adders of an element: the tree over all lanes, that of the inner sum, and that of the step's sum."""
    tree = (array.lanes - 1) * (array.parallel_bits() + _lane_bits(array))
    return tree, inner_bits(array, mode), dot_bits(array, mode)


def step_adder_bits(array: "BitSerialArray", mode: Precision) -> int:
    """Bits of an element's additions in a step, but for the one to the result."""
    tree, inner, dot = adder_widths(array, mode)
    return array.pace(mode) * (tree + inner) + mode.bits * dot


def step_register_bits(array: "BitSerialArray", mode: Precision) -> int:
    """Bits that registers take over while one step passes all elements.

    A word of each lane enters the register at the edge from which its bits go out; parallel words pass an element once
    a step, serial bits in each cycle (a bit of the weights once for all bits of the activations, where both are
    serial). Sums are taken over in each cycle but those in which they are handed on.
    """
    bits, lanes, elements = mode.bits, array.lanes, array.rows * array.cols
    if _both(array):
        edges = (array.rows + array.cols) * lanes * bits
        operands = lanes * (bits * bits + bits)
        sums = bits * (bits - 1) * inner_bits(array, mode) + (bits - 1) * dot_bits(array, mode)
    else:
        serial_side = array.cols if array.serial is Serial.WEIGHTS else array.rows
        edges = serial_side * lanes * bits
        operands = lanes * (bits + array.parallel_bits())
        sums = (bits - 1) * dot_bits(array, mode)
    return edges + elements * (operands + sums + array.accumulator.bits)


def drain_register_bits(array: "BitSerialArray") -> int:
    """Bits that drain registers take over at the end of a tile: row r's result passes the R - 1 - r below it."""
    passed = array.cols * array.rows * (array.rows - 1) // 2 + array.rows * array.cols
    return passed * array.accumulator.bits


def tile_register_bits(array: "BitSerialArray", mode: Precision, steps: int) -> int:
    """Bits that registers take over for one tile."""
    return steps * step_register_bits(array, mode) + drain_register_bits(array)


def element_register_bits(array: "BitSerialArray", mode: Precision) -> int:
    """The registers of one element: operands, the sums of a step, the result and the one that leaves."""
    operands = array.lanes * (2 if _both(array) else 1 + array.parallel_bits())
    return operands + inner_bits(array, mode) + dot_bits(array, mode) + 2 * array.accumulator.bits
