"""Why an op of a planned program is cut as it is."""

from collections.abc import Iterable
from difflib import get_close_matches

from hwsim.core.explanation import Candidate, OperandPlace
from hwsim.core.laws import law
from hwsim.core.program import Program
from hwsim.core.schedule import Block, OpSchedule
from hwsim.core.steps import Repeat, StepTree
from hwsim.errors import UnknownName
from hwsim.mapping.lower import SizedOp, sized_ops
from hwsim.mapping.matrix import tried
from hwsim.mapping.network import columns_of, parameters_of, pieces_of
from hwsim.mapping.pieces import MatrixPiece, Piece
from hwsim.mapping.schedule import Planned
from hwsim.mapping.vector import tried_rows

NEAREST = 5


def check_op(program: Program, name: str) -> None:
    """Refuse a name that no op of the program has, with the nearest ones: there may be hundreds."""
    known = [placed.op.name for placed in program.placed()]
    if name not in known:
        nearest = get_close_matches(name, known, n=NEAREST, cutoff=0.3) or known[:NEAREST]
        raise UnknownName("op", name, nearest, remedy="hwsim ops WORKLOAD lists all")


def leader_of(found: Planned, name: str) -> SizedOp:
    """The largest size of the op, or of the one on whose tiles it works."""
    largest = found.plan.network.largest
    for sized in largest.values():
        if name == sized.op.name or (sized.follower is not None and name == sized.follower.op.name):
            return sized
    raise AssertionError(name)  # asked for before planning


def sizes_of(found: Planned, leader: SizedOp) -> int:
    """How many sizes the op has while the loops around it go on."""
    sizes = {one.shapes for one in sized_ops(found.plan.network.nodes) if one.op.name == leader.op.name}
    return len(sizes)


def operands_of(found: Planned, name: str, leader: SizedOp) -> tuple[OperandPlace, ...]:
    """What the op itself reads and writes, and where that lies."""
    sized = leader if leader.op.name == name or leader.follower is None else leader.follower
    program, rules = found.plan.network.program, law(sized.op)
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


def piece_of(found: Planned, leader: SizedOp) -> Piece:
    """What planning knows of the op."""
    return pieces_of(found.plan.network, found.plan.target).of(leader)


def room_of(found: Planned, leader: SizedOp) -> int:
    """Bytes of the scratchpad for the slots of the op."""
    return found.plan.room[found.plan.network.uses.place_of[leader.op.name]]


def scheduled(found: Planned, leader: SizedOp) -> OpSchedule:
    """The op's own schedule: that of its largest size."""
    own = [op for op in found.schedule.ops if op.name == leader.op.name]
    return max(own, key=_amount)


def _amount(op: OpSchedule) -> tuple[int, int, int]:
    """What grows with the size of an op, wherever its tensors lie."""
    work = op.work()
    return op.macs, work.vector_lane_cycles, work.scratchpad_read_bytes


def candidates_of(found: Planned, leader: SizedOp) -> tuple[Candidate, ...]:
    """All cuts that the mapper knows, those that fit first, the fastest of them first."""
    piece, room, residents = piece_of(found, leader), room_of(found, leader), found.plan.residents
    kept, own = found.plan.kept_rows, scheduled(found, leader)
    cuts: list[tuple[str, int, int, tuple[StepTree, ...], bool]]
    if isinstance(piece, MatrixPiece):
        resident = residents.get(piece.weight)
        rows = 0 if resident is None else resident.rows
        tiling = piece.tiling(kept, rows, columns=columns_of(leader.op.name) in residents)
        cuts = [
            (_block_name(cut.block), cut.bytes_held, cycles, cut.steps, cut.block == own.block)
            for cut, cycles in tried(tiling, room)
        ]
    else:
        by_rows = piece.rows(kept, resident=parameters_of(leader.op.name) in residents)
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
