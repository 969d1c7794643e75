"""Counters of work done and of the time of each unit: whole numbers under conservation laws."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Self

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun, UnlessDefault, Whole
from hwsim.quantities.precision import Precision
from hwsim.schedule.unit_table import Bound, Limit, StallReason, Unit, with_field_each

Count = Annotated[int, Whole(low=0, high=2**200)]
CountAmongCores = Annotated[int, Whole(low=0, high=2**200), UnlessDefault()]
"""What is 0 wherever one core works alone."""
CountOfConflicts = Annotated[int, Whole(low=0, high=2**200), UnlessDefault()]
"""What is 0 wherever the banks of the scratchpad are not told apart."""


class Tally(Noun):
    """A noun whose fields add up and multiply one by one."""

    __slots__: tuple[str, ...] = ()

    def __add__(self, other: Self) -> Self:
        return type(self)(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})

    def __mul__(self, times: int) -> Self:
        return type(self)(**{name: getattr(self, name) * times for name in self.__slots__})

    @classmethod
    def sum_of(cls, counted: Iterable[tuple[Self, int]]) -> Self:
        """The sum of tallies, each so many times: what adding and multiplying them gives, at once.

        >>> Units.sum_of([(Units(load=2), 3), (Units(load=1, store=1), 1)])
        Units(load=7, array=0, vector=0, store=1, exchange=0)
        """
        names, counted = cls.__slots__, list(counted)
        return cls(**{name: sum(getattr(tally, name) * times for tally, times in counted) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Work(Tally):
    """Counts of everything that has a price.

    >>> (Work(macs=2, dram_read_bytes=1) * 3 + Work(macs=1)).macs
    7
    """

    macs: Count = 0
    array_register_bits: Count = 0  # bits that registers of the array take over
    array_shared_adder_bits: Count = 0  # bits of additions in the array that many products share
    accumulator_reads: Count = 0  # sums, outside the processing elements
    accumulator_writes: Count = 0
    vector_lane_cycles: Count = 0
    scratchpad_read_bytes: Count = 0
    scratchpad_write_bytes: Count = 0
    dram_read_bytes: Count = 0
    dram_write_bytes: Count = 0
    exchange_bytes: CountAmongCores = 0  # results that leave their core for the others


@with_field_each({unit.key: CountAmongCores if unit.spec.among_cores else Count for unit in Unit}, 0)
class Units(Tally):
    """Cycles of each unit of a core: a field for each row of the table of units.

    >>> Units.of({Unit.ARRAY: 3})[Unit.ARRAY], Units(array=3)
    (3, Units(load=0, array=3, vector=0, store=0, exchange=0))
    """

    __slots__ = ()

    if TYPE_CHECKING:  # the fields come from the table of units

        def __init__(self, **cycles: int) -> None: ...

        def __getattr__(self, key: str) -> int: ...

    @classmethod
    def of(cls, cycles: Mapping[Unit, int]) -> "Units":
        """Cycles of the units given, and none of the others."""
        return cls(**{unit.key: count for unit, count in cycles.items()})

    def __getitem__(self, unit: Unit) -> int:
        cycles: int = getattr(self, unit.key)
        return cycles

    @property
    def total(self) -> int:
        """The cycles of all units together."""
        return sum(self[unit] for unit in Unit)


@with_field_each({reason.key: Units for reason in StallReason}, Units())
class Stalls(Tally):
    """Cycles in which units waited before a step, by what the step waited for: a field for each reason.

    >>> Stalls(slot=Units(load=2))[StallReason.SLOT].load
    2
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def __init__(self, **waited: Units) -> None: ...

        def __getattr__(self, key: str) -> Units: ...

    def __getitem__(self, reason: StallReason) -> Units:
        waited: Units = getattr(self, reason.key)
        return waited

    @classmethod
    def sum_of(cls, counted: Iterable[tuple[Self, int]]) -> Self:
        """The sum of tallies, each so many times."""
        counted = list(counted)
        each = {reason: [(stalls[reason], times) for stalls, times in counted] for reason in StallReason}
        return cls(**{reason.key: Units.sum_of(waited) for reason, waited in each.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters(Noun):
    """Time and work of a whole run. On every unit busy + stalled + idle is the total.

    Where load and store share one port, they are one unit in this law, whose idle cycles stand with `load`. Where one
    core works alone there is no interconnect, whose cycles are all 0. `bank_conflict_cycles` are those of the ops.

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
    bank_conflict_cycles: CountOfConflicts = 0

    def check(self) -> None:
        totals = Counter[Unit]()
        for unit in Unit:
            totals[unit.on_shared_port if self.shared_port else unit] += self._accounted(unit)
        for unit, total in totals.items():
            if total != self.cycles and (total or not unit.spec.among_cores):
                raise InvalidValue(unit.key, total, f"busy + stalled + idle must be {self.cycles} cycles")

    def _accounted(self, unit: Unit) -> int:
        return self.busy[unit] + sum(self.stalls[reason][unit] for reason in StallReason) + self.idle[unit]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpCounters(Noun):
    """One op over all its runs.

    `macs` are the products that the op asks for, wherever they are made. `cycles` are the cycles by which the op's
    steps moved the end of everything so far: over all ops they sum to the run's cycles, although ops overlap. `busy`
    and `stalls` are cycles of the op's own steps. `port_bound` are the busy cycles in steps whose length a port of the
    scratchpad sets, `bank_conflict_cycles` those that its read port takes longer for what enters the array, because
    words lie on the same bank. `span` is the time from the start of the op's first step of array or vector unit to the
    end of its last one, summed over the runs.
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
    bank_conflict_cycles: CountOfConflicts = 0

    def check(self) -> None:
        for unit in Unit:
            part, whole = self.port_bound[unit], self.busy[unit]
            if part > whole:
                raise InvalidValue(f"{self.name}.port_bound.{unit.key}", part, f"must be at most the {whole} busy ones")

    @property
    def limit(self) -> Limit:
        """The binding unit's ports, if more than half of its busy cycles are port bound; else the unit, or latency."""
        unit = self._binding
        return Limit.of(unit, ports=unit is not None and 2 * self.port_bound[unit] > self.busy[unit])

    @property
    def bound(self) -> Bound:
        """The unit with most busy cycles (of equals the unit of lowest precedence), or latency."""
        unit = self._binding
        return Bound.LATENCY if unit is None else Bound(unit.key)

    @property
    def _binding(self) -> Unit | None:
        """The unit that is busy longest, if it is busy for more than half of the span."""
        busiest = max(Unit, key=lambda unit: (self.busy[unit], -unit.spec.precedence))
        return busiest if 2 * self.busy[busiest] > self.span else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCounters(Noun):
    """A whole run: the counters of its ops, and of the chip, which are their sum.

    `unrolled_iterations` are the iterations of loops that were walked one by one before the loops' period was found.
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
            "bank_conflict_cycles": sum(op.bank_conflict_cycles for op in self.ops),
        }
        for name, value in sums.items():
            if value != getattr(self.total, name):
                raise InvalidValue(f"total.{name}", getattr(self.total, name), f"must be the sum of the ops, {value}")
