"""A plan as a schedule: every op cut for the room that it has, and where each tensor lies."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hwsim.ir.op_table import kind
from hwsim.ir.ops import Conv, Gemm, Op
from hwsim.ir.tensor import Role
from hwsim.mapping.analysed_program import columns_of, parameters_of
from hwsim.mapping.lower import SizedLoop, SizedNode, SizedOp
from hwsim.mapping.op_schedule_cache import OpScheduleCache, ResidencyKey, schedule_cache_of
from hwsim.mapping.plan import Plan
from hwsim.mapping.refusal import naming
from hwsim.mapping.uses import Span
from hwsim.schedule.schedule import LoopSegment, OpSchedule, Placement, Preload, Residency, Schedule, ScheduleNode


def placements(plan: Plan) -> tuple[Placement, ...]:
    """Where each tensor of the program is, and why."""
    return tuple(_placement(name, plan) for name in sorted(plan.analysed.uses.tensors))


def two_spaces(plan: Plan) -> tuple[Placement, ...]:
    """Of these only the tensors with two spaces: all that times depend on."""
    return tuple(_placement(name, plan) for name in plan.analysed.two_spaces)


def _placement(name: str, plan: Plan) -> Placement:
    uses = plan.analysed.uses.tensors[name]
    tensor, size = uses.tensor, uses.tensor.packed_bytes
    if name in plan.analysed.elided:
        return Placement(tensor=name, place=Residency.FUSED, bytes=size, why="read only on the tiles that make it")
    if name in plan.kept:
        spaces = uses.spaces
        why = "fits beside the working sets while it is needed" + (", in two spaces" if spaces == 2 else "")
        return Placement(
            tensor=name, place=Residency.KEPT, bytes=size, kept_bytes=size * spaces, spaces=spaces, why=why
        )
    if name in plan.prefixes:
        head = plan.prefixes[name]
        why = f"{head.rows:,} of {head.all_rows:,} rows fit beside all else that stays; the others are stored"
        return Placement(
            tensor=name, place=Residency.PARTLY, bytes=size, kept_bytes=head.allocation.buffer.bytes, why=why
        )
    if not tensor.role.given:
        why = (
            "the workload wants it outside" if tensor.role is Role.OUTPUT else _no_room(name, size * uses.spaces, plan)
        )
        return Placement(tensor=name, place=Residency.SPILLED, bytes=size, spaces=uses.spaces, why=why)
    resident = plan.residents.get(name)
    if resident is None:
        together = _resident_with_others(name, plan)
        if together is not None:
            return Placement(tensor=name, place=Residency.RESIDENT, bytes=size, kept_bytes=size, why=together)
        return Placement(tensor=name, place=Residency.STREAMED, bytes=size, why=_why_streamed(name, plan))
    whole = resident.bytes >= size
    why = f"loaded once before {resident.loop}" + ("" if whole else f"; {resident.bytes:,} bytes fit{_rounded(plan)}")
    place = Residency.RESIDENT if whole else Residency.PARTLY
    return Placement(tensor=name, place=place, bytes=size, kept_bytes=resident.bytes, why=why)


def _no_room(name: str, size: int, plan: Plan) -> str:
    """Slots are reserved before blocks are chosen, because that choice depends on what is kept."""
    if plan.naive:
        return "nothing stays between ops in this plan"
    live_range: Span = plan.analysed.live_range(name)
    most, place = max((plan.allocator.working[place], -place) for place in range(live_range.first, live_range.last + 1))
    op = plan.analysed.uses.placed[-place].op.name
    return (
        f"{size:,} bytes do not fit beside residents, kept tensors and {most:,} bytes reserved for the slots of {op}: "
        f"its largest square blocks within 1/{plan.working_set_divisor} of the scratchpad; "
        "the blocks it runs in may take less"
    )


def _resident_with_others(name: str, plan: Plan) -> str | None:
    """Why a tensor stays that is resident as one of the parameters of each op that reads it; None if it is not."""
    uses = plan.analysed.uses.tensors[name]
    if not uses.tensor.role.parameter or any(_weight_of(use.op) == name for use in uses.uses):
        return None
    found = []
    for use in uses.uses:
        names = columns_of(use.op.name), parameters_of(use.op.name)
        found.append(next((plan.residents[one].loop for one in names if one in plan.residents), None))
    return None if None in found else f"loaded once before {', '.join(dict.fromkeys(map(str, found)))}"


def _weight_of(op: Op) -> str | None:
    return op.weight.tensor if isinstance(op, (Gemm, Conv)) else None


def _why_streamed(name: str, plan: Plan) -> str:
    if any(item.name == name for item in plan.items):
        return f"no room beside residents that save more traffic{_rounded(plan)}"
    return "nothing stays in this plan" if plan.naive else "comes from outside with every read"


def _rounded(plan: Plan) -> str:
    return f", in sizes rounded up to {plan.rounded:,} bytes" if plan.rounded else ""


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
