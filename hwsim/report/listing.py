"""The ops of a workload as a table."""

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from hwsim.core.listing import Listing, Operand
from hwsim.report.tables import Screen, new_table, render


def listing_text(listing: Listing, screen: Screen) -> str:
    """One line an op: what it reads and writes, and, where a rule may name it, its policy."""
    table = new_table("op", "kind", "runs", "", "policy")
    for column in (1, 3, 4):
        table.columns[column].justify = "left"
    table.columns[3].no_wrap = False
    for op in listing.ops:
        reads, writes = (_operands(operands) for operands in (op.reads, op.writes))
        ruled = f" ({op.rule})" if op.rule is not None else ""
        table.add_row(op.name, op.kind, f"{op.runs:,}", f"{reads} → {writes}", f"{op.policy or ''}{ruled}")
    title = Text(f"{listing.workload} in {listing.precision}: {len(listing.ops)} ops", style="bold")
    note = Text("Shapes are those of the first run. Rules of a precision plan match the ops that have a policy here.")
    return render([title, table, note], screen)


def _operands(operands: Sequence[Operand]) -> str:
    """Shapes and formats, those that are alike together."""
    counted = Counter(f"{'×'.join(map(str, one.shape)) or '1'} {one.precision.value}" for one in operands)
    return ", ".join(f"{count} of {text}" if count > 1 else text for text, count in counted.items())
