"""Matrix products as steps on the array, with their loads, their work on the vector unit and their stores."""

from dataclasses import dataclass
from functools import lru_cache

from hwsim.core.chip import Dataflow
from hwsim.core.counters import Work
from hwsim.core.functions import Function
from hwsim.core.laws import kind
from hwsim.core.precision import Precision
from hwsim.core.program import Instance, Program
from hwsim.core.schedule import (
    ArrayWork,
    Block,
    Load,
    OpSchedule,
    Phase,
    Repeat,
    Ring,
    Step,
    StepTree,
    repeated,
)
from hwsim.errors import Unsupported
from hwsim.mapping.blocks import Extent, Part, extent, grain, largest_square_block, m_and_n, parts, smallest_block
from hwsim.mapping.operands import Operands
from hwsim.mapping.target import Target
from hwsim.mapping.vector import VectorCost, vector_cost
from hwsim.timing.systolic import interval, tail
from hwsim.timing.timeline import op_time

# A block that fills the scratchpad leaves nothing to overlap with, so smaller shares of it are tried as well.
SHARES = (1, 2, 4, 8, 16)


def schedule_matrix(instance: Instance, program: Program, target: Target) -> OpSchedule:
    """The products in blocks; every operand is loaded, every result stored."""
    operands = Operands.of(instance, program)
    mode = target.array.mode(operands.act, operands.act if operands.dequantized else operands.weight)
    if mode is None:
        raise Unsupported(_no_mode(operands, target))
    block, steps = _fastest(_Mapping(operands, mode, target))
    return OpSchedule(
        name=instance.op.name,
        kind=kind(instance.op),
        times=instance.times,
        macs=operands.size.macs,
        steps=steps,
        mode=mode,
        block=block,
    )


def _no_mode(operands: Operands, target: Target) -> str:
    modes = ", ".join(mode.value for mode, _ in target.array.macs_per_pe)
    return f"the array multiplies no {operands.act.value} by {operands.weight.value}; it does {modes}"


@lru_cache(maxsize=4096)
def _fastest(mapping: "_Mapping") -> tuple[Block, tuple[StepTree, ...]]:
    """Of the largest square blocks that fit shares of the scratchpad the fastest one; of equals the larger."""
    candidates = []
    for share in SHARES:
        block = mapping.largest_block(share)
        if block is not None and block not in candidates:
            candidates.append(block)
    if not candidates:
        smallest = smallest_block(mapping.whole, mapping.target.array, mapping.mode)
        scratchpad = mapping.target.scratchpad
        raise Unsupported(
            f"one tile of the array takes {mapping.bytes_held(smallest) * scratchpad.buffers} bytes with "
            f"{scratchpad.buffers} buffers, the scratchpad has {scratchpad.size}; give a larger one, or fewer buffers"
        )
    tried = [(block, mapping.steps(block)) for block in candidates]
    if len(tried) > 1:
        tried.sort(key=lambda candidate: mapping.cycles(candidate[1]))
    block, steps = tried[0]
    m, n = m_and_n(mapping.target.array.dataflow, block)
    return Block(m=m, k=block.k, n=n), steps


