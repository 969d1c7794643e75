"""Whole things spread over the iterations of a loop, such as the symbols of an utterance over its chunks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Optional

from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, Whole

MOST_ITERATIONS = 1 << 20
"""Of a loop whose iterations differ: each of them is looked at, some times over. They are hours of speech."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share(Noun):
    """What one iteration of a loop has of `total` things which its `over` iterations have together.

    The first i iterations have ⌊i · total ÷ over⌋ of them: after each iteration the nearest whole number below an even
    share. Iteration 0 has `first` more.

    A loop that begins anew in each iteration of another one says with `earlier` how often it runs in each of these;
    `over` then counts its iterations in all of them. At the end of each run the sum is what it would be in one long
    run; within a run, what that one has is shared by its own iterations.

    >>> symbols = Share(loop="chunks", over=8, total=3)
    >>> [symbols.at({"chunks": i}) for i in range(8)]
    [0, 0, 1, 0, 0, 1, 0, 1]
    """

    loop: Name
    over: Annotated[int, Whole(low=1)]
    total: Annotated[int, Whole()]
    first: Annotated[int, Whole()] = 0
    earlier: Optional["Share"] = None

    def check(self) -> None:
        if self.over > MOST_ITERATIONS and self.least != self.most:
            law = f"are too many to share {self.all} things; at most {MOST_ITERATIONS}, so take a shorter utterance"
            raise InvalidValue(f"{self.loop}.times", self.over, law)

    @property
    def all(self) -> int:
        """What all iterations have together."""
        return self.total + self.first

    @property
    def loops(self) -> frozenset[str]:
        """The loops whose index it depends on."""
        return frozenset((self.loop,)) | (self.earlier.loops if self.earlier is not None else frozenset())

    def before(self, indices: Mapping[str, int]) -> int:
        """What all iterations before this one have together."""
        return self._up_to(indices, indices[self.loop])

    def at(self, indices: Mapping[str, int]) -> int:
        """What this iteration has."""
        index = indices[self.loop]
        return self._up_to(indices, index + 1) - self._up_to(indices, index)

    def _up_to(self, indices: Mapping[str, int], index: int) -> int:
        """What all iterations before one of this run have together."""
        start, run = (0, self.over) if self.earlier is None else self.earlier._before_and_at(indices)
        if not start + index:
            return 0
        before = start * self.total // self.over
        own = (start + run) * self.total // self.over - before
        return self.first + before + index * own // run

    def _before_and_at(self, indices: Mapping[str, int]) -> tuple[int, int]:
        before = self.before(indices)
        return before, self._up_to(indices, indices[self.loop] + 1) - before

    @property
    def least(self) -> int:
        """The least that an iteration has."""
        return min(self._sizes)

    @property
    def most(self) -> int:
        """The most that an iteration has."""
        return max(self._sizes)

    @property
    def _sizes(self) -> set[int]:
        """What an iteration may have. Iteration 0 has the smaller share of `total`, as sums are rounded down."""
        low, larger = divmod(self.total, self.over)
        sizes = {low + self.first}
        if larger:
            sizes.add(low + 1)
        if self.over > larger + 1:
            sizes.add(low)
        return sizes


def spread(share: Share) -> int | Share:
    """A plain number, if every iteration has as many.

    >>> spread(Share(loop="chunks", over=4, total=12))
    3
    """
    return share.most if share.least == share.most else share
