"""The best options of layers within one budget, by what a run of the whole network says of them."""

from collections.abc import Sequence
from contextlib import suppress
from math import inf

from hwsim.dataclass import dataclass
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.precision import policy
from hwsim.results.allocation import Beside, Chosen, Judged, Layer, Option, Sensing, Spent, compression, decibels
from hwsim.results.headline_figures import headline_of
from hwsim.study.allocation.formats_of_layers import policies_of, widths_of
from hwsim.study.allocation.narrowing import Factored
from hwsim.study.allocation.runs import Formats, Runs, formats
from hwsim.study.allocation.search import Beyond, Within, within
from hwsim.study.allocation.values import Values


class Judge:
    """What runs and values say of formats."""

    def __init__(self, runs: Runs, values: Values, shared: Sequence[Beside]) -> None:
        self.runs, self.values, self.shared = runs, values, shared
        self.beside_bytes = sum(one.model_bytes for one in shared)

    def taken(self, chosen: Formats, spent: Spent) -> int:
        """What a run takes of a budget."""
        return self.runs.taken(chosen, spent, self.beside_bytes)

    def of(self, chosen: Formats) -> Judged:
        """The run, and the output."""
        work, result = self.runs.of(chosen)
        output, stored = self.values.judged(chosen), work.program.model_bytes
        parameters = self.runs.workload.program.parameters + sum(one.parameters for one in self.shared)
        return Judged(
            model_bytes=stored,
            compression=compression(parameters, stored + self.beside_bytes),
            figures=sorted_pairs(headline_of(result)),
            sqnr_db=decibels(output.noise),
            divergence=output.divergence,
        )


Floor = tuple[tuple[str, ...], int]
"""The policies that layers may have, and how wide their bottlenecks are at least."""


def floors_of(names: Sequence[str], widths: Sequence[int]) -> list[Floor]:
    """All policies and widths, then those alone that are wider than the narrowest ones, and so on.

    >>> floors_of(["w2a8", "w4a8"], [96])
    [(('w2a8', 'w4a8'), 0), (('w4a8',), 0), (('w2a8', 'w4a8'), 97), (('w4a8',), 97)]
    """
    bits = sorted({policy(name).weight.bits for name in names})
    wider = [tuple(name for name in names if policy(name).weight.bits >= least) for least in bits]
    return [(kept, width) for width in (0, *(width + 1 for width in sorted(widths))) for kept in wider]


@dataclass(frozen=True, slots=True)
class Choices:
    """The best options of layers within one limit."""

    judge: Judge
    layers: Sequence[Layer]
    factored: Sequence[Factored]
    spent: Spent
    limit: int
    fixed: int

    def best(self, budget: str, floors: Sequence[Floor], sensing: Sensing) -> Chosen:
        """Of the best options above each floor those whose output loses least; Beyond, if none fit at all."""
        first = self._among(floors[0])
        found = [self._chosen(budget, floors[0], *first, first[0])]
        for floor in floors[1:]:
            with suppress(Beyond):
                found.append(self._chosen(budget, floor, *self._among(floor), first[0]))
        return min(found, key=lambda one: _lost(one.judged, sensing))

    def _among(self, floor: Floor) -> tuple[Within, tuple[int, ...]]:
        """The best options above a floor, and their places."""
        kept = [[place for place, option in enumerate(layer.options) if _above(option, floor)] for layer in self.layers]
        if not all(kept):
            raise Beyond(self.limit)
        groups = [
            [(layer.options[place].cost(self.spent), layer.options[place].sensitivity) for place in places]
            for layer, places in zip(self.layers, kept, strict=True)
        ]

        def whole(places: Sequence[int]) -> tuple[int, ...]:
            return tuple(own[at] for own, at in zip(kept, places, strict=True))

        def taken(places: tuple[int, ...]) -> int:
            return self.judge.taken(self._formats(whole(places)), self.spent)

        fit = within(groups, self.limit, self.fixed, taken)
        return fit, whole(fit.best.places)

    def _formats(self, places: Sequence[int]) -> Formats:
        picked = [(layer, layer.options[at]) for layer, at in zip(self.layers, places, strict=True)]
        return formats(policies_of(picked), widths_of(picked, self.factored))

    def _chosen(self, budget: str, floor: Floor, fit: Within, places: tuple[int, ...], least: Within) -> Chosen:
        return Chosen(
            budget=budget,
            spent=self.spent,
            limit=self.limit,
            policies=floor[0],
            bottleneck=floor[1],
            options=places,
            cost=fit.best.cost + self.fixed,
            taken=fit.taken,
            sensitivity=fit.best.value,
            least=least.best.value,
            greedy=least.greedy.value,
            rounds=fit.rounds,
            judged=self.judge.of(self._formats(places)),
        )


def _above(option: Option, floor: Floor) -> bool:
    names, width = floor
    return set(option.policies) <= set(names) and (option.bottleneck is None or option.bottleneck >= width)


def _lost(judged: Judged, sensing: Sensing) -> float:
    """What an output lost, in the measure that is made least."""
    if sensing is Sensing.KL:
        return judged.divergence or 0.0
    return -inf if judged.sqnr_db is None else -judged.sqnr_db
