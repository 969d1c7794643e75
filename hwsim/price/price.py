"""Counters times prices: the energy of a run in whole attojoules."""

from collections.abc import Sequence

from hwsim.core.chip import Chip
from hwsim.core.counters import OpCounters
from hwsim.core.energy import Components, Energy, OpEnergy, UnitPrice
from hwsim.core.prices import PriceTable
from hwsim.core.schedule import OpSchedule, Schedule
from hwsim.price.rules import dram_price, lane_price, mac_price, scratchpad_price


def price(ops: Sequence[OpCounters], schedule: Schedule, chip: Chip, table: PriceTable) -> Energy:
    """The energy of every op. Each unit price is rounded once; all sums are exact from there on."""
    lane = lane_price(table)
    scratchpad = scratchpad_price(table, chip.scratchpad.size // chip.scratchpad.banks)
    dram = dram_price(table, chip.dram.type)
    macs = {op.name: _mac_price(op, chip, table) for op in schedule.ops if op.mode is not None}
    energies = []
    for op in ops:
        work = op.counters.work
        components = Components(
            mac=work.macs * macs[op.name].attojoules if work.macs else 0,
            vector=work.vector_lane_cycles * lane.attojoules,
            scratchpad=(work.scratchpad_read_bytes + work.scratchpad_write_bytes) * scratchpad.attojoules,
            dram=(work.dram_read_bytes + work.dram_write_bytes) * dram.attojoules,
        )
        energies.append(OpEnergy(name=op.name, components=components))
    distinct = {unit.action: unit for unit in (*macs.values(), lane, scratchpad, dram)}
    return Energy(ops=tuple(energies), prices=tuple(distinct.values()))


def _mac_price(op: OpSchedule, chip: Chip, table: PriceTable) -> UnitPrice:
    assert op.mode is not None
    assert op.formats is not None
    act, weight = op.formats
    return mac_price(table, op.mode, act, weight, chip.array.accumulator_of(op.mode).bits)
