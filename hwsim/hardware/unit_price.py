"""What one action costs on a chip: exact by its price table and rules, rounded once to whole attojoules."""

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Annotated

from hwsim.hardware.prices import Confidence
from hwsim.quantities.noun import Name, Noun, Remark


@dataclass(frozen=True, slots=True)
class NotNegative:
    """A rational number that is not below zero."""

    def broken_by(self, value: object) -> str | None:
        return None if isinstance(value, Fraction) and value >= 0 else "must be a rational number of at least 0"


class Component(Enum):
    """Where energy is spent: the fields of `Components` by name."""

    MAC = "mac"
    REGISTERS = "registers"
    ACCUMULATORS = "accumulators"
    SCRATCHPAD = "scratchpad"
    INTERCONNECT = "interconnect"
    DRAM = "dram"
    VECTOR = "vector"
    CONVERTERS = "converters"
    LEAKAGE = "leakage"
    IDLE = "idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPrice(Noun):
    """The price of one action: exact by the table and its rules, then rounded once to whole attojoules.

    `overridden` says that the chip put at least one of its entries in the place of the table's; `others` is what other
    sources say of its entries.
    """

    action: Name
    component: Component
    exact: Annotated[Fraction, NotNegative()]
    basis: Remark
    sources: tuple[Remark, ...]
    sure: Confidence
    overridden: bool = False
    others: tuple[Remark, ...] = ()

    @property
    def attojoules(self) -> int:
        """The price that is multiplied by counts."""
        return round(self.exact)
