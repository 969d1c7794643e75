"""The ops of a workload as a table."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from hwsim.ir.listing import ListedOp, Listing, Operand
from hwsim.report.numbers import Group, costliest, groups
from hwsim.report.tables import MOST_LINES, TIE, Screen, new_table, render


def listing_text(listing: Listing, screen: Screen) -> str:
    """Equal layers in one line each, on one screen: as much of them as has room in 40 lines."""
    joined = groups(listing.ops, lambda op: op.name)
    text = ""
    for table, note in _shorter_and_shorter(joined):
        text = _rendered(listing, table, f"{note} {_RULES} More: --full", screen)
        if text.count("\n") <= MOST_LINES:
            break
    return text


def full_listing_text(listing: Listing, screen: Screen) -> str:
    """One line an op: what it reads and writes, and, where a rule may name it, its policy."""
    table = _table([Group(op.name, (op,)) for op in listing.ops], shapes=True)
    return _rendered(listing, table, f"Shapes are those of the first run. {_RULES}", screen)


_RULES = "Rules of a precision plan match the ops that have a policy here."


def _rendered(listing: Listing, table: Table, note: str, screen: Screen) -> str:
    title = Text(f"{listing.workload} in {listing.precision}: {len(listing.ops)} ops", style="bold")
    return render([title, table, Text(note)], screen)


def _shorter_and_shorter(joined: Sequence[Group[ListedOp]]) -> Iterator[tuple[Table, str]]:
    """Tables, each shorter than the last, with a note: they leave out shapes, ops that no rule may name, small ones."""
    yield _table(joined, shapes=True), "Shapes are those of the first run, of joined layers those of the first."
    yield _table(joined, shapes=False), "Left out: shapes."
    ruled = [group for group in joined if any(op.policy is not None for op in group.members)]
    for most in range(len(ruled), 0, -1):
        top, _ = costliest(ruled, lambda op: op.macs, most)
        shown = [group for group in ruled if group in top]
        others = sum(len(group.members) for group in joined if group not in top)
        which = "without a policy" if most == len(ruled) else "without a policy, or with fewer products"
        yield _table(shown, shapes=False), f"Left out: shapes, {others} ops {which}."


def _table(joined: Sequence[Group[ListedOp]], *, shapes: bool) -> Table:
    """One line a group; its runs are those of all its ops, what it reads and writes is what its first op does."""
    table = new_table("op", "kind", "runs", *((f"reads{TIE}→{TIE}writes",) if shapes else ()), "policy")
    for column in table.columns[1:2] + table.columns[3:]:
        column.justify = "left"
    if shapes:
        table.columns[3].no_wrap = False
    for group in joined:
        first = group.members[0]
        moved = f"{_operands(first.reads)} → {_operands(first.writes)}"
        runs, kinds = sum(op.runs for op in group.members), dict.fromkeys(op.kind for op in group.members)
        policies = dict.fromkeys(filter(None, map(_policy, group.members)))
        table.add_row(group.title, ", ".join(kinds), f"{runs:,}", *((moved,) if shapes else ()), ", ".join(policies))
    return table


def _policy(op: ListedOp) -> str:
    return (op.policy or "") + (f" ({op.rule})" if op.rule is not None else "")


def _operands(operands: Sequence[Operand]) -> str:
    """Shapes and formats, those that are alike together."""
    counted = Counter(f"{'×'.join(map(str, operand.shape)) or '1'} {operand.precision.value}" for operand in operands)
    return ", ".join(f"{count} of {text}" if count > 1 else text for text, count in counted.items())
