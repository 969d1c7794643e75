"""What was done and how long each unit was busy: whole numbers under conservation laws."""

from dataclasses import dataclass, fields
from typing import Annotated, Self

from hwsim.core.noun import Name, Noun, Whole
from hwsim.errors import InvalidValue

Count = Annotated[int, Whole(low=0, high=2**200)]


class Tally(Noun):
    """A noun whose fields add up and multiply one by one."""

    __slots__: tuple[str, ...] = ()

    def __add__(self, other: Self) -> Self:
        return type(self)(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})

    def __mul__(self, times: int) -> Self:
        return type(self)(**{name: getattr(self, name) * times for name in self.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Work(Tally):
    """Everything that has a price.

    >>> (Work(macs=2, dram_read_bytes=1) * 3 + Work(macs=1)).macs
    7
    """

    macs: Count = 0
    vector_lane_cycles: Count = 0
    scratchpad_read_bytes: Count = 0
    scratchpad_write_bytes: Count = 0
    dram_read_bytes: Count = 0
    dram_write_bytes: Count = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Units(Tally):
    """Cycles of each unit of a core."""

    load: Count = 0
    array: Count = 0
    vector: Count = 0
    store: Count = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stalls(Tally):
    """Cycles in which units waited before a step, by what the step waited for."""

    load: Units = Units()  # operands under way from DRAM
    array: Units = Units()  # the tile that the step works on is not finished
    slot: Units = Units()  # no operand or result slot is free


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters(Tally):
    """Time and work of an op, or of a whole run. On every unit busy + stalled + idle is the total.

    >>> Counters(cycles=5, busy=Units(array=3), idle=Units(load=5, array=1, vector=5, store=5))
    Traceback (most recent call last):
    hwsim.errors.InvalidValue: array = 4: busy + stalled + idle must be 5 cycles
    """

    cycles: Count
    busy: Units = Units()
    stalls: Stalls = Stalls()
    idle: Units = Units()
    work: Work = Work()

    def check(self) -> None:
        for unit in (f.name for f in fields(Units)):
            stalled = sum(getattr(getattr(self.stalls, f.name), unit) for f in fields(Stalls))
            total = getattr(self.busy, unit) + stalled + getattr(self.idle, unit)
            if total != self.cycles:
                raise InvalidValue(unit, total, f"busy + stalled + idle must be {self.cycles} cycles")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpCounters(Noun):
    """The counters of one op over all its runs, and what bounds it."""

    name: Name
    kind: Name
    times: Count
    counters: Counters
    bound: Name
