"""Babai's nearest plane against its definition: step by step, and its bound."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hwsim.quantities.precision import Precision
from hwsim.tensor.nearest_plane import DAMPING, nearest_plane, triangle
from hwsim.tensor.quant_params import QuantParams, even

Doubles = NDArray[np.float64]
WIDE = even(Precision.INT16, 1.0)
"""A grid of whole numbers on which nothing is clipped."""


def drawn(seed: int, k: int, n: int) -> tuple[Doubles, Doubles, Doubles]:
    """A weight[k, n], correlated vectors x[40, k], and the damped sums of x·xᵀ."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, k)) @ rng.normal(size=(k, k))
    gram = x.T @ x
    return rng.normal(size=(k, n)) * 3, x, gram + DAMPING * np.diag(gram).mean() * np.eye(k)


def rounded(weight: Doubles, gram: Doubles, params: QuantParams = WIDE) -> Doubles:
    ones = np.ones_like(weight)
    return nearest_plane(weight, gram, ones * params.scale, 0 * ones, params)


@given(st.integers(0, 10**6), st.integers(1, 6))
def test_the_triangle_is_that_of_the_damped_sums(seed: int, k: int) -> None:
    _, x, damped = drawn(seed, k, 1)
    found = triangle(x.T @ x)
    assert found is not None
    np.testing.assert_allclose(found.T @ found, damped, rtol=1e-9, atol=1e-9 * damped.max())
    assert np.all(np.tril(found, -1) == 0)


@given(st.integers(0, 10**6), st.integers(1, 6))
def test_each_entry_is_the_best_one_after_those_behind_it(seed: int, k: int) -> None:
    """With the entries before it free, the least error that a whole number can leave: tried one by one."""
    weight, x, damped = drawn(seed, k, 1)
    q = rounded(weight, x.T @ x)[:, 0]
    for place in range(k):

        def left(value: float, place: int = place) -> float:
            """The least error over all real entries before it, if it is `value` and those behind it are as found."""
            e = np.concatenate([np.zeros(place), [weight[place, 0] - value], weight[place + 1 :, 0] - q[place + 1 :]])
            if place:
                a, b = damped[:place, :place], damped[:place, place:] @ e[place:]
                e[:place] = -np.linalg.solve(a, b)
            return float(e @ damped @ e)

        around = [left(value) for value in np.floor(weight[place, 0]) + np.arange(-6, 8)]
        assert left(q[place]) <= min([*around, left(q[place] - 1), left(q[place] + 1)]) * (1 + 1e-9) + 1e-9


@given(st.integers(0, 10**6), st.integers(1, 8))
def test_the_error_keeps_within_babais_bound(seed: int, k: int) -> None:
    weight, x, damped = drawn(seed, k, 3)
    error = weight - rounded(weight, x.T @ x)
    factor = triangle(x.T @ x)
    assert factor is not None
    bound = (np.diag(factor) ** 2).sum() / 4
    assert np.all(np.einsum("kn,kl,ln->n", error, damped, error) <= bound * (1 + 1e-9))


def test_inputs_that_know_nothing_of_each_other_leave_the_nearest_integers() -> None:
    weight, _, _ = drawn(1, 5, 4)
    np.testing.assert_array_equal(rounded(weight, np.diag([1.0, 9.0, 4.0, 2.0, 5.0])), np.rint(weight))
    np.testing.assert_array_equal(rounded(weight, np.zeros((5, 5))), np.rint(weight))


def test_correlated_inputs_lose_less_than_by_the_nearest_integers() -> None:
    weight, x, _ = drawn(2, 32, 16)
    lost = [float((((weight - q).T @ x.T) ** 2).sum()) for q in (rounded(weight, x.T @ x), np.rint(weight))]
    assert lost[0] < 0.6 * lost[1]


@pytest.mark.parametrize("precision", [Precision.INT2, Precision.INT4])
def test_numbers_stay_on_the_grid_and_in_its_range(precision: Precision) -> None:
    weight, x, _ = drawn(3, 12, 6)
    params = even(precision, 0.5)
    found = rounded(weight, x.T @ x, params)
    integers = found / 0.5
    np.testing.assert_array_equal(integers, np.rint(integers))
    assert integers.min() == params.lowest
    assert integers.max() == params.highest
