"""What `gemm` prints: the counts of one matrix product."""

from hwsim.quantities.fields import HERTZ
from hwsim.report.numbers import percent, seconds
from hwsim.report.tables import Screen, plain_table, render
from hwsim.results.product import ProductFigures


def product_text(product: ProductFigures, clock: int, screen: Screen) -> str:
    """The counts of one matrix product on a chip of that clock."""
    table = plain_table()
    last = f"{seconds(product.out_cycles / clock)} at {HERTZ.written(clock)}"
    for row in (
        ("out cycles", f"{product.out_cycles:,}", f"up to the last result that leaves, {last}"),
        ("mac cycles", f"{product.mac_cycles:,}", "up to the last product"),
        ("tiles", f"{product.tiles:,}", ""),
        ("products", f"{product.macs:,}", f"{percent(product.utilization)} of what the array could have made"),
        ("saturations", f"{product.saturations:,}", "additions that a register clamped"),
    ):
        table.add_row(*row)
    return render((table,), screen)
