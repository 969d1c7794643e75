"""What `diff` prints: one screen that says how much changed, and in what."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from hwsim.report.difference import (
    bounds,
    changes_table,
    components_table,
    figures_table,
    moved,
    remarks_of,
    spent_cells,
    title_of,
)
from hwsim.report.numbers import costliest, groups, scaled
from hwsim.report.resource_changes import largest_resources
from hwsim.report.tables import Screen, first_that_fits
from hwsim.results.difference import Assumed, AssumptionChange, Difference, OpChange, PartChange

_ROOMS = (
    (16, 7, 8, 5, 5),
    (12, 5, 6, 4, 5),
    (10, 4, 5, 3, 4),
    (8, 3, 4, 3, 4),
    (6, 3, 3, 2, 3),
    (6, 3, 3, 2, 0),
    (5, 2, 2, 2, 0),
    (3, 1, 1, 1, 0),
    (2, 0, 1, 0, 0),
)
"""Lines of figures, parts, ops, components and units, from the roomiest screen to the shortest."""

_NAMED = 3
"""How many names a sentence gives before it counts the others."""


def difference_screen(found: Difference, screen: Screen) -> str:
    """The first screen of a difference: as much as has room in 40 lines."""
    return first_that_fits((tuple(_blocks(found, screen, *room)) for room in _ROOMS), screen)


def _blocks(
    found: Difference, screen: Screen, figures: int, parts: int, ops: int, components: int, units: int
) -> Iterable[Text | Table]:
    yield Text(title_of(found), style="bold")
    if found.equal:
        return
    remarks = [*remarks_of(found), *_ops_in_words(found.ops), *_plans_in_words(found), *_tensors_in_words(found)]
    if remarks:
        yield Text("\n".join(remarks))
    yield figures_table(found.figures[:figures])
    if len(found.parts) > 1 and parts:
        yield _largest(found, "part", found.parts, parts, screen)
    if found.ops:
        yield _largest(found, "ops, layers joined", found.ops, ops, screen)
    if found.energy_by_component and components:
        by_size = sorted(found.energy_by_component, key=lambda change: -abs(change.after_aj - change.before_aj))
        yield components_table(by_size[:components])
    if found.resources and units:
        yield largest_resources(found, units, wide=screen.width >= 80)
    yield Text("\n".join([*_assumptions_in_words(found.assumptions), "More: --full"]))


def _largest(
    found: Difference,
    name: str,
    changes: Sequence[PartChange] | Sequence[OpChange],
    most: int,
    screen: Screen,
) -> Table:
    """The groups of parts or ops that changed by most cycles, and the others together."""
    wide = screen.width >= 80
    bound = ("bound by",) if wide and name != "part" else ()
    table = changes_table(
        name, "cycles", "after", "of the change", *(("energy", "after") if wide and not bound else ()), *bound
    )
    named: list[PartChange | OpChange] = list(changes)
    joined = groups(named, lambda change: change.name)
    ordered, rest = costliest(joined, lambda change: abs(change.cycles), most)

    def row(title: str, members: Sequence[PartChange | OpChange]) -> None:
        cells = spent_cells(found, members)  # type: ignore[arg-type]  # of one kind, as they came
        told = [change for change in members if isinstance(change, OpChange)]
        usual = Counter(bounds(found, change) for change in told).most_common(1)
        binds = (usual[0][0] if usual and len(title) else "",) if bound else ()
        table.add_row(title, *cells[:3], *(cells[3:5] if wide and not bound else ()), *binds)

    for group in ordered:
        row(group.title, group.members)
    if rest:
        others = [change for group in rest for change in group.members]
        cells = spent_cells(found, others)  # type: ignore[arg-type]  # of one kind, as they came
        blanks = ("",) if bound else ()
        table.add_row(f"{len(others)} others", *cells[:3], *(cells[3:5] if wide and not bound else ()), *blanks)
    return table


def _ops_in_words(ops: Sequence[OpChange]) -> list[str]:
    """How many ops got slower or faster, came or went, and how many something else binds."""
    both = [op for op in ops if op.before is not None and op.after is not None]
    counts = (
        (sum(op.cycles > 0 for op in both), "slower"),
        (sum(op.cycles < 0 for op in both), "faster"),
        (sum(op.binds_differently for op in both), "bound by something else"),
        (sum(op.before is None for op in ops), "new"),
        (sum(op.after is None for op in ops), "gone"),
    )
    told = [f"{count} {what}" for count, what in counts if count]
    return [f"Ops: {', '.join(told)}."] if told else []


def _plans_in_words(found: Difference) -> list[str]:
    """How many ops are made in another mode of the array, or split over the cores in another way."""
    counts = (
        (sum(plan.mode_before != plan.mode_after for plan in found.plans), "in another mode of the array"),
        (sum(plan.split_before != plan.split_after for plan in found.plans), "split over the cores in another way"),
    )
    told = [f"{count} {what}" for count, what in counts if count]
    return [f"Plans: {', '.join(told)}."] if told else []


def _tensors_in_words(found: Difference) -> list[str]:
    """Between which places tensors moved, the largest moves first."""
    counts = Counter(moved(change) for change in found.tensors)
    if not counts:
        return []
    if found.before.kind.value == "array":
        kept = sum((change.kept_after_bytes or 0) - (change.kept_before_bytes or 0) for change in found.tensors)
        more = f"{'more' if kept >= 0 else 'less'} by {scaled(abs(kept), 'B')} on the chip in all"
    else:
        more = "stand elsewhere, or no more"
    named = [f"{count} {places}" for places, count in counts.most_common(_NAMED)]
    rest = sum(counts.values()) - sum(count for _, count in counts.most_common(_NAMED))
    return [f"Tensors: {', '.join([*named, *([f'{rest} others'] if rest else [])])}; {more}."]


def _assumptions_in_words(changes: Sequence[AssumptionChange]) -> list[str]:
    """Of each kind what changed, by name as far as there are few."""
    if not changes:
        return ["Both rest on the same inputs, prices, sources and versions."]
    told = []
    for kind in Assumed:
        names = [change.name for change in changes if change.kind is kind]
        if names:
            more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
            told.append(f"{_KINDS[kind]} {', '.join(names[:_NAMED] + more)}")
    return [f"What they rest on differs: {'; '.join(told)}."]


_KINDS = {
    Assumed.INPUT: "inputs",
    Assumed.FILE: "files",
    Assumed.SOURCE: "sources of",
    Assumed.VERSION: "versions of",
    Assumed.OPERATION: "operation:",
    Assumed.PRICE: "prices of",
    Assumed.ENGINE: "engine:",
}
