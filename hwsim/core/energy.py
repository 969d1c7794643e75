"""Energy of a run: whole attojoules by op and component, with the unit prices that made them."""

from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Annotated

from hwsim.core.counters import Tally
from hwsim.core.noun import Name, Noun, Remark, Whole
from hwsim.core.prices import Sureness

AttojouleCount = Annotated[int, Whole(low=0, high=2**200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Components(Tally):
    """Attojoules by where they are spent.

    >>> (Components(mac=2, dram=3) * 2).total
    10
    """

    mac: AttojouleCount = 0
    vector: AttojouleCount = 0
    scratchpad: AttojouleCount = 0
    dram: AttojouleCount = 0

    @property
    def total(self) -> int:
        return sum(getattr(self, f.name) for f in fields(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPrice(Noun):
    """The price of one action: exact by the table and its rules, then rounded once to whole attojoules."""

    action: Name
    exact: Fraction
    basis: Remark
    sources: tuple[Remark, ...]
    sure: Sureness

    @property
    def attojoules(self) -> int:
        """The price that is multiplied by counts."""
        return round(self.exact)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpEnergy(Noun):
    """The energy of one op over all its runs."""

    name: Name
    components: Components


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy(Noun):
    """The energy of a run, op by op, and what each action cost."""

    ops: tuple[OpEnergy, ...]
    prices: tuple[UnitPrice, ...]

    @property
    def components(self) -> Components:
        total = Components()
        for op in self.ops:
            total += op.components
        return total
