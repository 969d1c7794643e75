"""A program on a chip: of some plans the best one.

Plans are made for the scratchpad's own size and for the rungs of a ladder below it, for as many slots as the chip has
and for fewer. The naive plan for each of these is among them, and none depends on the latency of the DRAM. So the
fastest one is never slower than the naive one, nor than the fastest one for a smaller scratchpad, or fewer buffers, if
the ladder has that size or number, nor than the fastest one with a longer latency.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from hwsim.core.chip import Chip
from hwsim.core.program import Program
from hwsim.core.progress import Progress, no_progress
from hwsim.core.remembered import Remembered, RememberedEqual
from hwsim.core.schedule import OpSchedule, Preload, Schedule, ScheduleNode, Stretch
from hwsim.errors import Unsupported
from hwsim.mapping.assemble import assemble
from hwsim.mapping.choice import Aim, Choice
from hwsim.mapping.ladder import sizes, slots, stride
from hwsim.mapping.limits import check_limits
from hwsim.mapping.network import Network, least_naive_cycles, network
from hwsim.mapping.placements import placements
from hwsim.mapping.plan import Plan, enough, naive_plan, plan
from hwsim.mapping.refusal import UnsupportedOp, naming
from hwsim.mapping.target import Target, target_of


class Way(NamedTuple):
    """How to plan: what part of the scratchpad a working set may take at most, so that residents and kept tensors have
    room; whether tensors may be kept in part; whether ops are cut for least traffic, or else for least time, and with
    which latency of the DRAM in mind, in cycles: whatever it is, the same cuts are tried."""

    share: int
    divide: bool = False
    frugal: bool = False
    latency: int = 100


WAYS = (
    Way(4),
    Way(32),
    Way(4, divide=True),
    Way(32, divide=True),
    Way(4, divide=True, frugal=True),
    Way(4, divide=True, latency=0),
    Way(4, divide=True, latency=1000),
)
LARGEST_SHARE = max(way.share for way in WAYS)
FEW_WAYS = WAYS[:5]
"""Those that are tried of a program with many ops."""
NO_NEWS_WITHOUT_HEADS = WAYS[2:4]
"""Where no tensor is kept in part, these are the first ways again."""


@dataclass(frozen=True, eq=False)
class Planned:
    """A program's best schedule, and the plan that it comes from."""

    plan: Plan
    schedule: Schedule


def schedule(program: Program, chip: Chip, *, aim: Aim | None = None, progress: Progress = no_progress) -> Schedule:
    """The schedule of the program's best plan."""
    return planned(program, chip, aim=aim, progress=progress).schedule


def planned(
    program: Program,
    chip: Chip,
    *,
    aim: Aim | None = None,
    residency: Plan | None = None,
    free_conversion: bool = False,
    progress: Progress = no_progress,
) -> Planned:
    """The best schedule with its plan: the fastest, if there is no other `aim`.

    What if: with `residency` the same tensors stay in the scratchpad as in that plan of another program; with
    `free_conversion` weights come to the format of the activations by themselves.
    """
    search = _Search(program, chip, aim, residency, free_conversion, progress)
    return _SAME.of(program, chip, aim, residency, free_conversion, make=lambda: _equal(search))


def _equal(search: "_Search") -> Planned:
    """What was found for an equal program and equal units, or what is found now."""
    chip, kept = search.chip, (search.aim, search.residency)
    units = chip.cores, chip.array, chip.vector, chip.scratchpad, chip.dram, chip.clock
    key = search.program, units, *map(id, kept), search.free_conversion
    return _FOUND.of(key, keep=kept, make=search.best)


_MOST = 64
_FOUND = RememberedEqual[Planned](most=_MOST)
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
    aim: Aim | None
    residency: Plan | None
    free_conversion: bool
    progress: Progress

    def best(self) -> Planned:
        """The plan that is taken, or a refusal that names the op that fits none."""
        chip = self.chip
        if chip.cores != 1:
            raise Unsupported(f"{chip.name}: has {chip.cores} cores; one core is what hwsim schedules so far")
        found = network(self.program)
        check_limits(found, chip)
        choice = Choice(self.aim)
        problem: UnsupportedOp | None = None
        seen: dict[object, Schedule] = {}  # what is marked by its identity is kept
        every = stride(found.size)
        ways = list(self._ways(WAYS if every == 1 else FEW_WAYS))
        for done, (slot_count, way) in enumerate(ways):
            self.progress(done, len(ways))
            target = target_of(chip, slot_count, self.free_conversion)
            if way is None and choice.tried and choice.too_slow(least_naive_cycles(found, target)):
                continue
            for size in sizes(chip.scratchpad.size, every):
                try:
                    if enough(found, target, LARGEST_SHARE) < size < chip.scratchpad.size:
                        continue  # the same as with all of it
                    one = self._plan(found, target, size, way)
                    if way in NO_NEWS_WITHOUT_HEADS and not one.heads:
                        continue
                    body = assemble(one)
                except UnsupportedOp as error:
                    problem = error  # the last one is that of the fewest slots
                    break  # what does not fit here fits no smaller one
                mark = slot_count, _mark(body.body)
                # A naive plan says how long a plan may take, even if another one has led to the same schedule.
                if mark not in seen or one.naive:
                    seen[mark] = body
                    with naming(f"{self.program.name} on {chip.name}"):
                        choice.consider(one, body)
        with naming(f"{self.program.name} on {chip.name}"):
            best = choice.best()
        if best is None:
            assert problem is not None
            raise Unsupported(f"{problem.op} on {chip.name}: {problem.why}") from problem
        return Planned(best.plan, replace(best.schedule, placements=placements(best.plan)))

    def _ways(self, several: tuple[Way, ...]) -> Iterator[tuple[int, Way | None]]:
        """How many slots to use, and how to plan; None is the naive way."""
        usable, before = slots(self.chip.scratchpad.buffers), self.residency
        for slot_count in usable:
            for way in several:
                yield slot_count, way
        # Last, because whatever is slower than a good plan need not be made.
        if before is None or not (before.residents or before.kept_rows):
            for slot_count in reversed(usable):
                yield slot_count, None

    def _plan(self, network: Network, target: Target, size: int, way: Way | None) -> Plan:
        if way is None:
            return naive_plan(network, target, size)
        return plan(network, target, size, **way._asdict(), residency=self.residency)


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