@dataclass(frozen=True, slots=True)
class _Mapping:
    """One matrix product in one mode of a target, whatever its blocks."""

    operands: Operands
    mode: Precision
    target: Target

    @property
    def whole(self) -> Extent:
        size = self.operands.size
        return extent(self.target.array.dataflow, size.m, size.k, size.n)

    def bytes_held(self, block: Extent) -> int:
        """One slot of every ring."""
        m, n = m_and_n(self.target.array.dataflow, block)
        operands = self.operands.act_bytes(m, block.k) + self.operands.weight_bytes(block.k, n)
        operands += self.operands.dequantized_bytes(block.k, n)
        return operands + self.operands.column_bytes(n) + self.operands.result_bytes(m, n)

    def largest_block(self, share: int) -> Extent | None:
        """The largest square block of which as many as there are buffers fit that part of the scratchpad."""
        limit = self.target.scratchpad.size // share // self.target.scratchpad.buffers
        array = self.target.array
        return largest_square_block(self.whole, array, self.mode, lambda block: self.bytes_held(block) <= limit)

    def cycles(self, steps: tuple[StepTree, ...]) -> int:
        candidate = OpSchedule(name="candidate", kind="gemm", times=1, steps=steps)
        return op_time(candidate, self.target.ports).counters.cycles

    def steps(self, block: Extent) -> tuple[StepTree, ...]:
        """All blocks, outer dimension first, K innermost; equal ones written once."""
        tree: list[StepTree] = []
        for outer in parts(self.whole.outer, block.outer):
            row: list[StepTree] = []
            for inner in parts(self.whole.inner, block.inner):
                column = [_times(k, (self._step(outer, inner, k),)) for k in parts(self.whole.k, block.k)]
                row.append(_times(inner, repeated(column)))
            tree.append(_times(outer, repeated(row)))
        once = repeated(tree)
        batch = self.operands.size.batch
        return once if batch == 1 else (Repeat(times=batch, body=once),)

    def _step(self, outer: Part, inner: Part, k: Part) -> Step:
        block = Extent(outer.size, inner.size, k.size)
        m, n = m_and_n(self.target.array.dataflow, block)
        phase = _PHASES[k.first, k.last]
        reuse = self._reuse(outer, inner, k)
        sizes = {
            Ring.WEIGHTS: self.operands.weight_bytes(block.k, n),
            Ring.ACTIVATIONS: self.operands.act_bytes(m, block.k),
        }
        vector, stored = None, 0
        if phase.closes:
            fresh = not reuse[Ring.WEIGHTS][0]
            vector, stored = self._vector(m, n, fresh), self.operands.result_bytes(m, n)
            if self.operands.column_bytes(n):
                sizes[Ring.VECTOR_OPERANDS] = self.operands.column_bytes(n)
        loads = tuple(Load(ring=ring, bytes=size) for ring, size in sizes.items() if not reuse[ring][0])
        loaded = sum(load.bytes for load in loads)
        entering = self._entering_bytes(block)
        return Step(
            loads=loads,
            array=self._array(block, phase, entering),
            phase=phase,
            vector_cycles=None if vector is None else vector.cycles,
            store_bytes=stored if phase.closes else None,
            releases=tuple(ring for ring in sizes if not reuse[ring][1]),
            work=Work(
                macs=m * n * block.k,
                vector_lane_cycles=0 if vector is None else vector.lane_cycles,
                scratchpad_read_bytes=entering + stored + (0 if vector is None else vector.read_bytes),
                scratchpad_write_bytes=loaded + (0 if vector is None else vector.write_bytes),
                dram_read_bytes=loaded,
                dram_write_bytes=stored,
            ),
        )

    def _reuse(self, outer: Part, inner: Part, k: Part) -> dict[Ring, tuple[bool, bool]]:
        """Of each ring: whether the step before left the operand there, and whether the one after reads it again."""
        one_k = k.first and k.last
        one_inner = inner.first and inner.last
        outer_operand = (one_k and not inner.first, one_k and not inner.last)
        inner_operand = (one_k and one_inner and not outer.first, one_k and one_inner and not outer.last)
        columns = (one_inner and not outer.first, one_inner and not outer.last)
        if self.target.array.dataflow is Dataflow.IS:
            rings = (Ring.WEIGHTS, Ring.ACTIVATIONS)
            columns = (not inner.first, not inner.last)
        else:
            rings = (Ring.ACTIVATIONS, Ring.WEIGHTS)
        return {rings[0]: outer_operand, rings[1]: inner_operand, Ring.VECTOR_OPERANDS: columns}

    def _array(self, block: Extent, phase: Phase, entering: int) -> ArrayWork:
        array, packed = self.target.array, self.target.array.packed(self.mode)
        unit = grain(array, self.mode)
        if array.dataflow is Dataflow.OS:
            tiles = -(-block.outer // unit.outer) * -(-block.inner // unit.inner)
            stream, whole = -(-block.k // packed.k), -(-self.whole.k // packed.k)
            # A step that does not finish its K occupies just that K; the last one brings the rest of the interval.
            rest = interval(array, whole) - whole if phase.closes else 0
            cycles = tiles * (stream + rest)
            latest = tail(array, whole)
        else:
            tiles = -(-block.k // unit.k) * -(-block.inner // unit.inner)
            cycles = tiles * interval(array, block.outer)
            latest = tail(array, block.outer)
        ports = -(-entering // self.target.scratchpad.read)
        return ArrayWork(cycles=max(cycles, ports), tail=latest if phase.closes else 0)

    def _entering_bytes(self, block: Extent) -> int:
        """Bytes that enter the array: what streams passes once for each tile across, what stays enters once."""
        unit = grain(self.target.array, self.mode)
        m, n = m_and_n(self.target.array.dataflow, block)
        act, weight = self.operands.act_stream_bytes(m, block.k), self.operands.weight_stream_bytes(block.k, n)
        across = -(-block.inner // unit.inner)
        match self.target.array.dataflow:
            case Dataflow.WS:
                return act * across + weight
            case Dataflow.IS:
                return weight * across + act
            case Dataflow.OS:
                return act * across + weight * -(-block.outer // unit.outer)

    def _vector(self, m: int, n: int, fresh_weights: bool) -> VectorCost:
        """The work on a finished tile. Dequantising the weights that it needed is counted here, for all of K."""
        work = {Function.REQUANTIZE: m * n}
        if self.operands.bias is not None:
            work[Function.ADD] = m * n
        read, written = self.operands.column_bytes(n), self.operands.result_bytes(m, n)
        if self.operands.dequantized and fresh_weights:
            work[Function.DEQUANTIZE.counts_as] += self.whole.k * n
            read += self.operands.weight_bytes(self.whole.k, n)
            written += self.operands.dequantized_bytes(self.whole.k, n)
        return vector_cost(work, read, written, self.target)


_PHASES = {
    (True, True): Phase.WHOLE,
    (True, False): Phase.FIRST,
    (False, False): Phase.MIDDLE,
    (False, True): Phase.LAST,
}


def _times(part: Part, steps: tuple[StepTree, ...]) -> StepTree:
    return steps[0] if part.times == 1 and len(steps) == 1 else Repeat(times=part.times, body=steps)
