"""Counts of everything that has a price on analog tiles."""

from hwsim.dataclass import dataclass
from hwsim.schedule.counters import Count, Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class TileWork(Tally):
    """What tiles do for vectors.

    A drive is one row in one pass, once for each repeat; a cell pass is one cell in such a pass. A conversion is one
    column of one reading. Additions are of readings of one column: passes, digits, signs, middles of an offset, and
    partial sums of tiles that share its columns; and of inputs, where an offset is a multiple of their sum. Link bytes
    go to a unit on the same chip, far bytes to another chip.

    >>> (TileWork(vectors=1, drives=512) * 3).drives
    1536
    """

    vectors: Count = 0
    drives: Count = 0
    cell_passes: Count = 0
    conversions: Count = 0
    additions: Count = 0
    link_bytes: Count = 0
    far_bytes: Count = 0
