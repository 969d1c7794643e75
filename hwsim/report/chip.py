"""A chip in a few lines."""

from rich.text import Text

from hwsim.hardware.array import written_rate
from hwsim.hardware.chip import Chip, WeightLayout
from hwsim.hardware.prices import PriceTable
from hwsim.quantities.fields import BYTES, BYTES_PER_SECOND, HERTZ, PICOSECONDS
from hwsim.report.peak import peak_text
from hwsim.report.tables import Screen, plain_table, render


def chip_text(chip: Chip, screen: Screen) -> str:
    """What a chip is, unit by unit."""
    array, scratchpad, dram = chip.array, chip.scratchpad, chip.dram
    modes = (f"{written_rate(array.macs_per_cycle(mode))} in {mode.value}" for mode in array.modes)
    ports = f"{scratchpad.read} B read and {scratchpad.write} B written a cycle"
    ports += ", one port for all readers" * scratchpad.shared_port
    rates = f"{BYTES_PER_SECOND.written(dram.read)} read, {BYTES_PER_SECOND.written(dram.write)} written"
    lanes = f"{chip.vector.lanes} lanes: {', '.join(function.value for function, _ in chip.vector.cycles)}"
    if chip.vector.macs_per_lane:
        rates_of_lanes = ", ".join(f"{products} in {mode.value}" for mode, products in chip.vector.macs_per_lane)
        lanes += f"; products a lane and cycle: {rates_of_lanes}"
    tiles = ", weights in tiles of the array" * (dram.weight_layout is WeightLayout.TILES)
    table = plain_table()
    for row in (
        ("clock", HERTZ.written(chip.clock) + (f", {chip.cores} cores" if chip.cores > 1 else "")),
        ("array", f"{', '.join(array.described)}; products a cycle: {', '.join(modes)}"),
        ("peak", peak_text(chip)),
        ("vector unit", lanes),
        ("scratchpad", f"{BYTES.written(scratchpad.size)}, {ports}, {scratchpad.buffers} buffers"),
        (
            "DRAM",
            f"{dram.type.value}, {rates}{', one port' * dram.shared_port}, {PICOSECONDS.written(dram.latency)}{tiles}",
        ),
        ("prices", chip.energy.name if isinstance(chip.energy, PriceTable) else chip.energy),
        ("points", ", ".join(f"{name} ({HERTZ.written(point.clock)})" for name, point in chip.operating_points)),
    ):
        if row[1]:
            table.add_row(*row)
    title = Text.assemble((chip.name, "bold"), "" if chip.about is None else f": {' '.join(chip.about.split())}")
    return render([title, table], screen)
