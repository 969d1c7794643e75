"""What reports say of products that were precomputed."""

from rich.table import Table

from hwsim.report.numbers import scaled
from hwsim.report.tables import new_table
from hwsim.results.folding import Folded, FoldedOp


def folded_text(folded: FoldedOp) -> str:
    """What an op does now in the place of a product, and what that saves."""
    return (
        f"looks up what {', '.join(folded.ops)} made: {folded.rows:,} rows of {scaled(folded.row_bytes, 'B')} in "
        f"{folded.precision.value}, precomputed; saves {scaled(folded.macs_saved, 'MAC')} of all runs; "
        f"{scaled(folded.table_bytes, 'B')} in the place of {scaled(folded.replaced_bytes, 'B')} of parameters"
    )


def folded_table(folded: Folded) -> Table:
    """All tables that were precomputed."""
    table = new_table(
        "looked up", "rows", "format", "table", "in place of", "gathered", "products saved", "made at load",
        title="What was precomputed, and is looked up",
    )  # fmt: skip
    for product in folded.products:
        table.add_row(
            product.op,
            f"{product.rows:,}",
            product.precision.value,
            scaled(product.table_bytes, "B"),
            scaled(product.replaced_bytes, "B"),
            scaled(product.gathered_bytes, "B"),
            scaled(product.macs_saved, "MAC"),
            scaled(product.macs_at_load, "MAC"),
        )
    return table
