"""The efficiency of chips and runs: power, operations a joule, silicon, and the energy that plans are chosen by."""

from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from fractions import Fraction
from functools import lru_cache
from operator import attrgetter, mul

from hwsim.dataclass import dataclass
from hwsim.hardware.chip import Chip, Machine
from hwsim.hardware.prices import Component, PriceTable, UnitPrice
from hwsim.ir.workload import Workload
from hwsim.mapping.choice import Aim, WorkByMode
from hwsim.price.book import PriceBook
from hwsim.price.energy_columns import rates_of
from hwsim.price.price import Tariff, placed_share, price
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.plain_data import Objective
from hwsim.quantities.precision import Precision
from hwsim.results.figures import (
    Areas,
    Components,
    Efficiency,
    EnergyGroups,
    EnergySplit,
    Operation,
    ratio,
    reachable_peak,
)
from hwsim.results.measured import Measured
from hwsim.schedule.counters import OpCounters, Stalls, Units, Work
from hwsim.study.priced_run import PricedRun

ATTO = 10**18
TERA = 10**12


def efficiency(workload: Workload, run: PricedRun) -> Efficiency:
    """The figures of one run, each taken once from integers."""
    chip, cycles = run.chip, run.columns.cycles
    spent = run.energy.components.total
    seconds = chip.latency(cycles, workload.host_seconds, run.columns.dispatched)
    joules = Fraction(spent, ATTO)
    operations = 2 * sum(run.columns.macs)
    mode = run.main_mode
    peak = None if mode is None else _peak(run.tariff, mode)
    reach = None if mode is None else reachable_peak(chip, mode, mode.bits, mode.bits)
    tera_ops = tera_ops_of(chip)
    peak_tops = None if reach is None else tera_ops * reach.macs_per_cycle
    mm2 = run.tariff.core.total * chip.cores / 10**6
    duty, standby = standby_of(chip, run.tariff.static, cycles, workload)
    return Efficiency(
        mode=mode,
        average_power_w=ratio(joules, seconds),
        tops=ratio(operations, seconds * TERA),
        tops_per_watt=ratio(operations, joules * TERA),
        peak_tops=None if peak_tops is None else float(peak_tops),
        reachable_tops=None if reach is None else float(tera_ops * reach.reachable_macs_per_cycle),
        peak_limit=None if reach is None else reach.limit,
        peak_tops_per_watt=None if peak is None else peak.tops_per_watt,
        peak_tops_per_mm2=None if peak_tops is None else ratio(peak_tops, mm2),
        energy_per_audio_second_mj=ratio(joules * 1000, Fraction(workload.audio_seconds) * workload.utterances),
        standby_per_audio_second_mj=standby,
        duty_cycle=duty,
        energy_low_mj=_at(run, joules, run.tariff.dram.low),
        energy_high_mj=_at(run, joules, run.tariff.dram.high),
        utterances_per_joule=ratio(workload.utterances, joules),
        energy_delay_js=float(joules * seconds),
    )


def tera_ops_of(chip: Chip) -> Fraction:
    """Operations a second, in tera, of one product a cycle on each core."""
    return Fraction(2 * chip.cores * chip.clock, TERA)


def standby_of(chip: Machine, static: Iterable[UnitPrice], cycles: int, workload: Workload) -> tuple[float, float]:
    """The share of the audio's time in which a chip works, and the millijoules that it draws for each second of audio
    while it does not: while it waits for audio, or for the host. A run of these cycles has its own static energy.

    A power-gated chip leaks nothing meanwhile; idle power is drawn all the same.
    """
    audio = Fraction(workload.audio_seconds)
    duty = min(Fraction(1), Fraction(cycles, chip.clock) / audio) if audio else Fraction(1)
    drawn = (unit for unit in static if not (chip.power_gated and unit.component is Component.LEAKAGE))
    watts = Fraction(sum(unit.attojoules for unit in drawn) * chip.clock, ATTO)
    return float(duty), ratio(1000 * (1 - duty) * watts, workload.utterances)


def _at(run: PricedRun, joules: Fraction, dram_byte: Fraction | None) -> float | None:
    """The energy of the run in mJ, if a byte of the DRAM took so many attojoules."""
    if dram_byte is None:
        return None
    moved = sum(line.count for line in run.energy.lines if line.component is Component.DRAM)
    return float(1000 * (joules + moved * (dram_byte - run.tariff.dram.attojoules) / ATTO))


@dataclass(frozen=True, slots=True)
class Peak:
    """The energy of one full tile of the array, and how many products it makes."""

    components: Components
    macs: int

    @property
    def per_mac_aj(self) -> Fraction:
        return Fraction(self.components.total, self.macs)

    @property
    def tops_per_watt(self) -> float:
        """Operations a joule, in tera."""
        return float(2 / (self.per_mac_aj / ATTO) / TERA)


