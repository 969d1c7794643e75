"""Chips of either kind from a path, a shipped name or a mapping, each with its price table."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar, Union, cast

from hwsim.errors import InvalidValue, Unsupported, UserError
from hwsim.hardware.chip import Chip, Dram, Machine, at_point
from hwsim.hardware.dram import DramDevice
from hwsim.hardware.prices import PriceTable
from hwsim.inputs.files import Kind, Node, locate
from hwsim.inputs.load import device_from, expect, filled, from_document, load_device, load_prices, prices_from
from hwsim.inputs.opened import Loaded, Opened, Source, open_located, open_source
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff

if TYPE_CHECKING:  # the nouns of tiles are many, and few runs need them
    from hwsim.hardware.analog.chip import AnalogChip

AnyChip = Union[Chip, "AnalogChip"]
"""A chip of either kind."""

M = TypeVar("M", bound=Machine)


def load_chip(source: Source | Chip) -> Chip:
    """A chip with its price table."""
    return source if isinstance(source, Chip) else open_chip(source).value


def load_analog_chip(source: "Source | AnalogChip") -> "AnalogChip":
    """A chip of analog tiles with its price table."""
    from hwsim.hardware.analog.chip import AnalogChip

    return source if isinstance(source, AnalogChip) else open_analog_chip(source).value


def open_analog_chip(source: Source) -> "Loaded[AnalogChip]":
    """A chip of analog tiles with its price table, and the files that they come from."""
    opened = open_source(Kind.ARCH, source)
    machine = machine_from(opened)
    if isinstance(machine.value, Chip):
        raise opened.refused("array.kind", "array.kind: must be analog; hwsim.load_chip reads other chips")
    return cast("Loaded[AnalogChip]", machine)


def prices_of(chip: Machine) -> PriceTable:
    """The price table that a chip has, or that it names: a chip that no file described may name a shipped table."""
    return chip.energy if isinstance(chip.energy, PriceTable) else load_prices(chip.energy)


def device_of(chip: Machine) -> DramDevice | None:
    """The DRAM device that a chip has, or that it names: a chip that no file described may name a shipped one."""
    device = chip.dram.device
    return load_device(device) if isinstance(device, str) else device


def open_chip(source: Source) -> Loaded[Chip]:
    """A chip with its price table, and the files that they come from."""
    return chip_from(open_source(Kind.ARCH, source))


def open_machine(source: Source) -> "Loaded[AnyChip]":
    """A chip of either kind with its price table, and the files that they come from."""
    return machine_from(open_source(Kind.ARCH, source))


def chip_from(opened: Opened) -> Loaded[Chip]:
    """The chip that a document describes; the price table that it names is read too."""
    expect(opened, Kind.ARCH)
    if _is_analog(opened.document):
        problem = "array.kind: is analog; hwsim run, compare, mvm and hwsim.load_analog_chip take such a chip"
        raise opened.refused("array.kind", problem)
    return _priced(Chip, opened)


def machine_from(opened: Opened) -> "Loaded[AnyChip]":
    """The chip of either kind that a document describes; the price table that it names is read too."""
    expect(opened, Kind.ARCH)
    if _is_analog(opened.document):
        from hwsim.hardware.analog.chip import AnalogChip

        return cast("Loaded[AnyChip]", _priced(AnalogChip, opened))
    return cast("Loaded[AnyChip]", _priced(Chip, opened))


def _is_analog(document: Node) -> bool:
    """Whether the array of the chip that a document describes is made of analog tiles."""
    array = document.value.get("array") if isinstance(document.value, dict) else None
    kind = array.value.get("kind") if array is not None and isinstance(array.value, dict) else None
    return kind is not None and kind.value == "analog"


def _priced(kind: type[M], opened: Opened) -> Loaded[M]:
    """The chip of that kind, with the price table that it holds or names."""
    chip = from_document(kind, opened.document, opened.name)
    memory = _memory(chip.dram, opened)
    chip = replace(chip, dram=memory.value)
    if isinstance(chip.energy, PriceTable):
        prices = filled(chip.energy, opened, "energy.filled_from")
        files, paths = prices.files + memory.files, prices.paths + memory.paths
        return Loaded(replace(chip, energy=prices.value), opened, files, paths)
    try:
        located = locate(Kind.ENERGY, chip.energy, opened.folder)
        prices = prices_from(open_located(located))
    except UserError as error:
        raise opened.refused("energy", f"energy: {error}") from error
    files, paths = opened.files + prices.files + memory.files, opened.paths + prices.paths + memory.paths
    return Loaded(replace(chip, energy=prices.value), opened, files, paths)


def _memory(dram: Dram, opened: Opened) -> Loaded[Dram]:
    """The memory of a chip, with the device that it holds or names; the files are those of the device."""
    if not isinstance(dram.device, str):
        return Loaded(dram, opened)
    try:
        device = device_from(open_located(locate(Kind.DRAM, dram.device, opened.folder)))
        return Loaded(replace(dram, device=device.value), opened, device.files, device.paths)
    except InvalidValue as error:
        raise opened.refused("dram.device", str(error.within("dram"))) from error
    except UserError as error:
        raise opened.refused("dram.device", f"dram.device: {error}") from error


def check_chip(chip: Loaded[Chip]) -> None:
    """Refuse, in the name of its file, a chip on which nothing runs: at its own clock and at each operating point."""
    for field, operating_chip in _operations(chip.value):
        try:
            Tariff.of(PriceBook(operating_chip, prices_of(operating_chip)))
        except InvalidValue as error:
            raise chip.opened.refused(error.path, str(error)) from error
        except Unsupported as error:
            raise chip.opened.refused(field, f"{field}: {error}") from error


def check_machine(chip: "Loaded[AnyChip]") -> None:
    """Refuse, in the name of its file, a chip of either kind on which nothing runs."""
    if isinstance(chip.value, Chip):
        check_chip(cast(Loaded[Chip], chip))
    else:
        check_analog_chip(chip.opened, chip.value)


def check_analog_chip(opened: Opened, chip: "AnalogChip") -> None:
    """Refuse, in the name of its file, a chip of analog tiles whose table lacks a price that it needs."""
    from hwsim.price.tile_prices import AnalogTariff

    field = "voltage" if chip.voltage is not None else "energy"
    try:
        AnalogTariff.of(PriceBook(chip, prices_of(chip)))
    except InvalidValue as error:
        raise opened.refused(error.path, str(error)) from error
    except Unsupported as error:
        raise opened.refused(field, f"{field}: {error}") from error


def _operations(chip: Chip) -> Iterator[tuple[str, Chip]]:
    """The chip at its own clock and supply and at each of its operating points, by the field that states them."""
    yield "voltage" if chip.voltage is not None else "energy", chip
    for name, _ in chip.operating_points:
        yield f"operating_points.{name}", at_point(chip, name)
