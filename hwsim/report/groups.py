"""What reports show together: equal ops of all layers in one line, energy by where it is spent."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Generic, TypeVar

from rich.table import Table

from hwsim.report.numbers import joules, percent
from hwsim.report.tables import TIE, new_table
from hwsim.results.energy import Components

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


_NAMES = {"mac": "products", "interconnect": "wires", "dram": "DRAM"}


def component_name(name: str) -> str:
    """A component as people read it.

    >>> component_name("interconnect"), component_name("leakage")
    ('wires', 'leakage')
    """
    return _NAMES.get(name, name)


def spent(components: Components) -> list[tuple[str, int]]:
    """The components that take energy, the largest first."""
    sizes = [(component_name(f.name), getattr(components, f.name)) for f in fields(Components)]
    return sorted((one for one in sizes if one[1]), key=lambda one: -one[1])


def component_table(components: Components, title: str) -> Table:
    """Each component that takes energy, and its share."""
    table = new_table("component", "energy", "share", title=title)
    for name, attojoules in spent(components):
        table.add_row(name, joules(attojoules), percent(attojoules, components.total))
    return table
