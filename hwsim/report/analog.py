"""What `mvm` prints: the counts of a product on analog tiles."""

from hwsim.report.numbers import percent
from hwsim.report.tables import Screen, plain_table, render
from hwsim.results.analog import AnalogFigures


def analog_text(counts: AnalogFigures, screen: Screen) -> str:
    """The counts of a product on analog tiles."""
    table = plain_table()
    share = f"{percent(counts.clipped / counts.conversions)} of conversions" if counts.conversions else ""
    for row in (
        ("vectors", f"{counts.vectors:,}", f"{counts.retries:,} times computed again with half the input"),
        ("tiles", f"{counts.tiles:,}", f"{counts.passes:,} passes of the input each"),
        ("cells", f"{counts.cells:,}", ""),
        ("conversions", f"{counts.conversions:,}", ""),
        ("clipped", f"{counts.clipped:,}", share),
    ):
        table.add_row(*row)
    return render((table,), screen)
