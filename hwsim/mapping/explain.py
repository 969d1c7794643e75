"""Why an op of a planned program is cut as it is."""

from difflib import get_close_matches

from hwsim.errors import UnknownName
from hwsim.ir.op_table import op_spec
from hwsim.ir.program import Program
from hwsim.mapping.lower import SizedOp, sized_ops
from hwsim.mapping.op_rows import OpRow
from hwsim.mapping.planner import Planned
from hwsim.mapping.weight_layout import laid_out
from hwsim.results.explanation import Candidate, OperandPlace
from hwsim.schedule.schedule import OpSchedule

NEAREST = 5


def check_op(program: Program, name: str) -> None:
    """Refuse a name that no op of the program has, and list the nearest names: there may be hundreds of ops."""
    names = [placed.op.name for placed in program.placed()]
    if name not in names:
        nearest = get_close_matches(name, names, n=NEAREST, cutoff=0.3) or names[:NEAREST]
        raise UnknownName("op", name, nearest, remedy="hwsim ops WORKLOAD lists all")


def producer_of(planned: Planned, name: str) -> SizedOp:
    """The largest size of the op, or, for an epilogue, of its producer."""
    largest = planned.plan.analysed.largest
    for sized in largest.values():
        if name == sized.op.name or (sized.epilogue is not None and name == sized.epilogue.op.name):
            return sized
    raise AssertionError(name)  # names are checked before planning


def sizes_of(planned: Planned, producer: SizedOp) -> int:
    """How many sizes the op has over the iterations of the loops around it."""
    sizes = {sized.shapes for sized in sized_ops(planned.plan.analysed.nodes) if sized.op.name == producer.op.name}
    return len(sizes)


def operands_of(planned: Planned, name: str, producer: SizedOp) -> tuple[OperandPlace, ...]:
    """The tensors that the op itself reads and writes, with their places."""
    sized = producer if producer.op.name == name or producer.epilogue is None else producer.epilogue
    program, rules = planned.plan.analysed.program, op_spec(sized.op)
    places = {placement.tensor: placement for placement in planned.schedule.placements}
    operands: list[OperandPlace] = []
    for written, views in ((False, rules.reads(sized.op)), (True, rules.writes(sized.op))):
        for view in dict.fromkeys(views):
            placement, layout = places[view.tensor], laid_out(view.tensor, planned.plan)
            operands.append(
                OperandPlace(
                    tensor=view.tensor,
                    written=written,
                    shape=sized.shape(view),
                    precision=program.tensor(view.tensor).precision,
                    bytes=layout.bytes if layout.remark else program.view_bytes(view, sized.shape),
                    place=placement.place,
                    why=placement.why,
                )
            )
    return tuple(operands)


def row_of(planned: Planned, producer: SizedOp) -> OpRow:
    """The op as the planner knows it."""
    cuts = planned.candidate.op_cuts
    return cuts.row(planned.candidate.table.largest[producer.op.name])


def room_of(planned: Planned, producer: SizedOp) -> int:
    """Bytes of the scratchpad for the slots of the op."""
    return planned.plan.room[planned.plan.analysed.uses.place_of[producer.op.name]]


def scheduled(planned: Planned, producer: SizedOp) -> OpSchedule:
    """The op's schedule in its largest size."""
    op_schedules = [op for op in planned.schedule.ops if op.name == producer.op.name]
    return max(op_schedules, key=_amount)


def _amount(op: OpSchedule) -> tuple[int, int, int]:
    """Figures that grow with the size of an op, wherever its tensors lie."""
    work = op.work()
    return op.macs, work.vector_lane_cycles, work.scratchpad_read_bytes


def candidates_of(planned: Planned, producer: SizedOp) -> tuple[Candidate, ...]:
    """All cuts that the planner tries: cuts that fit come first, and faster cuts before slower ones."""
    candidate, room = planned.candidate, room_of(planned, producer)
    cuts, placed = candidate.op_cuts, candidate.placed
    number = candidate.table.largest[producer.op.name]
    taken = cuts.sides(int(candidate.cuts[number]))
    candidates = [
        Candidate(
            block=tried.name,
            steps=tried.steps,
            bytes_held=tried.held,
            cycles_alone=tried.cycles,
            fits=tried.held <= room,
            chosen=tried.sides == taken,
        )
        for tried in cuts.tried(number, placed.kept, placed.resident, room)
    ]
    return tuple(
        sorted(candidates, key=lambda candidate: (not candidate.fits, candidate.cycles_alone, not candidate.chosen))
    )
