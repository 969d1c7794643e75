"""Runs of a workload on a chip with its layers in some formats, each made once."""

from collections.abc import Mapping
from dataclasses import field
from fractions import Fraction

from hwsim.dataclass import dataclass
from hwsim.hardware.chip import Chip
from hwsim.ir.workload import Workload
from hwsim.quantities.plain_data import Objective, Progress, no_progress
from hwsim.results.allocation import Spent
from hwsim.results.result import Result
from hwsim.study.allocation.budgets import Budget
from hwsim.study.allocation.formats_of_layers import in_formats
from hwsim.study.simulate import simulate

Formats = tuple[tuple[tuple[str, str], ...], tuple[tuple[str, int], ...]]
"""The policies of ops, and the widths of bottlenecks by the paths of their fields."""


def formats(policies: Mapping[str, str], widths: Mapping[str, int]) -> Formats:
    """The same as something that runs are kept by."""
    return tuple(policies.items()), tuple(widths.items())


@dataclass(slots=True)
class Runs:
    """The runs that were made so far; `base` is the policy of what no layer decides."""

    chip: Chip
    workload: Workload
    base: str
    objective: Objective
    _made: dict[Formats, tuple[Workload, Result]] = field(default_factory=dict)

    def of(self, chosen: Formats, progress: Progress = no_progress) -> tuple[Workload, Result]:
        """The workload in formats, and its run."""
        if chosen not in self._made:
            work = in_formats(self.workload, self.base, dict(chosen[0]), dict(chosen[1]))
            self._made[chosen] = work, simulate(self.chip, work, objective=self.objective, progress=progress)
        return self._made[chosen]

    def taken(self, chosen: Formats, spent: Spent, beside_bytes: int) -> int:
        """What a run takes of a budget: of time its cycles, as if all that takes time beside them took none."""
        work, result = self.of(chosen)
        match spent:
            case Spent.MODEL:
                return work.program.model_bytes + beside_bytes
            case Spent.ENERGY:
                return result.summary.energy_aj
            case Spent.CYCLES:
                return result.summary.cycles

    def limit(self, budget: Budget, chosen: Formats, parameters: int) -> int:
        """The budget in bytes, cycles or attojoules; what takes time beside cycles takes as much as in this run."""
        match budget.figure:
            case "smaller":
                return int(4 * parameters / budget.amount)
            case "energy":
                return int(budget.amount * 10**18)
            case "rtf" | "latency":
                work, result = self.of(chosen)
                summary, clock = result.summary, self.chip.clock
                seconds = self.chip.latency(summary.cycles, work.host_seconds, summary.dispatched)
                beside = seconds - Fraction(summary.cycles, clock)
                allowed = budget.amount * (work.audio_seconds if budget.figure == "rtf" else 1)
                return max(0, int((allowed - beside) * clock))
            case _:
                return int(budget.amount)
