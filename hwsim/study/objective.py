"""What a schedule costs, for a mapper that looks for the one that costs least."""

from dataclasses import dataclass
from functools import lru_cache

from hwsim.core.chip import Chip
from hwsim.core.counters import OpCounters, Stalls, Units, Work
from hwsim.core.objective import Objective
from hwsim.core.prices import PriceTable
from hwsim.core.schedule import Schedule
from hwsim.engine.digital import work_by_mode
from hwsim.mapping.schedule import Cost
from hwsim.price.price import price
from hwsim.timing.timeline import times


@lru_cache(maxsize=64)
def cost_of(objective: Objective, chip: Chip, table: PriceTable) -> Cost | None:
    """The cost that goes with an objective; None for the mapper's own, which is time."""
    return EnergyOf(chip, table) if objective is Objective.ENERGY else None


@dataclass(frozen=True, eq=False)
class EnergyOf:
    """The energy of a schedule on a chip, in attojoules: that of its run, without the shares of single ops.

    Energy is a sum of counts times prices, so all ops of one mode may be charged as one. What gated products save is
    left out: it is the same in every schedule.
    """

    chip: Chip
    table: PriceTable

    def __call__(self, schedule: Schedule) -> int:
        cycles = times(schedule).cycles
        charged = []
        for mode, work in (work_by_mode(schedule) or {None: Work()}).items():
            charged.append(
                OpCounters(
                    name="other" if mode is None else mode.value,
                    kind="gemm",
                    mode=mode,
                    times=1,
                    macs=work.macs,
                    cycles=cycles,
                    busy=Units(),
                    stalls=Stalls(),
                    span=cycles,
                    work=work,
                )
            )
            cycles = 0  # the whole chip leaks once
        return price(charged, self.chip, self.table).components.total
