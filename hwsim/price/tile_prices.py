"""The energy of analog tiles and of the digital side between them: counts times prices, in whole attojoules."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.prices import Component, Confidence, UnitPrice
from hwsim.price.book import PriceBook, unit_price
from hwsim.price.price import ATTO, Charge, leakage_prices
from hwsim.price.rules import (
    adc_price,
    add_term,
    beside_logic,
    check_lanes,
    dac_price,
    dram_price,
    interconnect_price,
    lane_price,
    scratchpad_price,
)
from hwsim.price.tile_area import AnalogArea, analog_area, converter_of, driven_bits
from hwsim.results.figures import Components
from hwsim.schedule.tile_work import TileWork

MEASURED_CELLS = UnitPrice(
    action="cells, an attojoule of their currents",
    component=Component.MAC,
    exact=Fraction(1),
    basis="V² · Gmax · Σ g · t over the pulses of the values",
    sources=("the conductances and inputs of the run",),
    sure=Confidence.ASSUMED,
)
"""What cells take where values are known, in attojoules: a count, so that it stands among the others."""


@dataclass(frozen=True, eq=False)
class AnalogTariff:
    """The unit prices of one chip of analog tiles, and its silicon.

    `cells` is what a cell takes in a pass where no values are known. Bytes to another unit, `link`, cross the chip;
    those of the `interconnect` stay between vector unit and scratchpad. A chip without `link.between_energy` has no
    price of bytes between chips, `far`.
    """

    book: PriceBook[AnalogChip]
    area: AnalogArea
    drive: UnitPrice
    cells: UnitPrice
    conversion: UnitPrice
    addition: UnitPrice
    far: UnitPrice | None
    lane: UnitPrice
    scratchpad: UnitPrice
    interconnect: UnitPrice
    link: UnitPrice
    dram: UnitPrice
    beside_addition: tuple[UnitPrice, ...]
    """What the clock's tree and control spend beside an addition, and beside a lane's cycle."""
    beside_lane: tuple[UnitPrice, ...]
    static: tuple[UnitPrice, ...]

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, book: PriceBook[AnalogChip]) -> "AnalogTariff":
        chip = book.chip
        drive = drive_price(book)
        conversion = adc_price(book, converter_of(chip.array).bits)
        area = analog_area(book)
        addition, lane = addition_price(book), lane_price(book)
        check_lanes(book)
        return cls(
            book=book,
            area=area,
            drive=drive,
            cells=cell_price(chip),
            conversion=conversion,
            addition=addition,
            far=far_price(chip),
            lane=lane,
            scratchpad=scratchpad_price(book),
            interconnect=interconnect_price(book, area.vector + area.scratchpad),
            link=interconnect_price(book, area.total, "byte to another unit"),
            dram=dram_price(book, chip.dram.type),
            beside_addition=beside_logic(book, addition),
            beside_lane=beside_logic(book, lane),
            static=_static(book, area),
        )

    def charges(
        self,
        work: TileWork,
        *,
        cells_aj: int | None = None,
        lane_cycles: int = 0,
        scratchpad_bytes: int = 0,
        dram_bytes: int = 0,
        cycles: int = 0,
    ) -> Iterator[Charge]:
        """Everything that an op is charged for: what tiles do for it, with the energy of the cells if it was measured,
        and what the digital side does. A byte to another unit travels on the chip's wires, also one that goes on to
        another chip."""
        if cells_aj is None:
            yield self.cells, work.cell_passes
        else:
            yield MEASURED_CELLS, cells_aj
        for unit in (self.addition, *self.beside_addition):
            yield unit, work.additions
        yield self.scratchpad, scratchpad_bytes
        yield self.interconnect, scratchpad_bytes
        yield self.link, work.link_bytes + work.far_bytes
        if work.far_bytes:
            yield self._priced_far(), work.far_bytes
        yield self.dram, dram_bytes
        for unit in (self.lane, *self.beside_lane):
            yield unit, lane_cycles
        yield self.drive, work.drives
        yield self.conversion, work.conversions
        for unit in self.static:
            yield unit, cycles

    @property
    def prices(self) -> tuple[UnitPrice, ...]:
        """All unit prices."""
        far = () if self.far is None else (self.far,)
        digital = self.lane, self.scratchpad, self.interconnect, self.link, self.dram
        beside = *self.beside_addition, *self.beside_lane
        return (self.cells, self.drive, self.conversion, self.addition, *far, *digital, *beside, *self.static)

    def _priced_far(self) -> UnitPrice:
        if self.far is None:
            raise Unsupported(
                f"chip {self.book.chip.name}: link.between_energy: is missing, and bytes go to another chip; give the "
                "energy of such a byte, or fewer chips of more tiles"
            )
        return self.far


def drive_price(book: PriceBook[AnalogChip]) -> UnitPrice:
    """A pulse or level on a row: assumed to cost a conversion of as many bits, whatever hangs on the row."""
    return replace(dac_price(book, driven_bits(book.chip.array.input)), sure=Confidence.ASSUMED)


def cell_price(chip: AnalogChip) -> UnitPrice:
    """A cell in one pass, at the chip's typical input and conductance.

    Over the repeats of a pass, which take turns with signs, a cell conducts once.
    """
    phases, inputs, typical = chip.array.phases, chip.array.input, chip.typical
    assert phases is not None, "a chip runs on the clock"
    ticks = Fraction(sum(inputs.ticks), inputs.passes)
    share = Fraction(str(typical.input)) * Fraction(str(typical.conductance))
    watts = phases.voltage**2 * chip.array.device.g_max * share
    seconds = ticks * Fraction(phases.tick, 10**12)
    turns = f" / {phases.repeats} repeats" if phases.repeats > 1 else ""
    return UnitPrice(
        action="cell, a pass",
        component=Component.MAC,
        exact=watts * seconds * ATTO / phases.repeats,
        basis=(
            f"({float(phases.voltage):g} V)² · {float(chip.array.device.g_max * 10**6):g} uS · typical.conductance "
            f"{typical.conductance:g} · typical.input {typical.input:g} · {float(seconds * 10**9):g} ns{turns}"
        ),
        sources=_said_by(chip, "typical.input", "typical.conductance"),
        sure=Confidence.ASSUMED,
    )


def addition_price(book: PriceBook[AnalogChip]) -> UnitPrice:
    """An addition of two readings, in an adder of 32 bits."""
    return unit_price("addition of readings", Component.ACCUMULATORS, add_term(book, Fraction(32), ""))


def far_price(chip: AnalogChip) -> UnitPrice | None:
    """A byte to another chip, if the chip says what it costs."""
    if chip.link.between_energy is None:
        return None
    return UnitPrice(
        action="byte to another chip",
        component=Component.INTERCONNECT,
        exact=chip.link.between_energy,
        basis=f"link.between_energy {float(chip.link.between_energy) / 10**6:g} pJ",
        sources=_said_by(chip, "link.between_energy"),
        sure=Confidence.ASSUMED,
    )


def spent(charges: Iterable[Charge]) -> Components:
    """What charges come to, by component."""
    total = dict.fromkeys((component.value for component in Component), 0)
    for unit, count in charges:
        total[unit.component.value] += unit.attojoules * count
    return Components(**total)


def _static(book: PriceBook[AnalogChip], area: AnalogArea) -> tuple[UnitPrice, ...]:
    """One price for a cycle of each part, all chips together; cells do not leak."""
    chip = book.chip
    parts = {
        "tiles": (area.tile.logic * chip.tiles * chip.chips, False),
        "vector unit": (area.vector * chip.chips, False),
        "scratchpad": (area.scratchpad * chip.chips, True),
    }
    return leakage_prices(book, parts)


def _said_by(chip: AnalogChip, *fields: str) -> tuple[str, ...]:
    sources = dict(chip.sources)
    return tuple(dict.fromkeys(sources.get(field, f"chip {chip.name}") for field in fields))
