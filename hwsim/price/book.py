"""The entries of a price table for one chip, scaled to its process and supply.

Stillmaker and Baas, "Scaling equations for the accurate prediction of CMOS device performance from 180 nm to 7 nm",
Integration 58 (2017) 74-81, with the coefficients, and the rules between and beyond their nodes, that Accelergy's
library ships (accelergy-library-plug-in, scaling.py). Everything is rational, so that prices are exact.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cached_property, lru_cache
from math import isqrt
from typing import Any, Generic, TypeVar

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.hardware.chip import Machine
from hwsim.hardware.prices import (
    Component,
    Confidence,
    Constants,
    OtherPrice,
    Price,
    PriceTable,
    Quote,
    TechnologyTable,
    UnitPrice,
)

NODES_NM = (7, 10, 14, 16, 20, 32, 45, 65, 90, 130)

# Energy of a switching gate is proportional to a V² + b V + c.
_ENERGY = {
    7: ("0.1776", "-0.09097", "0.02447"),
    10: ("0.2068", "-0.09311", "0.02375"),
    14: ("0.2363", "-0.09675", "0.02239"),
    16: ("0.2958", "-0.1241", "0.03024"),
    20: ("0.373", "-0.1582", "0.04104"),
    32: ("0.9559", "-0.7823", "0.471"),
    45: ("1.103", "-0.362", "0.2767"),
    65: ("3.755", "-4.398", "1.975"),
    90: ("4.762", "-4.781", "2.092"),
    130: ("7.171", "-6.709", "2.904"),
}

# What an area in the node of a row becomes in the node of a column; columns go from 7 to 130 nm, as `NODES_NM`.
_AREA = {
    7: ("1", "1.7", "2.9", "3.2", "3.6", "7.8", "17", "25", "48", "110"),
    10: ("0.58", "1", "1.7", "1.9", "2.1", "4.5", "9.8", "15", "28", "63"),
    14: ("0.34", "0.59", "1", "1.1", "1.2", "2.7", "5.8", "8.7", "16", "37"),
    16: ("0.31", "0.54", "0.91", "1", "1.1", "2.4", "5.3", "7.9", "15", "34"),
    20: ("0.28", "0.48", "0.82", "0.89", "1", "2.2", "4.7", "7.1", "13", "30"),
    32: ("0.13", "0.22", "0.38", "0.41", "0.46", "1", "2.2", "3.3", "6.1", "14"),
    45: ("0.059", "0.1", "0.17", "0.19", "0.21", "0.46", "1", "1.5", "2.8", "6.4"),
    65: ("0.039", "0.068", "0.12", "0.13", "0.14", "0.31", "0.66", "1", "1.9", "4.3"),
    90: ("0.021", "0.036", "0.061", "0.067", "0.075", "0.16", "0.35", "0.53", "1", "2.3"),
    130: ("0.0092", "0.016", "0.027", "0.03", "0.033", "0.072", "0.16", "0.23", "0.44", "1"),
}

_DIGITS = 10**12


def energy_factor(from_nm: Fraction, from_volts: Fraction, to_nm: Fraction, to_volts: Fraction) -> Fraction:
    """By what an energy in one process at one supply is multiplied in another.

    >>> float(energy_factor(Fraction(45), Fraction(9, 10), Fraction(7), Fraction(3, 4)))
    0.0664935510996885
    """
    if (from_nm, from_volts) == (to_nm, to_volts):
        return Fraction(1)
    return _switching(to_nm, to_volts) / _switching(from_nm, from_volts)


@lru_cache(maxsize=256)
def area_factor(from_nm: Fraction, to_nm: Fraction) -> Fraction:
    """By what an area in one process is multiplied in another.

    >>> float(area_factor(Fraction(45), Fraction(7))), float(area_factor(Fraction(7), Fraction(5)))
    (0.059, 0.7142857142857143)
    """
    if from_nm == to_nm:
        return Fraction(1)
    beyond = (to_nm / _clamped(to_nm)) / (from_nm / _clamped(from_nm))
    return beyond * sum(
        (
            share_from * share_to * Fraction(_AREA[node_from][NODES_NM.index(node_to)])
            for node_from, share_from in _between(_clamped(from_nm))
            for node_to, share_to in _between(_clamped(to_nm))
        ),
        Fraction(0),
    )


def leakage_factor(from_nm: Fraction, from_volts: Fraction, to_nm: Fraction, to_volts: Fraction) -> Fraction:
    """By what the leakage of a circuit is multiplied: as its switching energy, as Accelergy's library assumes."""
    return energy_factor(from_nm, from_volts, to_nm, to_volts)


