"""Nouns of a timeline that people look at: which work is shown, and its slices and levels on tracks."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Noun, Remark, Whole

MOST_WORK = 80_000
"""The most pieces of work that are shown, unless somebody asks for more: with waits and levels some hundred bytes each
in a file."""

Cycles = Annotated[int, Whole(high=2**62)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection(Noun):
    """Which pieces of work of a run are shown: of ops whose names match the pattern, of the first so many runs of each,
    and of these the first ones in the order of the program.

    >>> Selection(ops="encoder.*").wants("encoder.0.gates"), Selection(ops="joint").wants("encoder.0.gates")
    (True, False)
    """

    ops: Remark = "*"
    iterations: Annotated[int, Whole(low=1)] | None = None
    most: Annotated[int, Whole(low=1, high=10**8)] = MOST_WORK

    def wants(self, op: str) -> bool:
        """Whether an op's name matches."""
        return fnmatchcase(op, self.ops)

    def wants_run(self, run: int) -> bool:
        """Whether an op's run of that number, counted from 0, is among the first ones."""
        return self.iterations is None or run < self.iterations


def check_selection(selection: Selection, ops: Iterable[str]) -> None:
    """Refuse a pattern that none of the ops matches."""
    if not any(map(selection.wants, ops)):
        raise InvalidValue("--trace-op", selection.ops, "matches no op; hwsim ops WORKLOAD lists them")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent(Noun):
    """How much of a run a timeline shows: pieces of work that are `shown`, those that were `selected`, and `all`.

    >>> Extent(shown=2, selected=3, all=9, of=Selection(ops="a*", most=2)).text
    "2 of 9 pieces of work: ops a*, the first 2 in the program's order"
    """

    shown: Cycles
    selected: Cycles
    all: Cycles
    of: Selection

    def check(self) -> None:
        if not self.shown <= self.selected <= self.all:
            raise InvalidValue("shown", self.shown, f"must be at most {self.selected}, and these at most {self.all}")

    @property
    def whole(self) -> bool:
        """Whether all of the run is shown."""
        return self.shown == self.all

    @property
    def text(self) -> str:
        """In words what is shown."""
        if self.whole:
            return f"all {self.all:,} pieces of work"
        what = []
        if self.of.ops != "*":
            what.append(f"ops {self.of.ops}")
        if self.of.iterations is not None:
            what.append(f"the first {self.of.iterations:,} runs of each op")
        if self.shown < self.selected:
            what.append(f"the first {self.shown:,} in the program's order")
        return f"{self.shown:,} of {self.all:,} pieces of work: {', '.join(what)}"


@dataclass(frozen=True, slots=True)
class Track:
    """A row of a timeline."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Slice:
    """Something that goes on from one cycle to another on a track, and what there is to say about it."""

    track: int
    name: str
    kind: str
    start: int
    end: int
    args: dict[str, int | str]


@dataclass(frozen=True, slots=True)
class Level:
    """What a quantity is from a cycle on, until its next level."""

    name: str
    unit: str
    at: int
    value: int | float


@dataclass(frozen=True, slots=True)
class Timeline:
    """Slices and levels in the order of their first cycles, which are made when somebody reads them, once.

    `about` says of which run they are.
    """

    title: str
    clock: int
    tracks: tuple[Track, ...]
    records: Iterator[Slice | Level]
    extent: Extent
    about: tuple[tuple[str, int | str], ...]
