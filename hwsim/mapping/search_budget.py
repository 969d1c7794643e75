"""How much a search for a plan may walk: one budget for the cuts of single ops and for whole plans.

Work is counted, never time, so that equal chips and programs have equal plans on every machine.
"""

from dataclasses import dataclass

MOST_WORK = 1 << 26
"""The work of a search at most, some four seconds. Beyond it no plan but the naive one is timed. The cuts of single ops
may take two thirds of it."""

MOST_WALKED = 1 << 22
"""A plan whose units find no common period within so many iterations of loops, a few seconds, is left out."""

ONE_STEP = 4
"""What a step that is walked counts as, a row or an iteration of a loop, and one more for each slot, whose releases are
kept and compared."""


@dataclass(slots=True)
class SearchBudget:
    """The work of a search so far."""

    work: int = 0
    cuts_ended: bool = False
    """Whether some cut was not walked because there was no work left for it."""

    @property
    def ended(self) -> bool:
        """Whether no further plan is timed."""
        return self.work > MOST_WORK

    def of_cuts(self, slots: int) -> int:
        """How many steps the cuts for one more number of slots may walk: a third of what is left for cuts, so that
        those for fewer slots, which come later, have the rest.

        >>> SearchBudget(MOST_WORK * 2 // 3 - 6 * (ONE_STEP + 2)).of_cuts(2)
        2
        """
        return max(0, MOST_WORK * 2 // 3 - self.work) // (3 * (ONE_STEP + slots))

    def of_plan(self, slots: int) -> int:
        """How many iterations one more plan may walk: all that is left, as far as any plan may.

        >>> SearchBudget(MOST_WORK - 60).of_plan(2)
        10
        """
        return min(MOST_WALKED, max(0, MOST_WORK - self.work) // (ONE_STEP + slots))

    def walked(self, steps: int, slots: int) -> None:
        """A plan, or cuts, walked so many steps."""
        self.work += steps * (ONE_STEP + slots)
