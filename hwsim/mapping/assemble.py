"""A plan as a schedule: every op cut for the room that it has, with the tensors that its steps wait for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hwsim.ir.op_table import kind
from hwsim.mapping.lower import SizedLoop, SizedNode, SizedOp
from hwsim.mapping.op_schedule_cache import OpScheduleCache, ResidencyKey, schedule_cache_of
from hwsim.mapping.placements import two_spaces
from hwsim.mapping.plan import Plan
from hwsim.mapping.refusal import naming
from hwsim.schedule.schedule import LoopSegment, OpSchedule, Preload, Schedule, ScheduleNode


def assemble(plan: Plan) -> Schedule:
    """The schedule of a plan."""
    builder = _Builder(plan, schedule_cache_of(plan.analysed, plan.target))
    body = builder.nodes(plan.analysed.nodes)
    return Schedule(ports=plan.target.ports, body=body, placements=two_spaces(plan))


@dataclass(frozen=True, slots=True)
class _Builder:
    plan: Plan
    variants: OpScheduleCache
    made: dict[int, OpSchedule] = field(default_factory=dict)
    """By the identity of their sized ops, which the plan's network keeps."""
    bodies: dict[int, tuple[ScheduleNode, ...]] = field(default_factory=dict)
    """By the identity of the bodies of sized loops: one that comes again is the same object."""
    places: dict[str, ResidencyKey] = field(default_factory=dict)
    overwrites: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By the names of ops: the same for all sizes of one."""

    def nodes(self, nodes: tuple[SizedNode, ...]) -> tuple[ScheduleNode, ...]:
        """The nodes as they run."""
        if id(nodes) not in self.bodies:
            self.bodies[id(nodes)] = tuple(self._scheduled(nodes))
        return self.bodies[id(nodes)]

    def _scheduled(self, nodes: Iterable[SizedNode]) -> Iterator[ScheduleNode]:
        for node in nodes:
            if isinstance(node, SizedLoop):
                if node.first:
                    yield from self.preloads(node.name)
                yield LoopSegment(loop=node.name, times=node.times, body=self.nodes(node.body))
            else:
                made = self.made.get(id(node))
                yield self.op(node) if made is None else made

    def op(self, sized: SizedOp) -> OpSchedule:
        """An op as the plan cuts it, one for all its runs of that size."""
        plan, name = self.plan, sized.op.name
        with naming(name):
            where = self.places.get(name)
            if where is None:
                where = self.places[name] = self.variants.where(sized, plan.resident_rows, plan.residents)
            variant = self.variants.of(sized, where)
            if name not in self.overwrites:
                self.overwrites[name] = variant.overwrites(plan)
            made = self.made[id(sized)] = variant.schedule(plan, self.overwrites[name])
        return made

    def preloads(self, loop: str) -> Iterator[Preload]:
        for resident in self.plan.residents.values():
            if resident.loop == loop:
                yield Preload(
                    op=resident.op,
                    kind=kind(self.plan.analysed.largest[resident.op].op),
                    tensor=resident.name,
                    bytes=resident.bytes,
                    overwrites=self.plan.overwrites[resident.name],
                )
