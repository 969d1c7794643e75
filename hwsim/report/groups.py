"""Names of equal layers joined: what differs in one number alone stands in one line, with how many there are."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from hwsim.report.tables import TIE

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Group(Generic[T]):
    """Some of a kind, under the name that they share."""

    name: str
    members: tuple[T, ...]

    @property
    def title(self) -> str:
        """The name, and how many have it, which no end of a line may part."""
        return self.name if len(self.members) == 1 else f"{self.name}{TIE}×{TIE}{len(self.members)}"


def pattern(name: str) -> str:
    """The name with a star for each component that is a number.

    >>> pattern("encoder.11.attention.softmax"), pattern("joint.output")
    ('encoder.*.attention.softmax', 'joint.output')
    """
    return ".".join("*" if part.isdecimal() else part for part in name.split("."))


def groups(things: Iterable[T], name_of: Callable[[T], str]) -> list[Group[T]]:
    """Things whose names are alike but for numbers, in the order of the first of each; one alone keeps its name."""
    found: dict[str, list[T]] = {}
    for thing in things:
        found.setdefault(pattern(name_of(thing)), []).append(thing)
    return [
        Group(shared if len(members) > 1 else name_of(members[0]), tuple(members)) for shared, members in found.items()
    ]


def costliest(found: Sequence[Group[T]], cost: Callable[[T], int], most: int) -> tuple[list[Group[T]], list[Group[T]]]:
    """The groups that cost most in all, and the others."""
    ordered = sorted(found, key=lambda group: -sum(map(cost, group.members)))
    return ordered[:most], ordered[most:]
