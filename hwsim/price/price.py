"""Counters times prices: the energy of a run in whole attojoules."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from hwsim.errors import InvalidValue
from hwsim.hardware.array import ComputeArray
from hwsim.hardware.chip import Chip
from hwsim.hardware.prices import PriceTable
from hwsim.hardware.unit_price import Component, UnitPrice
from hwsim.price.area import core_area
from hwsim.price.book import PriceBook
from hwsim.price.memory import dram_price, interconnect_price, scratchpad_price
from hwsim.price.parts import BookPrices
from hwsim.price.rules import lane_price, register_price
from hwsim.price.static_power import static_prices
from hwsim.quantities.precision import Precision
from hwsim.results.energy import Components, Energy, EnergyLine, OpEnergy
from hwsim.results.measured import NOTHING, Measured
from hwsim.schedule.counters import OpCounters

Charge = tuple[UnitPrice, int]


def price(ops: Sequence[OpCounters], chip: Chip, table: PriceTable, measured: Measured = NOTHING) -> Energy:
    """The energy of every op, by its counters and by what was `measured` on its values.

    Each unit price is rounded once; all sums are exact from there on.
    """
    tariff = Tariff.of(PriceBook(chip, table))
    zeros = dict(measured.zero_products)
    charges = {op.name: tuple(tariff.charges(op, zeros.get(op.name, 0))) for op in ops}
    lines = _lines(charge for op in ops for charge in charges[op.name])
    return Energy(
        ops=tuple(OpEnergy(name=op.name, components=_components(charges[op.name])) for op in ops),
        prices=tuple(unit for unit, _ in lines),
        lines=tuple(_line(unit, count) for unit, count in lines),
    )


@dataclass(frozen=True, eq=False)
class Tariff:
    """The unit prices of one chip, worked out when a count first needs them."""

    book: PriceBook
    lane: UnitPrice
    scratchpad: UnitPrice
    interconnect: UnitPrice
    dram: UnitPrice
    register: UnitPrice
    static: tuple[UnitPrice, ...]
    _found: dict[object, UnitPrice] = field(default_factory=dict)

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, book: PriceBook) -> "Tariff":
        core = core_area(book)
        return cls(
            book=book,
            lane=lane_price(book),
            scratchpad=scratchpad_price(book),
            interconnect=interconnect_price(book, core.total),
            dram=dram_price(book, book.chip.dram.type),
            register=register_price(book),
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
        if key not in self._found:
            self._found[key] = work_out()
        return self._found[key]

    def charges(self, op: OpCounters, zeros: int) -> Iterator[Charge]:
        """Everything that one op is charged for."""
        work = op.work
        if op.mode is not None:
            if not 0 <= zeros <= work.macs:
                raise InvalidValue(f"zero_products.{op.name}", zeros, f"the op has {work.macs} products")
            yield self.mac(op.mode), work.macs - zeros
            if zeros:
                yield self.mac(op.mode, gated=True), zeros
            yield self.sums(op.mode), work.accumulator_reads + work.accumulator_writes
        yield self.register, work.array_register_bits
        port_bytes = work.scratchpad_read_bytes + work.scratchpad_write_bytes
        yield self.scratchpad, port_bytes
        yield self.interconnect, port_bytes
        yield self.dram, work.dram_read_bytes + work.dram_write_bytes
        yield self.lane, work.vector_lane_cycles
        for unit in self.static:
            yield unit, op.cycles


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


def _line(unit: UnitPrice, count: int) -> EnergyLine:
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
