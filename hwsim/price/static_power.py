"""What a chip draws in every cycle, whatever it does: leakage of its parts, and the idle power that it states."""

from fractions import Fraction

from hwsim.hardware.prices import Confidence
from hwsim.hardware.unit_price import Component, UnitPrice
from hwsim.price.area import CoreArea
from hwsim.price.book import Entry, PriceBook
from hwsim.price.scaling import area_factor, leakage_factor

ATTO = 10**18


def static_prices(book: PriceBook, core: CoreArea) -> tuple[UnitPrice, ...]:
    """One price for a cycle of each part of the chip, all cores together."""
    chip = book.chip
    entry = book.need("leakage")
    parts = {
        "array": (core.array, False),
        "accumulators": (core.accumulators, True),
        "vector unit": (core.vector, False),
        "scratchpad": (core.scratchpad, True),
    }
    prices = [_leakage(book, entry, part, chip.cores * area, memory) for part, (area, memory) in parts.items() if area]
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


def _leakage(book: PriceBook, entry: Entry, part: str, um2: Fraction, memory: bool) -> UnitPrice:
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
