"""What the next doubling of each resource of a chip buys, what half of each costs, and the best small sets of both."""

from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.quantities.noun import Name, Noun, Remark, Table, Whole
from hwsim.results.figures import NO_GAIN
from hwsim.results.headline_figures import HeadlineFigures
from hwsim.results.sweep_file import FIGURES, more_is_better

Count = Annotated[int, Whole()]
LimitCycles = Annotated[tuple[tuple[Name, Count], ...], Table()]
"""By limits of ops, the cycles of ops that they bind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Noun):
    """A resource twice or half as large: its fields, as they were and as they are then."""

    resource: Name
    larger: bool
    fields: tuple[tuple[Remark, Remark, Remark], ...]

    @property
    def title(self) -> str:
        """The move in two words.

        >>> Move(resource="lanes", larger=True, fields=()).title
        '2 × lanes'
        """
        return f"{'2 ×' if self.larger else '½ ×'} {self.resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial(Noun):
    """A run of the chip with some moves, planned anew: its figures, what takes most of its time, the cycles of ops by
    what binds them; whether it keeps within all limits, and why it is as good as it is."""

    moves: tuple[Move, ...]
    figures: HeadlineFigures
    binds: Remark
    limits: LimitCycles
    fits: bool
    reason: Remark | None = None

    @property
    def title(self) -> str:
        """Its moves."""
        return ", ".join(move.title for move in self.moves) or "as it is"

    def figure(self, name: str) -> float:
        """A figure by the name that conditions have for it."""
        return dict(self.figures)[FIGURES[name]]

    def gain(self, before: "Trial", name: str) -> float:
        """How many times better a figure is than before."""
        old, new = before.figure(name), self.figure(name)
        if more_is_better(name):
            old, new = new, old
        return old / new if new else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningOutcome(Noun):
    """The run as it is; every doubling and every half alone; the best sets of moves that keep within the limits, best
    first; how many runs that took, and which moves were refused."""

    chip: Name
    workload: Name
    precision: Name
    best: Name
    within: tuple[Remark, ...]
    most_changes: Count
    as_it_is: Trial
    alone: tuple[Trial, ...]
    answers: tuple[Trial, ...]
    runs: Count
    refused: tuple[tuple[Remark, Remark], ...]
    files: Annotated[tuple[tuple[str, str], ...], Table()]

    def __repr__(self) -> str:
        return f"<TuningOutcome {self.workload} on {self.chip}: {self.runs} runs, {len(self.answers)} answers>"


def gains(gain: float) -> bool:
    """Whether a figure so many times better is worth a change.

    >>> gains(1.2), gains(1.001)
    (True, False)
    """
    return gain - 1 >= NO_GAIN
