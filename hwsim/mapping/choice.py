"""Which of a program's plans is taken.

For latency: of those that take at most 2 % longer than the fastest, and no longer than any naive one, the one that
takes least energy. For energy, and for energy × delay: the one with least of it. Of equals it is the faster one, and of
these the first. What energy costs is said by whoever asks; without that, the fastest plan is taken.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from hwsim.hardware.objective import Objective
from hwsim.mapping.plan import Plan
from hwsim.schedule.schedule import Preload, Schedule
from hwsim.schedule.unit_table import Unit
from hwsim.timing.encode import encode
from hwsim.timing.encode_steps import step_code
from hwsim.timing.timeline import Unsettled, times

NEAR = 2
"""By how many hundredths a plan may be slower than the fastest one, if it takes less energy."""

MOST_WALKED = 1 << 22
"""Iterations of loops after which a plan is left out whose units have found no common period; they take a second."""

MOST_UNSETTLED = 4
"""After so many such plans the program is refused."""

Energy = Callable[[Schedule, int], int]
"""The energy of a schedule that takes so many cycles: no less for more of them."""


@dataclass(frozen=True, eq=False)
class Aim:
    """What is made least, and the energy of schedules."""

    objective: Objective
    energy: Energy


class Tried(NamedTuple):
    """A plan, its schedule, and what that takes: cycles, and what is made least."""

    cycles: int
    cost: int
    plan: Plan
    schedule: Schedule


@dataclass(slots=True)
class Choice:
    """The plans that may still be taken, in the order in which they were tried."""

    aim: Aim | None
    tried: list[Tried] = field(default_factory=list)
    fastest: int | None = None
    least: int | None = None
    unsettled: list[Unsettled] = field(default_factory=list)
    """Of plans that were left out because their units find no common period."""

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
        # Who cannot be taken any more is not kept: schedules are large.
        self.tried = [one for one in self.tried if self._stays(one)] + [Tried(cycles, cost, plan, schedule)]

    def best(self) -> Tried | None:
        """The plan that is taken; None if there is none; Unsettled, if none has a time."""
        if not self.tried:
            if self.unsettled:
                raise self.unsettled[-1]
            return None
        if self.aim is None or self._by_cost:
            return min(self.tried, key=lambda one: (one.cost, one.cycles))
        naive = [one.cycles for one in self.tried if one.plan.naive]
        near = [one for one in self.tried if not naive or one.cycles <= min(naive)]
        if len(near) == 1:
            return near[0]
        energy = self.aim.energy
        return min(near, key=lambda one: (energy(one.schedule, one.cycles), one.cycles))

    def too_slow(self, cycles: int) -> bool:
        """Whether a plan that takes so long, or longer, will not be taken."""
        if self._by_cost or self.fastest is None:
            return False
        return cycles >= self.fastest if self.aim is None else 100 * cycles > (100 + NEAR) * self.fastest

    def _stays(self, one: Tried) -> bool:
        """Whether a plan can still be taken."""
        return one.cost == self.least if self.aim is None or self._by_cost else not self.too_slow(one.cycles)

    @property
    def _by_cost(self) -> bool:
        """Whether time is no matter of its own."""
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
