"""Nouns of what a run did for its energy, on how much silicon, at which clock and supply."""

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Annotated

from hwsim.hardware.array import Rate
from hwsim.hardware.objective import Objective
from hwsim.quantities.noun import Name, Noun, Table
from hwsim.quantities.precision import Precision
from hwsim.quantities.units import Hertz, Nanometres, Volts, Watts
from hwsim.results.energy import AttojouleCount
from hwsim.schedule.counters import Tally


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
    """Square millimetres of all cores, by component; control, pads and the DRAM's interface are not counted."""

    array_mm2: float
    accumulators_mm2: float
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
    utterances_per_joule: float
    energy_delay_js: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyGroups(Tally):
    """Attojoules in five groups: what INT4 saves goes into them in different ways."""

    mac: AttojouleCount = 0
    movement: AttojouleCount = 0  # on the chip: registers, accumulators, scratchpad, wires, converters
    vector: AttojouleCount = 0
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
