"""Runs of one workload on one chip with other values of some fields, each planned anew, which share what they can."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported, UserError
from hwsim.hardware.chip import Chip, at_point
from hwsim.inputs.varied import Field, Values, chip_with, workload_with
from hwsim.ir.workload import Workload
from hwsim.mapping.plan_store import PlanStore
from hwsim.mapping.target import target_of
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.plain_data import Objective, Progress, stage
from hwsim.results.band import BandPoint
from hwsim.results.figures import outlasting
from hwsim.results.headline_figures import headline_of
from hwsim.results.result import Result
from hwsim.study.simulate import simulate

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip
    from hwsim.results.tiles_result import TilesResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What holds for all points: operating point, power cap, and what plans make least."""

    point: str | None = None
    power_cap: Fraction | float | str | None = None
    objective: Objective | str = Objective.LATENCY


class Points:
    """The points around a run: chips and workloads that differ from it in the values of `known` fields.

    Chips and workloads of several settings are made before the first of them runs: what is wrong is told at once.
    """

    def __init__(
        self, chip: "AnyChip", work: Workload, known: Mapping[str, Field], circumstances: Circumstances, given: str
    ) -> None:
        self.chip, self.work, self.known, self.circumstances, self.given = chip, work, known, circumstances, given
        self._chips: dict[frozenset[tuple[str, Any]], AnyChip] = {}
        self._works: dict[frozenset[tuple[str, Any]], Workload] = {}

    def check(self, settings: Sequence[Values]) -> None:
        """Refuse settings of which no chip or no workload can be made."""
        for values in settings:
            self._chip(values), self._work(values)

    def run(self, settings: Sequence[Values], progress: Progress) -> list[BandPoint]:
        """A point for each setting, in their order; fields that a setting does not name are as they are.

        Points of chips with the same units and rates follow one another, and share plans, which are forgotten then.
        """
        made = [(self._chip(values), self._work(values)) for values in settings]
        keys = [self._key(chip, work) for chip, work in made]
        first = {key: place for place, key in reversed(list(enumerate(keys)))}
        found: dict[int, BandPoint] = {}
        plans, planned = PlanStore(), None
        for done, place in enumerate(sorted(range(len(made)), key=lambda place: (first[keys[place]], place))):
            if keys[place] != planned:
                plans, planned = PlanStore(), keys[place]
            found[place] = self._point(settings[place], *made[place], plans, stage(progress, done, len(made)))
        return [found[place] for place in range(len(made))]

    def _point(
        self, values: Values, chip: "AnyChip", work: Workload, plans: PlanStore, progress: Progress
    ) -> BandPoint:
        written = {path: field.written(values.get(path, field.value)) for path, field in self.known.items()}
        point, cap, objective = self.circumstances.point, self.circumstances.power_cap, self.circumstances.objective
        try:
            result = simulate(
                chip, work, point=point, power_cap=cap, objective=objective, plans=plans, progress=progress
            )
        except UserError as error:
            if not values:
                raise
            told = ", ".join(f"{path} = {written[path]}" for path in values)
            raise Unsupported(f"with {told}: {error}") from error
        return BandPoint(
            values=sorted_pairs(written), figures=sorted_pairs(headline_of(result)), binds=binding_of(result)
        )

    def _chip(self, values: Values) -> "AnyChip":
        own = frozenset((path, value) for path, value in values.items() if self.known[path].of_chip)
        if own not in self._chips:
            self._chips[own] = chip_with(self.chip, self.known, values, self.given)
        return self._chips[own]

    def _work(self, values: Values) -> Workload:
        own = frozenset((path, value) for path, value in values.items() if not self.known[path].of_chip)
        if own not in self._works:
            self._works[own] = workload_with(self.work, self.known, values, self.given)
        return self._works[own]

    def _key(self, chip: "AnyChip", work: Workload) -> tuple[object, ...]:
        """What points that share plans have in common."""
        return id(work), target_of(at_point(chip, self.circumstances.point)) if isinstance(chip, Chip) else None


def binding_of(result: "Result | TilesResult") -> str:
    """What takes most of the time of a run: a limit of the chip, on tiles what the run waits for, the host, or
    starts."""
    summary = result.summary
    if isinstance(result, Result):
        label, cycles = result.diagnosis.binds.label, result.diagnosis.binds_cycles
    else:
        label, cycles = result.waits_most
    on_chip = summary.latency_ms - summary.host_ms - summary.launch_ms
    return outlasting(summary.host_ms, summary.launch_ms, on_chip * cycles / max(1, summary.cycles)) or label
