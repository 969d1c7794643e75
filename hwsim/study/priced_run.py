"""A planned run of a workload with its counters and its energy, as columns, and as nouns for whoever asks."""

from functools import cached_property

from hwsim.dataclass import dataclass
from hwsim.hardware.chip import Chip
from hwsim.mapping.planner import Planned
from hwsim.mapping.run_columns import RunColumns, counters_of, total_of
from hwsim.price.energy_columns import Counted, EnergyColumns, energy_columns
from hwsim.price.price import Tariff
from hwsim.quantities.precision import Precision
from hwsim.results.measured import NOTHING, Measured
from hwsim.schedule.counters import Counters, OpCounters


@dataclass(frozen=True, eq=False)
class PricedRun:
    """A run on a chip."""

    chip: Chip
    tariff: Tariff
    planned: Planned
    columns: RunColumns
    energy: EnergyColumns

    @cached_property
    def total(self) -> Counters:
        """The counters of the whole chip."""
        return total_of(self.columns)

    @cached_property
    def ops(self) -> tuple[OpCounters, ...]:
        """The counters of all ops."""
        return counters_of(self.columns).ops

    @cached_property
    def products(self) -> dict[Precision, int]:
        """The products that the array makes in each mode, those modes first that come first in the run."""
        products: dict[Precision, int] = {}
        for mode, macs in zip(self.columns.op_modes, self.columns.work("macs"), strict=True):
            if mode is not None and macs:
                products[mode] = products.get(mode, 0) + macs
        return products

    @property
    def main_mode(self) -> Precision | None:
        """The mode in which the array makes most products."""
        return max(self.products, key=lambda mode: self.products[mode], default=None)


def priced_run(chip: Chip, tariff: Tariff, planned: Planned, measured: Measured = NOTHING) -> PricedRun:
    """The run of a plan at these prices."""
    run = planned.columns
    counted = Counted(run.names, run.modes, run.mode_of, run.works, run.op_cycles)
    return PricedRun(chip, tariff, planned, run, energy_columns(counted, tariff, measured))
