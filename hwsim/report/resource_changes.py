"""Tables of a difference: how units of the chip spend their time, and in which modes and splits ops are made."""

from collections.abc import Callable, Iterable, Sequence

from rich.table import Table

from hwsim.report.numbers import percent
from hwsim.report.tables import new_table
from hwsim.results.difference import Difference, PlanChange, ResourceChange, Side, UnitCycles

_SPENT = ("busy", "waiting", "idle")


def resources_table(changes: Iterable[ResourceChange]) -> Table:
    """Cycles of each unit whose time is spent in another way."""
    table = _table("unit", _SPENT)
    for change in changes:
        table.add_row(change.unit, *_cells((change.before, change.after), _SPENT, _count))
    return table


def largest_resources(found: Difference, most: int, *, wide: bool) -> Table:
    """Shares of the run in which the units that are busy for more or for fewer cycles are so, the largest first."""
    spent = _SPENT if wide else ("busy", "idle")
    table = _table("unit, shares of the run", spent)
    for change in sorted(found.resources, key=lambda change: -_busier(change))[:most]:
        columns = []
        for what in spent:
            for cycles, side in ((change.before, found.before), (change.after, found.after)):
                columns.append("" if cycles is None else _share(cycles, what, side))
        table.add_row(change.unit, *columns)
    return table


def _busier(change: ResourceChange) -> int:
    before, after = (0 if cycles is None else cycles.busy for cycles in (change.before, change.after))
    return abs(after - before)


def _share(cycles: UnitCycles, what: str, side: Side) -> str:
    return percent(getattr(cycles, what), max(1, side.cycles * cycles.servers))


def _count(cycles: UnitCycles, what: str) -> str:
    return f"{getattr(cycles, what):,}"


def _cells(
    sides: Sequence[UnitCycles | None], spent: Sequence[str], text: Callable[[UnitCycles, str], str]
) -> list[str]:
    return ["" if cycles is None else text(cycles, what) for what in spent for cycles in sides]


def _table(first: str, spent: Sequence[str]) -> Table:
    table = new_table(first, *(head for what in spent for head in (what, "after")))
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def plans_table(changes: Iterable[PlanChange]) -> Table:
    """Ops that are made in another mode, or split over the cores in another way."""
    table = new_table("op", "mode", "split over cores")
    for change in changes:
        table.add_row(
            change.op,
            _moved(change.mode_before, change.mode_after, "not on the array"),
            _moved(change.split_before, change.split_after, "whole"),
        )
    return table


def _moved(before: str | None, after: str | None, none: str) -> str:
    """Before and after, once if they are the same.

    >>> _moved("int8", None, "not on the array"), _moved(None, None, "whole")
    ('int8 → not on the array', 'whole')
    """
    return " → ".join(dict.fromkeys((before or none, after or none)))