def peak_energy(chip: Chip, table: PriceTable, mode: Precision, zeros: Fraction = Fraction(0)) -> Peak:
    """The energy of one full tile of each array in the steady state, which takes the longer of the array's time and its
    operands' time on the scratchpad's port. A fraction `zeros` of the products has a factor that is zero, for a chip
    that gates such products.
    """
    full, arrays = chip.array.full_tile(mode), chip.cores * chip.arrays
    entering = chip.arrays * full.operand_bytes
    cycles, macs = max(full.cycles, -(-entering // chip.scratchpad.read)), arrays * full.work.macs
    work = replace(full.work * arrays, scratchpad_read_bytes=chip.cores * entering)
    tile = OpCounters(
        name="peak", kind="gemm", mode=mode, times=1, macs=macs, cycles=cycles, busy=Units(array=cycles),
        stalls=Stalls(), span=cycles, work=work,
    )  # fmt: skip
    measured = Measured(zero_products=((tile.name, int(zeros * macs)),))
    return Peak(price([tile], chip, table, measured).components, macs)


@lru_cache(maxsize=256)
def _peak(tariff: Tariff, mode: Precision) -> Peak:
    """The energy of a full tile on the chip with these prices."""
    return peak_energy(tariff.book.chip, tariff.book.table, mode)


def areas(tariff: Tariff) -> Areas:
    """The silicon of all cores."""
    core, placed = tariff.core, placed_share(tariff.book)

    def mm2(um2: Fraction) -> float:
        return float(um2 * tariff.book.chip.cores / 10**6)

    return Areas(
        array_mm2=mm2(core.array),
        accumulators_mm2=mm2(core.accumulators),
        vector_mm2=mm2(core.vector),
        scratchpad_mm2=mm2(core.scratchpad),
        total_mm2=mm2(core.total),
        placed_mm2=None if placed is None else mm2(core.total / placed[0]),
        placed_by=None if placed is None else placed[1],
    )


def operation(
    book: PriceBook[Chip], point: str | None, asked_clock: int, power_cap: Fraction | None, objective: Objective
) -> Operation:
    """The process, clock and supply at which a chip ran, and the objective of its plan."""
    technology = book.technology
    return Operation(
        point=point,
        node=technology.node,
        voltage=technology.voltage,
        memory_voltage=technology.memory_voltage,
        asked_clock=asked_clock,
        clock=book.chip.clock,
        power_cap=power_cap,
        objective=objective,
    )


def groups(components: Components) -> EnergyGroups:
    """Components in six groups."""
    c = components
    return EnergyGroups(
        mac=c.mac,
        movement=c.registers + c.accumulators + c.scratchpad + c.interconnect + c.converters,
        vector=c.vector,
        dram=c.dram,
        control=c.clock + c.control,
        leakage=c.leakage + c.idle,
    )


def energy_split(precision: str, spent: Components, first: Components) -> EnergySplit:
    """The energy that one precision spends, and that it saves against the first precision, by group."""
    now, before = groups(spent), groups(first)
    saved = {f.name: getattr(before, f.name) - getattr(now, f.name) for f in fields(EnergyGroups)}
    return EnergySplit(precision=precision, energy_aj=now, saved_aj=sorted_pairs(saved))


def aim_of(objective: Objective, chip: Chip, table: PriceTable) -> Aim:
    """The objective, with the energy of runs on a chip with these prices."""
    return Aim(objective, EnergyOf(Tariff.of(PriceBook(chip, table))))


@dataclass(frozen=True, eq=False)
class EnergyOf:
    """The energy of a run with some work that takes so many cycles, in attojoules: not divided among its ops.

    Energy is a sum of counts times prices. The saving of gated products is left out: it is the same in every schedule.
    """

    tariff: Tariff

    def __call__(self, work: WorkByMode, cycles: int) -> int:
        spent = sum(sum(map(mul, _counts(of_mode), self._prices(mode)[0])) for mode, of_mode in work.items())
        return spent + cycles * self._prices(None)[1]

    def _prices(self, mode: Precision | None) -> tuple[tuple[int, ...], int]:
        """What one of each counter of work in a mode takes, and what a cycle takes."""
        return _whole_rates(self.tariff, mode)


_counts: Callable[[Work], tuple[int, ...]] = attrgetter(*Work.__slots__)


@lru_cache(maxsize=256)
def _whole_rates(tariff: Tariff, mode: Precision | None) -> tuple[tuple[int, ...], int]:
    """The rates of energy over all components."""
    *counters, cycle = rates_of(tariff, (mode,)).exact[0].sum(axis=1).tolist()
    return tuple(counters), cycle
