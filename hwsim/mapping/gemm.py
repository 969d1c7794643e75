"""A Gemm as steps on the array, with its loads, its work on the vector unit and its stores."""

from dataclasses import dataclass

from hwsim.core.chip import Chip, Dataflow
from hwsim.core.counters import Work
from hwsim.core.ops import Function, Gemm
from hwsim.core.precision import Precision
from hwsim.core.program import Placed, Program
from hwsim.core.schedule import ArrayWork, Block, Load, OpSchedule, Phase, Repeat, Ring, Step, StepTree, repeated
from hwsim.core.tensor import Granularity
from hwsim.errors import Unsupported
from hwsim.mapping.blocks import Extent, Part, extent, grain, largest_square_block, m_and_n, parts, smallest_block
from hwsim.mapping.vector import VectorCost, vector_cost
from hwsim.timing.systolic import interval, tail


def schedule_gemm(placed: Placed, op: Gemm, program: Program, chip: Chip) -> OpSchedule:
    """The Gemm in blocks that fit the scratchpad; every operand is loaded, every result stored."""
    mapping = _GemmMapping.of(op, program, chip)
    block = largest_square_block(mapping.whole, chip.array, mapping.mode, mapping.fits)
    if block is None:
        needed = chip.scratchpad.buffers * mapping.bytes_held(smallest_block(mapping.whole, chip.array, mapping.mode))
        raise Unsupported(
            f"{op.name}: one tile of the array takes {needed} bytes with {chip.scratchpad.buffers} buffers, "
            f"the scratchpad has {chip.scratchpad.size}; give a larger one, or fewer buffers"
        )
    steps = mapping.steps(block)
    if op.batch > 1:
        steps = (Repeat(times=op.batch, body=steps),)
    m, n = m_and_n(chip.array.dataflow, block)
    return OpSchedule(
        name=op.name,
        kind="gemm",
        times=placed.times,
        steps=steps,
        formats=(mapping.act, mapping.weight),
        mode=mapping.mode,
        block=Block(m=m, k=block.k, n=n),
    )


