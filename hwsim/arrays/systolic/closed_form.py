"""The cost of tiles on a systolic array, in closed form: cycles, tails and register bits.

R rows, C columns; a stationary tile meets a stream of S steps: S = M rows of activations (WS), N columns of weights
(IS) or K products (OS), after packing. Cycle 0 is the first in which an operand is presented; memory has no latency
here (`docs/model.md`).

A register takes over a value when a valid one arrives; padding at the edges of a tile counts as valid, because the
array is filled with it (`docs/energy.md`).
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from hwsim.arrays.systolic.elements import Dataflow, Drain, WeightLoad
from hwsim.dataclass import dataclass
from hwsim.hardware.array import GemmCycles, StepCosts, Takes, TileShape
from hwsim.quantities.precision import Precision

if TYPE_CHECKING:
    from hwsim.arrays.systolic.array import SystolicArray


def interval(array: "SystolicArray", stream: int) -> int:
    """Cycles from the start of a tile to the earliest start of the next one."""
    fixed, least = _interval_terms(array)
    return max(stream + fixed, least)


def _interval_terms(array: "SystolicArray") -> tuple[int, int]:
    """What the interval of a tile is longer than its stream, and the shortest interval."""
    rows, cols = array.rows, array.cols
    if array.dataflow is Dataflow.OS:
        match array.drain:
            case Drain.SERIAL:
                return 2 * rows + cols - 2, 0
            case Drain.SHARED:
                return rows - 1, 0
            case Drain.SEPARATE:
                return 0, rows
    broadcast = array.weight_load is WeightLoad.BROADCAST
    if array.shadow_weights:
        return 0, 2 * rows + cols - 2 if broadcast else rows
    return 2 * rows + cols - 2 if broadcast else rows - 1, 0


def tail(array: "SystolicArray", stream: int) -> int:
    """Cycles from the earliest start of a next tile until the results of this one are complete."""
    return stream + _drained(array) - interval(array, stream)


def _drained(array: "SystolicArray") -> int:
    """Cycles from the end of a tile's stream until its results are complete."""
    return 2 * array.rows + array.cols - (2 if array.dataflow is Dataflow.OS else 1)


def gemm_cycles(
    array: "SystolicArray", mode: Precision, m: int, k: int, n: int, chunk: int | None = None
) -> GemmCycles:
    """Cycles of act[m, k] @ weight[k, n], the streamed dimension cut into chunks (None: as the array says).

    >>> from hwsim.arrays.systolic.array import SystolicArray
    >>> int8 = Precision.INT8
    >>> array = SystolicArray(rows=4, cols=4, macs_per_pe=((int8, 1),), weight_load=WeightLoad.WAVEFRONT)
    >>> gemm_cycles(array, int8, m=6, k=8, n=8)
    GemmCycles(mac=34, out=35, tiles=4)
    """
    rows, cols = array.rows, array.cols
    packed = array.packed(mode)
    if array.dataflow is Dataflow.OS:
        stream = -(-k // packed.k)
        tiles = -(-m // rows) * -(-n // (cols * packed.n))
        start_of_last = (tiles - 1) * interval(array, stream)
        return GemmCycles(start_of_last + stream + rows + cols - 2, start_of_last + stream + 2 * rows + cols - 2, tiles)
    streamed, spread = (m, n) if array.dataflow is Dataflow.WS else (n, m)
    tiles_of_chunk = -(-k // (rows * packed.k)) * -(-spread // (cols * packed.n))
    whole, rest = divmod(streamed, min(chunk or array.m_chunk or streamed, streamed))
    chunks = [(min(chunk or array.m_chunk or streamed, streamed), whole)] + ([(rest, 1)] if rest else [])
    last = chunks[-1][0]
    tiles = tiles_of_chunk * sum(times for _, times in chunks)
    starts = sum(interval(array, size) * times * tiles_of_chunk for size, times in chunks)
    mac = rows + starts - interval(array, last) + last + rows + cols - 2
    return GemmCycles(mac, mac + 1, tiles)


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


def step_costs(array: "SystolicArray", mode: Precision) -> StepCosts:
    """The coefficients of `interval`, `tail` and `tile_register_bits`."""
    stays, (fixed, least) = array.dataflow is Dataflow.OS, _interval_terms(array)
    undrained = tile_register_bits(array, mode, 0, drains=False)
    acts, weights = _TAKES[array.dataflow]
    return StepCosts(
        stream_k=array.packed(mode).k,
        fixed=fixed,
        least=least,
        drained=_drained(array),
        hazard=array.rows if stays and array.drain is Drain.SEPARATE else None,
        acts=acts,
        weights=weights,
        tile_bits=undrained,
        stream_bits=tile_register_bits(array, mode, 1, drains=False) - undrained,
        drain_bits=tile_register_bits(array, mode, 0, drains=True) - undrained,
        sums_outside=not stays,
    )


_TAKES = {
    Dataflow.WS: (Takes.ACROSS, Takes.ONCE),
    Dataflow.IS: (Takes.ONCE, Takes.ACROSS),
    Dataflow.OS: (Takes.ACROSS, Takes.DEEP),
}
"""Streamed operands pass once for each tile across, stationary ones enter once."""


def alone(array: "SystolicArray", mode: Precision, whole: TileShape, batch: int, outer: int) -> int:
    """The products of a batch follow each other at the array's interval; only the results of the last one add their
    tail."""
    m, n = (whole.inner, whole.outer) if array.dataflow is Dataflow.IS else (whole.outer, whole.inner)
    if array.dataflow is Dataflow.OS:
        last_tail = tail(array, -(-whole.k // array.packed(mode).k))
    else:
        longest = min(outer, whole.outer)
        last_tail = tail(array, whole.outer % longest or longest)
    once = gemm_cycles(array, mode, m, whole.k, n, outer).out
    return (batch - 1) * (once - last_tail) + once
