"""A plan's schedule as a noun: ops with their steps, in their loops, and what each of them waits for."""

from collections.abc import Iterable, Iterator, Sequence

from hwsim.ir.op_table import kind
from hwsim.kernels import assembly as a
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.liveness import ALL, prefix_name
from hwsim.mapping.lower import SizedLoop, SizedNode, SizedOp
from hwsim.mapping.placements import two_spaces
from hwsim.mapping.plan import Plan
from hwsim.mapping.step_nouns import step_trees
from hwsim.schedule.schedule import Loaded, LoopSegment, OpSchedule, Preload, Schedule, ScheduleNode, Written
from hwsim.schedule.steps import Ring, StepTree


def schedule_of(candidate: CandidatePlan, plan: Plan) -> Schedule:
    """The schedule of a plan; only tensors with two spaces have placements, the others do not count for its times."""
    nodes = _Nodes(candidate, plan)
    body = nodes.of(plan.analysed.nodes)
    return Schedule(ports=plan.target.ports, body=body, placements=two_spaces(plan))


class _Nodes:
    """Nouns of a plan. What comes again is the same object, of equal runs and of equal steps."""

    def __init__(self, candidate: CandidatePlan, plan: Plan) -> None:
        self.candidate, self.plan, self.table = candidate, plan, candidate.table
        self._names = self.table.spot_names
        self._numbers = {id(sized): number for number, sized in enumerate(self.table.ops)}
        self._bodies: dict[int, tuple[ScheduleNode, ...]] = {}  # by the identities of the bodies of the program
        self._ops: dict[int, OpSchedule] = {}
        self._steps: dict[int, tuple[StepTree, ...]] = {}

    def of(self, nodes: tuple[SizedNode, ...]) -> tuple[ScheduleNode, ...]:
        """The nodes as they run."""
        if id(nodes) not in self._bodies:
            self._bodies[id(nodes)] = tuple(self._scheduled(nodes))
        return self._bodies[id(nodes)]

    def _scheduled(self, nodes: Iterable[SizedNode]) -> Iterator[ScheduleNode]:
        for node in nodes:
            if isinstance(node, SizedLoop):
                if node.first:
                    yield from self._preloads(node.name)
                yield LoopSegment(loop=node.name, times=node.times, body=self.of(node.body))
            else:
                number = self._numbers[id(node)]
                if number not in self._ops:
                    self._ops[number] = self._op(node, number)
                yield self._ops[number]

    def _preloads(self, loop: str) -> Iterator[Preload]:
        for resident in self.plan.residents.values():
            if resident.loop == loop:
                yield Preload(
                    op=resident.op,
                    kind=kind(self.plan.analysed.largest[resident.op].op),
                    tensor=resident.name,
                    bytes=resident.loaded,
                    of_core=resident.bytes if resident.bytes != resident.loaded else None,
                    written=resident.written if resident.written != resident.loaded else None,
                    overwrites=self.plan.overwrites[resident.name],
                )

    def _op(self, sized: SizedOp, number: int) -> OpSchedule:
        table, op, mode = self.table, self.table.shaped[number], self.candidate.op_cuts.row(number).mode
        variant = table.op_rows[number, 2]
        uses = table.uses[table.use_at[variant] : table.use_at[variant + 1]].tolist()
        written = [use for use in uses if use[a.U_HOW] >= a.WRITES]
        here = tuple(
            Written(tensor=self._spot(spot), whole=how == a.WRITES) for how, spot in written if self._rows(spot)
        )
        dead = [name for tensor in here for name in self.plan.overwrites[tensor.tensor]]
        epilogue, cut = sized.epilogue, int(self.candidate.cuts[number])
        return OpSchedule(
            name=sized.op.name,
            kind=kind(sized.op),
            array_reads=self._reads(uses, a.ARRAY_READ, a.ARRAY_READ_RESIDENT),
            vector_reads=self._reads(uses, a.VECTOR_READ, a.VECTOR_READ_RESIDENT),
            loaded=tuple(
                Loaded(ring=Ring(how - a.LOADED_0), tensor=self._names[spot])
                for how, spot in uses
                if a.LOADED_0 <= how < a.WRITES and self._rows(spot) < ALL
            ),
            kept=here,
            stored=tuple(
                Written(tensor=self._names[spot], whole=how == a.WRITES)
                for how, spot in written
                if self._rows(spot) < ALL
            ),
            overwrites=tuple(dict.fromkeys(dead)),
            operands=op.names,
            single=self.candidate.op_cuts.single(cut),
            fused=None if epilogue is None else (epilogue.op.name, kind(epilogue.op)),
            steps=self._step_trees(number, cut),
            macs=op.macs,
            mode=mode,
            block=self.candidate.op_cuts.block(cut),
        )

    def _rows(self, spot: int) -> int:
        """How many rows of a tensor are kept."""
        return int(self.candidate.placed.kept[spot])

    def _spot(self, spot: int) -> str:
        """The name of a tensor, or of a prefix, where it is kept."""
        rows = self._rows(spot)
        return self._names[spot] if rows == ALL else prefix_name(self._names[spot], rows)

    def _reads(self, uses: Sequence[Sequence[int]], kept: int, resident: int) -> tuple[str, ...]:
        """What a unit reads in the scratchpad: tensors that are kept, and residents."""
        names = []
        for how, spot in uses:
            if how == kept and self._rows(spot):
                names.append(self._spot(spot))
            elif how == resident and self.candidate.placed.resident[spot]:
                names.append(self._names[spot])
        return tuple(dict.fromkeys(names))

    def _step_trees(self, number: int, cut: int) -> tuple[StepTree, ...]:
        if cut not in self._steps:
            cuts = self.candidate.op_cuts
            self._steps[cut] = step_trees(
                cuts.code(cut), cuts.row(number), self.table.class_of[number], cuts.step_works
            )
        return self._steps[cut]
