"""How many elements of a quantised tensor share one scale."""

from dataclasses import dataclass
from enum import Enum

from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Noun

SCALE_BYTES = 4
"""A scale is stored in single precision."""


class Granularity(Enum):
    """How many elements share one scale."""

    NONE = "none"  # float: no scales
    TENSOR = "tensor"
    CHANNEL = "channel"  # one scale per packed row: per output column of a weight
    GROUP = "group"  # one scale per `group` elements of a packed row


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling(Noun):
    """The scale and zero-point rule of a quantised tensor; scales are stored as fp32.

    >>> Scaling(granularity=Granularity.GROUP, group=32).stored_bytes(rows=2, elements=100)
    32
    """

    granularity: Granularity = Granularity.NONE
    group: int | None = None

    def check(self) -> None:
        if (self.group is not None) != (self.granularity is Granularity.GROUP):
            raise InvalidValue("group", self.group, "is given exactly where the granularity is 'group'")
        if self.group is not None and self.group < 1:
            raise InvalidValue("group", self.group, "must be at least 1")

    def stored_bytes(self, *, rows: int, elements: int) -> int:
        """Bytes of the scales of a tensor with that many packed rows of that many elements."""
        match self.granularity:
            case Granularity.NONE:
                scales = 0
            case Granularity.TENSOR:
                scales = 1
            case Granularity.CHANNEL:
                scales = rows
            case Granularity.GROUP:
                assert self.group is not None
                scales = rows * -(-elements // self.group)
        return scales * SCALE_BYTES
