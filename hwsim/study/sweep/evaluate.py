"""The figures of points of a sweep, without the nouns of a result: those that a run of each point alone has, exactly.

Points that follow one another share what is planned as long as their chips have the same units and rates. A search
that might have ended early by itself is made again by itself, so that no figure depends on which points came before.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any, NamedTuple

from hwsim.dataclass import dataclass
from hwsim.errors import UserError
from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import prices_of
from hwsim.inputs.sweeps import GIVEN, OpenedSweep
from hwsim.inputs.varied import workload_with
from hwsim.ir.workload import Workload
from hwsim.mapping.choice import Aim
from hwsim.mapping.plan_store import PlanStore
from hwsim.mapping.planner import Planned, Planner
from hwsim.mapping.target import target_of
from hwsim.passes.precision import in_precision
from hwsim.price.price import Tariff
from hwsim.results.headline_figures import Headline, headline_of
from hwsim.results.sweep_file import PRECISION
from hwsim.study.efficiency import EnergyOf, areas
from hwsim.study.facts import check_functions, table_of
from hwsim.study.priced_run import PricedRun, priced_run
from hwsim.study.simulate import simulate
from hwsim.study.sweep.headline import counts_of, headline_of_run
from hwsim.study.sweep.points import Place
from hwsim.study.sweep.quick import QuickChips, QuickTariffs

MOST_WORKS = 8
"""Workloads with other fields or formats that are kept."""


class Figures(NamedTuple):
    """What a point came to: its whole numbers, and the headline figures in the order of `Headline`; or why not."""

    cycles: int
    energy_aj: int
    dram_read_bytes: int
    dram_write_bytes: int
    headline: tuple[float, ...]


class Refused(NamedTuple):
    """Why a point has no figures."""

    error: str


@dataclass(slots=True)
class Evaluator:
    """Runs points of one sweep; it keeps what the next points may share."""

    sweep: OpenedSweep
    _works: dict[object, Workload] = field(default_factory=dict)
    _chips: dict[int, QuickChips] = field(default_factory=dict)
    _tariffs: QuickTariffs = field(default_factory=QuickTariffs)
    _plans: PlanStore = field(default_factory=PlanStore)
    _planned_for: object = None

    def run(self, places: Iterable[Place]) -> Iterator[Figures | Refused]:
        """The figures of each point, in order."""
        for place in places:
            try:
                yield self._figures(place)
            except UserError as error:
                yield Refused(str(error))

    def point(self, place: Place) -> tuple[Any, Workload]:
        """The chip and the workload of a point; the chip names no sources for what the point varies."""
        values = values_of(self.sweep, place)
        if place.pair not in self._chips:
            self._chips[place.pair] = QuickChips(self.sweep.pairs[place.pair])
        precision = values.pop(PRECISION, None)
        return self._chips[place.pair].of(values), self._work(place, precision, values)

    def _work(self, place: Place, precision: str | None, values: Mapping[str, Any]) -> Workload:
        """The workload of a point, of which the last few are kept."""
        pair = self.sweep.pairs[place.pair]
        key = place.pair, precision, tuple(one for one in values.items() if not pair.fields[one[0]].of_chip)
        if key not in self._works:
            if len(self._works) >= MOST_WORKS:
                self._works.pop(next(iter(self._works)))
            work = workload_with(pair.workload, pair.fields, values, GIVEN)
            self._works[key] = work if precision is None else in_precision(work, precision)
        return self._works[key]

    def _figures(self, place: Place) -> Figures:
        chip, work = self.point(place)
        if not isinstance(chip, Chip) or work.lengths is not None:
            return self._by_result(chip, work)
        prices = prices_of(chip)
        tariff = self._tariffs.of(chip, prices)
        check_functions(work.program, chip)
        run = priced_run(chip, tariff, self._plan(chip, work, tariff))
        return _figures_of(work, run)

    def _plan(self, chip: Chip, work: Workload, tariff: Tariff) -> Planned:
        """The plan of a point alone: a shared one, unless a search alone might have found no end."""
        target = work.program, target_of(chip, 1)
        if self._planned_for != target:
            self._plans, self._planned_for = PlanStore(), target
        aim, table = Aim(self.sweep.file.objective, EnergyOf(tariff)), table_of(work.program)
        shared, self._plans = self._plans, PlanStore()
        if shared.spent:
            try:
                planned = Planner(chip, aim, store=shared).plan(table)
            except UserError:
                pass  # what is refused is refused by itself, in the words that a run alone has
            else:
                if shared.last_as_alone:
                    self._plans = shared
                    return planned
        alone = PlanStore()
        planned = Planner(chip, aim, store=alone).plan(table)
        if alone.last_as_alone:
            self._plans = alone
        return planned

    def _by_result(self, chip: Any, work: Workload) -> Figures:
        """The figures of a run, of a chip or a workload for which there is no shorter way."""
        result: Any = simulate(chip, work, objective=self.sweep.file.objective)
        summary = result.summary
        return Figures(
            summary.cycles,
            summary.energy_aj,
            summary.dram_read_bytes,
            summary.dram_write_bytes,
            tuple(float(value) for value in headline_of(result).values()),
        )


def values_of(sweep: OpenedSweep, place: Place) -> dict[str, Any]:
    """What a point varies, by dotted path; its precision, if that varies, among it."""
    levels = zip(sweep.pairs[place.pair].levels, place.levels, strict=True)
    return {path: value for axis, number in levels if axis.values for path, value in axis.values[number]}


def _figures_of(work: Workload, run: PricedRun) -> Figures:
    counts = counts_of(run)
    headline = headline_of_run(work, run, counts, areas(run.tariff).total_mm2)
    return Figures(*counts, tuple(float(headline[figure]) for figure in Headline))
