"""Ops of the vector unit as steps over blocks of rows, with loads of operands in DRAM and stores of spilled results."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

from hwsim.errors import Unsupported
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Lookup, VectorWork
from hwsim.ir.program import Program
from hwsim.ir.view import View
from hwsim.mapping.liveness import ALL, ResidentRows
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.row_work import BlockWork, RowWork
from hwsim.schedule.counters import Work
from hwsim.schedule.steps import Load, Portion, Repeat, Ring, Step, StepTree, repeated
from witnesses.planner.blocks import TileRun, largest, tile_runs
from witnesses.planner.target import Target, VectorCost, cycles_of, vector_cost

BUDGETS = 8
"""How many powers of two, from the largest down, are tried as budgets for a block."""


@dataclass(frozen=True, slots=True)
class RowBytes:
    """An operand or result of a vector op: its bytes, whether every block takes all of them, how many rows are kept."""

    bytes: int
    shared: bool
    kept: int
    halo: int = 0  # bytes of the neighbouring rows that a block reads as well

    def of_block(self, block: int, count: int) -> int:
        if self.shared:
            return self.bytes
        halo = self.halo if block < count else 0
        return min(self.bytes, -(-self.bytes * block // count) + halo)

    def away(self, rows: TileRun, count: int) -> int:
        """Bytes of a block of these rows that lie in DRAM."""
        outside = rows.size - rows.before(self.kept)
        return self.of_block(outside, count) if outside else 0


@dataclass(frozen=True)
class Rows:
    """An op row by row: what a block of rows reads, writes and does; ops with equal rows are cut alike."""

    count: int
    reads: tuple[RowBytes, ...]
    writes: tuple[RowBytes, ...]
    work_of: BlockWork
    target: Target

    @cached_property
    def _hash(self) -> int:
        return hash((self.count, self.reads, self.writes, self.work_of, id(self.target)))

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def least_held(self) -> int:
        """Bytes of all slots for blocks of one row."""
        return self.held(1) * self.target.slots

    @cached_property
    def most_held(self) -> int:
        """Bytes of all slots for one block of all rows."""
        return self.held(self.count) * self.target.slots

    def held(self, block: int) -> int:
        """Bytes of one operand and one result slot."""
        last = TileRun(block, 1, True, True, self.count - block)  # the last rows, of which least is kept
        read = sum(operand.away(last, self.count) for operand in self.reads)
        return read + sum(operand.of_block(block, self.count) for operand in self.writes)

    def work(self, block: int) -> VectorWork:
        """The work of a block of so many rows."""
        work = dict(self.work_of.per_block)
        for function, size in self.work_of.per_row:
            work[function] = work.get(function, 0) + size * block
        return work

    def step(self, rows: TileRun) -> Step:
        """The step of a block of these rows."""
        read = sum(operand.of_block(rows.size, self.count) for operand in self.reads)
        written = sum(operand.of_block(rows.size, self.count) for operand in self.writes)
        # Operands are numbered reads first.
        loaded = [
            Portion(at, size) for at, operand in enumerate(self.reads) if (size := operand.away(rows, self.count))
        ]
        first = len(self.reads)
        stored = [
            Portion(at, size)
            for at, operand in enumerate(self.writes, first)
            if (size := operand.away(rows, self.count))
        ]
        return _step(vector_cost(self.work(rows.size), read, written, self.target), tuple(loaded), tuple(stored))

    @cached_property
    def marks(self) -> tuple[int, ...]:
        """The rows at which a resident prefix ends."""
        marks = {operand.kept for operand in (*self.reads, *self.writes) if not operand.shared}
        return tuple(sorted(mark for mark in marks if 0 < mark < self.count))


@dataclass(frozen=True, slots=True)
class TiledRows:
    """A vector op in blocks of so many rows."""

    rows: int
    steps: tuple[StepTree, ...]


@lru_cache(maxsize=1 << 14)
def naive_rows(rows: Rows, limit: int) -> int:
    """The rows of the naive block: as many as fit the limit, or one."""
    return _most_rows(rows, limit // rows.target.slots) or 1


def naive_row_bytes(rows: Rows, limit: int) -> int:
    """Bytes of all slots of the naive block."""
    return rows.held(naive_rows(rows, limit)) * rows.target.slots


def fastest_rows(rows: Rows, limit: int, latency: int) -> TiledRows:
    """The fastest cut, with a DRAM of that latency, among the largest blocks for budgets of powers of two up to the
    limit, and blocks of one row."""
    if rows.least_held > limit:
        raise Unsupported(
            f"one row takes {rows.least_held} bytes with {rows.target.slots} buffers, "
            f"the scratchpad has {limit} for it; give a larger one"
        )
    if rows.most_held <= limit:
        return _fastest_of(rows, max(0, rows.most_held - 1).bit_length(), latency)
    return _fastest_of(rows, limit.bit_length() - 1, latency)


@lru_cache(maxsize=1 << 14)
def _fastest_of(rows: Rows, power: int, latency: int) -> TiledRows:
    """The fastest of the blocks for budgets up to that power of two."""
    budgets = (1 << lower for lower in range(power, max(-1, power - BUDGETS), -1))
    blocks = dict.fromkeys(_most_rows(rows, room // rows.target.slots) or 1 for room in budgets)
    cuts = [tiled_rows(rows, block) for block in blocks]
    return cuts[0] if len(cuts) == 1 else min(cuts, key=lambda cut: _cycles_alone(cut, rows.target, latency))


def _cycles_alone(cut: TiledRows, target: Target, latency: int) -> int:
    return cycles_of(cut.steps, target.ports_at(latency))


@lru_cache(maxsize=1 << 14)
def tiled_rows(rows: Rows, block: int) -> TiledRows:
    """The op in blocks of so many rows."""
    steps: list[StepTree] = []
    for part in tile_runs(rows.count, block, rows.marks):
        step = rows.step(part)
        steps.append(step if part.times == 1 else Repeat(times=part.times, body=(step,)))
    return TiledRows(block, repeated(steps))


def _most_rows(rows: Rows, room: int) -> int:
    """The largest block of which one operand and one result slot fit; 0 if not one row does."""
    return largest(rows.count, lambda block: rows.held(block) <= room)


def rows_of(
    sized: SizedOp, by_rows: RowWork, program: Program, target: Target, kept: ResidentRows, *, resident: bool
) -> Rows:
    """A sized op row by row. `kept` says what lies in the scratchpad, `resident` whether its parameters do."""
    op, shape, rules = sized.op, sized.shape, op_spec(sized.op)
    count, shared, work = by_rows

    def read(view: View) -> RowBytes:
        tensor = program.tensor(view.tensor)
        size, halo = program.view_bytes(view, shape), 0
        if isinstance(op, Lookup) and view == op.table:
            size = count * tensor.precision.row_bytes(shape(view)[-1])
        if isinstance(op, Conv) and view == op.act:
            overlap = op.axes[0].reach - op.axes[0].stride
            halo = max(0, overlap) * size // (shape(op.act)[0] * op.axes[0].size)
        here = ALL if resident and view in shared and tensor.role.parameter else kept.get(view.tensor, 0)
        return RowBytes(size, view in shared, here, halo)

    writes = tuple(
        RowBytes(program.view_bytes(view, shape), False, kept.get(view.tensor, 0))
        for view in dict.fromkeys(rules.writes(op))
    )
    reads = tuple(read(view) for view in dict.fromkeys(rules.reads(op)))
    return Rows(count, reads, writes, work, target)


def _step(cost: VectorCost, loads: tuple[Portion, ...], stores: tuple[Portion, ...]) -> Step:
    loaded, stored = sum([size for _, size in loads]), sum([size for _, size in stores])
    return Step(
        loads=(Load.of(Ring.VECTOR_OPERANDS, loads),) if loaded else (),
        vector_cycles=cost.cycles,
        vector_port_bound=cost.port_bound,
        vector_hidden_cycles=cost.hidden_cycles,
        store_bytes=stored or None,
        store_portions=stores,
        releases=(Ring.VECTOR_OPERANDS,) if loaded else (),
        first_read_bytes=cost.read_bytes,
        work=Work(
            vector_lane_cycles=cost.lane_cycles,
            scratchpad_read_bytes=cost.read_bytes + stored,
            scratchpad_write_bytes=loaded + cost.write_bytes,
            dram_read_bytes=loaded,
            dram_write_bytes=stored,
        ),
    )


def tried_rows(rows: Rows, limit: int) -> tuple[tuple[TiledRows, int, int], ...]:
    """Blocks for budgets of all powers of two, each with its cycles alone and the bytes of its slots, to explain the
    choice."""
    slots = rows.target.slots
    powers = range((max(1, rows.held(rows.count) * slots) - 1).bit_length(), -1, -1)
    blocks = [_most_rows(rows, (1 << power) // slots) or 1 for power in powers]
    cuts = [tiled_rows(rows, block) for block in dict.fromkeys((*blocks, naive_rows(rows, limit)))]
    alone = rows.target.ports.latency
    return tuple((cut, _cycles_alone(cut, rows.target, alone), rows.held(cut.rows) * slots) for cut in cuts)
