"""The cost of tiles on a temporal array, in closed form: cycles, tails, register bits and additions that rows share.

R rows, C columns, windows of T cycles, K products of each result. Column c begins c cycles after column 0, and where
multiples are pipelined row r begins r cycles after row 0. In the cycle after its window each row and column adds the
product that it subscribed to. Results leave through the row's end, a row a cycle (`docs/model.md`).
"""

from typing import TYPE_CHECKING

from hwsim.arrays.temporal.elements import Products
from hwsim.hardware.array import GemmCycles, TileShape
from hwsim.quantities.precision import Precision

if TYPE_CHECKING:
    from hwsim.arrays.temporal.array import TemporalArray


def shortest_interval(array: "TemporalArray") -> int:
    """Cycles from the start of a tile to that of the next one, however short: results that all rows have at once wait
    for the rows before them to leave. Pipelined rows finish as they leave, and a window is never too short for that."""
    return 0 if array.products is Products.PIPELINED else array.cols + array.rows - 1


def drained(array: "TemporalArray") -> int:
    """Cycles from the end of a tile's windows until its results are complete."""
    return array.cols + array.rows


def interval(array: "TemporalArray", mode: Precision, k: int) -> int:
    """Cycles from the start of a tile to the earliest start of the next one."""
    return max(k * array.window(mode), shortest_interval(array))


def gemm_cycles(array: "TemporalArray", mode: Precision, m: int, k: int, n: int) -> GemmCycles:
    """Cycles of act[m, k] @ weight[k, n], tile after tile.

    >>> from hwsim.arrays.temporal.array import TemporalArray
    >>> array = TemporalArray(rows=4, cols=2, formats=(Precision.INT4,))
    >>> gemm_cycles(array, Precision.INT4, m=6, k=3, n=2)
    GemmCycles(mac=53, out=54, tiles=2)
    """
    tiles = -(-m // array.rows) * -(-n // array.cols)
    end_of_windows = (tiles - 1) * interval(array, mode, k) + k * array.window(mode)
    late = array.rows - 1 if array.products is Products.PIPELINED else 0
    return GemmCycles(end_of_windows + array.cols + late, end_of_windows + drained(array), tiles)


def alone(array: "TemporalArray", mode: Precision, whole: TileShape, batch: int) -> int:
    """The products of a batch follow each other at the array's interval."""
    once = gemm_cycles(array, mode, whole.outer, whole.k, whole.inner).out
    tail = whole.k * array.window(mode) + drained(array) - interval(array, mode, whole.k)
    return (batch - 1) * (once - tail) + once


def window_register_bits(array: "TemporalArray", mode: Precision) -> int:
    """Bits that registers take over while one window passes all rows and columns.

    Words enter a row and a column once, and a row keeps that of the window before; multiples and spikes move in each
    cycle; the sign (and exponent) of a weight goes down with the first multiple; each row and column subscribes to a
    product and adds it.
    """
    rows, cols, coded = array.rows, array.cols, array.coded(mode)
    copies = rows if array.products is Products.PIPELINED else 1
    words = (2 * rows + cols) * mode.bits
    multiples = copies * cols * coded.window * coded.product_bits + (copies - 1) * cols * coded.tag_bits
    subscribed = coded.product_bits + coded.tag_bits
    return words + multiples + rows * cols * (coded.window + subscribed + array.sum_bits(mode))


def drain_register_bits(array: "TemporalArray", mode: Precision) -> int:
    """Bits that the registers of results take over at the end of a tile."""
    return array.rows * array.cols * array.sum_bits(mode)


def tile_register_bits(array: "TemporalArray", mode: Precision, k: int) -> int:
    """Bits that registers take over for one tile."""
    return k * window_register_bits(array, mode) + drain_register_bits(array, mode)


def window_adder_bits(array: "TemporalArray", mode: Precision) -> int:
    """Bits of the additions that count up multiples in one window: the first multiple is loaded, the others added."""
    coded = array.coded(mode)
    return array.cols * (coded.window - 1) * coded.product_bits
