"""The energy of a run: counters times prices, in whole attojoules.

Silicon is that of the cells of the array and of the sums under it, as its kind says, of vector lanes and of the
scratchpad. What a chip with them takes besides is a share that the price table states.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from fractions import Fraction
from functools import lru_cache

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.array import ComputeArray
from hwsim.hardware.chip import Chip, Machine
from hwsim.hardware.prices import Component, Confidence, PriceTable, UnitPrice
from hwsim.price.book import Entry, PriceBook, Term, area_factor, area_of, leakage_factor, whole
from hwsim.price.rules import (
    accumulator_price,
    adc_price,
    add_term,
    additions_price,
    beside_logic,
    check_lanes,
    converter_area,
    dac_price,
    dram_price,
    exchange_price,
    gated_mac_price,
    interconnect_price,
    lane_price,
    mac_price,
    multiply_term,
    register_price,
    scratchpad_price,
    shared_adder_price,
)
from hwsim.quantities.precision import Precision
from hwsim.results.figures import Components, Energy, EnergyLine, OpEnergy
from hwsim.results.measured import NOTHING, Measured
from hwsim.schedule.counters import OpCounters, Work

ATTO = 10**18


@dataclass(frozen=True, slots=True)
class BookPrices:
    """The energies of an array's parts, by a price book (`PartPrices` in `hardware/array_parts.py`)."""

    book: PriceBook[Machine]

    def mac(self, mode: Precision, packed: int, sum_bits: int, *, gated: bool) -> UnitPrice:
        return (gated_mac_price if gated else mac_price)(self.book, mode, packed, sum_bits)

    def additions(
        self, action: str, bits: int | Fraction, *, gates: Fraction = Fraction(0), floating: int = 0
    ) -> UnitPrice:
        return additions_price(self.book, action, Fraction(bits), gates, floating)

    def partial_sum(self, mode: Precision, bits: int, entries: int | None) -> UnitPrice:
        return accumulator_price(self.book, mode, bits, entries)

    def adc(self, bits: int) -> UnitPrice:
        return adc_price(self.book, bits)

    def dac(self, bits: int) -> UnitPrice:
        return dac_price(self.book, bits)


@dataclass(frozen=True, slots=True)
class BookAreas:
    """The areas of an array's parts, by a price book (`PartAreas` in `hardware/array_parts.py`)."""

    book: PriceBook[Machine]

    def multiplier(self, mode: Precision) -> Fraction:
        return _area(multiply_term(self.book, mode, with_area=True))

    def adder(self, bits: int) -> Fraction:
        return _area(add_term(self.book, Fraction(bits), "", with_area=True))

    def floating_adder(self) -> Fraction:
        return _area(whole(self.book.need("add", Precision.FP32, with_area=True)))

    def gates(self, count: int) -> Fraction:
        return area_of(self.book.need("gate", with_area=True)) * count

    def registers(self, bits: int) -> Fraction:
        register = self.book.need("register", with_area=True)
        return area_of(register) * bits / int(register.quote.bits)

    def memory(self, bits: int) -> Fraction:
        if not bits:
            return Fraction(0)
        density = self.book.need("sram_area")
        return area_of(density) * bits / int(density.quote.bits)

    def adc(self, bits: int) -> Fraction:
        return converter_area(self.book, "adc", bits)

    def dac(self, bits: int) -> Fraction:
        return converter_area(self.book, "dac", bits)


def _area(term: Term) -> Fraction:
    return area_of(term.entry) * term.times


@dataclass(frozen=True, slots=True)
class CoreArea:
    """Square micrometres of one core, by component."""

    array: Fraction
    accumulators: Fraction
    vector: Fraction
    scratchpad: Fraction

    @property
    def total(self) -> Fraction:
        return self.array + self.accumulators + self.vector + self.scratchpad


def placed_share(book: PriceBook[Machine]) -> tuple[Fraction, str] | None:
    """How much of a chip are the cells of its parts, by the table, and by which of its entries; None if it does not say
    how densely cells lie."""
    density, uncore = book.find("cell_density"), book.find("uncore")
    if density is None:
        return None
    others = Fraction(0) if uncore is None else uncore.quote.share
    entries = (density,) if uncore is None else (density, uncore)
    by = "; ".join(f"{one.path} {float(one.quote.share):g} %, {one.quote.sure.value}" for one in entries)
    return density.quote.share * (100 - others) / 10_000, by


def core_area(book: PriceBook[Chip]) -> CoreArea:
    """The area of one core of the chip."""
    chip, areas = book.chip, BookAreas(book)
    array = chip.array.area(areas)
    return CoreArea(
        array=chip.arrays * array.array,
        accumulators=chip.arrays * array.accumulators,
        vector=lanes_area(book),
        scratchpad=areas.memory(chip.scratchpad.size * 8),
    )


