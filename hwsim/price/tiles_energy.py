"""The energy of a run on analog tiles, op by op and action by action."""

from collections.abc import Mapping

from hwsim.dataclass import dataclass
from hwsim.hardware.prices import Component
from hwsim.price.price import Charge, energy_line
from hwsim.price.tile_prices import AnalogTariff, spent
from hwsim.results.figures import Components, EnergyLine
from hwsim.schedule.tiles_run import OpOnTiles, TilesRun


@dataclass(frozen=True, slots=True)
class TilesEnergy:
    """The components of each op, in the order of the run's ops, and of all, and what each action came to."""

    of_ops: tuple[Components, ...]
    total: Components
    lines: tuple[EnergyLine, ...]


def tiles_energy(run: TilesRun, tariff: AnalogTariff, cells_aj: Mapping[str, int] | None = None) -> TilesEnergy:
    """The energy of all ops; `cells_aj` is what the cells of each op took, where values are known."""
    charged = [_charges(op, tariff, cells_aj) for op in run.ops]
    of_ops = tuple(map(spent, charged))
    counts: dict[str, int] = {}
    units = {}
    for unit, count in (charge for charges in charged for charge in charges):
        units[unit.action] = unit
        counts[unit.action] = counts.get(unit.action, 0) + count
    order = list(Component)
    in_order = sorted(units.values(), key=lambda unit: order.index(unit.component))
    lines = tuple(energy_line(unit, counts[unit.action]) for unit in in_order)
    return TilesEnergy(of_ops, Components.sum_of((each, 1) for each in of_ops), lines)


def _charges(op: OpOnTiles, tariff: AnalogTariff, cells_aj: Mapping[str, int] | None) -> list[Charge]:
    work = op.work
    return list(
        tariff.charges(
            op.tile_work,
            cells_aj=None if cells_aj is None or not op.tile_work.vectors else cells_aj[op.name],
            lane_cycles=work.vector_lane_cycles,
            scratchpad_bytes=work.scratchpad_read_bytes + work.scratchpad_write_bytes,
            dram_bytes=work.dram_read_bytes + work.dram_write_bytes,
            cycles=op.cycles,
        )
    )
