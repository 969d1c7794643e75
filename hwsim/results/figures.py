"""Figures of a run: energy line by line, efficiency, silicon, and what binds its time."""

from dataclasses import fields
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.array import Rate
from hwsim.hardware.chip import Chip
from hwsim.hardware.prices import Component, Confidence, UnitPrice
from hwsim.quantities.fields import Hertz, Nanometres, Volts, Watts
from hwsim.quantities.later import Later
from hwsim.quantities.noun import Name, Noun, Remark, Table, Whole
from hwsim.quantities.plain_data import Objective
from hwsim.quantities.precision import Precision
from hwsim.schedule.counters import Tally
from hwsim.schedule.unit_table import Limit, Relief

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
    clock: AttojouleCount = 0  # the clock's tree
    control: AttojouleCount = 0  # sequencers and instructions
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Noun):
    """Process, clock and supply of a run, and what its schedule makes least. `asked_clock` is the chip's own; a power
    cap may have lowered the clock."""

    point: Name | None
    node: Nanometres
    voltage: Volts
    memory_voltage: Volts
    asked_clock: Hertz
    clock: Hertz
    power_cap: Watts | None
    objective: Objective


@dataclass(frozen=True, slots=True, kw_only=True)
class Areas(Noun):
    """Square millimetres of the cells of all cores, by component; control, pads and the DRAM's interface are not among
    them.

    `placed_mm2` is what a chip with these cells takes, by the shares that the price table states (`placed_by`): cells
    cover only a part of the silicon on which they are placed, and a part of the chip is none of these components.
    """

    array_mm2: float
    accumulators_mm2: float
    vector_mm2: float
    scratchpad_mm2: float
    total_mm2: float
    placed_mm2: float | None
    placed_by: Remark | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TileAreas(Noun):
    """Square millimetres of tiles by what they are made of; wires, control and what programs the cells are not
    counted."""

    cells_mm2: float
    drivers_mm2: float
    converters_mm2: float
    adders_mm2: float
    total_mm2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalogAreas(Noun):
    """Square millimetres of all chips: of tiles by what they are made of, vector lanes, and scratchpads; control, pads
    and the DRAM's interface are not counted."""

    tiles: TileAreas
    vector_mm2: float
    scratchpad_mm2: float
    total_mm2: float


class PeakLimit(Enum):
    """What keeps an array from more products a cycle."""

    ARRAY = "array"  # all of it works in every cycle
    SCRATCHPAD_READ = "scratchpad_read"  # operands come no faster through the scratchpad's read port
    WEIGHT_LOAD = "weight_load"  # what stays in the array is loaded while nothing streams


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachablePeak(Noun):
    """Products a cycle of one mode: those that the array can make, and those that can be fed.

    A full array takes `operand_bytes_per_cycle` from the scratchpad, whose port gives `port_bytes_per_cycle`.
    """

    mode: Precision
    macs_per_cycle: Rate
    reachable_macs_per_cycle: Fraction
    limit: PeakLimit
    operand_bytes_per_cycle: Fraction
    port_bytes_per_cycle: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency(Noun):
    """What a run did for its energy. An operation is half a multiplication with addition.

    Peak is the array in the mode with most products, full in every cycle, fed from the scratchpad and drained into the
    accumulators, without DRAM and vector unit. `reachable_tops` is what of `peak_tops` the scratchpad's port can feed,
    and `peak_limit` what keeps it from more.

    A chip that hears audio as it comes works for its `duty_cycle` of the time. For the rest it draws static power, of
    which a power-gated chip has no leakage: `standby_per_audio_second_mj`, which is not in the energy of the run; the
    standby of DRAM is in neither. `energy_low_mj` and `energy_high_mj` are the run's energy at the least and the most
    that the price table says of a bit of its DRAM.
    """

    mode: Precision | None
    average_power_w: float
    tops: float
    tops_per_watt: float
    peak_tops: float | None
    reachable_tops: float | None
    peak_limit: PeakLimit | None
    peak_tops_per_watt: float | None
    peak_tops_per_mm2: float | None
    energy_per_audio_second_mj: float
    standby_per_audio_second_mj: float
    duty_cycle: float
    energy_low_mj: float | None
    energy_high_mj: float | None
    utterances_per_joule: float
    energy_delay_js: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyGroups(Tally):
    """Attojoules in six groups: what INT4 saves goes into them in different ways."""

    mac: AttojouleCount = 0
    movement: AttojouleCount = 0  # on the chip: registers, accumulators, scratchpad, wires, converters
    vector: AttojouleCount = 0
    control: AttojouleCount = 0  # and the clock's tree
    dram: AttojouleCount = 0
    leakage: AttojouleCount = 0  # and idle power


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergySplit(Noun):
    """Where one precision's energy goes, and how much of what it saves against the first one each group saves.

    `saved_aj` sums to the difference of the energies exactly; a group that grew stands with a negative number.
    """

    precision: Name
    energy_aj: EnergyGroups
    saved_aj: Annotated[tuple[tuple[Name, int], ...], Table()]


