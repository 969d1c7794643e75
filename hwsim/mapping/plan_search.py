"""The search for the best plan of a program: what may be fastest comes first, and what cannot be taken is not made.

Tables, and sizes of the scratchpad and numbers of slots for each of them, wait in the order of cycles that their plans
take at least: those of chains of ops (`chain_bounds`), those in which weights are loaded (`size_bounds`), and those in
which slots are held (`slot_bounds`). Once these pass what a plan may take, the plans of all that still wait are slower,
and none of them is made.
"""

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import count
from typing import NamedTuple

from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.chain_bounds import SplitTable
from hwsim.mapping.choice import Aim, Choice
from hwsim.mapping.plan import Plan, Strategy
from hwsim.mapping.plan_store import PlanStore
from hwsim.mapping.program_table import ProgramTable
from hwsim.mapping.search_budget import SearchBudget
from hwsim.mapping.strategies import LARGEST_DIVISOR, candidate_capacities, slots, strategies, stride
from hwsim.mapping.target import UnsupportedOp, naming, target_of
from hwsim.mapping.target_plans import TargetPlans
from hwsim.quantities.plain_data import Progress

_OPENING = -(1 << 62)
"""Of equal bounds, tables are opened before plans for any size are made."""


class _Prospect(NamedTuple):
    """Plans that may be made, the larger the scratchpad the sooner, and the more slots: of a table, by its place, for a
    size, by one of its makers; or the table that must be opened first."""

    least_cycles: int
    less: int
    place: int
    maker: int = 0


class _Order(NamedTuple):
    """The place of a plan among all: by table, number of slots, way, and size."""

    table: int
    slots: int
    way: int
    less: int


_Numbered = tuple[_Order, CandidatePlan]


class Circumstances(NamedTuple):
    """For whom plans are made: the chip and the aim; with `free_conversion` weights come to the format of the
    activations by themselves. `searches` share a budget. With `residency` the same tensors stay as in that plan."""

    chip: Chip
    aim: Aim | None
    free_conversion: bool
    searches: int
    residency: Plan | None


