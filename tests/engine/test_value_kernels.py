"""Kernels of values: single precision in order, what two arrays have in common, how many values lie in each bin."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.engine.values.compare import error_metrics
from hwsim.kernels.bins import count_in_bins
from hwsim.kernels.single import add_rows
from hwsim.oracle.sums import floating
from hwsim.tensor import single


@settings(max_examples=30)
@given(st.integers(1, 20), st.integers(1, 12), st.integers(1, 70), st.booleans(), st.integers(0, 9))
def test_floats_add_alike_for_any_number_of_rows_and_threads(m: int, k: int, n: int, often: bool, seed: int) -> None:
    """In the order of k, each product and each addition rounded: as the oracle, one row at a time."""
    drawn = np.random.default_rng(seed)
    act, weight = (drawn.normal(size=size).astype(np.float32) for size in ((2, m, k), (2, k, n)))
    weights = single.single_weights(weight)
    found = single.single_products(act, weights, threads=2, often=often)
    for a, w, made in zip(act, weight, found, strict=True):
        np.testing.assert_array_equal(made, floating(a, w, None))
    alone = single.single_products(act[:, :1], weights)
    np.testing.assert_array_equal(alone, found[:, :1])


def test_errors_are_measured_in_double_precision() -> None:
    wanted, found = np.random.default_rng(0).normal(size=(2, 1003)).astype(np.float32).astype(float)
    sums = [wanted @ wanted, (wanted - found) @ (wanted - found), found @ found, wanted @ found]
    np.testing.assert_allclose(error_metrics(wanted, found), sums, rtol=1e-13)


@settings(max_examples=20)
@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 30), st.integers(0, 9))
def test_a_few_rows_straight_from_memory_are_those_of_the_oracle(m: int, k: int, n: int, seed: int) -> None:
    """Any stretch of columns, and no other one is touched."""
    drawn = np.random.default_rng(seed)
    act, weight = (drawn.normal(size=size).astype(np.float32) for size in ((m, k), (k, n)))
    first, last = sorted(drawn.integers(0, n + 1, 2).tolist())
    out = np.full((m, n), np.float32(9))
    add_rows(act, weight, first, last, out)
    wanted = np.full((m, n), np.float32(9))
    wanted[:, first:last] = floating(act, weight, None)[:, first:last]
    np.testing.assert_array_equal(out, wanted)


def test_values_are_counted_in_the_bins_that_numpy_gives_them() -> None:
    values = np.random.default_rng(1).normal(scale=3, size=500).astype(np.float32)
    values[:3] = 0, -4, 4
    counts = np.ones(16, np.int64)
    count_in_bins(values, 2.0, counts)
    places = np.clip(np.floor(values.astype(float) * 2) + 8, 0, 15).astype(int)
    assert counts.tolist() == (1 + np.bincount(places, minlength=16)).tolist()