def ratio(part: int | Fraction, whole: int | Fraction) -> float:
    """A quotient, taken once; nothing of nothing is nothing.

    >>> ratio(1, 4), ratio(0, 0)
    (0.25, 0.0)
    """
    return float(Fraction(part) / Fraction(whole)) if whole else 0.0


Count = Annotated[int, Whole(low=0, high=2**62)]


NO_GAIN = Fraction(1, 200)
"""A share of a run's time that is not worth a figure."""


def outlasting(host_ms: float, launch_ms: float, on_chip_ms: float) -> str | None:
    """What beside the chip takes longer than so many milliseconds on it; None if nothing does.

    >>> outlasting(2.0, 3.0, 2.5), outlasting(2.0, 3.0, 3.0)
    ('starting programs and ops', None)
    """
    longest, what = max((host_ms, "the host"), (launch_ms, "starting programs and ops"))
    return what if longest > on_chip_ms else None


class Awaited(Enum):
    """What ops load for the most part."""

    WEIGHTS = "weights"  # parameters and inputs: what the program is given
    ACTIVATIONS = "activations"  # what its ops made


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf(Noun):
    """The same steps in the same order, on a chip of which one thing is twice as fast.

    Then `limit` binds: of all limits of ops it is the one with which most of the chip's time goes, `limit_cycles`.
    """

    relief: Relief
    cycles: Count
    latency_ms: float
    limit: Limit
    limit_cycles: Count

    def check(self) -> None:
        if self.limit_cycles > self.cycles:
            raise InvalidValue("limit_cycles", self.limit_cycles, f"must be at most {self.cycles} of the run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis(Later, Noun):
    """The part of the network that takes most time, and the limit with which most of that part's time goes.

    `limit_cycles` are the part's cycles in ops with that limit; `awaited` is what they load, where that is the limit.
    `binds` is the limit with which most of the whole run's time goes, `binds_cycles`. `what_ifs` are all reliefs, one
    at a time; none, if the units of an eased chip find no common period soon enough. Where neither that of the limit
    nor the bandwidth gains anything, something else is as slow as what binds: `beside` is the relief that gains most
    together with that of the limit. These two may be made when somebody reads one of them.
    """

    part: Name
    part_cycles: Count
    limit: Limit
    limit_cycles: Count
    awaited: Awaited | None
    binds: Limit
    binds_cycles: Count
    what_ifs: tuple[WhatIf, ...]
    beside: WhatIf | None = None

    def check(self) -> None:
        if self.limit_cycles > self.part_cycles:
            raise InvalidValue("limit_cycles", self.limit_cycles, f"must be at most {self.part_cycles} of the part")
        asked = [what_if.relief for what_if in self.what_ifs]
        if asked and tuple(asked) not in (Relief.on(1), Relief.on(2)):
            raise InvalidValue("what_ifs", [relief.value for relief in asked], "must be all reliefs, one at a time")
        if self.beside is not None and self.beside.relief is self.limit.relief:
            raise InvalidValue("beside", self.beside.relief.value, "must be another relief than that of the limit")

    @property
    def eased(self) -> WhatIf:
        """What easing this limit would give, if what-ifs were asked."""
        return self.of(self.limit.relief)

    @property
    def best(self) -> WhatIf:
        """The relief that alone gains most; of equal ones that of the limit, then the first."""
        return min(self.what_ifs, key=lambda what_if: (what_if.cycles, what_if.relief is not self.limit.relief))

    def of(self, relief: Relief) -> WhatIf:
        """What one relief would give."""
        return next(what_if for what_if in self.what_ifs if what_if.relief is relief)


def peaks(chip: Chip) -> tuple[ReachablePeak, ...]:
    """The peak of each mode of the chip's array, with operands of just that format."""
    return tuple(reachable_peak(chip, mode, mode.bits, mode.bits) for mode in chip.array.modes)


@lru_cache(maxsize=1024)
def reachable_peak(chip: Chip, mode: Precision, act_bits: int, weight_bits: int) -> ReachablePeak:
    """The peak of a core in one mode, for operands of those widths in the scratchpad.

    It bounds every product, however large: the operands that the array reads anew in each cycle must pass the
    scratchpad's read port. `docs/model.md` derives it.
    """
    most, feed = chip.arrays * chip.array.macs_per_cycle(mode), chip.array.feed(mode, act_bits, weight_bits)
    loading, entering = feed.loading, chip.arrays * feed.bytes_per_cycle
    reading = entering / chip.scratchpad.read
    if max(loading, reading) <= 1:
        limit = PeakLimit.ARRAY
    else:
        limit = PeakLimit.SCRATCHPAD_READ if reading >= loading else PeakLimit.WEIGHT_LOAD
    return ReachablePeak(
        mode=mode,
        macs_per_cycle=most,
        reachable_macs_per_cycle=most / max(Fraction(1), loading, reading),
        limit=limit,
        operand_bytes_per_cycle=entering,
        port_bytes_per_cycle=Fraction(chip.scratchpad.read),
    )
