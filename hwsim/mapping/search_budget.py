"""How much a search for a plan may walk: one budget for the cuts of single ops and for whole plans.

Work is counted, never time, so that equal chips and programs have equal plans on every machine.
"""

from dataclasses import field
from typing import Self

from hwsim.dataclass import dataclass
from hwsim.mapping.knapsack import MOST_SUMS

MOST_WORK = 1 << 26
"""The work of a search at most, some four seconds. Beyond it no plan but the naive one is timed. The cuts of single ops
may take two thirds of it."""

MOST_WALKED = 1 << 22
"""A plan whose units find no common period within so many iterations of loops, a few seconds, is left out."""

MOST_MADE = 3 << 18
"""After so many plans, no more are made, for fewer slots, less room or in pieces: some seconds, and more than shipped
networks need on any chip of up to eight buffers; a quarter is more than they need on chips of two. A plan counts as
often as the program has ops, and as there are tensors that are to stay."""

ONE_STEP = 4
"""What a step that is walked counts as, a row or an iteration of a loop, and one more for each slot, whose releases are
kept and compared."""

MOST_SEARCH_SUMS = 3 << 30
"""The sums of all knapsacks of a search, a few seconds. One of them may take an eighth of what is left: the more of
them there are, the coarser are the units of the later ones."""

LEAST_SUMS = 1 << 20
"""What a knapsack may take in any case, about a millisecond."""


@dataclass(slots=True)
class SearchBudget:
    """The work of a search so far."""

    work: int = 0
    sums: int = 0
    """The sums of its knapsacks so far."""
    fell_short: bool = False
    """Whether there was no work left to walk some cut, or a knapsack was solved in coarser units for want of sums."""
    cuts: dict[int, int] = field(default_factory=dict)
    """The work of cuts, which is part of the work, by number of slots."""
    late: int = 0
    """The work of walks that ended before the run did, which nobody makes again who remembers how they ended."""
    shares: int = 1
    """Into how many equal parts the budget is divided, of which this search has one."""

    @classmethod
    def shared(cls, searches: int) -> Self:
        """The budget of one of so many searches: an equal part of one, but a quarter at least, with which shipped
        networks are planned as with all of it on chips of two buffers.

        >>> [SearchBudget.shared(searches).shares for searches in (1, 3, 100)]
        [1, 3, 4]
        """
        return cls(shares=min(searches, 4))

    @property
    def most(self) -> int:
        """The work that the search may take."""
        return MOST_WORK // self.shares

    @property
    def most_made(self) -> int:
        """How many plans the search may make before it makes no more, counted as `MOST_MADE` is."""
        return MOST_MADE // self.shares

    @property
    def ended(self) -> bool:
        """Whether no further plan is timed."""
        return self.work > self.most

    def of_cuts(self, slots: int) -> int:
        """How many steps the cuts for one more number of slots may walk: a third of what is left for cuts, so that
        those for fewer slots, which come later, have the rest.

        >>> SearchBudget(MOST_WORK * 2 // 3 - 6 * (ONE_STEP + 2)).of_cuts(2)
        2
        """
        return max(0, self.most * 2 // 3 - self.work) // (3 * (ONE_STEP + slots))

    def of_plan(self, slots: int) -> int:
        """How many iterations one more plan may walk: all that is left, as far as any plan may.

        >>> SearchBudget(MOST_WORK - 60).of_plan(2)
        10
        """
        return min(MOST_WALKED, max(0, self.most - self.work) // (ONE_STEP + slots))

    def of_knapsack(self) -> int:
        """How many sums one more knapsack may take.

        >>> SearchBudget().of_knapsack() == MOST_SUMS, SearchBudget(sums=MOST_SEARCH_SUMS).of_knapsack() == LEAST_SUMS
        (True, True)
        """
        return min(MOST_SUMS, max(LEAST_SUMS, (MOST_SEARCH_SUMS // self.shares - self.sums) // 8))

    def walked(self, steps: int, slots: int) -> int:
        """A plan walked so many steps; the work of them."""
        work = steps * (ONE_STEP + slots)
        self.work += work
        return work

    def walked_cuts(self, steps: int, slots: int) -> None:
        """Cuts walked so many steps."""
        self.cuts[slots] = self.cuts.get(slots, 0) + self.walked(steps, slots)

    def walked_late(self, steps: int, slots: int) -> None:
        """A plan walked so many steps and was found to be too slow."""
        self.late += self.walked(steps, slots)
