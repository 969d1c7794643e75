"""The exact choice is that of brute force and of an integer program; the greedy one is never better."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from hwsim.errors import InvalidValue
from hwsim.study.allocation.knapsack import Chosen, Group, chosen, exact, greedy
from hwsim.study.allocation.search import curve

OPTIONS = st.tuples(st.integers(0, 12), st.integers(0, 40).map(lambda n: n / 7))
GROUPS = st.lists(st.lists(OPTIONS, min_size=1, max_size=4), min_size=1, max_size=6)


def brute_force(groups: list[Group], budget: int) -> Chosen | None:
    """All choices, one by one."""
    every = (chosen(groups, places) for places in product(*(range(len(group)) for group in groups)))
    return min((one for one in every if one.cost <= budget), key=lambda one: (one.value, one.cost), default=None)


@given(GROUPS, st.integers(0, 60))
def test_the_exact_choice_is_that_of_brute_force(groups: list[Group], budget: int) -> None:
    found, wanted = exact(groups, budget), brute_force(groups, budget)
    assert (found is None) is (wanted is None)
    if found is not None and wanted is not None:
        assert (found.value, found.cost) == (wanted.value, wanted.cost)
        assert found == chosen(groups, found.places)


@given(GROUPS, st.integers(0, 60))
def test_the_greedy_choice_fits_and_is_never_better(groups: list[Group], budget: int) -> None:
    found, best = greedy(groups, budget), exact(groups, budget)
    assert (found is None) is (best is None)
    if found is not None and best is not None:
        assert found.cost <= budget
        assert found.value >= best.value


@pytest.mark.parametrize("seed", range(5))
def test_the_exact_choice_of_many_layers_is_that_of_an_integer_program(seed: int) -> None:
    drawn = np.random.default_rng(seed)
    groups: list[Group] = []
    for size in drawn.choice([65_536, 98_304, 262_144], 40):
        gain = drawn.lognormal()
        groups.append([(int(size * bits) // 8, gain * 4.0**-bits) for bits in (2, 3, 4, 8)])
    low, high = (sum(group[place][0] for group in groups) for place in (0, -1))
    for share in (0.1, 0.45, 0.8):
        budget = int(low + share * (high - low))
        found = exact(groups, budget)
        assert found is not None
        assert found.value == pytest.approx(program(groups, budget), rel=1e-9)


def program(groups: list[Group], budget: int) -> float:
    """The least value by a solver of integer programs."""
    count = sum(map(len, groups))
    one_each = np.zeros((len(groups), count))
    for number, start in enumerate(np.cumsum([0, *map(len, groups[:-1])])):
        one_each[number, start : start + len(groups[number])] = 1
    costs, values = (np.array([option[place] for group in groups for option in group]) for place in (0, 1))
    solved = milp(
        values / values.max(),
        constraints=[LinearConstraint(one_each, 1, 1), LinearConstraint(costs[None, :] / 1024, 0, budget / 1024)],
        integrality=np.ones(count), bounds=Bounds(0, 1), options={"mip_rel_gap": 0},
    )  # fmt: skip
    return float(values @ np.rint(solved.x))


@given(GROUPS)
def test_more_of_a_budget_never_loses_more(groups: list[Group]) -> None:
    points = curve(groups, fixed=100)
    assert [point.sensitivity for point in points] == sorted((point.sensitivity for point in points), reverse=True)
    assert all(point.cost <= point.limit and point.greedy >= point.sensitivity for point in points)
    assert points[-1].sensitivity == pytest.approx(sum(min(value for _, value in group) for group in groups))


def test_a_group_without_options_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"groups.1 = \[\]: must have an option"):
        exact([[(1, 0.5)], []], 10)
