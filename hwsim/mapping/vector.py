"""Ops of the vector unit as steps over blocks of rows: every operand is loaded, every result stored."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from hwsim.core.counters import Work
from hwsim.core.functions import VectorWork
from hwsim.core.laws import ShapeOf, kind, law
from hwsim.core.ops import Conv, Elementwise, Lookup, Op, Reduce
from hwsim.core.program import Instance, Program
from hwsim.core.schedule import Load, OpSchedule, Repeat, Ring, Step, StepTree, repeated
from hwsim.errors import Unsupported
from hwsim.mapping.blocks import largest, parts
from hwsim.mapping.target import Target


@dataclass(frozen=True, slots=True)
class VectorCost:
    """One step of the vector unit: its duration, what its lanes do, and the bytes on its ports."""

    cycles: int
    lane_cycles: int
    read_bytes: int
    write_bytes: int


def vector_cost(work: VectorWork, read_bytes: int, write_bytes: int, target: Target) -> VectorCost:
    """The functions one after another, all lanes at once, or the ports if these take longer."""
    cycles_of = dict(target.vector.cycles)
    for function in work:
        if function not in cycles_of:
            known = ", ".join(f.value for f in cycles_of)
            raise Unsupported(f"the vector unit has no {function.value}; it has {known}")
    busy = sum(-(-elements // target.vector.lanes) * cycles_of[function] for function, elements in work.items())
    ports = max(-(-read_bytes // target.scratchpad.read), -(-write_bytes // target.scratchpad.write))
    lanes = sum(elements * cycles_of[function] for function, elements in work.items())
    return VectorCost(max(busy, ports), lanes, read_bytes, write_bytes)


def schedule_vector(instance: Instance, program: Program, target: Target) -> OpSchedule:
    """An op in blocks of as many rows as fit; what is one row for all rows comes with each block."""
    op = instance.op
    rows = _Rows.of(op, instance.shape, program)
    scratchpad = target.scratchpad

    def held(block: int) -> int:
        return (rows.read_bytes(block) + rows.write_bytes(block)) * scratchpad.buffers

    block = largest(rows.count, lambda block: held(block) <= scratchpad.size)
    if not block:
        raise Unsupported(
            f"one row takes {held(1)} bytes with {scratchpad.buffers} buffers, "
            f"the scratchpad has {scratchpad.size}; give a larger one, or fewer buffers"
        )
    steps: list[StepTree] = []
    for part in parts(rows.count, block):
        cost = vector_cost(rows.work(part.size), rows.read_bytes(part.size), rows.write_bytes(part.size), target)
        steps.append(_step(cost) if part.times == 1 else Repeat(times=part.times, body=(_step(cost),)))
    macs = law(op).macs(op, instance.shape)
    return OpSchedule(name=op.name, kind=kind(op), times=instance.times, macs=macs, steps=repeated(steps))


def _step(cost: VectorCost) -> Step:
    return Step(
        loads=(Load(ring=Ring.VECTOR_OPERANDS, bytes=cost.read_bytes),),
        vector_cycles=cost.cycles,
        store_bytes=cost.write_bytes,
        releases=(Ring.VECTOR_OPERANDS,),
        work=Work(
            vector_lane_cycles=cost.lane_cycles,
            scratchpad_read_bytes=cost.read_bytes + cost.write_bytes,
            scratchpad_write_bytes=cost.read_bytes + cost.write_bytes,
            dram_read_bytes=cost.read_bytes,
            dram_write_bytes=cost.write_bytes,
        ),
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """An op row by row: what a block of rows reads, writes and does."""

    count: int
    reads: tuple[int, ...]  # bytes of operands that come row by row
    writes: tuple[int, ...]
    work: Callable[[int], VectorWork]
    shared: int = 0  # bytes that every block reads
    halo: int = 0  # bytes of the rows next to it that a block reads as well

    @classmethod
    def of(cls, op: Op, shape: ShapeOf, program: Program) -> "_Rows":
        rules = law(op)
        written = tuple(program.view_bytes(view, shape) for view in rules.writes(op))
        if isinstance(op, Elementwise):
            return cls._of_chain(op, shape, program, written)
        views = rules.reads(op)
        count, shared, halo = _row_count(op, shape), views[1:], 0
        if isinstance(op, Lookup):
            row = program.tensor(op.table.tensor).precision.row_bytes(shape(op.table)[-1])
            return cls(count, (count * row, program.view_bytes(op.index, shape)), written, lambda block: {})
        if isinstance(op, Conv):
            overlap = op.axes[0].reach - op.axes[0].stride
            halo = max(0, overlap) * program.view_bytes(op.act, shape) // (shape(op.act)[0] * op.axes[0].size)
        whole = rules.vector_work(op, shape)
        return cls(
            count=count,
            reads=(program.view_bytes(views[0], shape),),
            writes=written,
            work=lambda block: {function: elements // count * block for function, elements in whole.items()},
            shared=sum(program.view_bytes(view, shape) for view in shared),
            halo=halo,
        )

    @classmethod
    def _of_chain(cls, op: Elementwise, shape: ShapeOf, program: Program, written: tuple[int, ...]) -> "_Rows":
        rules = law(op)
        widest = max((shape(view) for view in (*rules.reads(op), *rules.writes(op))), key=prod)
        grows = {view: prod(shape(view)) == prod(widest) for view in rules.reads(op)}
        reads = {view: program.view_bytes(view, shape) for view in grows}
        # What is one row for all rows may lie over several axes.
        size = max((prod(shape(view)) for view, growing in grows.items() if not growing), default=widest[-1])
        count = prod(widest) // size

        def work(block: int) -> VectorWork:
            return rules.vector_work(
                op, lambda view: (block, size) if prod(shape(view)) == prod(widest) else shape(view)
            )

        return cls(
            count=count,
            reads=tuple(reads[view] for view, growing in grows.items() if growing),
            writes=written,
            work=work,
            shared=sum(reads[view] for view, growing in grows.items() if not growing),
        )

    def read_bytes(self, block: int) -> int:
        halo = self.halo if block < self.count else 0
        return self.shared + sum(min(whole, -(-whole * block // self.count) + halo) for whole in self.reads)

    def write_bytes(self, block: int) -> int:
        return sum(-(-whole * block // self.count) for whole in self.writes)


def _row_count(op: Op, shape: ShapeOf) -> int:
    match op:
        case Reduce():
            read = shape(op.read)
            return prod(read) // read[op.axis]
        case Lookup():
            return prod(shape(op.index))
        case _:
            (out,) = law(op).writes(op)
            return prod(shape(out)) // shape(out)[-1]
