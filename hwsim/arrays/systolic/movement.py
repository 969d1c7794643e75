"""What moves inside a systolic array and under it, in closed form: bits that registers take over, sums that are kept.

A register takes over a value when a valid one arrives; padding at the edges of a tile counts as valid, because the
array is filled with it. `docs/energy.md` derives each formula.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from hwsim.arrays.systolic.elements import Dataflow, Drain
from hwsim.quantities.precision import Precision

if TYPE_CHECKING:
    from hwsim.arrays.systolic.array import SystolicArray


@dataclass(frozen=True, slots=True)
class Widths:
    """Bits of the words that move in one mode: streamed, stationary (the other operand for OS), and sums."""

    streamed: int
    other: int
    sums: int


@lru_cache(maxsize=256)
def widths(array: "SystolicArray", mode: Precision) -> Widths:
    """Operands are as wide as the mode, sums as the running register."""
    packed = array.packed(mode)
    word = packed.k * mode.bits
    return Widths(streamed=word, other=packed.n * word, sums=packed.n * array.running_bits(mode))


def tile_register_bits(array: "SystolicArray", mode: Precision, stream: int, *, drains: bool = True) -> int:
    """Bits that the registers of the array take over while one tile meets a stream of that many steps.

    Stationary: the word of row r of R passes r + 1 registers (and its shadow), a streamed word all C of its row, a sum
    all R of its column. Output stationary: both operands pass all registers, each sum is taken over once a step, and if
    the tile `drains`, row r's passes the R − 1 − r below it, through drain registers of their own if there are any.
    """
    rows, cols, width = array.rows, array.cols, widths(array, mode)
    moving = rows * cols * stream * (width.streamed + width.sums)
    if array.dataflow is not Dataflow.OS:
        loads = cols * rows * (rows + 1) // 2 + (rows * cols if array.shadow_weights else 0)
        return moving + loads * width.other
    drained = cols * rows * (rows - 1) // 2 + (rows * cols if array.drain is Drain.SEPARATE else 0)
    return moving + rows * cols * stream * width.other + (drained * width.sums if drains else 0)


def sums_kept(array: "SystolicArray", mode: Precision, sums: int, k: int) -> int:
    """How often sums are written under the array while `sums` results gather K: once for each tile of K.

    They are read as often: to be added to, and in the end to leave. Output-stationary sums stay in the array.
    """
    if array.dataflow is Dataflow.OS:
        return 0
    return sums * -(-k // (array.rows * array.packed(mode).k))
