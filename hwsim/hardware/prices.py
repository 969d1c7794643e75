"""Price tables: energies of actions and areas of parts, each with its source."""

from enum import Enum
from fractions import Fraction
from itertools import pairwise
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.fields import (
    PERCENT,
    Attojoules,
    Bytes,
    Length,
    Nanometres,
    Percent,
    SquareMicrometres,
    Volts,
    Watts,
)
from hwsim.quantities.noun import Name, Noun, Remark, Table, Whole
from hwsim.quantities.plain_data import Sources, check_sources
from hwsim.quantities.precision import Precision


class DramType(Enum):
    """The kind of memory behind the DRAM port; decides the price of a byte."""

    LPDDR4 = "lpddr4"
    LPDDR5 = "lpddr5"
    DDR4 = "ddr4"
    GDDR6 = "gddr6"
    HBM2 = "hbm2"


Bits = Annotated[int, Whole(low=1, high=2**40)]


class Confidence(Enum):
    """How the number came here, the surest first."""

    READ = "read"  # read in the source itself, or in a file that quotes it
    RECALLED = "recalled"  # known from memory of the source, not read again
    ASSUMED = "assumed"  # no source: a stated assumption


class WidthRule(Enum):
    """How the energy and the area of an integer multiplier go with the widths of its operands."""

    QUADRATIC = "quadratic"  # an array of one-bit cells
    LINEAR = "linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote(Noun):
    """A number's origin: its source, how sure it is, what it includes, and for which process and supply it holds.

    `node` and `voltage` are those of the table unless they stand here.
    """

    source: Remark
    sure: Confidence
    boundary: Remark | None = None
    node: Nanometres | None = None
    voltage: Volts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherPrice(Quote):
    """What another source says; reports show it, nothing is computed with it."""

    energy: Attojoules
    bits: Bits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Quote):
    """The energy of one action, or of moving `bits` bits, and the area of what does it."""

    energy: Attojoules
    bits: Bits | None = None
    area: SquareMicrometres | None = None
    others: tuple[OtherPrice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DramPrice(Price):
    """The energy of moving `bits` bits, and between what it is said to lie, by the sources that the entry quotes."""

    low: Attojoules | None = None
    high: Attojoules | None = None

    def check(self) -> None:
        if self.low is not None and self.low > self.energy:
            raise InvalidValue("low", f"{float(self.low) / 10**6:g} pJ", "must be at most the energy")
        if self.high is not None and self.high < self.energy:
            raise InvalidValue("high", f"{float(self.high) / 10**6:g} pJ", "must be at least the energy")


@dataclass(frozen=True, slots=True, kw_only=True)
class SramPrice(Noun):
    """The energy of one access to a memory of that capacity."""

    capacity: Bytes
    price: Price

    def check(self) -> None:
        _needs_bits("price.bits", self.price, "an access moves a stated number of bits")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConverterPrice(Noun):
    """One conversion between analog and digital with that many bits."""

    bits: Annotated[int, Whole(low=1, high=16)]
    price: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class WirePrice(Quote):
    """The energy of `bits` bits that travel `length` on the chip."""

    energy: Attojoules
    bits: Bits = 1
    length: Length


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakagePrice(Quote):
    """The power that `area` of a process draws although nothing happens."""

    power: Watts
    area: SquareMicrometres


@dataclass(frozen=True, slots=True, kw_only=True)
class Share(Quote):
    """What comes beside something else, or how much of it counts, in hundredths of it."""

    share: Percent


@dataclass(frozen=True, slots=True, kw_only=True)
class SramDensity(Quote):
    """The area of `bits` bits of static memory, periphery included."""

    area: SquareMicrometres
    bits: Bits


@dataclass(frozen=True, slots=True, kw_only=True)
class CellArea(Quote):
    """The area of one cell of an analog tile, with what selects it."""

    area: SquareMicrometres


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants(Noun):
    """The entries that a price table can have, and that a chip can put in the place of the table's.

    `clock_tree` and `control` are spent beside the energy of the logic that they drive: products, registers, lanes.
    `cell_density` is how much of the silicon on which cells are placed they cover, `uncore` how much of a chip is none
    of the parts whose area is known.
    """

    multiply: Annotated[tuple[tuple[Precision, Price], ...], Table()] = ()
    add: Annotated[tuple[tuple[Precision, Price], ...], Table()] = ()
    gate: Price | None = None
    register: Price | None = None
    sram: tuple[SramPrice, ...] = ()
    sram_area: SramDensity | None = None
    dram: Annotated[tuple[tuple[DramType, DramPrice], ...], Table()] = ()
    wire: WirePrice | None = None
    adc: tuple[ConverterPrice, ...] = ()
    dac: tuple[ConverterPrice, ...] = ()
    cell: CellArea | None = None
    leakage: LeakagePrice | None = None
    clock_tree: Share | None = None
    control: Share | None = None
    cell_density: Share | None = None
    uncore: Share | None = None
    multiply_width: WidthRule | None = None

    def check(self) -> None:
        for name, sizes in (
            ("sram", [entry.capacity for entry in self.sram]),
            ("adc", [entry.bits for entry in self.adc]),
            ("dac", [entry.bits for entry in self.dac]),
        ):
            if not all(smaller < larger for smaller, larger in pairwise(sizes)):
                raise InvalidValue(name, sizes, "must list each once, smallest first")
        free = [entry for entry in self.sram if not entry.price.energy]
        if free and len(free) < len(self.sram):
            law = "no curve of relative errors goes through it and the others; give its energy, or leave the entry out"
            raise InvalidValue("sram", f"0 J at {free[0].capacity} bytes", law)
        for memory, price in self.dram:
            _needs_bits(f"dram.{memory.value}.bits", price, "a transfer moves a stated number of bits")
        if self.register is not None:
            _needs_bits("register.bits", self.register, "a register has a stated number of bits")
        if self.cell_density is not None and not 0 < self.cell_density.share <= 100:
            raise InvalidValue(
                "cell_density.share", PERCENT.written(self.cell_density.share), "must be above 0 and at most 100 %"
            )
        if self.uncore is not None and self.uncore.share >= 100:
            raise InvalidValue("uncore.share", PERCENT.written(self.uncore.share), "must be below 100 %")


@dataclass(frozen=True, slots=True, kw_only=True)
class TechnologyTable(Constants):
    """What one source, or some that agree, say of a process at a supply."""

    name: Name
    about: Remark
    node: Nanometres
    voltage: Volts
    sources: Sources = ()

    def check(self) -> None:
        # Said by name, because a dataclass with slots is made anew and `super()` would look for the first one.
        Constants.check(self)
        check_sources(self, self.sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable(TechnologyTable):
    """A technology: arithmetic by format, memories by capacity and type, wires, converters, leakage.

    What it lacks comes from the tables in `filled_from`, the first that has it, scaled to the process and supply of the
    chip; what those lack is not looked for further.
    """

    filled_from: tuple[Name | TechnologyTable, ...] = ()


def _needs_bits(path: str, price: Price, law: str) -> None:
    if price.bits is None:
        raise InvalidValue(path, None, law)


@dataclass(frozen=True, slots=True)
class NotNegative:
    """A rational number that is not below zero."""

    def broken_by(self, value: object) -> str | None:
        return None if isinstance(value, Fraction) and value >= 0 else "must be a rational number of at least 0"


class Component(Enum):
    """Where energy is spent: the names of the fields of `Components`."""

    MAC = "mac"
    REGISTERS = "registers"
    ACCUMULATORS = "accumulators"
    SCRATCHPAD = "scratchpad"
    INTERCONNECT = "interconnect"
    DRAM = "dram"
    VECTOR = "vector"
    CLOCK = "clock"
    CONTROL = "control"
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
    low: Annotated[Fraction, NotNegative()] | None = None  # what public sources say at least, and at most
    high: Annotated[Fraction, NotNegative()] | None = None

    @property
    def attojoules(self) -> int:
        """The price that is multiplied by counts."""
        return round(self.exact)
