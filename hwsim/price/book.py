"""What the entries of a price table are worth on a chip: overrides first, scaled to its process and supply."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.hardware.prices import Confidence, Constants, OtherPrice, Price, PriceTable, Quote, TechnologyTable
from hwsim.hardware.unit_price import Component, UnitPrice
from hwsim.price.scaling import area_factor, energy_factor


@dataclass(frozen=True, slots=True)
class Technology:
    """A process, the supply of its logic, and that of its memories."""

    node: Fraction
    voltage: Fraction
    memory_voltage: Fraction


@dataclass(frozen=True, slots=True)
class Layer:
    """A set of entries, and the process and supply for which they hold unless they say otherwise."""

    name: str
    constants: Constants
    technology: Technology
    overrides: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A quoted number found in a layer; `factor` brings its energy (or power) to the chip, `area_factor` its area."""

    path: str
    quote: Any
    layer: Layer
    factor: Fraction
    area_factor: Fraction

    @property
    def energy(self) -> Fraction:
        energy: Fraction = self.quote.energy * self.factor
        return energy

    @property
    def scaled(self) -> str:
        """The factor as reports print it; empty if there is none."""
        return "" if self.factor == 1 else f" · {float(self.factor):.4g}"

    @property
    def source(self) -> str:
        source: str = self.quote.source
        return source


@dataclass(frozen=True)
class PriceBook:
    """The layers of entries that a chip's prices come from, the first that has an entry counts."""

    chip: Chip
    table: PriceTable

    @cached_property
    def technology(self) -> Technology:
        """What the chip is made in: its own node and voltages, or the table's."""
        voltage = self.chip.voltage or self.table.voltage
        return Technology(self.chip.node or self.table.node, voltage, self.chip.memory_voltage or voltage)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        found = []
        if self.chip.energy_override is not None:
            # An override stands for the table's entry, so it holds for the same process and supply.
            technology = Technology(self.table.node, self.table.voltage, self.table.voltage)
            found.append(Layer(self.chip.name, self.chip.energy_override, technology, overrides=True))
        for table in (self.table, *self.table.filled_from):
            assert isinstance(table, TechnologyTable), "tables by name are read with the one that names them"
            technology = Technology(table.node, table.voltage, table.voltage)
            found.append(Layer(table.name, table, technology, overrides=False))
        return tuple(found)

    def find(self, section: str, key: Any = None, *, memory: bool = False, with_area: bool = False) -> Entry | None:
        """The first layer's entry; of a section that is a table, that of the key."""
        return next(self._all(section, key, memory, with_area), None)

    def need(self, section: str, key: Any = None, *, memory: bool = False, with_area: bool = False) -> Entry:
        """The first layer's entry; without one the chip cannot be priced."""
        entry = self.find(section, key, memory=memory, with_area=with_area)
        if entry is None:
            raise self.lacking(section, key, "area" if with_area else "price")
        return entry

    def first_list(self, section: str, *, memory: bool = False) -> tuple[tuple[Any, Entry], ...]:
        """The entries of a section that is a list, all of one layer: that which has any."""
        for layer in self.layers:
            items = getattr(layer.constants, section)
            if items:
                return tuple(
                    (item, self._entry(layer, f"{section}[{n}]", item.price, memory)) for n, item in enumerate(items)
                )
        raise self.lacking(section)

    def first(self, read: Callable[[Constants], Any]) -> Any:
        """What the first layer says that says anything."""
        return next((value for layer in self.layers if (value := read(layer.constants)) is not None), None)

    def entry_of(self, layer: Layer, section: str, key: Any) -> Entry:
        """A layer's entry of a section that is a table."""
        return self._entry(layer, f"{section}.{key.value}", dict(getattr(layer.constants, section))[key], memory=False)

    def lacking(self, section: str, key: Any = None, what: str = "price") -> Unsupported:
        """The refusal of a chip whose tables lack an entry."""
        name = f"{section}: has no {what}"
        if key is not None:
            found = [entry for layer in self.layers for entry in getattr(layer.constants, section)]
            known = dict.fromkeys(known.value for known, price in found if what == "price" or price.area is not None)
            name += f" for {key.value}; it has {', '.join(known) or 'none'}"
        filled = [layer.name for layer in self.layers if not layer.overrides and layer.name != self.table.name]
        more = f" (nor have {', '.join(filled)})" if filled else ""
        return Unsupported(f"price table {self.table.name}: {name}{more}")

    def _all(self, section: str, key: Any, memory: bool, with_area: bool) -> Iterator[Entry]:
        for layer in self.layers:
            value = getattr(layer.constants, section)
            path = section
            if key is not None:
                value, path = dict(value).get(key), f"{section}.{key.value}"
            if value is not None and not (with_area and value.area is None):
                yield self._entry(layer, path, value, memory)

    def _entry(self, layer: Layer, path: str, quote: Quote, memory: bool) -> Entry:
        here, there = self.technology, layer.technology
        node = quote.node or there.node
        voltage = quote.voltage or (there.memory_voltage if memory else there.voltage)
        to = here.memory_voltage if memory else here.voltage
        name = path if layer.name == self.table.name else f"{layer.name}:{path}"
        match path.partition(".")[0]:
            case "dram":
                factor = Fraction(1)  # made in a process of its own
            case "wire":
                factor = (to / voltage) ** 2  # a millimetre of wire has the same capacitance in every process
            case _:
                factor = energy_factor(node, voltage, here.node, to)
        return Entry(name, quote, layer, factor, area_factor(node, here.node))


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a price: an entry, how often it is in it, and how that number is written."""

    entry: Entry
    times: Fraction
    written: str

    @property
    def energy(self) -> Fraction:
        return self.entry.energy * self.times

    @property
    def basis(self) -> str:
        return f"{self.entry.path}{self.written}{self.entry.scaled}"


def whole(entry: Entry) -> Term:
    """An entry as it is."""
    return Term(entry, Fraction(1), "")


def unit_price(action: str, component: Component, *terms: Term, at_best: Confidence = Confidence.READ) -> UnitPrice:
    """The sum of its terms: as sure as the least sure of them, and of the rule that put them together."""
    doubts = [at_best, *(term.entry.quote.sure for term in terms)]
    return UnitPrice(
        action=action,
        component=component,
        exact=sum((term.energy for term in terms), Fraction(0)),
        basis=" + ".join(term.basis for term in terms),
        sources=tuple(dict.fromkeys(term.entry.source for term in terms)),
        sure=max(doubts, key=list(Confidence).index),
        overridden=any(term.entry.layer.overrides for term in terms),
        others=tuple(
            _said(term.entry.path, other) for term in terms for other in getattr(term.entry.quote, "others", ())
        ),
    )


def _said(path: str, other: OtherPrice) -> str:
    """What another source says of an entry."""
    bits = "" if other.bits is None else f" for {other.bits} bit{'s' if other.bits > 1 else ''}"
    return f"{path}: {float(other.energy) / 10**6:g} pJ{bits}: {other.source} ({other.sure.value})"


def area_of(entry: Entry) -> Fraction:
    """The area of what an entry prices, in square micrometres of the chip's process."""
    quote: Price = entry.quote
    assert quote.area is not None
    return quote.area * entry.area_factor
