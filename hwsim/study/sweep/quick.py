"""Chips and tariffs of points, put together from parts that many points share."""

from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from hwsim.dataclass import dataclass
from hwsim.errors import UserError
from hwsim.hardware.chip import Chip
from hwsim.hardware.prices import PriceTable
from hwsim.inputs.sweeps import GIVEN, SweepPair
from hwsim.inputs.varied import chip_with
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip

MOST_TARIFFS = 256
"""Tariffs that are kept; the oldest is forgotten for a new one."""

Values = tuple[tuple[str, Any], ...]


@dataclass(slots=True)
class QuickChips:
    """Chips with other values of some fields: each part of a chip is made once for each of its own values."""

    pair: SweepPair
    _parts: dict[Values, Any] = field(default_factory=dict)

    def of(self, values: Mapping[str, Any]) -> "AnyChip":
        """The chip with those of the values that are its own, or its price table's."""
        pair, parts = self.pair, dict[str, list[tuple[str, Any]]]()
        for path, value in values.items():
            if pair.fields[path].of_chip:
                parts.setdefault(path.partition(".")[0], []).append((path, value))
        try:
            fresh = {name: self._part(name, tuple(own)) for name, own in parts.items()}
            chip: AnyChip = replace(pair.chip, **fresh)
            return chip
        except UserError:
            # A part alone may break a law that all together keep, and what is wrong is told of the whole.
            return chip_with(pair.chip, pair.fields, values, GIVEN)

    def _part(self, name: str, own: Values) -> Any:
        if own not in self._parts:
            self._parts[own] = getattr(chip_with(self.pair.chip, self.pair.fields, dict(own), GIVEN), name)
        return self._parts[own]


@dataclass(slots=True)
class QuickTariffs:
    """Tariffs by what they depend on: chips that differ in rates of memories, in slots, in names and in what starts
    cost have one."""

    _kept: dict[Any, tuple[Chip, PriceTable, Tariff]] = field(default_factory=dict)

    def of(self, chip: Chip, prices: PriceTable) -> Tariff:
        """The tariff of a chip.

        Tables and arrays are long, and told apart as objects, which are kept beside the tariff.
        """
        memory = chip.scratchpad
        key = (
            *(getattr(chip, name) for name in _PRICED),
            *(id(table) for table in (prices, chip.energy_override, chip.array, chip.vector)),
            *(memory.size, memory.banks, memory.read, memory.bank_width, memory.shared_port, chip.dram.type),
        )
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= MOST_TARIFFS:
                self._kept.pop(next(iter(self._kept)))
            kept = self._kept[key] = chip, prices, Tariff.of(PriceBook(chip, prices))
        return kept[2]


_PRICED = (
    "clock", "node", "voltage", "memory_voltage", "idle_power", "power_gated", "cores", "arrays", "interconnect",
)  # fmt: skip
"""What a tariff depends on beside array, vector unit, memories and prices."""
