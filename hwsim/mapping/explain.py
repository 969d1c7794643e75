"""Why an op of a planned program is cut as it is."""

from collections.abc import Iterable
from difflib import get_close_matches

from hwsim.errors import UnknownName
from hwsim.ir.op_table import op_spec
from hwsim.ir.program import Program
from hwsim.mapping.analysed_program import columns_of, mappers_of, parameters_of
from hwsim.mapping.lower import SizedOp, sized_ops
from hwsim.mapping.op_mappers import MatmulMapper, OpMapper, tried
from hwsim.mapping.schedule import Planned
from hwsim.mapping.vector import tried_rows
from hwsim.results.explanation import Candidate, OperandPlace
from hwsim.schedule.schedule import Block, OpSchedule
from hwsim.schedule.steps import Repeat, StepTree

NEAREST = 5


def check_op(program: Program, name: str) -> None:
    """Refuse a name that no op of the program has, with the nearest ones: there may be hundreds."""
    known = [placed.op.name for placed in program.placed()]
    if name not in known:
        nearest = get_close_matches(name, known, n=NEAREST, cutoff=0.3) or known[:NEAREST]
        raise UnknownName("op", name, nearest, remedy="hwsim ops WORKLOAD lists all")


def producer_of(found: Planned, name: str) -> SizedOp:
    """The largest size of the op, or of the one on whose tiles it works."""
    largest = found.plan.analysed.largest
    for sized in largest.values():
        if name == sized.op.name or (sized.epilogue is not None and name == sized.epilogue.op.name):
            return sized
    raise AssertionError(name)  # asked for before planning


def sizes_of(found: Planned, producer: SizedOp) -> int:
    """How many sizes the op has while the loops around it go on."""
    sizes = {one.shapes for one in sized_ops(found.plan.analysed.nodes) if one.op.name == producer.op.name}
    return len(sizes)


def operands_of(found: Planned, name: str, producer: SizedOp) -> tuple[OperandPlace, ...]:
    """What the op itself reads and writes, and where that lies."""
    sized = producer if producer.op.name == name or producer.epilogue is None else producer.epilogue
    program, rules = found.plan.analysed.program, op_spec(sized.op)
    places = {placement.tensor: placement for placement in found.schedule.placements}
    operands: list[OperandPlace] = []
    for written, views in ((False, rules.reads(sized.op)), (True, rules.writes(sized.op))):
        for view in dict.fromkeys(views):
            placement = places[view.tensor]
            operands.append(
                OperandPlace(
                    tensor=view.tensor,
                    written=written,
                    shape=sized.shape(view),
                    precision=program.tensor(view.tensor).precision,
                    bytes=program.view_bytes(view, sized.shape),
                    place=placement.place,
                    why=placement.why,
                )
            )
    return tuple(operands)


def mapper_of(found: Planned, producer: SizedOp) -> OpMapper:
    """What planning knows of the op."""
    return mappers_of(found.plan.analysed, found.plan.target).of(producer)


def room_of(found: Planned, producer: SizedOp) -> int:
    """Bytes of the scratchpad for the slots of the op."""
    return found.plan.room[found.plan.analysed.uses.place_of[producer.op.name]]


def scheduled(found: Planned, producer: SizedOp) -> OpSchedule:
    """The op's own schedule: that of its largest size."""
    own = [op for op in found.schedule.ops if op.name == producer.op.name]
    return max(own, key=_amount)


def _amount(op: OpSchedule) -> tuple[int, int, int]:
    """What grows with the size of an op, wherever its tensors lie."""
    work = op.work()
    return op.macs, work.vector_lane_cycles, work.scratchpad_read_bytes


def candidates_of(found: Planned, producer: SizedOp) -> tuple[Candidate, ...]:
    """All cuts that the mapper knows, those that fit first, the fastest of them first."""
    mapper, room, residents = mapper_of(found, producer), room_of(found, producer), found.plan.residents
    kept, own = found.plan.resident_rows, scheduled(found, producer)
    cuts: list[tuple[str, int, int, tuple[StepTree, ...], bool]]
    if isinstance(mapper, MatmulMapper):
        resident = residents.get(mapper.weight)
        rows = 0 if resident is None else resident.rows
        tiling = mapper.tiling(kept, rows, columns=columns_of(producer.op.name) in residents)
        cuts = [
            (_block_name(cut.block), cut.bytes_held, cycles, cut.steps, cut.block == own.block)
            for cut, cycles in tried(tiling, room)
        ]
    else:
        by_rows = mapper.rows(kept, resident=parameters_of(producer.op.name) in residents)
        cuts = [
            (f"{cut.rows} of {by_rows.count} rows", held, cycles, cut.steps, cut.steps == own.steps)
            for cut, cycles, held in tried_rows(by_rows, room)
        ]
    found_candidates = [
        Candidate(
            block=block,
            steps=_count(steps),
            bytes_held=held,
            cycles_alone=cycles,
            fits=held <= room,
            chosen=chosen,
        )
        for block, held, cycles, steps, chosen in cuts
    ]
    return tuple(sorted(found_candidates, key=lambda one: (not one.fits, one.cycles_alone, not one.chosen)))


def _block_name(block: Block) -> str:
    return f"{block.m} × {block.k} × {block.n}"


def _count(steps: Iterable[StepTree]) -> int:
    return sum(node.times * _count(node.body) if isinstance(node, Repeat) else 1 for node in steps)
