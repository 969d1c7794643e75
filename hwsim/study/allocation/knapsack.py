"""One option of each group, so that their values sum to the least and their costs to no more than a budget.

This is the multiple-choice knapsack. The exact way adds group after group to a list of partial choices, of which it
leaves out those that another one beats in both cost and value, and those that even a relaxed choice of all other groups
does not bring below the best that is known. Costs are whole numbers; values are added in the order of the groups.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue

Group = Sequence[tuple[int, float]]
"""The cost and the value of each option."""

_SLACK = 1e-12
"""By how much of all values a bound may be wrong, which adds in another order than the choice that it bounds."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The place of an option in each group, and what they come to."""

    places: tuple[int, ...]
    cost: int
    value: float


def chosen(groups: Sequence[Group], places: Sequence[int]) -> Chosen:
    """The choice of these places.

    >>> chosen([[(1, 0.5), (2, 0.0)], [(3, 0.25)]], [1, 0])
    Chosen(places=(1, 0), cost=5, value=0.25)
    """
    value = 0.0
    for group, place in zip(groups, places, strict=True):
        value += group[place][1]
    return Chosen(tuple(places), sum(group[place][0] for group, place in zip(groups, places, strict=True)), value)


def cheapest(groups: Sequence[Group]) -> Chosen:
    """The choice of least cost, of equal ones that of least value."""
    return chosen(groups, [min(range(len(group)), key=lambda place: group[place]) for group in groups])


def greedy(groups: Sequence[Group], budget: int) -> Chosen | None:
    """From the cheapest choice on, always the change that gains most for what it costs and that still fits; None, if
    nothing fits."""
    _check(groups)
    now = cheapest(groups)
    if now.cost > budget:
        return None
    places, left = list(now.places), budget - now.cost
    for step in _steps(groups):
        if places[step.group] == step.before and step.cost <= left:
            places[step.group] = step.after
            left -= step.cost
    return chosen(groups, places)


def exact(groups: Sequence[Group], budget: int) -> Chosen | None:
    """The choice of least value within the budget, of equal ones the cheapest; None, if nothing fits."""
    first = greedy(groups, budget)
    if first is None:
        return None
    bounds = _bounds(groups)
    enough = first.value + _SLACK * sum(max(abs(value) for _, value in group) for group in groups)
    costs, values = np.zeros(1, np.int64), np.zeros(1)
    parents: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for number, group in enumerate(groups):
        costs, values, kept = _joined(costs, values, group)
        reachable = bounds[number].least(budget - costs) + values <= enough
        costs, values = costs[reachable], values[reachable]
        parents.append((kept[0][reachable], kept[1][reachable]))
    at = int(np.argmin(values))  # which also is the cheapest of its value: others of that value were beaten
    places = []
    for befores, options in reversed(parents):
        places.append(int(options[at]))
        at = int(befores[at])
    return chosen(groups, places[::-1])


def _joined(
    costs: NDArray[np.int64], values: NDArray[np.float64], group: Group
) -> tuple[NDArray[np.int64], NDArray[np.float64], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """All partial choices with each option of one more group, but those that another one beats; of each the partial
    choice that it goes on from, and its option."""
    of_option = np.array([cost for cost, _ in group], np.int64), np.array([value for _, value in group])
    all_costs = (costs[None, :] + of_option[0][:, None]).reshape(-1)
    all_values = (values[None, :] + of_option[1][:, None]).reshape(-1)
    order = np.lexsort((all_values, all_costs))
    sorted_values = all_values[order]
    least = np.minimum.accumulate(sorted_values)
    better = np.concatenate([[True], sorted_values[1:] < least[:-1]])
    kept = order[better]
    return all_costs[kept], all_values[kept], (kept % len(costs), kept // len(costs))


@dataclass(frozen=True, slots=True)
class _Step:
    """From one option of a group to the next one that is dearer and better: none lies below the line between them."""

    group: int
    before: int
    after: int
    cost: int
    gain: float


def _steps(groups: Sequence[Group]) -> list[_Step]:
    """The steps of all groups, those first that gain most for what they cost."""
    steps = [step for number, group in enumerate(groups) for step in _steps_of(number, group)]
    return sorted(steps, key=lambda step: (-step.gain / step.cost, step.group, step.cost))


def _steps_of(number: int, group: Group) -> Iterator[_Step]:
    at = min(range(len(group)), key=lambda place: group[place])
    while True:
        cost, value = group[at]
        better = [place for place, (other, lower) in enumerate(group) if other > cost and lower < value]
        if not better:
            return
        after = max(
            better, key=lambda place: ((value - group[place][1]) / (group[place][0] - cost), group[place][0], -place)
        )
        yield _Step(number, at, after, group[after][0] - cost, value - group[after][1])
        at = after


@dataclass(frozen=True, slots=True)
class _Bound:
    """What the groups behind one come to at least, if steps may be taken in part."""

    cheapest_cost: int
    costs: NDArray[np.float64]
    values: NDArray[np.float64]

    def least(self, budgets: NDArray[np.int64]) -> NDArray[np.float64]:
        """The least value within each budget; infinite, where nothing fits."""
        spare = budgets - self.cheapest_cost
        return np.where(spare < 0, np.inf, np.interp(spare, self.costs, self.values))


def _bounds(groups: Sequence[Group]) -> list[_Bound]:
    """Of each group, the bound of those behind it."""
    steps, bounds = _steps(groups), []
    for number in range(len(groups)):
        behind = [step for step in steps if step.group > number]
        start = cheapest(groups[number + 1 :])
        costs = np.concatenate([[0.0], np.cumsum([float(step.cost) for step in behind])])
        values = start.value - np.concatenate([[0.0], np.cumsum([step.gain for step in behind])])
        bounds.append(_Bound(start.cost, costs, values))
    return bounds


def _check(groups: Sequence[Group]) -> None:
    for number, group in enumerate(groups):
        if not group:
            raise InvalidValue(f"groups.{number}", [], "must have an option")
        for cost, value in group:
            if cost < 0 or not np.isfinite(value):
                raise InvalidValue(f"groups.{number}", (cost, value), "must have a cost from 0 and a finite value")
