"""Ops of the vector unit as steps over blocks of rows: every operand is loaded, every result stored."""

from dataclasses import dataclass
from math import prod

from hwsim.core.chip import Chip
from hwsim.core.counters import Work
from hwsim.core.ops import Elementwise, Lookup, Op, VectorWork, kind, law
from hwsim.core.program import Placed, Program
from hwsim.core.schedule import Load, OpSchedule, Repeat, Ring, Step, StepTree, repeated
from hwsim.core.view import View
from hwsim.errors import Unsupported
from hwsim.mapping.blocks import largest, parts


@dataclass(frozen=True, slots=True)
class VectorCost:
    """One step of the vector unit: its duration, what its lanes do, and the bytes on its ports."""

    cycles: int
    lane_cycles: int
    read_bytes: int
    write_bytes: int


def vector_cost(op: str, work: VectorWork, read_bytes: int, write_bytes: int, chip: Chip) -> VectorCost:
    """The functions one after another, all lanes at once, or the ports if these take longer."""
    cycles_of = dict(chip.vector.cycles)
    for function in work:
        if function not in cycles_of:
            known = ", ".join(f.value for f in cycles_of)
            raise Unsupported(f"{op}: the vector unit of {chip.name} has no {function.value}; it has {known}")
    busy = sum(-(-elements // chip.vector.lanes) * cycles_of[function] for function, elements in work.items())
    ports = max(-(-read_bytes // chip.scratchpad.read), -(-write_bytes // chip.scratchpad.write))
    lanes = sum(elements * cycles_of[function] for function, elements in work.items())
    return VectorCost(max(busy, ports), lanes, read_bytes, write_bytes)


def schedule_vector(placed: Placed, op: Op, program: Program, chip: Chip) -> OpSchedule:
    """An op in blocks of as many rows as fit; what is one row for all rows comes with each block."""
    traffic = _Traffic.of(op, program)

    def held(block: int) -> int:
        return (traffic.read_bytes(block) + traffic.write_bytes(block)) * chip.scratchpad.buffers

    if held(1) > chip.scratchpad.size:
        raise Unsupported(
            f"{op.name}: one row takes {held(1)} bytes with {chip.scratchpad.buffers} buffers, "
            f"the scratchpad has {chip.scratchpad.size}; give a larger one, or fewer buffers"
        )
    work = law(op).vector_work(op, program.shape_of)
    block = largest(traffic.rows, lambda block: held(block) <= chip.scratchpad.size)
    steps: list[StepTree] = []
    for part in parts(traffic.rows, block):
        share = {function: _share(elements, part.size, traffic.rows) for function, elements in work.items()}
        cost = vector_cost(op.name, share, traffic.read_bytes(part.size), traffic.write_bytes(part.size), chip)
        step = _step(cost)
        steps.append(step if part.times == 1 else Repeat(times=part.times, body=(step,)))
    return OpSchedule(name=op.name, kind=kind(op), times=placed.times, steps=repeated(steps))


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


def _share(elements: int, block: int, rows: int) -> int:
    """Of the elements of all rows, those of a block; values of one row for all are made anew in each block."""
    return elements if elements % rows else elements // rows * block


@dataclass(frozen=True, slots=True)
class _Traffic:
    """What an op reads and writes, in rows; `fixed` is read anew with every block."""

    rows: int
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    fixed: int = 0

    @classmethod
    def of(cls, op: Op, program: Program) -> "_Traffic":
        rules = law(op)
        writes = tuple(program.view_bytes(view) for view in rules.writes(op))
        if isinstance(op, Lookup):
            rows = prod(program.shape_of(op.index))
            row_bytes = program.tensor(op.table.tensor).precision.row_bytes(program.shape_of(op.table)[-1])
            return cls(rows, (rows * row_bytes, program.view_bytes(op.index)), writes)
        widest = max((program.shape_of(view) for view in (*rules.reads(op), *rules.writes(op))), key=prod)
        shared = [view for view in rules.reads(op) if isinstance(op, Elementwise) and _narrow(view, widest, program)]
        reads = tuple(program.view_bytes(view) for view in rules.reads(op) if view not in shared)
        return cls(prod(widest[:-1]), reads, writes, sum(program.view_bytes(view) for view in shared))

    def read_bytes(self, block: int) -> int:
        return self.fixed + sum(-(-whole * block // self.rows) for whole in self.reads)

    def write_bytes(self, block: int) -> int:
        return sum(-(-whole * block // self.rows) for whole in self.writes)


def _narrow(view: View, widest: tuple[int, ...], program: Program) -> bool:
    return prod(program.shape_of(view)) < prod(widest)
