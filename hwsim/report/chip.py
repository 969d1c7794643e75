"""A chip in a few lines."""

from rich.text import Text

from hwsim.hardware.array import written_rate
from hwsim.hardware.chip import Chip, VectorUnit, WeightLayout
from hwsim.hardware.prices import PriceTable
from hwsim.quantities.fields import BYTES, BYTES_PER_SECOND, HERTZ, PICOSECONDS
from hwsim.report.peak import peak_text
from hwsim.report.tables import Screen, plain_table, render


def chip_text(chip: Chip, screen: Screen) -> str:
    """What a chip is, unit by unit."""
    array, scratchpad, dram = chip.array, chip.scratchpad, chip.dram
    modes = (f"{written_rate(array.macs_per_cycle(mode))} in {mode.value}" for mode in array.modes)
    several = f"{chip.arrays} in a core, each " * (chip.arrays > 1)
    ports = f"{scratchpad.read} B read and {scratchpad.write} B written a cycle"
    ports += ", one port for all readers" * scratchpad.shared_port
    rates = f"{BYTES_PER_SECOND.written(dram.read)} read, {BYTES_PER_SECOND.written(dram.write)} written"
    tiles = ", weights in tiles of the array" * (dram.weight_layout is WeightLayout.TILES)
    table = plain_table()
    for row in (
        ("clock", HERTZ.written(chip.clock) + (f", {chip.cores} cores" if chip.cores > 1 else "")),
        ("array", f"{several}{', '.join(array.described)}; products a cycle: {', '.join(modes)}"),
        ("peak", peak_text(chip)),
        ("vector unit", lanes_text(chip.vector)),
        ("scratchpad", f"{BYTES.written(scratchpad.size)}, {ports}, {scratchpad.buffers} buffers"),
        (
            "DRAM",
            f"{dram.type.value}, {rates}{', one port' * dram.shared_port}, {PICOSECONDS.written(dram.latency)}{tiles}",
        ),
        ("interconnect", _interconnect(chip)),
        ("prices", chip.energy.name if isinstance(chip.energy, PriceTable) else chip.energy),
        ("points", ", ".join(f"{name} ({HERTZ.written(point.clock)})" for name, point in chip.operating_points)),
    ):
        if row[1]:
            table.add_row(*row)
    title = Text.assemble((chip.name, "bold"), "" if chip.about is None else f": {' '.join(chip.about.split())}")
    return render([title, table], screen)


def _interconnect(chip: Chip) -> str:
    if chip.interconnect is None:
        return ""
    return f"{chip.interconnect.rate} B a cycle between the cores, {PICOSECONDS.written(chip.interconnect.latency)}"


def lanes_text(vector: VectorUnit) -> str:
    """The lanes of a vector unit, what they do, and what they multiply."""
    lanes = f"{vector.lanes} lanes: {', '.join(function.value for function, _ in vector.cycles)}"
    if not vector.macs_per_lane:
        return lanes
    products = ", ".join(f"{count} in {mode.value}" for mode, count in vector.macs_per_lane)
    return f"{lanes}; products a lane and cycle: {products}"
