"""Prices of memories and wires: static memory by capacity, sums under the array, DRAM by type, distance on the chip."""

from collections.abc import Sequence
from fractions import Fraction

from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.hardware.dram import DramType
from hwsim.hardware.prices import Confidence
from hwsim.hardware.unit_price import Component, UnitPrice
from hwsim.price.book import Entry, PriceBook, Term, unit_price
from hwsim.price.scaling import root
from hwsim.quantities.precision import Precision

WORST_FIT = Fraction(15, 100)


def scratchpad_price(book: PriceBook) -> UnitPrice:
    """A byte of one bank of the scratchpad, read or written."""
    return _sram_price(book, "scratchpad byte", Component.SCRATCHPAD, bank_bytes(book.chip), 8)


def accumulator_price(book: PriceBook, mode: Precision, bits: int, entries: int | None) -> UnitPrice:
    """One sum of that width in a memory of so many; without a stated number of entries sums are in the scratchpad."""
    capacity = bank_bytes(book.chip) if entries is None else -(-entries * bits // 8)
    return _sram_price(book, f"accumulator {mode.value}, {bits} bits", Component.ACCUMULATORS, capacity, bits)


def bank_bytes(chip: Chip) -> int:
    """The size of one bank of the scratchpad."""
    return chip.scratchpad.size // chip.scratchpad.banks


def dram_price(book: PriceBook, memory: DramType) -> UnitPrice:
    """A byte between DRAM and chip."""
    entry = book.need("dram", memory)
    per_byte = Term(entry, Fraction(8, entry.quote.bits), f" · 8/{entry.quote.bits}")
    return unit_price("dram byte", Component.DRAM, per_byte)


def interconnect_price(book: PriceBook, core_um2: Fraction) -> UnitPrice:
    """A byte on the wires of a core: the side of a square of its area is assumed to be its way."""
    entry = book.need("wire")
    side_nm = root(core_um2) * 1000
    times = Fraction(8, entry.quote.bits) * side_nm / entry.quote.length
    millimetres = float(entry.quote.length / 10**6)
    written = f" · 8/{entry.quote.bits} · {float(side_nm) / 10**6:.3g}/{millimetres:g} mm"
    return unit_price("byte on wires", Component.INTERCONNECT, Term(entry, times, written), at_best=Confidence.ASSUMED)


def fit(points: Sequence[tuple[int, Fraction]], name: str) -> tuple[Fraction, Fraction]:
    """a and b of a + b·√capacity, with the least squares of relative errors over the points; the sizes are in bytes.

    What does not depend on the size is decoding and sensing; wires across the memory grow with its side. A fit that
    misses one of its points by more than 15 %, or that falls with the capacity, is refused. Either all energies are 0
    or none is (`core.prices` holds tables to it): of nothing there is no relative error.

    >>> [round(float(x), 3) for x in fit([(100, Fraction(3)), (400, Fraction(5))], "two points")]
    [1.0, 0.2]
    """
    if len(points) == 1 or not any(energy for _, energy in points):
        return points[0][1], Fraction(0)
    rows = [(1 / energy, root(Fraction(capacity)) / energy) for capacity, energy in points]
    xx, xy = sum(x * x for x, _ in rows), sum(x * y for x, y in rows)
    yy, sx, sy = sum(y * y for _, y in rows), sum(x for x, _ in rows), sum(y for _, y in rows)
    determinant = xx * yy - xy * xy
    a, b = Fraction(sx * yy - sy * xy) / determinant, Fraction(sy * xx - sx * xy) / determinant
    if b < 0:
        raise Unsupported(f"{name}: sram: energies fall with the capacity, which no memory does")
    for capacity, energy in points:
        off = (a + b * root(Fraction(capacity))) / energy - 1
        if abs(off) > WORST_FIT:
            raise Unsupported(
                f"{name}: sram: the fit over its capacities is {float(100 * off):+.0f} % off at {capacity} bytes, more "
                "than 15 %; give entries that lie on one curve, or one entry alone"
            )
    return a, b


def sram_bit_energy(book: PriceBook, capacity: int) -> tuple[Fraction, tuple[Entry, ...]]:
    """The energy of a bit of a memory of that size, and the entries between which it lies on the fitted curve."""
    found = book.first_list("sram", memory=True)
    largest = found[-1][0].capacity
    if capacity > largest:
        raise Unsupported(
            f"price table {found[0][1].layer.name}: sram: has no price for a memory of {capacity} bytes, the largest "
            f"is {largest}; give the scratchpad more banks, or the table a larger entry"
        )
    points = [(item.capacity, entry.energy / entry.quote.bits) for item, entry in found]
    a, b = fit(points, f"price table {found[0][1].layer.name}")
    energy = a + b * root(Fraction(capacity))
    if energy < 0:
        raise Unsupported(
            f"price table {found[0][1].layer.name}: sram: the fit is negative for a memory of {capacity} bytes; give "
            "the table a smaller entry"
        )
    return energy, tuple(entry for _, entry in found)


def _sram_price(book: PriceBook, action: str, component: Component, capacity: int, bits: int) -> UnitPrice:
    energy, entries = sram_bit_energy(book, capacity)
    doubts = [entry.quote.sure for entry in entries]
    return UnitPrice(
        action=action,
        component=component,
        exact=energy * bits,
        basis=f"{_list_name(entries)} fitted, {capacity} bytes · {bits} bits{entries[0].scaled}",
        sources=tuple(dict.fromkeys(entry.source for entry in entries)),
        sure=max(doubts, key=list(Confidence).index),
        overridden=entries[0].layer.overrides,
    )


def _list_name(entries: tuple[Entry, ...]) -> str:
    return entries[0].path.partition("[")[0]
