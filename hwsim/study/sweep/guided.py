"""Points that are sought by what earlier ones came to: NSGA-II over the axes, by optuna.

A generation is asked for at once, and the sampler draws by the seed alone: a search that goes on asks for the points
that its store has, one after another, and finds them there.
"""

import optuna

from hwsim.errors import Unsupported
from hwsim.inputs.sweeps import OpenedSweep
from hwsim.quantities.plain_data import Progress
from hwsim.results.sweep import SweepRow
from hwsim.results.sweep_file import Sample
from hwsim.study.sweep.analysis import cost_of, rows_of
from hwsim.study.sweep.evaluate import Evaluator, Figures, Refused
from hwsim.study.sweep.points import Place, SweepPoints
from hwsim.study.sweep.quality import Qualities, wants_quality
from hwsim.study.sweep.store import Stored, SweepStore

GENERATION = 24
"""Points of a generation."""
TRIES = 50
"""Asked for so many times the points that are wanted, a search has seen all that it will see."""
WORST = 1e300
"""What a point costs that is refused, or that conditions on fields leave out."""


def fill_guided(sweep: OpenedSweep, store: SweepStore, progress: Progress) -> None:
    """Seek points until there are as many as the sample has."""
    sample = sweep.file.sample
    assert sample is not None
    search = _Search(sweep, store, sample)
    study = search.study()
    for _ in range(TRIES * sample.points // GENERATION + 1):
        if search.count >= min(sample.points, search.points.size):
            return
        trials = [study.ask() for _ in range(GENERATION)]
        for trial in trials:
            place = search.place(trial)
            study.tell(trial, search.costs(place))
            progress(min(search.count, sample.points), sample.points)
    if not search.count:
        raise Unsupported("the sweep has no points: its conditions on fields leave out all that the search tried")


class _Search:
    def __init__(self, sweep: OpenedSweep, store: SweepStore, sample: Sample) -> None:
        self.sweep, self.store, self.sample = sweep, store, sample
        self.points, self.evaluator = SweepPoints(sweep), Evaluator(sweep)
        self.known = {one.place: one for one in store.points()}
        self.asked: set[Place] = set()
        self.qualities = Qualities(sweep, store, self.evaluator) if wants_quality(sweep) else None

    @property
    def count(self) -> int:
        """How many points the search has asked for."""
        return len(self.asked)

    def study(self) -> optuna.Study:
        """A search from its beginning."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.NSGAIISampler(seed=self.sample.seed, population_size=GENERATION)
        return optuna.create_study(directions=["minimize"] * len(self.sweep.file.best), sampler=sampler)

    def place(self, trial: optuna.Trial) -> Place:
        """The point that a trial means: its pair, and by their order the values of its axes."""
        pairs = len(self.sweep.pairs)
        pair = trial.suggest_int("pair", 0, pairs - 1) if pairs > 1 else 0
        most = [
            max(self.points.counts(number)[axis] for number in range(pairs)) for axis in range(len(self.sweep.axes))
        ]
        levels = [trial.suggest_int(f"axis {axis}", 0, count - 1) for axis, count in enumerate(most)]
        counts = self.points.counts(pair)
        return Place(pair, tuple(min(level, count - 1) for level, count in zip(levels, counts, strict=True)))

    def costs(self, place: Place) -> list[float]:
        """What a point costs in each figure that is sought; one that misses conditions costs so much more the more of
        them it misses."""
        best = self.sweep.file.best
        if not self.points.allowed(place) or (place not in self.asked and self.count >= self.sample.points):
            return [WORST] * len(best)
        row = self._row(place)
        if isinstance(self.known[place].found, Refused):
            return [WORST] * len(best)
        costs = [cost_of(row, name) for name in best]
        return [min(cost, WORST) if row.fits else WORST / 2 for cost in costs]

    def _row(self, place: Place) -> SweepRow:
        self.asked.add(place)
        one = self.known.get(place)
        if one is None:
            pair = self.sweep.pairs[place.pair]
            number = self.store.size + 1
            self.store.add([place], [(pair.chip.name, pair.workload.name, *self.points.written(place))])
            one = Stored(number, place, None)
        if one.found is None:
            (found,) = self.evaluator.run([place])
            assert isinstance(found, (Figures, Refused))
            self.store.write([(one.number, found)])
            one = Stored(one.number, place, found)
        self.known[place] = one
        if self.qualities is not None:
            self.qualities.find(place)
        (row,) = rows_of(self.points, self.store, [one])
        return row
