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
from hwsim.mapping.blocks import limits_of
from hwsim.mapping.follower import follower
from hwsim.mapping.lower import SizedLoop, SizedNode, SizedOp
from hwsim.mapping.matrix import Cut, fastest_cut, mode_of, naive_cut
from hwsim.mapping.network import columns_of, parameters_of
from hwsim.mapping.operands import Operands
from hwsim.mapping.plan import Plan, two_spaces
from hwsim.mapping.refusal import naming
from hwsim.mapping.tiling import Tiling, Where
from hwsim.mapping.vector import RowCut, fastest_rows, naive_rows, rows_of


def assemble(plan: Plan) -> Schedule:
    """The schedule of a plan."""
    builder = _Builder(plan, frozenset(plan.kept))
    body = tuple(builder.nodes(plan.network.nodes))
    return Schedule(ports=plan.target.ports, body=body, placements=two_spaces(plan))


@dataclass(frozen=True, slots=True)
class _Builder:
    plan: Plan
    kept: frozenset[str]

    def nodes(self, nodes: Iterable[SizedNode]) -> Iterator[ScheduleNode]:
        for node in nodes:
            if isinstance(node, SizedLoop):
                if node.first:
                    yield from self.preloads(node.name)
                yield Stretch(loop=node.name, times=node.times, body=tuple(self.nodes(node.body)))
            else:
                with naming(node.op.name):
                    op = self.matrix(node) if node.on_array else self.vector(node)
                yield op

    def preloads(self, loop: str) -> Iterator[Preload]:
        for resident in self.plan.residents.values():
            if resident.loop == loop:
                yield Preload(
                    op=resident.op,
                    kind=kind(self.plan.network.largest[resident.op].op),
                    tensor=resident.name,
                    bytes=resident.bytes,
                    overwrites=self.plan.floor.overwritten_by(resident.lease),
                )

    def matrix(self, sized: SizedOp) -> OpSchedule:
        op, program, target = sized.op, self.plan.network.program, self.plan.target
        assert isinstance(op, (Gemm, Conv))
        operands = Operands.of(sized, program)
        mode = mode_of(operands, target)
        follows = None if sized.follower is None else follower(sized, sized.follower, program, self.kept)
        resident = self.plan.residents.get(op.weight.tensor)
        columns = columns_of(op.name) in self.plan.residents
        resident_k = 0
        if resident is not None:
            unit = operands.size.k if operands.size.batch > 1 else limits_of(target.array, mode).unit.k
            resident_k = min(operands.size.k, resident.rows * unit)
        where = Where(
            act=op.act.tensor in self.kept,
            weight=op.weight.tensor in self.kept,
            resident_k=resident_k,
            columns=columns,
            out=op.out.tensor in self.kept,
        )
        cut = self.cut(Tiling(operands, mode, target, where, follows), self.room(op.name))
        array_reads = [view.tensor for view, here in ((op.act, where.act), (op.weight, where.weight)) if here]
        array_reads += [op.weight.tensor] if resident_k else []
        loaded = self.loaded(Ring.WEIGHTS, () if where.weight else (op.weight,))
        loaded += self.loaded(Ring.ACTIVATIONS, () if where.act else (op.act,))
        vector_reads = [columns_of(op.name)] if columns else []
        written: tuple[View, ...] = (op.out,)
        if sized.follower is not None:
            chain = sized.follower.op
            others = [view for view in law(chain).reads(chain) if view.tensor != op.out.tensor]
            vector_reads += [view.tensor for view in others if view.tensor in self.kept]
            loaded += self.loaded(Ring.VECTOR_OPERANDS, others)
            written = law(chain).writes(chain)
        return self.op_schedule(
            sized, cut.steps, written, array_reads, vector_reads, loaded,
            macs=operands.size.macs, mode=mode, block=cut.block,
        )  # fmt: skip

    def vector(self, sized: SizedOp) -> OpSchedule:
        op, plan = sized.op, self.plan
        resident = parameters_of(op.name) in plan.residents
        rows = rows_of(sized, plan.network.program, plan.target, self.kept, resident)
        room = self.room(op.name)
        cut: RowCut = naive_rows(rows, room) if plan.naive and rows.held(1) <= room else fastest_rows(rows, room)
        rules = law(op)
        reads = [view.tensor for view in rules.reads(op) if view.tensor in self.kept]
        reads += [parameters_of(op.name)] if resident else []
        loaded = self.loaded(Ring.VECTOR_OPERANDS, rules.reads(op))
        macs = rules.macs(op, sized.shape)
        return self.op_schedule(sized, cut.steps, rules.writes(op), (), reads, loaded, macs=macs)

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
                overwrites += plan.floor.overwritten_by(plan.kept[view.tensor])
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
