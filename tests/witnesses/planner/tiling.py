"""A matrix product cut into steps: blocks of array tiles with their loads, their work on the vector unit, their stores.

Operands in the scratchpad are not loaded, and results kept there are not stored; ports and slots count all the same.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from hwsim.hardware.array import TileShape, TilingConstraints
from hwsim.ir.ops import Function
from hwsim.quantities.precision import Precision
from hwsim.schedule.counters import Work
from hwsim.schedule.steps import ArrayWork, Fused, Load, Phase, Portion, Repeat, Ring, Step, StepTree, repeated
from witnesses.planner.blocks import OrderedBlock, TileRun, tile_runs
from witnesses.planner.operands import ACT, WEIGHT, Epilogue, Operands, result_portions, vector_operand_portions
from witnesses.planner.systolic_matmul import SystolicMatmul, matmul_cost
from witnesses.planner.target import Target, VectorCost, vector_cost

_Reuse = dict[Ring, tuple[bool, bool]]
"""Of each ring: whether the step before left the operand there, and whether the step after reads it again."""
_PHASES = {
    (True, True): Phase.WHOLE,
    (True, False): Phase.FIRST,
    (False, False): Phase.MIDDLE,
    (False, True): Phase.LAST,
}


@dataclass(frozen=True, slots=True)
class OperandResidency:
    """Which operands and results of a matrix product lie in the scratchpad.

    The first `act` rows of the activations and the first `out` rows of the result lie there, and all of the `weight`,
    or the first `resident_k` of its K; `columns` are the bias and the scales of columns, `rows` the scales of rows of
    activations.
    """

    act: int = 0
    weight: bool = False
    resident_k: int = 0
    columns: bool = False
    rows: bool = False
    out: int = 0


@dataclass(frozen=True, slots=True)
class KTileRun:
    """A piece of K, and whether its weights are resident."""

    part: TileRun
    resident: bool


@dataclass(frozen=True)
class Tiling:
    """One matrix product in one mode of a target, whatever its blocks."""

    operands: Operands
    mode: Precision
    target: Target
    where: OperandResidency = OperandResidency()
    epilogue: Epilogue | None = None
    following: int | None = None
    """On an array with a drain hazard the least lead of the products that may come next."""

    @cached_property
    def whole(self) -> TileShape:
        size = self.operands.size
        return self.constraints.extent(size.m, size.k, size.n)

    @cached_property
    def constraints(self) -> TilingConstraints:
        """What blocks must obey on this array in this mode."""
        in_part = 0 < self.where.resident_k < self.operands.size.k
        return replace(self.target.array.constraints(self.mode), k_is_cut=in_part)

    @cached_property
    def _array(self) -> SystolicMatmul:
        return matmul_cost(self.target.array, self.mode, self.whole, self.following)

    @property
    def _m_is_inner(self) -> bool:
        return self.constraints.n_is_outer

    @cached_property
    def _marks(self) -> tuple[int, ...]:
        """The rows of the result at which a resident prefix ends."""
        marks = {self.where.act, self.where.out} | (frozenset() if self.epilogue is None else self.epilogue.marks)
        return tuple(sorted(mark for mark in marks if 0 < mark < self.operands.size.m))

    @cached_property
    def _hash(self) -> int:
        return hash((self.operands, self.mode, id(self.target), self.where, self.epilogue, self.following))

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _held(self) -> dict[tuple[int, int, int], int]:
        return {}

    def bytes_held(self, block: TileShape) -> int:
        """Bytes of one slot of every ring that is used."""
        key = block.outer, block.inner, block.k  # searches meet the same blocks again and again
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = self._bytes_held(block)
        return held

    def bytes_of_slots(self, block: OrderedBlock) -> int:
        """Bytes of all slots of every ring that is used: of an operand in a single ring there is one."""
        m, n = self.constraints.m_and_n(block)
        held, once = self.bytes_held(block) * self.target.slots, 0
        if Ring.ACTIVATIONS in block.single:
            once += self.operands.act_bytes(min(m, self.operands.size.m - self.where.act), block.k)
        if Ring.WEIGHTS in block.single:
            once += self.operands.weight_bytes(block.k, n)
            once += 0 if self.target.free_conversion else self.operands.dequantized_bytes(block.k, n)
        return held - (self.target.slots - 1) * once

    def _bytes_held(self, block: TileShape) -> int:
        m, n = self.constraints.m_and_n(block)
        size = self.operands.size
        away = min(m, size.m - self.where.act)  # the most that a block has outside
        held = self.operands.act_bytes(away, block.k) if away > 0 else 0
        if not self.where.weight and self.where.resident_k < self.whole.k:
            held += self.operands.weight_bytes(block.k, n)
        if not self.target.free_conversion:
            held += self.operands.dequantized_bytes(block.k, n)
        rows = TileRun(m, 1, True, True, size.m - m)  # the last rows, of which least is kept
        return held + self._vector_operand_bytes(rows, n) + self.result_bytes(m, n)

    def steps(self, block: OrderedBlock) -> tuple[StepTree, ...]:
        """The steps of all blocks, outer dimension first, K innermost; equal neighbours are written once."""
        batch = self.operands.size.batch
        if batch == 1 or self.following is None:
            once = self._once(block)
            return once if batch == 1 else (Repeat(times=batch, body=once),)
        # Each product of the batch but the last is followed by an equal one.
        others = replace(self, following=self.target.array.lead(self.mode, self.whole.k))._once(block)
        return repeated((Repeat(times=batch - 1, body=others), *self._once(block)))

    def _once(self, block: OrderedBlock) -> tuple[StepTree, ...]:
        """One product of the batch."""
        tree: list[StepTree] = []
        k_parts = list(self._k_parts(block.k))
        outer_marks, inner_marks = ((), self._marks) if self._m_is_inner else (self._marks, ())
        outers = list(tile_runs(self.whole.outer, block.outer, outer_marks))
        inners = list(tile_runs(self.whole.inner, block.inner, inner_marks))
        for slow in inners if block.swapped else outers:
            row: list[StepTree] = []
            for fast in outers if block.swapped else inners:
                outer, inner = (fast, slow) if block.swapped else (slow, fast)
                column = [_times(k.part, (self._step(outer, inner, k, slow_is_inner=block.swapped),)) for k in k_parts]
                row.append(_times(fast, repeated(column)))
            tree.append(_times(slow, repeated(row)))
        return repeated(tree)

    def least_cycles(self, block: OrderedBlock) -> int:
        """A lower bound of the product's cycles in such blocks: the array's time, or the loads over their port."""
        blocks = -(-self.whole.outer // block.outer) * -(-self.whole.inner // block.inner)
        loads = self.target.ports.load_cycles(self.loaded_bytes(block)) - blocks
        return self.operands.size.batch * max(self.busy_cycles(block.outer), loads)

    def busy_cycles(self, outer: int) -> int:
        """How long the array takes at least for one product in blocks of so much of the outer dimension."""
        return self._array.busy(outer)

    def loaded_bytes(self, block: OrderedBlock) -> int:
        """Bytes of activations and weights that one product of the batch loads in such blocks."""
        whole = self.whole
        outers, inners = -(-whole.outer // block.outer), -(-whole.inner // block.inner)
        slows, fasts = (inners, outers) if block.swapped else (outers, inners)
        m, n = self.constraints.m_and_n(whole)
        one_k = block.k >= whole.k and not 0 < self.where.resident_k < whole.k
        of_slow = 1 if one_k else fasts
        of_fast = 1 if one_k and fasts == 1 else slows
        n_is_slow = self._m_is_inner != block.swapped
        loads = {True: of_slow, False: of_fast}
        loaded = 0
        block_m, block_n = self.constraints.m_and_n(block)
        away, resident = m - self.where.act, self.where.resident_k
        if away > 0 and self.where.act and self.operands.sliding is not None:
            loaded += loads[not n_is_slow] * self.operands.act_bytes(away, whole.k)
        elif away > 0:
            act_bytes = self.operands.act_bytes
            loaded += loads[not n_is_slow] * _sum_of_parts(act_bytes, (away, block_m), (whole.k, block.k))
        if not self.where.weight:
            weight_bytes = self.operands.weight_bytes
            loaded += loads[n_is_slow] * _sum_of_parts(weight_bytes, (whole.k - resident, block.k), (n, block_n))
        return loaded

    def _k_parts(self, block_k: int) -> Iterator[KTileRun]:
        """K in pieces, the resident rows first; K is never out of order."""
        whole, resident = self.whole.k, self.where.resident_k
        if resident in (0, whole):
            for part in tile_runs(whole, block_k):
                yield KTileRun(part, resident == whole)
            return
        for part in tile_runs(resident, block_k):
            yield KTileRun(part._replace(last=False), True)
        for part in tile_runs(whole - resident, block_k):
            yield KTileRun(part._replace(first=False), False)

    def _step(self, outer: TileRun, inner: TileRun, k: KTileRun, *, slow_is_inner: bool) -> Step:
        """The step of one block; equal steps are one object."""
        rows = inner if self._m_is_inner else outer
        slow, fast = (inner, outer) if slow_is_inner else (outer, inner)
        reuse = self._reuse(slow, fast, k.part, n_is_slow=self._m_is_inner != slow_is_inner)
        last = outer.last and inner.last and k.part.last
        kept = tuple([rows.before(mark) for mark in self._marks])
        key = (
            outer.size,
            inner.size,
            k.part.size,
            k.part.first,
            k.part.last,
            k.resident,
            last,
            kept,
            *sorted(reuse.items()),
        )
        step = self._steps_by_key.get(key)
        if step is None:
            step = self._steps_by_key[key] = self._new_step(
                TileShape(outer.size, inner.size, k.part.size), rows, k, reuse, last=last
            )
        return step

    @cached_property
    def _steps_by_key(self) -> dict[object, Step]:
        return {}

    def _new_step(self, block: TileShape, rows: TileRun, k: KTileRun, reuse: _Reuse, *, last: bool) -> Step:
        m, n = self.constraints.m_and_n(block)
        away = m - rows.before(self.where.act)
        phase = _PHASES[k.part.first, k.part.last]
        moved: dict[Ring, tuple[Portion, ...]] = {}
        if not (self.where.weight or k.resident):
            moved[Ring.WEIGHTS] = (Portion(WEIGHT, self.operands.weight_bytes(block.k, n)),)
        if away:
            moved[Ring.ACTIVATIONS] = (Portion(ACT, self.operands.act_bytes(away, block.k)),)
        vector, fused, stored = None, None, tuple[Portion, ...]()
        if phase.closes:
            vector = self._vector(m, n, fresh_weights=not reuse[Ring.WEIGHTS][0])
            fused = self._fused(m, n)
            stored = result_portions(self.operands, self.epilogue, rows, n, kept=self.where.out)
            brought = vector_operand_portions(
                self.operands, self.epilogue, rows, n, columns=not self.where.columns, row_scales=not self.where.rows
            )
            if brought:
                moved[Ring.VECTOR_OPERANDS] = brought
        loads = tuple(Load.of(ring, portions) for ring, portions in moved.items() if not reuse[ring][0])
        loaded = sum([load.bytes for load in loads])
        stored_bytes = sum([size for _, size in stored])
        entering, events = self._entering_bytes(block, m, n), self._array.events(block, phase)
        return Step(
            loads=loads,
            array=self._array_work(block, phase, entering, last=last),
            phase=phase,
            vector_cycles=None if vector is None else vector.cycles,
            vector_port_bound=vector is not None and vector.port_bound,
            vector_hidden_cycles=0 if vector is None else vector.hidden_cycles,
            fused=fused,
            store_bytes=stored_bytes or None,
            store_portions=stored,
            releases=tuple(ring for ring in moved if not reuse[ring][1]),
            first_read_bytes=entering,
            work=Work(
                macs=m * n * block.k,
                array_register_bits=events.register_bits,
                accumulator_reads=events.accumulator_reads,
                accumulator_writes=events.accumulator_writes,
                vector_lane_cycles=0 if vector is None else vector.lane_cycles,
                scratchpad_read_bytes=entering + stored_bytes + (0 if vector is None else vector.read_bytes),
                scratchpad_write_bytes=loaded + (0 if vector is None else vector.write_bytes),
                dram_read_bytes=loaded,
                dram_write_bytes=stored_bytes,
            ),
        )

    def _entering_bytes(self, block: TileShape, m: int, n: int) -> int:
        """Bytes that the array takes out of the scratchpad."""
        reads = self._array.reads(block)
        as_loaded = self.operands.weight_bytes if self.target.free_conversion else self.operands.weight_stream_bytes
        return self.operands.act_stream_bytes(m, block.k) * reads.act + as_loaded(block.k, n) * reads.weight

    def _array_work(self, block: TileShape, phase: Phase, entering: int, *, last: bool) -> ArrayWork:
        """A step's time on the array while so many bytes enter it: the longer of the array's and the port's."""
        time, ports = self._array.time(block, phase, last=last), -(-entering // self.target.scratchpad.read)
        return ArrayWork(
            cycles=max(time.cycles, ports),
            tail=time.tail,
            port_bound=ports > time.cycles,
            hidden_cycles=min(time.cycles, ports),
        )

    def _reuse(self, slow: TileRun, fast: TileRun, k: TileRun, *, n_is_slow: bool) -> _Reuse:
        """Of each ring: whether the step before left the operand there, and whether the one after reads it again."""
        one_k = k.first and k.last
        one_fast = fast.first and fast.last
        of_slow = (one_k and not fast.first, one_k and not fast.last)
        of_fast = (one_k and one_fast and not slow.first, one_k and one_fast and not slow.last)
        columns = (one_fast and not slow.first, one_fast and not slow.last)
        if n_is_slow:
            rings = (Ring.WEIGHTS, Ring.ACTIVATIONS)
            columns = (not fast.first, not fast.last)
        else:
            rings = (Ring.ACTIVATIONS, Ring.WEIGHTS)
        loads_rows = self.operands.row_scales is not None and not self.where.rows
        if loads_rows or (self.epilogue is not None and self.epilogue.loads_tiles):
            columns = (False, False)
        return {rings[0]: of_slow, rings[1]: of_fast, Ring.VECTOR_OPERANDS: columns}

    def _vector(self, m: int, n: int, *, fresh_weights: bool) -> VectorCost:
        """The work on a finished tile. Dequantising the tile's weights is counted here, for all of K."""
        work = {Function.REQUANTIZE: m * n}
        if self.operands.bias is not None:
            work[Function.ADD] = m * n
        if self.operands.row_scales is not None:
            work[Function.MUL] = m * n
        read = self.operands.column_bytes(n) + self.operands.row_scale_bytes(m)
        written = 0 if self.epilogue is not None else self.operands.result_bytes(m, n)
        if self.operands.dequantized and fresh_weights and not self.target.free_conversion:
            work[Function.DEQUANTIZE.counts_as] += self.whole.k * n
            read += self.operands.weight_bytes(self.whole.k, n)
            written += self.operands.dequantized_bytes(self.whole.k, n)
        return vector_cost(work, read, written, self.target)

    def _fused(self, m: int, n: int) -> Fused | None:
        if self.epilogue is None:
            return None
        read, written = self.epilogue.read_bytes(m, n), self.epilogue.written_bytes(m, n)
        cost = vector_cost(self.epilogue.work(m, n), read, written, self.target)
        return Fused(
            cycles=cost.cycles,
            port_bound=cost.port_bound,
            hidden_cycles=cost.hidden_cycles,
            work=Work(vector_lane_cycles=cost.lane_cycles, scratchpad_read_bytes=read, scratchpad_write_bytes=written),
        )

    def _vector_operand_bytes(self, rows: TileRun, n: int) -> int:
        columns = 0 if self.where.columns else self.operands.column_bytes(n)
        scales = 0 if self.where.rows else self.operands.row_scale_bytes(rows.size)
        return columns + scales + (0 if self.epilogue is None else self.epilogue.loaded_bytes(rows, n))

    def result_bytes(self, m: int, n: int) -> int:
        return self.operands.result_bytes(m, n) if self.epilogue is None else self.epilogue.written_bytes(m, n)


def _sum_of_parts(size: Callable[[int, int], int], one: tuple[int, int], other: tuple[int, int]) -> int:
    """What all parts of two dimensions have together, each given whole and with the side of its parts."""
    return sum(
        times * again * size(side, beside)
        for side, times in _parts(*one).items()
        for beside, again in _parts(*other).items()
    )


def _parts(whole: int, side: int) -> Counter[int]:
    """The sides of the parts of a dimension, and how many there are of each."""
    count = -(-whole // side)
    return Counter({side: count - 1}) + Counter({whole - (count - 1) * side: 1}) if whole else Counter()


def _times(part: TileRun, steps: tuple[StepTree, ...]) -> StepTree:
    return steps[0] if part.times == 1 and len(steps) == 1 else Repeat(times=part.times, body=steps)
