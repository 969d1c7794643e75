"""Energy of a run: whole attojoules by op and component, with the unit prices that made them."""

from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Annotated

from hwsim.errors import InvalidValue
from hwsim.hardware.prices import Confidence
from hwsim.hardware.unit_price import Component, UnitPrice
from hwsim.quantities.noun import Name, Noun, Remark, Whole
from hwsim.schedule.counters import Tally

AttojouleCount = Annotated[int, Whole(low=0, high=2**250)]


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
