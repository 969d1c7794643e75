"""Options of layers within a limit: by their sums first, then as a run of the whole network has it."""

from collections.abc import Callable, Sequence

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.results.allocation import CurvePoint, Layer, Spent
from hwsim.study.allocation.knapsack import Chosen, Group, cheapest, exact, greedy

MOST_ROUNDS = 16
"""How often a limit is lowered before nothing is said to fit."""
CURVE_POINTS = 33


def groups_of(layers: Sequence[Layer], spent: Spent) -> list[Group]:
    """The options of all layers by what they cost of a budget and what they lose."""
    return [[(option.cost(spent), option.sensitivity) for option in layer.options] for layer in layers]


@dataclass(frozen=True, slots=True)
class Within:
    """The best options within a limit, and the greedy ones; what a run of the best takes; how often their sum had to
    be held lower than the limit."""

    best: Chosen
    greedy: Chosen
    taken: int
    rounds: int


class Beyond(Exception):
    """Nothing fits; a run of the cheapest options takes so much."""

    def __init__(self, taken: int) -> None:
        super().__init__(taken)
        self.taken = taken


def within(groups: Sequence[Group], limit: int, fixed: int, taken: Callable[[tuple[int, ...]], int]) -> Within:
    """The best options whose run takes no more than a limit, of which what is not chosen takes a fixed part."""
    inner = limit - fixed
    for rounds in range(MOST_ROUNDS):
        best, other = exact(groups, inner), greedy(groups, inner)
        if best is None or other is None:
            break
        truth = taken(best.places)
        if truth <= limit:
            return Within(best, other, truth, rounds)
        inner = min(inner, best.cost) - max(1, truth - limit)
    raise Beyond(taken(cheapest(groups).places))


def refusal(budget: str, limit: int, spent: Spent, error: Beyond) -> InvalidValue:
    """What is said of a budget within which nothing was found."""
    law = f"is {max(0, limit):,} {spent.unit}, and the cheapest formats take {error.taken:,}"
    return InvalidValue("budget", budget, f"{law}; allow more, or offer narrower formats")


def curve(groups: Sequence[Group], fixed: int) -> tuple[CurvePoint, ...]:
    """The least that is lost within limits, evenly spread between the cheapest options and the best ones."""
    low = cheapest(groups).cost
    high = cheapest([[(cost, value) for cost, value in group if value <= _best(group)] for group in groups]).cost
    points = []
    for limit in sorted({int(at) for at in np.linspace(low, max(low, high), CURVE_POINTS)}):
        best, other = exact(groups, limit), greedy(groups, limit)
        assert best is not None
        assert other is not None
        points.append(
            CurvePoint(limit=limit + fixed, cost=best.cost + fixed, sensitivity=best.value, greedy=other.value)
        )
    return tuple(points)


def _best(group: Group) -> float:
    return min(value for _, value in group)
