"""What quantisation loses at points of a sweep: once for each workload in each precision, whatever its chip."""

import json
from dataclasses import field

from hwsim.dataclass import dataclass
from hwsim.errors import UserError
from hwsim.inputs.sweeps import OpenedSweep
from hwsim.ir.workload import Workload
from hwsim.results.sweep_file import SQNR, asked_figures
from hwsim.study.sweep.chunks import work_axes
from hwsim.study.sweep.evaluate import Evaluator
from hwsim.study.sweep.points import Place
from hwsim.study.sweep.store import SweepStore


def wants_quality(sweep: OpenedSweep) -> bool:
    """Whether a condition or an objective names the signal to noise."""
    return SQNR in asked_figures(sweep.file)


@dataclass(slots=True)
class Qualities:
    """The signal to noise by workload and precision, kept in the store; values are drawn with the seed 0."""

    sweep: OpenedSweep
    store: SweepStore
    evaluator: Evaluator
    _known: dict[str, float | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._known.update(self.store.qualities())

    def find(self, place: Place) -> None:
        """Work out the quality of a point, unless it is known."""
        key = key_of(self.sweep, place)
        if key not in self._known:
            try:
                self._known[key] = _sqnr(self.evaluator.point(place)[1])
            except UserError:
                self._known[key] = None  # what has no values has no figure
            self.store.keep_quality(key, self._known[key])


def key_of(sweep: OpenedSweep, place: Place) -> str:
    """What the values of a point depend on: its workload, and the axes that are fields of that, or precisions."""
    of_work = work_axes(sweep)
    return json.dumps([sweep.pairs[place.pair].workload.name, *(place.levels[axis] for axis in of_work)])


def _sqnr(work: Workload) -> float | None:
    """The signal to quantisation noise at the output, in dB, with exact accumulators."""
    # Imported here because few sweeps need values.
    from hwsim.results.measured import Sources
    from hwsim.study.values import prepared, run_values

    sources = Sources(input=None, weights=None, seed=0, packed=False)
    return run_values(prepared(work, sources), sources).sqnr_db