class PlanSearch:
    """One search among the tables of a program; the first of them is the program whole."""

    def __init__(
        self, tables: Sequence[SplitTable], circumstances: Circumstances, store: PlanStore, progress: Progress
    ) -> None:
        self.tables, self.circumstances, self.store, self.progress = tables, circumstances, store, progress
        chip, self._ops = circumstances.chip, tables[0].unsplit.analysed.size
        self.whole = tables[0].table
        self.name = f"{self.whole.analysed.program.name} on {chip.name}"
        self.choice = Choice(circumstances.aim, budget=SearchBudget.shared(circumstances.searches))
        self._capacities = candidate_capacities(chip.scratchpad.size, stride(self._ops))
        self._opened: dict[int, tuple[TargetPlans, ...]] = {}
        self._known: dict[object, _Numbered] = {}
        """The first plan of each schedule."""
        self._problem: UnsupportedOp | None = None
        self._made, self._most_made = (
            0,
            self.choice.budget.most_made * len({tuple(one.splits.items()) for one in tables}),
        )
        self._done = 0

    @property
    def came_to_its_end(self) -> bool:
        """Whether no plan was left out for want of work."""
        return not self.choice.budget.fell_short and not self.choice.budget.ended

    def best(self) -> CandidatePlan:
        """The plan that is taken: candidates by what they take at least, each lot of them by their likely times, and
        then the naive ones of the first table, because plans slower than a good one need not be made."""
        waiting = [_Prospect(table.least_cycles, _OPENING, place) for place, table in enumerate(self.tables)]
        heapify(waiting)
        while waiting and self._made <= self._most_made and self._may_be_taken(waiting[0].least_cycles):
            bound, plans = waiting[0].least_cycles, list[_Numbered]()
            while waiting and self._made <= self._most_made and waiting[0].least_cycles == bound:
                prospect = heappop(waiting)
                if prospect.less == _OPENING:
                    for opened in self._open(prospect):
                        heappush(waiting, opened)
                    continue
                plans += self._plans(prospect)
                smaller = self._smaller(prospect)
                if smaller is not None:
                    heappush(waiting, smaller)
            self._consider(plans)
        self._done = self._most_prospects
        self._tell()
        self._consider_naive()
        self.store.spend(self.choice.budget)
        if self.choice.budget.fell_short:
            self.store.forget([made for makers in self._opened.values() for made in makers])
        with naming(self.name):
            best = self.choice.best()
        if best is None:
            assert self._problem is not None
            where = f"{self._problem.op} on {self.circumstances.chip.name}"
            raise Unsupported(f"{where}: {self._problem.why}") from self._problem
        assert isinstance(best, CandidatePlan)
        return best

    def _tell(self) -> None:
        self.progress(self._done, self._most_prospects + 1)

    @property
    def _most_prospects(self) -> int:
        """How many prospects there are at most."""
        return len(self.tables) * len(self._capacities) * len(tuple(slots(self.circumstances.chip.scratchpad.buffers)))

    def _may_be_taken(self, least_cycles: int) -> bool:
        return not (self.choice.tried and self.choice.too_slow(least_cycles))

    def _open(self, prospect: _Prospect) -> Iterator[_Prospect]:
        """Make the makers of a table's plans; the largest size for each of them."""
        table, makers = self.tables[prospect.place].table, list[TargetPlans]()
        for made in self._targets(table):
            if isinstance(made, TargetPlans):
                makers.append(made)
            else:
                self._done += len(self._capacities)
                self._problem = made if table is self.whole else self._problem
        self._opened[prospect.place] = tuple(makers)
        for number, made in enumerate(makers):
            sizes, of_chains = self._sizes(made), self.tables[prospect.place].least_with(made.target.slots)
            self._done += len(self._capacities) - len(sizes)
            yield _Prospect(max(of_chains, made.least_cycles(sizes[0])), -sizes[0], prospect.place, number)

    def _smaller(self, prospect: _Prospect) -> _Prospect | None:
        """The next smaller size for the same maker; what plans of a size take at least, those of smaller ones do."""
        made = self._opened[prospect.place][prospect.maker]
        size = next((size for size in self._sizes(made) if size < -prospect.less), None)
        if size is None:
            return None
        return prospect._replace(least_cycles=max(prospect.least_cycles, made.least_cycles(size)), less=-size)

    def _targets(self, table: ProgramTable) -> Iterator[TargetPlans | UnsupportedOp]:
        """The makers of plans for each number of slots, most first, or why there are none."""
        chip, _, free_conversion, _, residency = self.circumstances
        for slot_count in slots(chip.scratchpad.buffers):
            try:
                target = target_of(chip, slot_count, free_conversion)
                if residency is None:
                    made = self.store.plans(table, target)
                else:
                    made = self.store.new_plans(table, target, residency)
            except UnsupportedOp as error:
                yield error
            else:
                yield made

    def _sizes(self, plans: TargetPlans) -> tuple[int, ...]:
        """The sizes of the scratchpad to plan for; plans for those in between are the same as for the whole."""
        sufficient, whole = plans.sufficient(LARGEST_DIVISOR), self._capacities[0]
        return tuple(size for size in self._capacities if not sufficient < size < whole)

    def _plans(self, prospect: _Prospect) -> Iterator[_Numbered]:
        """Plans of a table for a size and a number of slots."""
        self._tell()
        self._done += 1
        _, less, place, number = prospect
        table, made = self.tables[place].table, self._opened[place][number]
        undivided = table.analysed is self.whole.analysed
        ways = strategies(self._ops, in_pieces=not undivided)
        ways = tuple(way for way in ways if way.latency in made.latencies)  # pieces may be more ops
        plans = made.candidates([-less], ways, self.choice.budget)
        self._problem = (made.problem if table is self.whole else None) or self._problem
        for plan in plans:
            assert isinstance(plan.way, Strategy)
            yield _Order(place, number, ways.index(plan.way), less), plan
        # In pieces every chain would be a part, and save little by a way of its own.
        by_part = made.by_part(plans, self.choice.budget) if undivided else []
        for way, plan in enumerate(by_part, len(ways)):
            yield _Order(place, number, way, less), plan
        self._made += sum(self._ops + plan.wanted for plan in plans + by_part)

    def _consider_naive(self) -> None:
        """Try the naive plans of the program whole, for fewer slots first, unless they load too much."""
        residency, numbers = self.circumstances.residency, count()
        if residency is not None and (residency.residents or residency.resident_rows):
            return
        of_whole = (made for makers in self._opened.values() for made in makers if made.table is self.whole)
        for made in reversed(tuple(of_whole)):
            if not self._may_be_taken(made.least_naive_cycles):
                continue
            with naming(self.name):
                naive = made.candidates(self._sizes(made), [None], self.choice.budget)
            self._consider([(_Order(len(self.tables), 0, next(numbers), 0), plan) for plan in naive])
            self._problem = made.problem or self._problem

    def _consider(self, plans: Sequence[_Numbered]) -> None:
        """Try numbered plans by their likely times: the sooner a good one is found, the fewer have to be walked."""
        scratchpad = self.circumstances.chip.scratchpad
        with naming(self.name):
            for order, plan in sorted(plans, key=lambda numbered: (numbered[1].likely, numbered[0])):
                mark = plan.op_cuts, plan.mark()
                before = self._known.setdefault(mark, (order, plan))
                # A naive plan bounds the time of all plans, even if another plan has led to the same schedule.
                naive = plan.way is None and (plan.size, plan.slots) == (scratchpad.size, scratchpad.buffers)
                if before[1] is not plan:
                    if before[0] < order and not naive:
                        continue
                    plan.takes_as_long_as(before[1])
                self.choice.consider(plan, order, naive=naive)
