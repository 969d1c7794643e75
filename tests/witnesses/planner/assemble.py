"""Plans as schedules: the candidate capacities, the schedule of each plan, and the choice among them.

Every power of two below a scratchpad's size is also below any larger size. So the plans for a scratchpad of such a size
are among the plans for each larger scratchpad, which is therefore never slower.

The choice for latency is, among plans that take at most 2 % longer than the fastest and no longer than any naive plan,
the plan with least energy. The choice for energy, or for energy × delay, is the plan with least of it. Of equal plans
the faster is taken, and of equally fast ones the first. An `Aim` gives the energy of schedules; without an aim the
fastest plan is taken.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from math import prod
from typing import NamedTuple

from hwsim.ir.op_table import kind
from hwsim.ir.ops import Conv, Gemm, Op
from hwsim.ir.tensor import Role
from hwsim.mapping.analysed_program import columns_of, parameters_of
from hwsim.mapping.liveness import Span
from hwsim.mapping.lower import SizedLoop, SizedNode, SizedOp
from hwsim.mapping.target import naming
from hwsim.quantities.plain_data import Objective
from hwsim.schedule.schedule import LoopSegment, OpSchedule, Placement, Preload, Residency, Schedule, ScheduleNode
from hwsim.schedule.unit_table import Unit
from hwsim.timing.encode_steps import step_code
from hwsim.timing.timeline import Unsettled, encode, times
from witnesses.planner.analysed_program import mappers_of
from witnesses.planner.op_mappers import MatmulMapper
from witnesses.planner.op_schedule_cache import OpScheduleCache, ResidencyKey, schedule_cache_of
from witnesses.planner.plan import Plan

NEAR = 2
"""By how many hundredths a plan may be slower than the fastest one, if it takes less energy."""

MOST_WALKED = 1 << 22
"""A plan whose units find no common period within so many iterations of loops, about a second, is left out."""

MOST_UNSETTLED = 4
"""A program with so many plans without a common period is refused."""


def placements(plan: Plan) -> tuple[Placement, ...]:
    """Where each tensor of the program is, and why."""
    return tuple(_placement(name, plan) for name in sorted(plan.analysed.uses.tensors))


def two_spaces(plan: Plan) -> tuple[Placement, ...]:
    """The placements of tensors with two spaces, the only ones on which times depend."""
    return tuple(_placement(name, plan) for name in plan.analysed.two_spaces)


def _placement(name: str, plan: Plan) -> Placement:
    uses = plan.analysed.uses.tensors[name]
    tensor, (size, layout) = uses.tensor, _layout(name, plan)
    if name in plan.analysed.elided:
        return Placement(tensor=name, place=Residency.FUSED, bytes=size, why="read only on the tiles that make it")
    if name in plan.kept:
        spaces = uses.spaces
        why = "fits beside the working sets while it is needed" + (", in two spaces" if spaces == 2 else "")
        return Placement(
            tensor=name, place=Residency.KEPT, bytes=size, kept_bytes=size * spaces, spaces=spaces, why=why
        )
    if name in plan.prefixes:
        prefix = plan.prefixes[name]
        why = f"{prefix.rows:,} of {prefix.all_rows:,} rows fit beside all else that stays; the others are stored"
        return Placement(
            tensor=name, place=Residency.PARTLY, bytes=size, kept_bytes=prefix.allocation.buffer.bytes, why=why
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
        return Placement(tensor=name, place=Residency.STREAMED, bytes=size, why=_why_streamed(name, plan) + layout)
    whole = resident.bytes >= size
    why = f"loaded once before {resident.loop}" + ("" if whole else f"; {resident.bytes:,} bytes fit{_rounded(plan)}")
    place = Residency.RESIDENT if whole else Residency.PARTLY
    return Placement(tensor=name, place=place, bytes=size, kept_bytes=resident.bytes, why=why + layout)


def _layout(name: str, plan: Plan) -> tuple[int, str]:
    """The bytes of a tensor as it lies in the DRAM, and what is said of tiles."""
    uses = plan.analysed.uses.tensors[name]
    for use in uses.uses if plan.target.tiled_weights else ():
        sized = plan.analysed.largest.get(use.op.name)
        if sized is None or _weight_of(use.op) != name:
            continue
        mapper = mappers_of(plan.analysed, plan.target).of(sized)
        if not isinstance(mapper, MatmulMapper) or mapper.operands.tile is None:
            continue
        size, (k, n) = mapper.operands.size, mapper.operands.tile
        if size.batch * size.k * size.n == prod(uses.tensor.shape):
            whole = size.batch * replace(mapper.operands, group=None).weight_bytes(size.k, size.n)
            return whole, f"; in tiles of {k:,} × {n:,}, padded"
    return uses.tensor.packed_bytes, ""


def _no_room(name: str, size: int, plan: Plan) -> str:
    """Slots are reserved before blocks are chosen, because that choice depends on what is kept."""
    if plan.naive:
        return "nothing stays between ops in this plan"
    live_range: Span = plan.analysed.live_range(name)
    most, place = max((plan.allocator.working[place], -place) for place in range(live_range.first, live_range.last + 1))
    op = plan.analysed.uses.placed[-place].op.name
    return (
        f"{size:,} bytes do not fit beside residents, kept tensors and {most:,} bytes reserved for the slots of {op}: "
        f"its largest square blocks within 1/{plan.strategy(-place).working_set_divisor} of the scratchpad; "
        "the blocks it runs in may take less"
    )


def _resident_with_others(name: str, plan: Plan) -> str | None:
    """Why a tensor stays, if every op that reads it has its parameters resident, else None."""
    uses = plan.analysed.uses.tensors[name]
    if not uses.tensor.role.parameter or any(_weight_of(use.op) == name for use in uses.uses):
        return None
    loops = []
    for use in uses.uses:
        names = columns_of(use.op.name), parameters_of(use.op.name)
        loops.append(next((plan.residents[resident].loop for resident in names if resident in plan.residents), None))
    return None if None in loops else f"loaded once before {', '.join(dict.fromkeys(map(str, loops)))}"


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
    schedules: dict[int, OpSchedule] = field(default_factory=dict)
    """By the identity of their sized ops, which the plan's analysed program keeps."""
    bodies: dict[int, tuple[ScheduleNode, ...]] = field(default_factory=dict)
    """By the identity of the bodies of sized loops: a body that comes again is the same object."""
    places: dict[str, ResidencyKey] = field(default_factory=dict)
    overwrites: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By the names of ops: the same for all sizes of an op."""

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
                op_schedule = self.schedules.get(id(node))
                yield self.op(node) if op_schedule is None else op_schedule

    def op(self, sized: SizedOp) -> OpSchedule:
        """An op as the plan cuts it, one object for all its runs of that size."""
        plan, name = self.plan, sized.op.name
        with naming(name):
            where = self.places.get(name)
            if where is None:
                where = self.places[name] = self.variants.where(sized, plan.resident_rows, plan.residents)
            variant = self.variants.of(sized, where)
            if name not in self.overwrites:
                self.overwrites[name] = variant.overwrites(plan)
            op_schedule = self.schedules[id(sized)] = variant.schedule(plan, self.overwrites[name])
        return op_schedule

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


Energy = Callable[[Schedule, int], int]
"""The energy of a schedule that takes so many cycles: no less for more of them."""


@dataclass(frozen=True, eq=False)
class Aim:
    """The objective, and the energy of schedules."""

    objective: Objective
    energy: Energy


class Tried(NamedTuple):
    """A plan, its schedule, the schedule's cycles, and its cost: the figure that the aim makes least."""

    cycles: int
    cost: int
    plan: Plan
    schedule: Schedule