def lanes_area(book: PriceBook[Machine]) -> Fraction:
    """The area of the lanes of a vector unit."""
    lane = sum(area_of(book.need(part, Precision.FP16, with_area=True)) for part in ("multiply", "add"))
    return Fraction(book.chip.vector.lanes * lane)


def static_prices(book: PriceBook[Chip], core: CoreArea) -> tuple[UnitPrice, ...]:
    """One price for a cycle of each part of the chip, all cores together."""
    parts = {
        "array": (core.array, False),
        "accumulators": (core.accumulators, True),
        "vector unit": (core.vector, False),
        "scratchpad": (core.scratchpad, True),
    }
    return leakage_prices(book, {part: (book.chip.cores * area, memory) for part, (area, memory) in parts.items()})


def leakage_prices(book: PriceBook[Machine], parts: Mapping[str, tuple[Fraction, bool]]) -> tuple[UnitPrice, ...]:
    """One price for a cycle of each part, given by its area and whether it has the supply of memories, and of idle
    power."""
    chip = book.chip
    entry = book.need("leakage")
    prices = [_leakage(book, entry, part, area, memory) for part, (area, memory) in parts.items() if area]
    if chip.idle_power:
        prices.append(
            UnitPrice(
                action="idle power, a cycle",
                component=Component.IDLE,
                exact=chip.idle_power * ATTO / chip.clock,
                basis=f"idle_power {float(chip.idle_power):g} W / clock",
                sources=(dict(chip.sources).get("idle_power", f"chip {chip.name}"),),
                sure=Confidence.ASSUMED,
            )
        )
    return tuple(prices)


def _leakage(book: PriceBook[Machine], entry: Entry, part: str, um2: Fraction, memory: bool) -> UnitPrice:
    """Leakage of an area: the published power of an area, both brought to the chip's process.

    That memories leak as much as logic of their area is an assumption.
    """
    quote, here, there = entry.quote, book.technology, entry.layer.technology
    node, voltage = quote.node or there.node, quote.voltage or there.voltage
    power = quote.power * leakage_factor(node, voltage, here.node, here.memory_voltage if memory else here.voltage)
    density = power / (quote.area * area_factor(node, here.node))
    return UnitPrice(
        action=f"leakage of {part}, a cycle",
        component=Component.LEAKAGE,
        exact=density * um2 * ATTO / book.chip.clock,
        basis=f"{entry.path}: {float(density * 10**9):.3g} mW/mm2 · {float(um2 / 10**6):.3g} mm2 / clock",
        sources=(entry.source,),
        sure=Confidence.ASSUMED,
        overridden=entry.layer.overrides,
    )


Charge = tuple[UnitPrice, int]


def price(ops: Sequence[OpCounters], chip: Chip, table: PriceTable, measured: Measured = NOTHING) -> Energy:
    """The energy of every op, by its counters and by the counts `measured` on its values.

    Each unit price is rounded once; all sums are exact from there on.
    """
    tariff = Tariff.of(PriceBook(chip, table))
    zeros = dict(measured.zero_products)
    for op in ops:
        check_zeros(op.name, zeros.get(op.name, 0), op.mode, op.work.macs)
    charges = {op.name: tuple(tariff.charges(op.mode, op.work, op.cycles, zeros.get(op.name, 0))) for op in ops}
    lines = _lines(charge for op in ops for charge in charges[op.name])
    return Energy(
        ops=tuple(OpEnergy(name=op.name, components=_components(charges[op.name])) for op in ops),
        prices=tuple(unit for unit, _ in lines),
        lines=tuple(energy_line(unit, count) for unit, count in lines),
    )


