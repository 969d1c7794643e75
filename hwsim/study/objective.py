"""What a mapper makes least, with the energy of schedules on a chip."""

from dataclasses import dataclass, field
from functools import lru_cache

from hwsim.hardware.chip import Chip
from hwsim.hardware.objective import Objective
from hwsim.hardware.prices import PriceTable
from hwsim.mapping.choice import Aim
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff
from hwsim.quantities.caches import IdentityCache
from hwsim.quantities.precision import Precision
from hwsim.schedule.counters import OpCounters, Stalls, Units, Work
from hwsim.schedule.schedule import OpSchedule, Preload, Schedule


@lru_cache(maxsize=8)  # each remembers many steps, and what they were made of
def aim_of(objective: Objective, chip: Chip, table: PriceTable) -> Aim:
    """The objective, and what energy is on a chip with these prices."""
    return Aim(objective, EnergyOf(Tariff.of(PriceBook(chip, table))))


@dataclass(frozen=True, eq=False)
class EnergyOf:
    """The energy of a schedule that takes so many cycles, in attojoules: that of its run, without the shares of ops.

    Energy is a sum of counts times prices, so equal steps are charged once, and the chip leaks once for all of them.
    What gated products save is left out: it is the same in every schedule.
    """

    tariff: Tariff
    known: IdentityCache[int] = field(default_factory=lambda: IdentityCache[int](most=1 << 15))

    def __call__(self, schedule: Schedule, cycles: int) -> int:
        total = self._charged(None, Work(), cycles)
        for placed in schedule.placed():
            total += placed.times * self._of(placed.node)
        return total

    def _of(self, node: OpSchedule | Preload) -> int:
        if isinstance(node, Preload):
            return self._charged(None, node.work(), 0)
        return self.known.of(
            node.steps, node.mode, make=lambda: self._charged(node.mode, node.work() + node.fused_work(), 0)
        )

    def _charged(self, mode: Precision | None, work: Work, cycles: int) -> int:
        counters = OpCounters(
            name="all of it",
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
        return sum(unit.attojoules * count for unit, count in self.tariff.charges(counters, 0))
