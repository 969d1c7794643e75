"""A chip of analog tiles as text, as a notebook or a terminal shows it."""

from rich.text import Text

from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.prices import PriceTable
from hwsim.quantities.fields import BYTES, BYTES_PER_SECOND, HERTZ, PICOSECONDS, SIEMENS
from hwsim.report.chip import lanes_text
from hwsim.report.numbers import seconds
from hwsim.report.tables import Screen, plain_table, render
from hwsim.timing.tile import vector_time


def analog_chip_text(chip: AnalogChip, screen: Screen) -> str:
    """The chip with what its tiles, links and digital side are."""
    tile, link, table = chip.array, chip.link, plain_table()
    model = tile.device.model
    one = vector_time(tile)
    latency, interval = seconds(one.latency / 1e12), seconds(one.interval / 1e12)
    bits = "currents as they are" if tile.adc is None else f"{tile.adc.bits} bits out"
    converters = "" if tile.adc is None or tile.adc.shared_by == 1 else f", {tile.adc.shared_by} columns a converter"
    for row in (
        ("clock", HERTZ.written(chip.clock)),
        ("tiles", f"{chip.chips:,} × {chip.tiles:,} of {tile.rows:,} × {tile.cols:,} weights, {tile.cells} cells each"),
        ("cells", f"{SIEMENS.written(tile.device.g_max)} at most{'' if model is None else f', model {model.value}'}"),
        ("conversion", f"{tile.input.bits} bits in, {tile.input.encoding.value}; {bits}{converters}"),
        ("a vector", f"{latency}, the next after {interval}"),
        ("links", f"{PICOSECONDS.written(link.within)} on a chip, {PICOSECONDS.written(link.between)} to another"),
        ("vector unit", f"on each chip {lanes_text(chip.vector)}"),
        ("scratchpad", f"on each chip {BYTES.written(chip.scratchpad.size)}"),
        ("DRAM", f"{chip.dram.type.value}, {BYTES_PER_SECOND.written(chip.dram.read)} read"),
        ("prices", chip.energy.name if isinstance(chip.energy, PriceTable) else chip.energy),
    ):
        table.add_row(*row)
    title = Text.assemble((chip.name, "bold"), "" if chip.about is None else f": {' '.join(chip.about.split())}")
    return render((title, table), screen)
