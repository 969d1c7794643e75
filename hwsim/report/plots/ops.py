"""Ops as figures draw them, on chips of any kind: equal layers joined, the costliest first, the others together."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from hwsim.dataclass import dataclass
from hwsim.report.numbers import Group, costliest, groups
from hwsim.report.tables import limit_text
from hwsim.report.tiles_headline import place_of
from hwsim.results.figures import Components
from hwsim.results.result import Result
from hwsim.results.tiles_result import TilesResult

T = TypeVar("T")

GROUPS = 14
"""Groups of ops in a figure with a line for each."""

PARTS = 9
"""Parts of the network in a figure with a line for each."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One op: what figures ask of it on a chip of any kind."""

    name: str
    part: str
    macs: int
    cycles: int
    bound_by: str
    energy: Components
    dram_read_bytes: int
    dram_write_bytes: int
    scratchpad_read_bytes: int
    scratchpad_write_bytes: int


def seen(result: Result | TilesResult) -> list[Seen]:
    """The ops of a run."""
    if isinstance(result, Result):
        return [
            Seen(
                op.name, op.name.partition(".")[0], op.macs, op.cycles, limit_text(op.limit),
                op.energy_by_component_aj, op.dram_read_bytes, op.dram_write_bytes,
                op.scratchpad_read_bytes, op.scratchpad_write_bytes,
            )
            for op in result.ops
        ]  # fmt: skip
    return [
        Seen(
            op.name, op.name.partition(".")[0], op.macs, op.cycles, place_of(op),
            op.energy_by_component_aj, op.work.dram_read_bytes, op.work.dram_write_bytes,
            op.work.scratchpad_read_bytes, op.work.scratchpad_write_bytes,
        )
        for op in result.ops
    ]  # fmt: skip


def joined(name: str, count: int) -> str:
    """The name of a group of equal layers with their number.

    >>> joined("encoder.*.gates", 16), joined("joint", 1)
    ('encoder.*.gates ×16', 'joint')
    """
    return name if count == 1 else f"{name} ×{count}"


def shown_groups(
    ops: Sequence[T], name_of: Callable[[T], str], cost: Callable[[T], int], most: int = GROUPS
) -> list[Group[T]]:
    """The groups that cost most, those without any cost left out; last the others, as one group."""
    spending = [group for group in groups(ops, name_of) if any(map(cost, group.members))]
    top, rest = costliest(spending, cost, most)
    if len(rest) == 1:
        return [*top, *rest]
    others = tuple(op for group in rest for op in group.members)
    return [*top, Group(f"{len(others)} others", others)] if others else top


def usual_bound(ops: Sequence[Seen]) -> str:
    """What binds ops with which most of their cycles go."""
    cycles = Counter[str]()
    for op in ops:
        cycles[op.bound_by] += op.cycles
    return max(cycles, key=lambda bound: cycles[bound])


def title_of(group: Group[T]) -> str:
    """A group as figures call it; others are counted in their name."""
    return group.name if group.name.endswith(" others") else joined(group.name, len(group.members))


def shown_parts(ops: Sequence[Seen], cost: Callable[[Seen], int]) -> list[tuple[str, list[Seen]]]:
    """The parts of a network in the order of the program, those that cost least together."""
    by_part: dict[str, list[Seen]] = {}
    for op in ops:
        by_part.setdefault(op.part, []).append(op)
    spent = {part: sum(map(cost, members)) for part, members in by_part.items()}
    parts = [part for part in by_part if spent[part]]
    kept = sorted(parts, key=lambda part: -spent[part])[: PARTS if len(parts) <= PARTS else PARTS - 1]
    shown = [(part, by_part[part]) for part in parts if part in kept]
    rest = [part for part in parts if part not in kept]
    return [*shown, (f"{len(rest)} others", _members(by_part, rest))] if rest else shown


def _members(by_part: dict[str, list[Seen]], parts: Iterable[str]) -> list[Seen]:
    return [op for part in parts for op in by_part[part]]
