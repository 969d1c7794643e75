"""A plan as a schedule: every op cut for the room that it has, with the tensors that its steps wait for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hwsim.core.laws import kind
from hwsim.core.schedule import Preload, Schedule, ScheduleNode, Stretch
from hwsim.mapping.lower import SizedLoop, SizedNode
from hwsim.mapping.placements import two_spaces
from hwsim.mapping.plan import Plan
from hwsim.mapping.refusal import naming
from hwsim.mapping.variants import Variants, variants_of


def assemble(plan: Plan) -> Schedule:
    """The schedule of a plan."""
    builder = _Builder(plan, variants_of(plan.network, plan.target))
    body = builder.nodes(plan.network.nodes)
    return Schedule(ports=plan.target.ports, body=body, placements=two_spaces(plan))


@dataclass(frozen=True, slots=True)
class _Builder:
    plan: Plan
    variants: Variants
    known: dict[int, tuple[ScheduleNode, ...]] = field(default_factory=dict)

    def nodes(self, nodes: tuple[SizedNode, ...]) -> tuple[ScheduleNode, ...]:
        """The nodes as they run; a body that comes again is the same object."""
        if id(nodes) not in self.known:
            self.known[id(nodes)] = tuple(self._scheduled(nodes))
        return self.known[id(nodes)]

    def _scheduled(self, nodes: Iterable[SizedNode]) -> Iterator[ScheduleNode]:
        plan = self.plan
        for node in nodes:
            if isinstance(node, SizedLoop):
                if node.first:
                    yield from self.preloads(node.name)
                yield Stretch(loop=node.name, times=node.times, body=self.nodes(node.body))
            else:
                with naming(node.op.name):
                    op = self.variants.of(node, plan.kept_rows, plan.residents).schedule(plan)
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