@dataclass(slots=True)
class Choice:
    """The plans that may still be taken, in the order in which they were tried."""

    aim: Aim | None
    whole: tuple[int, int]
    """The size and the slots of the naive plan of the whole chip, which bounds the time of the plan that is taken."""
    tried: list[Tried] = field(default_factory=list)
    fastest: int | None = None
    least: int | None = None
    unsettled: list[Unsettled] = field(default_factory=list)
    """The errors of plans that were left out because their units find no common period."""

    def consider(self, plan: Plan, schedule: Schedule) -> None:
        """Time a plan, unless its busiest unit alone takes too long for it to be taken."""
        busy = busiest(schedule)
        if self.too_slow(busy) or self._too_costly(schedule, busy):
            return
        try:
            cycles = times(encode(schedule), most=MOST_WALKED).cycles
        except Unsettled as error:
            self.unsettled.append(error)
            if len(self.unsettled) == MOST_UNSETTLED:
                raise
            return
        if self.too_slow(cycles):
            return
        self.fastest = cycles if self.fastest is None else min(self.fastest, cycles)
        cost = self._cost(schedule, cycles)
        self.least = cost if self.least is None else min(self.least, cost)
        # Plans that cannot be taken any more are dropped: their schedules are large.
        self.tried = [candidate for candidate in self.tried if self._stays(candidate)]
        self.tried.append(Tried(cycles, cost, plan, schedule))

    def best(self) -> Tried | None:
        """The plan that is taken; None if no plan was considered; Unsettled, if no plan has a time."""
        if not self.tried:
            if self.unsettled:
                raise self.unsettled[-1]
            return None
        if self.aim is None or self._by_cost:
            return min(self.tried, key=lambda candidate: (candidate.cost, candidate.cycles))
        naive = [candidate.cycles for candidate in self.tried if self._is_whole(candidate.plan)]
        near = [candidate for candidate in self.tried if not naive or candidate.cycles <= min(naive)]
        assert self.aim is not None
        energy = self.aim.energy
        return min(near, key=lambda candidate: (energy(candidate.schedule, candidate.cycles), candidate.cycles))

    def _is_whole(self, plan: Plan) -> bool:
        """Whether it is the naive plan for the whole scratchpad and all its buffers."""
        return plan.naive and (plan.size, plan.target.slots) == self.whole

    def too_slow(self, cycles: int) -> bool:
        """Whether a plan that takes so long, or longer, will not be taken."""
        if self._by_cost or self.fastest is None:
            return False
        return cycles >= self.fastest if self.aim is None else 100 * cycles > (100 + NEAR) * self.fastest

    def _stays(self, candidate: Tried) -> bool:
        """Whether a plan can still be taken."""
        if self.aim is None or self._by_cost:
            return candidate.cost == self.least
        return not self.too_slow(candidate.cycles)

    @property
    def _by_cost(self) -> bool:
        """Whether the choice goes by cost alone, not by time first."""
        return self.aim is not None and self.aim.objective is not Objective.LATENCY

    def _too_costly(self, schedule: Schedule, least_cycles: int) -> bool:
        if not self._by_cost or self.least is None:
            return False
        return self._cost(schedule, least_cycles) > self.least

    def _cost(self, schedule: Schedule, cycles: int) -> int:
        match None if self.aim is None else self.aim.objective:
            case Objective.ENERGY:
                return self._energy(schedule, cycles)
            case Objective.EDP:
                return self._energy(schedule, cycles) * cycles
            case _:
                return cycles

    def _energy(self, schedule: Schedule, cycles: int) -> int:
        assert self.aim is not None
        return self.aim.energy(schedule, cycles)


def busiest(schedule: Schedule) -> int:
    """Busy cycles of the busiest unit, which no schedule undercuts."""
    busy = [0] * len(Unit)
    for placed in schedule.placed():
        node, runs = placed.node, placed.times
        if isinstance(node, Preload):
            busy[Unit.LOAD] += runs * schedule.ports.load_cycles(node.bytes)
            continue
        for unit, cycles in enumerate(step_code(node.steps, schedule.ports).busy):
            busy[unit] += runs * cycles
    return max(busy)
