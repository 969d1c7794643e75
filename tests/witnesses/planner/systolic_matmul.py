"""The cost of the blocks of a matrix product on a systolic array, each worked out by itself from the closed forms."""

from dataclasses import dataclass

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.closed_form import gemm_cycles, interval, sums_kept, tail, tile_register_bits
from hwsim.arrays.systolic.elements import Dataflow, Drain
from hwsim.hardware.array import ComputeArray, TileShape
from hwsim.quantities.precision import Precision
from hwsim.schedule.steps import Phase


@dataclass(frozen=True, slots=True)
class OperandReads:
    """How often an array takes the operands of a block out of the scratchpad; 0 for operands stored in its cells."""

    act: int
    weight: int


@dataclass(frozen=True, slots=True)
class ArrayTime:
    """How long a step keeps the array, and how much later its results are complete; memory has no latency here."""

    cycles: int
    tail: int


@dataclass(frozen=True, slots=True)
class ArrayEvents:
    """What happens inside an array and under it: bits that registers take over, and sums that are read and written.

    No noun: the mapper makes many of these, and puts them into the `Work` of a step, which is checked.
    """

    register_bits: int = 0
    accumulator_reads: int = 0
    accumulator_writes: int = 0


@dataclass(frozen=True, slots=True)
class SystolicMatmul:
    """One matrix product in one mode. `following` is the shortest stream of a product that may come next, if the
    last step depends on it."""

    array: SystolicArray
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


def matmul_cost(array: ComputeArray, mode: Precision, whole: TileShape, following: int | None) -> SystolicMatmul:
    """The cost of a matrix product of that size; `following` is the least lead of what may come next."""
    assert isinstance(array, SystolicArray)
    return SystolicMatmul(array, mode, whole, array.packed(mode).k, array.constraints(mode).unit, following)


def drain_hazard(array: ComputeArray) -> bool:
    """Whether the last tile of a product waits for a shorter next one."""
    return isinstance(array, SystolicArray) and array.dataflow is Dataflow.OS and array.drain is Drain.SEPARATE