@dataclass(frozen=True, slots=True)
class _GemmMapping:
    """What all blocks of one Gemm share."""

    op: Gemm
    chip: Chip
    whole: Extent
    mode: Precision
    act: Precision
    weight: Precision
    out: Precision
    bias: Precision | None
    scale_bytes: int

    @classmethod
    def of(cls, op: Gemm, program: Program, chip: Chip) -> "_GemmMapping":
        act, weight, out = (program.tensor(view.tensor) for view in (op.act, op.weight, op.out))
        mode = chip.array.mode(act.precision, weight.precision)
        if mode is None:
            modes = ", ".join(mode.value for mode, _ in chip.array.macs_per_pe)
            raise Unsupported(
                f"{op.name}: {chip.name} cannot multiply {act.precision.value} activations by {weight.precision.value} "
                f"weights; its array does {modes}"
            )
        if weight.scaling.granularity is Granularity.GROUP:
            raise Unsupported(f"{op.name}: weights with a scale per group are not mapped yet; use a scale per channel")
        scaled = weight.scaling.granularity is Granularity.CHANNEL
        return cls(
            op=op,
            chip=chip,
            whole=extent(chip.array.dataflow, op.m, op.k, op.n),
            mode=mode,
            act=act.precision,
            weight=weight.precision,
            out=out.precision,
            bias=None if op.bias is None else program.tensor(op.bias.tensor).precision,
            scale_bytes=Precision.FP32.row_bytes(1) if scaled else 0,
        )

    def act_bytes(self, block: Extent) -> int:
        return m_and_n(self.chip.array.dataflow, block)[0] * self.act.row_bytes(block.k)

    def weight_bytes(self, block: Extent) -> int:
        return m_and_n(self.chip.array.dataflow, block)[1] * self.weight.row_bytes(block.k)

    def column_bytes(self, block: Extent) -> int:
        """Bias and scales of the columns of a result block."""
        columns = m_and_n(self.chip.array.dataflow, block)[1]
        return columns * self.scale_bytes + (0 if self.bias is None else self.bias.row_bytes(columns))

    def result_bytes(self, block: Extent) -> int:
        m, n = m_and_n(self.chip.array.dataflow, block)
        return m * self.out.row_bytes(n)

    def bytes_held(self, block: Extent) -> int:
        """One slot of every ring."""
        return self.act_bytes(block) + self.weight_bytes(block) + self.column_bytes(block) + self.result_bytes(block)

    def fits(self, block: Extent) -> bool:
        return self.bytes_held(block) * self.chip.scratchpad.buffers <= self.chip.scratchpad.size

    def steps(self, block: Extent) -> tuple[StepTree, ...]:
        """All blocks, outer dimension first, K innermost; equal ones written once."""
        tree: list[StepTree] = []
        for outer in parts(self.whole.outer, block.outer):
            row: list[StepTree] = []
            for inner in parts(self.whole.inner, block.inner):
                column = [_times(k, (self._step(outer, inner, k),)) for k in parts(self.whole.k, block.k)]
                row.append(_times(inner, repeated(column)))
            tree.append(_times(outer, repeated(row)))
        return repeated(tree)

    def _step(self, outer: Part, inner: Part, k: Part) -> Step:
        block = Extent(outer.size, inner.size, k.size)
        phase = _PHASES[k.first, k.last]
        reuse = self._reuse(outer, inner, k)
        sizes = {Ring.WEIGHTS: self.weight_bytes(block), Ring.ACTIVATIONS: self.act_bytes(block)}
        vector = None
        if phase.closes:
            vector = self._vector(block)
            if self.column_bytes(block):
                sizes[Ring.VECTOR_OPERANDS] = self.column_bytes(block)
        loads = tuple(Load(ring=ring, bytes=size) for ring, size in sizes.items() if not reuse[ring][0])
        loaded = sum(load.bytes for load in loads)
        stored = self.result_bytes(block) if phase.closes else 0
        array_reads = self._array_reads(block)
        m, n = m_and_n(self.chip.array.dataflow, block)
        return Step(
            loads=loads,
            array=self._array(block, phase, array_reads),
            phase=phase,
            vector_cycles=None if vector is None else vector.cycles,
            store_bytes=stored if phase.closes else None,
            releases=tuple(ring for ring in sizes if not reuse[ring][1]),
            work=Work(
                macs=m * n * block.k,
                vector_lane_cycles=0 if vector is None else vector.lane_cycles,
                scratchpad_read_bytes=array_reads + stored + (0 if vector is None else vector.read_bytes),
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
        if self.chip.array.dataflow is Dataflow.IS:
            rings = (Ring.WEIGHTS, Ring.ACTIVATIONS)
            columns = (not inner.first, not inner.last)
        else:
            rings = (Ring.ACTIVATIONS, Ring.WEIGHTS)
        return {rings[0]: outer_operand, rings[1]: inner_operand, Ring.VECTOR_OPERANDS: columns}

    def _array(self, block: Extent, phase: Phase, reads: int) -> ArrayWork:
        array, packed = self.chip.array, self.chip.array.packed(self.mode)
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
        ports = -(-reads // self.chip.scratchpad.read)
        return ArrayWork(cycles=max(cycles, ports), tail=latest if phase.closes else 0)

    def _array_reads(self, block: Extent) -> int:
        """Bytes that enter the array: what streams passes once for each tile across, what stays enters once."""
        unit = grain(self.chip.array, self.mode)
        across = -(-block.inner // unit.inner)
        act, weight = self.act_bytes(block), self.weight_bytes(block)
        match self.chip.array.dataflow:
            case Dataflow.WS:
                return act * across + weight
            case Dataflow.IS:
                return weight * across + act
            case Dataflow.OS:
                return act * across + weight * -(-block.outer // unit.outer)

    def _vector(self, block: Extent) -> VectorCost:
        m, n = m_and_n(self.chip.array.dataflow, block)
        work = {Function.REQUANTIZE: m * n}
        if self.bias is not None:
            work[Function.ADD] = m * n
        return vector_cost(self.op.name, work, self.column_bytes(block), self.result_bytes(block), self.chip)


_PHASES = {
    (True, True): Phase.WHOLE,
    (True, False): Phase.FIRST,
    (False, False): Phase.MIDDLE,
    (False, True): Phase.LAST,
}


def _times(part: Part, steps: tuple[StepTree, ...]) -> StepTree:
    return steps[0] if part.times == 1 and len(steps) == 1 else Repeat(times=part.times, body=steps)
