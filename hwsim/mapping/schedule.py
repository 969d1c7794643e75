"""A program on a chip: of some plans the one that costs least, in time or by any other measure.

Plans are made for the scratchpad's own size and for the rungs of a ladder below it, for as many slots as the chip has
and for fewer. The naive plan for each of these is among them. So no schedule costs more than the naive one, nor than
the one for a smaller scratchpad, or fewer buffers, if the ladder has that size or number.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from hwsim.core.chip import Chip
from hwsim.core.program import Program
from hwsim.core.progress import Progress, no_progress
from hwsim.core.remembered import Remembered
from hwsim.core.schedule import OpSchedule, Preload, Schedule, ScheduleNode, Stretch
from hwsim.errors import Unsupported
from hwsim.mapping.assemble import assemble
from hwsim.mapping.ladder import sizes, slots
from hwsim.mapping.network import Network, least_naive_cycles, network
from hwsim.mapping.placements import placements
from hwsim.mapping.plan import Plan, naive_plan, plan
from hwsim.mapping.refusal import UnsupportedOp
from hwsim.mapping.target import Target, target_of
from hwsim.timing.encode import encode
from hwsim.timing.encode_steps import step_code
from hwsim.timing.timeline import times


class Way(NamedTuple):
    """How to plan: what part of the scratchpad a working set may take at most, so that residents and kept tensors have
    room; whether tensors may be kept in part; whether ops are cut for least traffic."""

    share: int
    divide: bool = False
    frugal: bool = False


WAYS = (Way(4), Way(32), Way(4, divide=True), Way(4, divide=True, frugal=True))

Cost = Callable[[Schedule], int]


@dataclass(frozen=True, eq=False)
class Planned:
    """A program's best schedule, and the plan that it comes from."""

    plan: Plan
    schedule: Schedule


def schedule(program: Program, chip: Chip, *, cost: Cost | None = None, progress: Progress = no_progress) -> Schedule:
    """The schedule that costs least of the program's plans; of equals the one for the larger size."""
    return planned(program, chip, cost=cost, progress=progress).schedule


def planned(
    program: Program,
    chip: Chip,
    *,
    cost: Cost | None = None,
    residency: Plan | None = None,
    free_conversion: bool = False,
    progress: Progress = no_progress,
) -> Planned:
    """The best schedule with its plan: the fastest, if no other `cost` is given.

    What if: with `residency` the same tensors stay in the scratchpad as in that plan of another program; with
    `free_conversion` weights come to the format of the activations by themselves.
    """
    search = _Search(program, chip, cost, residency, free_conversion, progress)
    return _SAME.of(program, chip, cost, residency, free_conversion, make=lambda: _equal(search))


def _equal(search: "_Search") -> Planned:
    """What was found for an equal program and equal units, or what is found now."""
    chip = search.chip
    units = chip.cores, chip.array, chip.vector, chip.scratchpad, chip.dram, chip.clock
    key = search.program, units, id(search.cost), id(search.residency), search.free_conversion
    if key not in _FOUND:
        if len(_FOUND) >= _MOST:
            _FOUND.pop(next(iter(_FOUND)))
        # What stands here by its identity is kept as well, so that nothing else gets that identity.
        _FOUND[key] = search.best(), (search.cost, search.residency)
    return _FOUND[key][0]


_MOST = 64
_FOUND: dict[object, tuple[Planned, object]] = {}
_SAME = Remembered[Planned](most=_MOST)
"""Comparing a program takes longer than walking it."""


def naive_schedule(program: Program, chip: Chip) -> Schedule:
    """The naive schedule: the largest square blocks that fit, all tensors in DRAM between ops."""
    return assemble(naive_plan(network(program), target_of(chip), chip.scratchpad.size))


@dataclass(frozen=True)
class _Search:
    """All plans for a program, one after another."""

    program: Program
    chip: Chip
    cost: Cost | None
    residency: Plan | None
    free_conversion: bool
    progress: Progress

    def best(self) -> Planned:
        """The plan that costs least, or a refusal that names the op that fits none."""
        chip = self.chip
        if chip.cores != 1:
            raise Unsupported(f"{chip.name}: has {chip.cores} cores; one core is what hwsim schedules so far")
        found = network(self.program)
        best: tuple[int, Plan, Schedule] | None = None
        problem: UnsupportedOp | None = None
        seen: dict[object, Schedule] = {}  # what is marked by its identity is kept
        ways = list(self._ways())
        for done, (slot_count, way) in enumerate(ways):
            self.progress(done, len(ways))
            target = target_of(chip, slot_count, self.free_conversion)
            if way is None and self._all_slower(found, target, best):
                continue
            for size in sizes(chip.scratchpad.size):
                try:
                    one = self._plan(found, target, size, way)
                    if way is not None and way.divide and not way.frugal and not one.heads:
                        continue  # the same as without
                    body = assemble(one)
                except UnsupportedOp as error:
                    problem = error  # the last one is that of the fewest slots
                    break  # what does not fit here fits no smaller one
                mark = slot_count, _mark(body.body)
                if mark in seen:
                    continue
                seen[mark] = body
                cost = self._cost(body, None if best is None else best[0])
                if cost is not None and (best is None or cost < best[0]):
                    best = cost, one, body
        if best is None:
            assert problem is not None
            raise Unsupported(f"{problem.op} on {chip.name}: {problem.why}") from problem
        return Planned(best[1], replace(best[2], placements=placements(best[1])))

    def _ways(self) -> Iterator[tuple[int, Way | None]]:
        """How many slots to use, and how to plan; None is the naive way."""
        usable, before = slots(self.chip.scratchpad.buffers), self.residency
        for slot_count in usable:
            for way in WAYS:
                yield slot_count, way
        # Last, because whatever is slower than a good plan need not be made.
        if before is None or not (before.residents or before.kept_rows):
            for slot_count in reversed(usable):
                yield slot_count, None

    def _plan(self, network: Network, target: Target, size: int, way: Way | None) -> Plan:
        if way is None:
            return naive_plan(network, target, size)
        return plan(network, target, size, **way._asdict(), residency=self.residency)

    def _all_slower(self, network: Network, target: Target, best: tuple[int, Plan, Schedule] | None) -> bool:
        """Whether no naive plan can be faster than the best so far."""
        return self.cost is None and best is not None and least_naive_cycles(network, target) >= best[0]

    def _cost(self, body: Schedule, least: int | None) -> int | None:
        """What a schedule costs; None if that is known not to be less."""
        if self.cost is not None:
            return self.cost(body)
        if least is not None and _busiest(body) >= least:
            return None
        return times(encode(body)).cycles


def _busiest(schedule: Schedule) -> int:
    """Busy cycles of the busiest unit, which no schedule undercuts."""
    load = array = vector = store = 0
    for placed in schedule.placed():
        node, runs = placed.node, placed.times
        if isinstance(node, Preload):
            load += runs * schedule.ports.load_cycles(node.bytes)
            continue
        own_load, own_array, own_vector, own_store = step_code(node.steps, schedule.ports).busy
        load += runs * own_load
        array += runs * own_array
        vector += runs * own_vector
        store += runs * own_store
    return max(load, array, vector, store)


def _mark(body: tuple[ScheduleNode, ...]) -> tuple[object, ...]:
    """What distinguishes two schedules of one program. Ops come out of a cache, so equal ones are the same object."""
    marks: list[object] = []
    for node in body:
        match node:
            case Stretch():
                marks.append(_mark(node.body))
            case Preload():
                marks.append((node.tensor, node.bytes, node.overwrites))
            case OpSchedule():
                marks.append(id(node))
    return tuple(marks)
