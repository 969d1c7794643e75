"""The choice among plans.

The choice for latency is, among plans that take at most 2 % longer than the fastest and no longer than the naive plan,
the plan with least energy. The choice for energy, or for energy × delay, is the plan with least of it. Of equal plans
the faster is taken, and of equally fast ones the first. An `Aim` gives the energy of plans; without an aim the fastest
plan is taken.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import NamedTuple, Protocol

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.mapping.search_budget import SearchBudget
from hwsim.quantities.plain_data import Objective
from hwsim.quantities.precision import Precision
from hwsim.schedule.counters import Work
from hwsim.timing.timeline import Unsettled

NEAR = 2
"""By how many hundredths a plan may be slower than the fastest one, if it takes less energy."""

MOST_UNSETTLED = 4
"""A program with so many plans without a common period is refused."""

WorkByMode = Mapping[Precision | None, Work]
"""The work of a whole run by the mode of the array in which its products are made, None for all else."""

Energy = Callable[[WorkByMode, int], int]
"""The energy of a run with that work that takes so many cycles: no less for more of them."""

Order = tuple[int, ...]
"""The place of a plan among all."""


@dataclass(frozen=True, eq=False)
class Aim:
    """The objective, and the energy of runs."""

    objective: Objective
    energy: Energy


class Timed(NamedTuple):
    """The cycles of a run, None if they pass a limit, and how many steps were walked to find them: rows and iterations
    of loops."""

    cycles: int | None
    steps: int


class TooLong(Unsupported):
    """A plan whose steps, one after another, pass the bounds of integers; another plan of the program may not."""


class Candidate(Protocol):
    """A plan that may be taken."""

    @property
    def busiest(self) -> int:
        """Busy cycles of the busiest unit, which the plan does not undercut."""

    @property
    def least_cycles(self) -> int:
        """Cycles that the plan does not undercut either, no fewer, which take longer to find."""

    def timed(self, limit: int | None = None, most: int | None = None) -> Timed:
        """The cycles of a run, as far as they do not pass the limit; Unsettled, if they are not found in `most`
        iterations, None for as many as any plan may take."""

    @property
    def slots(self) -> int:
        """How many slots its rings have."""

    @property
    def work(self) -> WorkByMode:
        """The work of a run."""


class Tried(NamedTuple):
    """A plan, its cycles, its cost, which is the figure that the aim makes least, its place among all plans, and
    whether it is the naive plan for the whole chip, which bounds the time of the plan that is taken."""

    cycles: int
    cost: int
    order: Order
    plan: Candidate
    naive: bool


@dataclass(slots=True)
class Choice:
    """The plans that may still be taken, tried in any order."""

    aim: Aim | None
    tried: list[Tried] = field(default_factory=list)
    fastest: int | None = None
    least: int | None = None
    budget: SearchBudget = field(default_factory=SearchBudget)
    unsettled: list[Unsettled] = field(default_factory=list)
    """The errors of plans that were left out because their units find no common period."""
    too_long: TooLong | None = None
    """The error of the last plan that was left out because its cycles might not be counted."""

    def consider(self, plan: Candidate, order: Order, *, naive: bool = False) -> None:
        """Time a plan, unless what it takes at least is too long for it to be taken.

        Of plans that are alike in all else the one with the lowest `order` is taken.
        """
        if self.too_slow(plan.busiest) or self._too_costly(plan, plan.busiest):
            return
        if self._slowest is not None and self.too_slow(plan.least_cycles):  # which is sought for a limit alone
            return
        if self.budget.ended and self.tried and not naive:
            return
        # The first plan that has a time, and the naive one, are walked to the end whatever is left.
        most = None if naive or not self.tried else self.budget.of_plan(plan.slots)
        try:
            cycles, steps = plan.timed(self._slowest, most)
        except TooLong as error:
            self.too_long = error.with_traceback(None)
            return
        except Unsettled as error:
            self.budget.walked(error.most, plan.slots)
            if most is not None:
                return
            self.unsettled.append(error.with_traceback(None))  # its frames know all plans
            if len(self.unsettled) == MOST_UNSETTLED:
                raise
            return
        if cycles is None:
            self.budget.walked_late(steps, plan.slots)
            return
        self.budget.walked(steps, plan.slots)
        if self.too_slow(cycles):
            return
        cost, before = self._cost(plan, cycles), (self.fastest, self.least)
        self.fastest = cycles if self.fastest is None else min(self.fastest, cycles)
        self.least = cost if self.least is None else min(self.least, cost)
        if (self.fastest, self.least) != before:  # plans that cannot be taken any more are dropped
            self.tried = [candidate for candidate in self.tried if self._stays(candidate)]
        self.tried.append(Tried(cycles, cost, order, plan, naive))

    def best(self) -> Candidate | None:
        """The plan that is taken; None if no plan was considered; Unsettled or TooLong, if no plan has a
        time."""
        if not self.tried:
            if self.unsettled:
                raise self.unsettled[-1]
            if self.too_long is not None:
                raise self.too_long
            return None
        if self.aim is None or self._by_cost:
            return min(self.tried, key=lambda tried: (tried.cost, tried.cycles, tried.order)).plan
        naive = [candidate.cycles for candidate in self.tried if candidate.naive]
        near = [candidate for candidate in self.tried if not naive or candidate.cycles <= min(naive)]
        return self._leanest(near).plan

    def _leanest(self, near: Sequence[Tried]) -> Tried:
        """The plan with least energy."""
        if len(near) == 1:
            return near[0]
        assert self.aim is not None
        energy = self.aim.energy
        return min(near, key=lambda tried: (energy(tried.plan.work, tried.cycles), tried.cycles, tried.order))

    def too_slow(self, cycles: int) -> bool:
        """Whether a plan that takes so long, or longer, will not be taken."""
        return self._slowest is not None and cycles > self._slowest

    @property
    def _slowest(self) -> int | None:
        """The most cycles that a plan which is taken may have, as far as that is known."""
        if self._by_cost or self.fastest is None:
            return None
        return self.fastest if self.aim is None else (100 + NEAR) * self.fastest // 100

    def _stays(self, candidate: Tried) -> bool:
        """Whether a plan can still be taken."""
        if self.aim is None or self._by_cost:
            return candidate.cost == self.least
        return not self.too_slow(candidate.cycles)

    @property
    def _by_cost(self) -> bool:
        """Whether the choice goes by cost alone, not by time first."""
        return self.aim is not None and self.aim.objective is not Objective.LATENCY

    def _too_costly(self, plan: Candidate, least_cycles: int) -> bool:
        if not self._by_cost or self.least is None:
            return False
        return self._cost(plan, least_cycles) > self.least

    def _cost(self, plan: Candidate, cycles: int) -> int:
        match None if self.aim is None else self.aim.objective:
            case Objective.ENERGY:
                return self._energy(plan, cycles)
            case Objective.EDP:
                return self._energy(plan, cycles) * cycles
            case _:
                return cycles

    def _energy(self, plan: Candidate, cycles: int) -> int:
        assert self.aim is not None
        return self.aim.energy(plan.work, cycles)
