"""Nouns of a diagnosis: where most of a run's time goes, what binds it, and what one thing twice as fast would give."""

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Annotated

from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, Whole
from hwsim.schedule.unit_table import Limit, Relief

Count = Annotated[int, Whole(low=0, high=2**62)]


NO_GAIN = Fraction(1, 200)
"""A share of a run's time that is not worth a figure."""


def reliefs_for(limit: Limit) -> tuple[Relief, ...]:
    """What is asked of a run that goes with this limit: the bandwidth of the DRAM, and last what eases the limit.

    >>> [relief.name for relief in reliefs_for(Limit("array"))]
    ['BANDWIDTH', 'ARRAY']
    """
    return tuple(dict.fromkeys((Relief.BANDWIDTH, limit.relief)))


class Awaited(Enum):
    """What most of the bytes are that ops load."""

    WEIGHTS = "weights"  # parameters and inputs: what the program is given
    ACTIVATIONS = "activations"  # what its ops made


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf(Noun):
    """The same steps in the same order, on a chip of which one thing is twice as fast."""

    relief: Relief
    cycles: Count
    latency_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis(Noun):
    """The part of the network that takes most time, and the limit with which most of that part's time goes.

    `limit_cycles` are the part's cycles in ops with that limit; `awaited` is what they load, where that is the limit.
    Of the reliefs those are asked that ease the limit, and the bandwidth of the DRAM. Where none of them gains
    anything, something else is as slow as what binds: `beside` is what gains most if it is eased together with the
    limit.
    """

    part: Name
    part_cycles: Count
    limit: Limit
    limit_cycles: Count
    awaited: Awaited | None
    what_ifs: tuple[WhatIf, ...]
    beside: WhatIf | None = None

    def check(self) -> None:
        if self.limit_cycles > self.part_cycles:
            raise InvalidValue("limit_cycles", self.limit_cycles, f"must be at most {self.part_cycles} of the part")
        asked = [one.relief for one in self.what_ifs]
        if asked != list(reliefs_for(self.limit)):
            raise InvalidValue(
                "what_ifs", [one.value for one in asked], "must be the bandwidth and what eases the limit"
            )
        if self.beside is not None and self.beside.relief is self.eased.relief:
            raise InvalidValue("beside", self.beside.relief.value, "must be another relief than that of the limit")

    @property
    def eased(self) -> WhatIf:
        """What easing this limit would give."""
        return self.what_ifs[-1]
