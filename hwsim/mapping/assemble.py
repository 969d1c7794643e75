"""A plan as a schedule: every op cut for the room that it has, with the tensors that its steps wait for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hwsim.core.laws import kind, law
from hwsim.core.ops import Conv, Gemm
from hwsim.core.precision import Precision
from hwsim.core.schedule import (
    Block,
    Loaded,
    OpSchedule,
    Preload,
    Schedule,
    ScheduleNode,
    Stretch,
    Written,
)
from hwsim.core.steps import Ring, StepTree
from hwsim.core.view import View
from hwsim.mapping.lower import SizedLoop, SizedNode, SizedOp
from hwsim.mapping.matrix import Cut, fastest_cut, naive_cut
from hwsim.mapping.network import columns_of, parameters_of, pieces_of
from hwsim.mapping.pieces import MatrixPiece, Pieces, VectorPiece
from hwsim.mapping.plan import Plan, two_spaces
from hwsim.mapping.refusal import naming
from hwsim.mapping.succession import next_streams, waits_for_next
from hwsim.mapping.tiling import Tiling
from hwsim.mapping.vector import RowCut, cut_rows, fastest_rows, naive_rows


def assemble(plan: Plan) -> Schedule:
    """The schedule of a plan."""
    following = next_streams(plan.network, plan.target) if waits_for_next(plan.target.array) else {}
    builder = _Builder(plan, frozenset(plan.kept), pieces_of(plan.network, plan.target), following)
    body = tuple(builder.nodes(plan.network.nodes))
    return Schedule(ports=plan.target.ports, body=body, placements=two_spaces(plan))


@dataclass(frozen=True, slots=True)
class _Builder:
    plan: Plan
    kept: frozenset[str]
    pieces: Pieces
    following: dict[str, int]

    def nodes(self, nodes: Iterable[SizedNode]) -> Iterator[ScheduleNode]:
        for node in nodes:
            if isinstance(node, SizedLoop):
                if node.first:
                    yield from self.preloads(node.name)
                yield Stretch(loop=node.name, times=node.times, body=tuple(self.nodes(node.body)))
            else:
                piece = self.pieces.of(node)
                with naming(node.op.name):
                    op = self.vector(node, piece) if isinstance(piece, VectorPiece) else self.matrix(node, piece)
                yield op

    def preloads(self, loop: str) -> Iterator[Preload]:
        for resident in self.plan.residents.values():
            if resident.loop == loop:
                yield Preload(
                    op=resident.op,
                    kind=kind(self.plan.network.largest[resident.op].op),
                    tensor=resident.name,
                    bytes=resident.bytes,
                    overwrites=self.plan.handovers[resident.name],
                )

    def matrix(self, sized: SizedOp, piece: MatrixPiece) -> OpSchedule:
        op, kept, residents = sized.op, self.kept, self.plan.residents
        assert isinstance(op, (Gemm, Conv))
        resident = residents.get(piece.weight)
        columns = columns_of(op.name) in residents
        rows = 0 if resident is None else resident.rows
        tiling = piece.tiling(kept, rows, columns=columns, following=self.following.get(op.name))
        cut = self.cut(tiling, self.room(op.name))
        array_reads = [name for name in (piece.act, piece.weight) if name in kept]
        array_reads += [] if resident is None else [piece.weight]
        loaded = self.loaded(Ring.WEIGHTS, (op.weight,)) + self.loaded(Ring.ACTIVATIONS, (op.act,))
        vector_reads = [columns_of(op.name)] if columns else []
        written: tuple[View, ...] = (op.out,)
        if sized.follower is not None:
            chain = sized.follower.op
            others = [view for view in law(chain).reads(chain) if view.tensor != op.out.tensor]
            vector_reads += [view.tensor for view in others if view.tensor in kept]
            loaded += self.loaded(Ring.VECTOR_OPERANDS, others)
            written = law(chain).writes(chain)
        return self.op_schedule(
            sized, cut.steps, written, array_reads, vector_reads, loaded,
            macs=piece.macs, mode=piece.mode, block=cut.block,
        )  # fmt: skip

    def vector(self, sized: SizedOp, piece: VectorPiece) -> OpSchedule:
        op, plan = sized.op, self.plan
        resident = parameters_of(op.name) in plan.residents
        rows = piece.rows(self.kept, resident=resident)
        room = self.room(op.name)
        naive = plan.naive and rows.held(1) * rows.target.slots <= room
        cut: RowCut = cut_rows(rows, naive_rows(rows, room)) if naive else fastest_rows(rows, room)
        rules = law(op)
        reads = [view.tensor for view in rules.reads(op) if view.tensor in self.kept]
        reads += [parameters_of(op.name)] if resident else []
        loaded = self.loaded(Ring.VECTOR_OPERANDS, rules.reads(op))
        return self.op_schedule(sized, cut.steps, rules.writes(op), (), reads, loaded, macs=piece.macs)

    def op_schedule(
        self,
        sized: SizedOp,
        steps: tuple[StepTree, ...],
        written: Iterable[View],
        array_reads: Iterable[str],
        vector_reads: Iterable[str],
        loaded: Iterable[Loaded],
        *,
        macs: int,
        mode: Precision | None = None,
        block: Block | None = None,
    ) -> OpSchedule:
        plan, op = self.plan, sized.op
        kept: list[Written] = []
        stored: list[Written] = []
        overwrites: list[str] = []
        for view in dict.fromkeys(written):
            one = Written(tensor=view.tensor, whole=not view.windows)
            if view.tensor in self.kept:
                kept.append(one)
                overwrites += plan.handovers[view.tensor]
            else:
                stored.append(one)
        follows = sized.follower
        return OpSchedule(
            name=op.name,
            kind=kind(op),
            array_reads=tuple(dict.fromkeys(array_reads)),
            vector_reads=tuple(dict.fromkeys(vector_reads)),
            loaded=tuple(dict.fromkeys(loaded)),
            kept=tuple(kept),
            stored=tuple(stored),
            overwrites=tuple(dict.fromkeys(overwrites)),
            fused=None if follows is None else (follows.op.name, kind(follows.op)),
            steps=steps,
            macs=macs,
            mode=mode,
            block=block,
        )

    def loaded(self, ring: Ring, views: Iterable[View]) -> list[Loaded]:
        """The tensors that ops made and that must come from DRAM."""
        program = self.plan.network.program
        names = [v.tensor for v in views if v.tensor not in self.kept and not program.tensor(v.tensor).role.given]
        return [Loaded(ring=ring, tensor=name) for name in names]

    def cut(self, tiling: Tiling, room: int) -> Cut:
        if self.plan.naive:
            cut = naive_cut(tiling, room)
            if cut.bytes_held <= room:
                return cut
        return fastest_cut(tiling, room)

    def room(self, op: str) -> int:
        return self.plan.room[self.plan.network.uses.place_of[op]]
