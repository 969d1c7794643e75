"""In which modes of the array a run made its products, and whether they are those that its operands ask for."""

from collections import Counter
from collections.abc import Iterable, Mapping

from hwsim.quantities.noun import sorted_pairs
from hwsim.schedule.counters import OpCounters

VECTOR_UNIT = "vector unit"


def products_by_mode(ops: Iterable[OpCounters]) -> tuple[tuple[str, int], ...]:
    """The products in each mode of the array; those of ops that the vector unit makes stand beside them."""
    found: Counter[str] = Counter()
    for op in ops:
        if op.macs:
            found[VECTOR_UNIT if op.mode is None else op.mode.value] += op.macs
    return sorted_pairs(found)


def widened_macs(widths: Mapping[str, tuple[int, int]], ops: Iterable[OpCounters]) -> int:
    """Products in a mode wider than both of their operands, because the array has no mode of their width.

    `widths` are the bits of the two operands of each product, by the name of its op.
    """
    return sum(op.macs for op in ops if op.mode is not None and op.mode.bits > max(widths[op.name]))
