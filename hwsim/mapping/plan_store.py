"""Plans that were made so far, for planners of chips that differ in little.

Plans of a program depend on a chip's units, rates and number of slots, and on the bytes of the scratchpad that they use
at most. So chips whose scratchpads differ in size or in buffers share most of their plans, cuts and walks, and chips
that differ in prices share all of them.
"""

from collections import Counter
from collections.abc import Iterable

from hwsim.mapping.choice import Choice
from hwsim.mapping.items import items_of
from hwsim.mapping.knapsack import MOST_SUMS, Knapsacks
from hwsim.mapping.op_rows import OpRow, op_rows
from hwsim.mapping.plan import Plan
from hwsim.mapping.program_table import ProgramTable
from hwsim.mapping.residency import Items
from hwsim.mapping.search_budget import MOST_SEARCH_SUMS, MOST_WORK, SearchBudget
from hwsim.mapping.strategies import latencies
from hwsim.mapping.target import Target
from hwsim.mapping.target_plans import TargetPlans


class PlanStore:
    """Plans by program and target. Planners that share one give the plans that each would give alone, if their searches
    come to their end: what is remembered need not be walked, so that a search that would end early gets further.

    It is for one thread, and keeps what it has made for as long as it lives.
    """

    def __init__(self) -> None:
        self._plans: dict[tuple[ProgramTable, Target], TargetPlans] = {}
        self._rows: dict[tuple[ProgramTable, Target], tuple[tuple[OpRow, ...], Items]] = {}
        self._knapsacks = Knapsacks()
        self.choices: dict[object, Choice] = {}
        """The plans that may be taken, by what decides that."""
        self.taken: dict[object, object] = {}
        """Plans that were taken, with what was made of them."""
        self._before: SearchBudget | None = None
        self._cuts, self._late, self._sums = Counter[int](), 0, 0

    def spend(self, budget: SearchBudget) -> None:
        """A search has come to its end, or to that of its budget."""
        self._before = budget
        self._cuts.update(budget.cuts)
        self._late += budget.late
        self._sums += budget.sums

    @property
    def spent(self) -> bool:
        """Whether a search has been made with it."""
        return self._before is not None

    @property
    def last_as_alone(self) -> bool:
        """Whether the last search has surely found what it would have found alone.

        Alone it would have walked no more cuts than all searches have, for each number of slots and in all, and made
        no more walks again than all have ended early. If that leaves enough for the cuts of each number of slots, a
        third of what is left, for each plan and for each knapsack (`SearchBudget`), it has not missed anything.
        """
        last = self._before
        if last is None:
            return True
        work = last.work - sum(last.cuts.values()) + self._cuts.total() + self._late
        enough = work + 3 * max(self._cuts.values(), default=0) <= MOST_WORK // last.shares * 2 // 3
        return enough and self._sums <= MOST_SEARCH_SUMS // last.shares - 8 * MOST_SUMS

    def plans(self, table: ProgramTable, target: Target) -> TargetPlans:
        """The maker of plans for a target; UnsupportedOp, in the name of an op that the chip cannot run."""
        key = table, target
        if key not in self._plans:
            self._plans[key] = self.new_plans(table, target)
        return self._plans[key]

    def forget(self, plans: Iterable[TargetPlans]) -> None:
        """Keep these makers of plans no longer: their cuts are those of a search that ended early."""
        gone = set(plans)
        self._plans = {key: kept for key, kept in self._plans.items() if kept not in gone}

    def new_plans(self, table: ProgramTable, target: Target, residency: Plan | None = None) -> TargetPlans:
        """A maker of plans that is not kept; with a `residency` the same tensors stay as in that plan."""
        rows, items = self._rows_of(table, target)
        return TargetPlans(table, target, rows, items, self._knapsacks, latencies(table.analysed.size), residency)

    def _rows_of(self, table: ProgramTable, target: Target) -> tuple[tuple[OpRow, ...], Items]:
        """Rows of ops and what may be resident, whatever the number of slots."""
        key = table, target.with_slots(1)
        if key not in self._rows:
            rows = op_rows(table, target)
            self._rows[key] = rows, items_of(table, rows)
        return self._rows[key]
