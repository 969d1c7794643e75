"""Counters times prices: the energy of a run in whole attojoules."""

from collections.abc import Mapping, Sequence

from hwsim.core.chip import Chip
from hwsim.core.counters import OpCounters
from hwsim.core.energy import Components, Energy, OpEnergy, UnitPrice
from hwsim.core.precision import Precision
from hwsim.core.prices import PriceTable
from hwsim.price.rules import dram_price, lane_price, mac_price, scratchpad_price


def price(ops: Sequence[OpCounters], chip: Chip, table: PriceTable) -> Energy:
    """The energy of every op. Each unit price is rounded once; all sums are exact from there on."""
    lane = lane_price(table)
    scratchpad = scratchpad_price(table, chip.scratchpad.size // chip.scratchpad.banks)
    dram = dram_price(table, chip.dram.type)
    macs = mac_prices({op.mode: None for op in ops if op.mode is not None}, chip, table)
    energies = []
    for op in ops:
        work = op.work
        components = Components(
            mac=work.macs * macs[op.mode].attojoules if op.mode is not None else 0,
            vector=work.vector_lane_cycles * lane.attojoules,
            scratchpad=(work.scratchpad_read_bytes + work.scratchpad_write_bytes) * scratchpad.attojoules,
            dram=(work.dram_read_bytes + work.dram_write_bytes) * dram.attojoules,
        )
        energies.append(OpEnergy(name=op.name, components=components))
    return Energy(ops=tuple(energies), prices=(*macs.values(), lane, scratchpad, dram))


def mac_prices(modes: Mapping[Precision, None], chip: Chip, table: PriceTable) -> dict[Precision, UnitPrice]:
    """The price of a product in each of these modes of the chip."""
    array = chip.array
    return {
        mode: mac_price(table, mode, array.packed(mode).k, array.accumulator_of(mode).result.bits) for mode in modes
    }
