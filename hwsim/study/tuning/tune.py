"""What the next doubling of each resource buys, and the best small set of changes within limits.

Every set of moves that is spoken of was run, planned anew for its chip. All moves are run alone. Then the best few are
run with one more move each, and the best few of these, up to as many changes as are asked for: those first that pass
limits least, then those with the best figure.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, UnknownName, UserError
from hwsim.hardware.chip import Chip
from hwsim.inputs.varied import Field, chip_with
from hwsim.ir.workload import Workload
from hwsim.quantities.noun import must_be, sorted_pairs
from hwsim.quantities.plain_data import Objective, Progress, must_map_names, no_progress, stage
from hwsim.results.headline_figures import headline_of
from hwsim.results.sweep_file import FIGURES
from hwsim.results.tuning import Trial, TuningOutcome
from hwsim.study.points import binding_of
from hwsim.study.simulate import simulate
from hwsim.study.tuning.bounds import Bound, read_bounds
from hwsim.study.tuning.reasons import reason_of
from hwsim.study.tuning.resources import Step, steps_of

KEPT = 4
"""Sets of moves that are run with one more move each."""
MOST_CHANGES = 4
MOST_ANSWERS = 8
WORTH = 1.01
"""How many times better a set must be than any part of it to be told of."""

Steps = tuple[Step, ...]


def tune(
    chip: Chip,
    workload: Workload,
    *,
    within: Sequence[str] = (),
    best: str = "latency",
    changes: int = 2,
    objective: Objective | str = Objective.LATENCY,
    files: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
) -> TuningOutcome:
    """What twice and half of each resource of a chip make of a workload, and the best sets of at most so many of these
    changes within limits, such as `area=4mm2` and `power=2W`.
    """
    if not isinstance(chip, Chip):
        must_be(Chip, "chip", chip)
    must_be(Workload, "workload", workload)
    must_map_names(str, "a text", files=files)
    if best not in FIGURES:
        raise InvalidValue("best", best, str(UnknownName("figure", best, tuple(FIGURES))))
    if not 1 <= changes <= MOST_CHANGES:
        raise InvalidValue("changes", changes, f"must be from 1 to {MOST_CHANGES}")
    bounds = read_bounds(within)
    known, steps, refused = steps_of(chip, workload)
    about = 1 + len(steps) + (changes - 1) * KEPT * max(0, len(steps) - 2)
    runs = _Runs(chip, workload, known, bounds, Objective.named(objective), progress, about)
    as_it_is = runs.of(())
    assert as_it_is is not None
    alone: list[Steps] = [(step,) for step in steps if runs.of((step,)) is not None]
    latest = alone
    for _ in range(changes - 1):
        grown: list[Steps] = [
            (*before, step)
            for before in sorted(latest, key=lambda one: runs.rank(one, best))[:KEPT]
            for step in steps
            if all(step.move.resource != other.move.resource for other in before)
        ]
        latest = [one for one in grown if runs.of(one) is not None]
    runs.refused.update(refused)
    return TuningOutcome(
        chip=chip.name,
        workload=workload.name,
        precision=workload.formats,
        best=best,
        within=tuple(bound.text for bound in bounds),
        most_changes=changes,
        as_it_is=as_it_is,
        alone=tuple(_reasoned(runs.trials[_key(one)], as_it_is) for one in alone),
        answers=tuple(_reasoned(trial, as_it_is) for trial in _answers(runs, as_it_is, best)),
        runs=len(runs.trials),
        refused=tuple(runs.refused.items()),
        files=sorted_pairs(files or {}),
    )


def _reasoned(trial: Trial, as_it_is: Trial) -> Trial:
    return replace(trial, reason=reason_of(trial, as_it_is))


def _answers(runs: "_Runs", as_it_is: Trial, best: str) -> list[Trial]:
    """The sets that keep within all limits, the best first, but those of which a part is about as good."""
    fitting = [trial for trial in runs.trials.values() if trial.fits and trial.moves]
    fitting.sort(key=lambda trial: (-trial.gain(as_it_is, best), len(trial.moves), trial.figure("area")))
    kept: list[Trial] = []
    for trial in fitting:
        parts = [one for one in (as_it_is, *fitting) if one.fits and set(one.moves) < set(trial.moves)]
        if all(trial.gain(part, best) >= WORTH or _saves(trial, part) for part in parts):
            kept.append(trial)
    return kept[:MOST_ANSWERS]


def _saves(trial: Trial, part: Trial) -> bool:
    """Whether a set is smaller than a part of it, and about as good."""
    return trial.figure("area") < part.figure("area") and trial.figure("latency") <= part.figure("latency") * 1.005


def _key(steps: Steps) -> frozenset[str]:
    return frozenset(step.move.title for step in steps)


@dataclass(slots=True)
class _Runs:
    """The sets of moves that were run so far."""

    chip: Chip
    work: Workload
    known: Mapping[str, Field]
    bounds: tuple[Bound, ...]
    objective: Objective
    progress: Progress
    about: int
    trials: dict[frozenset[str], Trial] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def of(self, steps: Steps) -> Trial | None:
        """The run with these moves; None, if it is refused."""
        key = _key(steps)
        title = ", ".join(step.move.title for step in steps)
        if key not in self.trials and title not in self.refused:
            values: dict[str, Any] = {path: value for step in steps for path, value in step.values.items()}
            part = stage(self.progress, min(len(self.trials), self.about - 1), self.about)
            try:
                chip = chip_with(self.chip, self.known, values, "tune:") if values else self.chip
                result = simulate(chip, self.work, objective=self.objective, progress=part)
            except UserError as error:
                if not steps:
                    raise
                self.refused[title] = str(error)
                return None
            limits: Counter[str] = Counter()
            for op in result.ops:
                limits[op.limit.value] += op.cycles
            figures = headline_of(result)
            self.trials[key] = Trial(
                moves=tuple(step.move for step in steps),
                figures=sorted_pairs(figures),
                binds=binding_of(result),
                limits=sorted_pairs(limits),
                fits=not any(bound.excess(figures) for bound in self.bounds),
            )
        return self.trials.get(key)

    def rank(self, steps: Steps, best: str) -> tuple[float, float, float]:
        """Where a set comes in the order of those that are gone on with: less is better."""
        trial = self.trials[_key(steps)]
        excess = sum(bound.excess(dict(trial.figures)) for bound in self.bounds)
        return excess, -trial.gain(self.trials[frozenset()], best), trial.figure("area")
