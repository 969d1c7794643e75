"""The cost of tiles on a systolic array, in closed form: cycles, tails and register bits.

R rows, C columns; a stationary tile meets a stream of S steps: S = M rows of activations (WS), N columns of weights
(IS) or K products (OS), after packing. Cycle 0 is the first in which an operand is presented; memory has no latency
here (`docs/model.md`).

A register takes over a value when a valid one arrives; padding at the edges of a tile counts as valid, because the
array is filled with it (`docs/energy.md`).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from hwsim.arrays.systolic.elements import Dataflow, Drain, WeightLoad
from hwsim.hardware.array import ArrayEvents, ArrayTime, GemmCycles, OperandReads, TileShape
from hwsim.quantities.precision import Precision
from hwsim.schedule.steps import Phase

if TYPE_CHECKING:
    from hwsim.arrays.systolic.array import SystolicArray


def interval(array: "SystolicArray", stream: int) -> int:
    """Cycles from the start of a tile to the earliest start of the next one."""
    rows, cols = array.rows, array.cols
    if array.dataflow is Dataflow.OS:
        match array.drain:
            case Drain.SERIAL:
                return 2 * rows + cols + stream - 2
            case Drain.SHARED:
                return stream + rows - 1
            case Drain.SEPARATE:
                return max(stream, rows)
    broadcast = array.weight_load is WeightLoad.BROADCAST
    if array.shadow_weights:
        return max(stream, 2 * rows + cols - 2 if broadcast else rows)
    return 2 * rows + stream + cols - 2 if broadcast else stream + rows - 1


def tail(array: "SystolicArray", stream: int) -> int:
    """Cycles from the earliest start of a next tile until the results of this one are complete."""
    rows, cols = array.rows, array.cols
    drained = 2 * rows + cols - 2 + stream if array.dataflow is Dataflow.OS else 2 * rows + cols - 1 + stream
    return drained - interval(array, stream)


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


@dataclass(frozen=True, slots=True)
class SystolicMatmul:
    """One matrix product in one mode. `following` is the shortest stream of a product that may come next, if the
    last step depends on it."""

    array: "SystolicArray"
    mode: Precision
    whole: TileShape
    packed_k: int
    unit: TileShape
    following: int | None

    def busy(self, outer: int) -> int:
        array, tiles = self.array, self._tiles(self.whole)
        if array.dataflow is Dataflow.OS:
            return tiles * interval(array, self._packed(self.whole.k))
        blocks = -(-self.whole.outer // outer)
        last = self.whole.outer - (blocks - 1) * outer
        return tiles * ((blocks - 1) * interval(array, outer) + interval(array, last))

    def reads(self, block: TileShape) -> OperandReads:
        """Streamed operands pass once for each tile across, stationary ones enter once."""
        across = self._across(block)
        match self.array.dataflow:
            case Dataflow.WS:
                return OperandReads(act=across, weight=1)
            case Dataflow.IS:
                return OperandReads(act=1, weight=across)
            case Dataflow.OS:
                return OperandReads(act=across, weight=-(-block.outer // self.unit.outer))

    def time(self, block: TileShape, phase: Phase, *, last: bool) -> ArrayTime:
        array = self.array
        if array.dataflow is Dataflow.OS:
            stream, whole = self._packed(block.k), self._packed(self.whole.k)
            # A step that does not finish its K occupies just that K; the last one brings the rest of the interval.
            rest = interval(array, whole) - whole if phase.closes else 0
            cycles = self._tiles(block) * (stream + rest)
            latest = tail(array, whole)
            if last and self.following is not None:
                more = whole + max(0, array.rows - self.following) - interval(array, whole)
                cycles, latest = cycles + more, latest - more
        else:
            cycles = self._tiles(block) * interval(array, block.outer)
            latest = tail(array, block.outer)
        return ArrayTime(cycles=cycles, tail=latest if phase.closes else 0)

    def events(self, block: TileShape, phase: Phase) -> ArrayEvents:
        """Bits that registers take over, and sums that are kept under the array; a sum of OS leaves when its K is
        complete."""
        array = self.array
        stream = self._packed(block.k) if array.dataflow is Dataflow.OS else block.outer
        results = block.outer * block.inner
        kept = sums_kept(array, self.mode, results, block.k)
        return ArrayEvents(
            register_bits=self._tiles(block) * tile_register_bits(array, self.mode, stream, drains=phase.closes),
            accumulator_reads=kept + results * (phase.closes - phase.opens) if kept else 0,
            accumulator_writes=kept,
        )

    def alone(self, batch: int, outer: int) -> int:
        """The products of a batch follow each other at the array's interval; only the results of the last one add their
        tail."""
        array, whole = self.array, self.whole
        m, n = (whole.inner, whole.outer) if array.dataflow is Dataflow.IS else (whole.outer, whole.inner)
        if array.dataflow is Dataflow.OS:
            last_tail = tail(array, self._packed(whole.k))
        else:
            longest = min(outer, whole.outer)
            last_tail = tail(array, whole.outer % longest or longest)
        once = gemm_cycles(array, self.mode, m, whole.k, n, outer).out
        return (batch - 1) * (once - last_tail) + once

    def _tiles(self, block: TileShape) -> int:
        """The array tiles of a block: of results, if these stay in the array, else of the stationary operand."""
        outputs_stay = self.array.dataflow is Dataflow.OS
        deep = -(-block.outer // self.unit.outer) if outputs_stay else -(-block.k // self.unit.k)
        return self._across(block) * deep

    def _across(self, block: TileShape) -> int:
        return -(-block.inner // self.unit.inner)

    def _packed(self, k: int) -> int:
        return -(-k // self.packed_k)
