"""What was done and how long each unit was busy: whole numbers under conservation laws."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import Enum
from typing import Annotated, Self

from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, Whole
from hwsim.quantities.precision import Precision

Count = Annotated[int, Whole(low=0, high=2**200)]


class Tally(Noun):
    """A noun whose fields add up and multiply one by one."""

    __slots__: tuple[str, ...] = ()

    def __add__(self, other: Self) -> Self:
        return type(self)(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})

    def __mul__(self, times: int) -> Self:
        return type(self)(**{name: getattr(self, name) * times for name in self.__slots__})

    @classmethod
    def sum_of(cls, counted: Iterable[tuple[Self, int]]) -> Self:
        """The sum of some, each so many times: what adding and multiplying them gives, at once.

        >>> Units.sum_of([(Units(load=2), 3), (Units(load=1, store=1), 1)])
        Units(load=7, array=0, vector=0, store=1)
        """
        names, counted = cls.__slots__, list(counted)
        return cls(**{name: sum(getattr(one, name) * times for one, times in counted) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Work(Tally):
    """Everything that has a price.

    >>> (Work(macs=2, dram_read_bytes=1) * 3 + Work(macs=1)).macs
    7
    """

    macs: Count = 0
    array_register_bits: Count = 0  # bits that registers of the array take over
    accumulator_reads: Count = 0  # sums, outside the processing elements
    accumulator_writes: Count = 0
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
    tensor: Units = Units()  # a tensor that the step reads is not complete
    overwrite: Units = Units()  # the old content of the space that the step writes is still read
    slot: Units = Units()  # no operand or result slot is free

    @classmethod
    def sum_of(cls, counted: Iterable[tuple[Self, int]]) -> Self:
        """The sum of some, each so many times."""
        counted = list(counted)
        return cls(**{name: Units.sum_of((getattr(one, name), n) for one, n in counted) for name in cls.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters(Noun):
    """Time and work of a whole run. On every unit busy + stalled + idle is the total.

    Where load and store share one port, they are one unit in this law, whose idle cycles stand with `load`.

    >>> Counters(cycles=5, busy=Units(array=3), idle=Units(load=5, array=1, vector=5, store=5))
    Traceback (most recent call last):
    hwsim.errors.InvalidValue: array = 4: busy + stalled + idle must be 5 cycles
    """

    cycles: Count
    busy: Units = Units()
    stalls: Stalls = Stalls()
    idle: Units = Units()
    work: Work = Work()
    shared_port: bool = False

    def check(self) -> None:
        totals = {unit.name: self._accounted(unit.name) for unit in fields(Units)}
        if self.shared_port:
            totals["load"] += totals.pop("store")
        for unit, total in totals.items():
            if total != self.cycles:
                raise InvalidValue(unit, total, f"busy + stalled + idle must be {self.cycles} cycles")

    def _accounted(self, unit: str) -> int:
        stalled = sum(getattr(getattr(self.stalls, reason.name), unit) for reason in fields(Stalls))
        accounted: int = getattr(self.busy, unit) + stalled + getattr(self.idle, unit)
        return accounted


class Bound(Enum):
    """What an op's time goes with."""

    ARRAY = "array"
    LOAD = "load"
    VECTOR = "vector"
    STORE = "store"
    LATENCY = "latency"  # no unit is busy for half of the op's span


class Limit(Enum):
    """What of the unit that binds an op sets its pace: the unit itself, the DRAM, or ports of the scratchpad."""

    ARRAY = "array"
    ARRAY_PORTS = "array_ports"
    VECTOR = "vector"
    VECTOR_PORTS = "vector_ports"
    DRAM_READ = "dram_read"
    LOAD_PORTS = "load_ports"
    DRAM_WRITE = "dram_write"
    STORE_PORTS = "store_ports"
    LATENCY = "latency"


_LIMITS = {
    Bound.ARRAY: (Limit.ARRAY, Limit.ARRAY_PORTS),
    Bound.LOAD: (Limit.DRAM_READ, Limit.LOAD_PORTS),
    Bound.VECTOR: (Limit.VECTOR, Limit.VECTOR_PORTS),
    Bound.STORE: (Limit.DRAM_WRITE, Limit.STORE_PORTS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpCounters(Noun):
    """One op over all its runs.

    `macs` are the products that the op asks for, wherever they are made. `cycles` are those by which its steps moved
    the end of everything so far, so that they sum to the run's over all ops, although ops overlap. `busy` and `stalls`
    are those of its own steps. `port_bound` are those of the busy cycles that lie in steps whose length a port of the
    scratchpad sets. `span` is the time from the start of its first step of array or vector unit to its last end, summed
    over the runs.
    """

    name: Name
    kind: Name
    mode: Precision | None
    times: Count
    macs: Count
    cycles: Count
    busy: Units
    stalls: Stalls
    span: Count
    work: Work
    port_bound: Units = Units()

    def check(self) -> None:
        for unit in fields(Units):
            part, whole = getattr(self.port_bound, unit.name), getattr(self.busy, unit.name)
            if part > whole:
                raise InvalidValue(
                    f"{self.name}.port_bound.{unit.name}", part, f"must be at most the {whole} busy ones"
                )

    @property
    def limit(self) -> Limit:
        """Ports, if more than half of the busy cycles of the unit that binds the op go with them."""
        if self.bound is Bound.LATENCY:
            return Limit.LATENCY
        itself, ports = _LIMITS[self.bound]
        unit = self.bound.value
        return ports if 2 * getattr(self.port_bound, unit) > getattr(self.busy, unit) else itself

    @property
    def bound(self) -> Bound:
        """The unit with most busy cycles (of equals the first), or latency."""
        units = (Bound.ARRAY, Bound.LOAD, Bound.VECTOR, Bound.STORE)
        busiest = max(units, key=lambda unit: self.busy_cycles(unit))
        return busiest if 2 * self.busy_cycles(busiest) > self.span else Bound.LATENCY

    def busy_cycles(self, unit: Bound) -> int:
        busy: int = getattr(self.busy, unit.value)
        return busy


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCounters(Noun):
    """A whole run: its ops, and the chip's own counters, which are their sum.

    `unrolled_iterations` are those of loops that were walked one by one before their period was found.
    """

    ops: tuple[OpCounters, ...]
    total: Counters
    unrolled_iterations: Count

    def check(self) -> None:
        sums = {
            "cycles": sum(op.cycles for op in self.ops),
            "busy": Units.sum_of((op.busy, 1) for op in self.ops),
            "stalls": Stalls.sum_of((op.stalls, 1) for op in self.ops),
            "work": Work.sum_of((op.work, 1) for op in self.ops),
        }
        for name, value in sums.items():
            if value != getattr(self.total, name):
                raise InvalidValue(f"total.{name}", getattr(self.total, name), f"must be the sum of the ops, {value}")