def root(value: Fraction) -> Fraction:
    """A square root to twelve decimals, rounded down: the same number on every machine."""
    return Fraction(isqrt(value.numerator * _DIGITS**2 // value.denominator), _DIGITS)


@lru_cache(maxsize=256)
def _switching(nm: Fraction, volts: Fraction) -> Fraction:
    """The energy of a switching gate: linear in the node between two nodes, with its root beyond the last ones."""
    clamped = _clamped(nm)
    energy = sum((share * _at(node, volts) for node, share in _between(clamped)), Fraction(0))
    return energy if clamped == nm else energy * root(nm / clamped)


def _at(node: int, volts: Fraction) -> Fraction:
    a, b, c = (Fraction(coefficient) for coefficient in _ENERGY[node])
    lowest = -b / (2 * a)
    if volts <= lowest:
        raise Unsupported(
            f"{float(volts):g} V at {node} nm is below the {float(lowest):.3f} V under which the published scaling no "
            "longer falls; give a higher voltage, or a price table for that voltage"
        )
    return a * volts * volts + b * volts + c


def _clamped(nm: Fraction) -> Fraction:
    return min(max(nm, Fraction(NODES_NM[0])), Fraction(NODES_NM[-1]))


def _between(nm: Fraction) -> tuple[tuple[int, Fraction], ...]:
    """The nodes on both sides, with their shares."""
    place = bisect_left(NODES_NM, nm)
    above = NODES_NM[place]
    if above == nm:
        return ((above, Fraction(1)),)
    below = NODES_NM[place - 1]
    share = (nm - below) / (above - below)
    return (below, 1 - share), (above, share)


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


C = TypeVar("C", bound=Machine, covariant=True)


@dataclass(frozen=True)
class PriceBook(Generic[C]):
    """The layers of entries that a chip's prices come from; of several with an entry the first counts."""

    chip: C
    table: PriceTable

    @cached_property
    def technology(self) -> Technology:
        """The process and supplies of the chip: its own node and voltages, or the table's."""
        voltage = self.chip.voltage or self.table.voltage
        return Technology(self.chip.node or self.table.node, voltage, self.chip.memory_voltage or voltage)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        layers = []
        if self.chip.energy_override is not None:
            # An override stands for the table's entry, so it holds for the same process and supply.
            technology = Technology(self.table.node, self.table.voltage, self.table.voltage)
            layers.append(Layer(self.chip.name, self.chip.energy_override, technology, overrides=True))
        for table in (self.table, *self.table.filled_from):
            assert isinstance(table, TechnologyTable), "tables by name are read with the one that names them"
            technology = Technology(table.node, table.voltage, table.voltage)
            layers.append(Layer(table.name, table, technology, overrides=False))
        return tuple(layers)

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
        """What the first layer with an answer says."""
        return next((value for layer in self.layers if (value := read(layer.constants)) is not None), None)

    def entry_of(self, layer: Layer, section: str, key: Any) -> Entry:
        """A layer's entry of a section that is a table."""
        return self._entry(layer, f"{section}.{key.value}", dict(getattr(layer.constants, section))[key], memory=False)

    def lacking(self, section: str, key: Any = None, what: str = "price") -> Unsupported:
        """The refusal of a chip whose tables lack an entry."""
        name = f"{section}: has no {what}"
        if key is not None:
            entries = [entry for layer in self.layers for entry in getattr(layer.constants, section)]
            names = dict.fromkeys(at.value for at, price in entries if what == "price" or price.area is not None)
            name += f" for {key.value}; it has {', '.join(names) or 'none'}"
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
            case "clock_tree" | "control" | "cell_density" | "uncore":
                factor = Fraction(1)  # shares are those of any process
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
