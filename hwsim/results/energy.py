"""Energy of a run: whole attojoules by op and component, with the unit prices that made them."""

from dataclasses import dataclass, fields
from enum import Enum
from fractions import Fraction
from typing import Annotated

from hwsim.errors import InvalidValue
from hwsim.hardware.prices import Confidence
from hwsim.quantities.noun import Name, Noun, Remark, Whole
from hwsim.schedule.counters import Tally

AttojouleCount = Annotated[int, Whole(low=0, high=2**250)]


@dataclass(frozen=True, slots=True)
class NotNegative:
    """A rational number that is not below zero."""

    def broken_by(self, value: object) -> str | None:
        return None if isinstance(value, Fraction) and value >= 0 else "must be a rational number of at least 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Components(Tally):
    """Attojoules by where they are spent.

    >>> (Components(mac=2, dram=3) * 2).total
    10
    """

    mac: AttojouleCount = 0
    registers: AttojouleCount = 0  # in the array: operands and sums on their way
    accumulators: AttojouleCount = 0  # sums outside the processing elements
    scratchpad: AttojouleCount = 0
    interconnect: AttojouleCount = 0  # wires between the scratchpad and the other units
    dram: AttojouleCount = 0
    vector: AttojouleCount = 0
    converters: AttojouleCount = 0  # between analog and digital
    leakage: AttojouleCount = 0
    idle: AttojouleCount = 0  # what the chip says that it draws in any case

    @property
    def total(self) -> int:
        return sum(getattr(self, f.name) for f in fields(self))


class Component(Enum):
    """The fields of `Components` by name."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyLine(Noun):
    """How often an action was done in the whole run, and what that cost: `count` times `unit_aj`, exactly."""

    component: Component
    action: Name
    count: AttojouleCount
    exact_unit_aj: Fraction
    unit_aj: AttojouleCount
    energy_aj: AttojouleCount
    basis: Remark
    sources: tuple[Remark, ...]
    sure: Confidence
    overridden: bool
    others: tuple[Remark, ...] = ()

    def check(self) -> None:
        if self.energy_aj != self.count * self.unit_aj:
            raise InvalidValue("energy_aj", self.energy_aj, f"must be {self.count} times {self.unit_aj}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpEnergy(Noun):
    """The energy of one op over all its runs."""

    name: Name
    components: Components


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy(Noun):
    """The energy of a run, op by op, and the same energy line by line: action, count, price."""

    ops: tuple[OpEnergy, ...]
    prices: tuple[UnitPrice, ...]
    lines: tuple[EnergyLine, ...]

    def check(self) -> None:
        for component in Component:
            lines = sum(line.energy_aj for line in self.lines if line.component is component)
            ops = sum(getattr(op.components, component.value) for op in self.ops)
            if lines != ops:
                raise InvalidValue(f"lines.{component.value}", lines, f"must be the sum of the ops, {ops}")

    @property
    def components(self) -> Components:
        total = Components()
        for op in self.ops:
            total += op.components
        return total
