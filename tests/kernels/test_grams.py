"""Sums of products and their triangle: those of plain loops in the same order, bit for bit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hwsim.kernels.grams import add_products, solve_with_triangle, upper_triangle

Doubles = NDArray[np.float64]
SIZES = st.integers(1, 9)
SEEDS = st.integers(0, 10**6)


def definite(seed: int, size: int) -> Doubles:
    x = np.random.default_rng(seed).normal(size=(size + 3, size))
    return x.T @ x + np.eye(size)


@given(SEEDS, SIZES, SIZES, SIZES)
def test_sums_are_those_of_a_loop_over_vectors(seed: int, vectors: int, k: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    left, right, out = rng.normal(size=(vectors, k)), rng.normal(size=(vectors, n)), rng.normal(size=(k, n))
    left[rng.random(left.shape) < 0.3] = 0
    expected = out.copy()
    for one, other in zip(left, right, strict=True):
        expected += one[:, None] * other[None, :]
    add_products(left, right, out)
    np.testing.assert_array_equal(out, expected)


def test_sums_of_more_columns_than_stay_near_are_the_same() -> None:
    rng = np.random.default_rng(1)
    left, right, out = rng.normal(size=(3, 5)), rng.normal(size=(3, 9000)), np.zeros((5, 9000))
    add_products(left, right, out)
    expected = left[0][:, None] * right[0] + left[1][:, None] * right[1] + left[2][:, None] * right[2]
    np.testing.assert_array_equal(out, expected)


@given(SEEDS, SIZES)
def test_the_triangle_is_that_of_rows_taken_off_one_after_another(seed: int, size: int) -> None:
    gram = definite(seed, size)
    left, expected = gram.copy(), np.zeros_like(gram)
    for place in range(size):
        row = left[place, place:] / np.sqrt(left[place, place])
        expected[place, place:] = row
        left[place + 1 :, place + 1 :] -= row[1:, None] * row[None, 1:]
    found = gram.copy()
    upper_triangle(found)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(found.T @ found, gram, rtol=1e-9, atol=1e-9)


@given(SEEDS, SIZES, SIZES)
def test_solutions_solve(seed: int, size: int, columns: int) -> None:
    gram, wanted = definite(seed, size), np.random.default_rng(seed + 1).normal(size=(size, columns))
    factor, found = gram.copy(), gram @ wanted
    upper_triangle(factor)
    solve_with_triangle(factor, found)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-8)