@dataclass(frozen=True, eq=False)
class Tariff:
    """The unit prices of one chip, worked out when a count first needs them, and the silicon of a core."""

    book: PriceBook[Chip]
    core: CoreArea
    lane: UnitPrice
    scratchpad: UnitPrice
    interconnect: UnitPrice
    exchange: UnitPrice | None
    """A byte between cores, where there are several."""
    dram: UnitPrice
    register: UnitPrice
    shared_adder: UnitPrice
    static: tuple[UnitPrice, ...]
    _prices: dict[object, UnitPrice] = field(default_factory=dict)
    _driven: dict[str, tuple[UnitPrice, ...]] = field(default_factory=dict)

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, book: PriceBook[Chip]) -> "Tariff":
        core = core_area(book)
        check_lanes(book)
        return cls(
            book=book,
            core=core,
            lane=lane_price(book),
            scratchpad=scratchpad_price(book),
            interconnect=interconnect_price(book, core.total),
            exchange=_exchange(book, core),
            dram=dram_price(book, book.chip.dram.type),
            register=register_price(book),
            shared_adder=shared_adder_price(book),
            static=static_prices(book, core),
        )

    def mac(self, mode: Precision, *, gated: bool = False) -> UnitPrice:
        """One product in that mode."""
        return self._once((mode, gated), lambda: self._array.mac_price(self._parts, mode, gated=gated))

    def sums(self, mode: Precision) -> UnitPrice:
        """One sum of that mode, read or written under the array."""
        return self._once((mode, None), lambda: self._array.partial_sum_price(self._parts, mode))

    @property
    def _array(self) -> ComputeArray:
        return self.book.chip.array

    @property
    def _parts(self) -> BookPrices:
        return BookPrices(self.book)

    def _once(self, key: object, work_out: Callable[[], UnitPrice]) -> UnitPrice:
        if key not in self._prices:
            self._prices[key] = work_out()
        return self._prices[key]

    def products(self, mode: Precision, count: int, *, gated: bool = False) -> Iterator[Charge]:
        """Everything that products in that mode are charged for: gated ones too for the clock's tree and control, which
        go on when the inputs of a multiplier are held."""
        yield self.mac(mode, gated=gated), count
        for unit in self._beside(self.mac(mode)):
            yield unit, count

    def clocked(self, logic: UnitPrice, count: int) -> Iterator[Charge]:
        """Actions of logic, with the clock's tree and control beside them."""
        yield logic, count
        for unit in self._beside(logic):
            yield unit, count

    def _beside(self, logic: UnitPrice) -> tuple[UnitPrice, ...]:
        if logic.action not in self._driven:
            self._driven[logic.action] = beside_logic(self.book, logic)
        return self._driven[logic.action]

    def charges(self, mode: Precision | None, work: Work, cycles: int, zeros: int = 0) -> Iterator[Charge]:
        """Everything that an op is charged for whose products are made in that mode, `zeros` of them gated."""
        if mode is not None:
            yield from self.products(mode, work.macs - zeros)
            if zeros:
                yield from self.products(mode, zeros, gated=True)
            yield self.sums(mode), work.accumulator_reads + work.accumulator_writes
        yield from self.clocked(self.register, work.array_register_bits)
        if work.array_shared_adder_bits:
            yield from self.clocked(self.shared_adder, work.array_shared_adder_bits)
        port_bytes = work.scratchpad_read_bytes + work.scratchpad_write_bytes
        yield self.scratchpad, port_bytes
        yield self.interconnect, port_bytes
        if self.exchange is not None:
            yield self.exchange, work.exchange_bytes
        yield self.dram, work.dram_read_bytes + work.dram_write_bytes
        yield from self.clocked(self.lane, work.vector_lane_cycles)
        for unit in self.static:
            yield unit, cycles


def _exchange(book: PriceBook[Chip], core: CoreArea) -> UnitPrice | None:
    chip = book.chip
    if chip.cores == 1:
        return None
    length = None if chip.interconnect is None else chip.interconnect.length
    return exchange_price(book, chip.cores * core.total, length)


def check_zeros(name: str, zeros: int, mode: Precision | None, macs: int) -> None:
    """Refuse more products with a factor zero than the op has on the array."""
    if mode is not None and not 0 <= zeros <= macs:
        raise InvalidValue(f"zero_products.{name}", zeros, f"the op has {macs} products")


def _components(charges: Iterable[Charge]) -> Components:
    spent = dict.fromkeys((component.value for component in Component), 0)
    for unit, count in charges:
        spent[unit.component.value] += unit.attojoules * count
    return Components(**spent)


def _lines(charges: Iterable[Charge]) -> list[Charge]:
    """The same charges, each action once, in the order of the components."""
    counts: dict[str, int] = {}
    units: dict[str, UnitPrice] = {}
    for unit, count in charges:
        assert units.setdefault(unit.action, unit) is unit, "an action has one price"
        counts[unit.action] = counts.get(unit.action, 0) + count
    order = list(Component)
    units_in_order = sorted(units.values(), key=lambda unit: order.index(unit.component))
    return [(unit, counts[unit.action]) for unit in units_in_order]


def energy_line(unit: UnitPrice, count: int) -> EnergyLine:
    """What an action costs in all."""
    return EnergyLine(
        component=unit.component,
        action=unit.action,
        count=count,
        exact_unit_aj=unit.exact,
        unit_aj=unit.attojoules,
        energy_aj=unit.attojoules * count,
        basis=unit.basis,
        sources=unit.sources,
        sure=unit.sure,
        overridden=unit.overridden,
        others=unit.others,
    )
