"""Price tables: what one action costs, with where the number comes from."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from hwsim.core.dram import DramType
from hwsim.core.noun import Name, Noun, Remark, Table, Whole
from hwsim.core.precision import Precision
from hwsim.core.units import Attojoules, Bytes, Nanometres
from hwsim.errors import InvalidValue


class Sureness(Enum):
    """How the number came here, the surest first."""

    READ = "read"  # read in the source itself, or in a file that quotes it
    RECALLED = "recalled"  # known from memory of the source, not read again
    ASSUMED = "assumed"  # no source: a stated assumption


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Noun):
    """The energy of one action, or of moving `bits` bits."""

    energy: Attojoules
    bits: Annotated[int, Whole(low=1, high=2**20)] | None = None
    source: Remark
    sure: Sureness
    boundary: Remark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SramPrice(Noun):
    """The energy of one access to a memory of that capacity."""

    capacity: Bytes
    price: Price

    def check(self) -> None:
        if self.price.bits is None:
            raise InvalidValue("price.bits", None, "an access moves a stated number of bits")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable(Noun):
    """A technology: arithmetic by format, SRAM by capacity, DRAM by type."""

    name: Name
    about: Remark
    node: Nanometres
    multiply: Annotated[tuple[tuple[Precision, Price], ...], Table()]
    add: Annotated[tuple[tuple[Precision, Price], ...], Table()]
    sram: tuple[SramPrice, ...]
    dram: Annotated[tuple[tuple[DramType, Price], ...], Table()]

    def check(self) -> None:
        sizes = [entry.capacity for entry in self.sram]
        if not sizes or sorted(set(sizes)) != sizes:
            raise InvalidValue("sram", sizes, "must list at least one capacity, smallest first")
        for memory, price in self.dram:
            if price.bits is None:
                raise InvalidValue(f"dram.{memory.value}.bits", None, "a transfer moves a stated number of bits")
