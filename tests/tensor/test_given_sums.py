"""Kernels of programs whose scales a file decides: each gives what plain arithmetic in numpy gives, to the last bit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.ir.ops import Conv, ConvAxis, Function
from hwsim.ir.view import View
from hwsim.kernels.given_sums import depthwise, to_integers
from hwsim.kernels.sigmoids import sigmoids
from hwsim.quantities.precision import Precision
from hwsim.tensor.functions import evaluated, singles
from hwsim.tensor.given_sums import settled
from hwsim.tensor.quant_params import QuantParams
from hwsim.tensor.windows import depthwise_results, depthwise_sums, windows

Array = np.ndarray[Any, Any]
SEEDS = st.integers(0, 2**32 - 1)


def params(precision: Precision, scale: float, zero: int) -> QuantParams:
    return QuantParams(precision, np.asarray(scale, np.float32), np.asarray(zero, np.int32), symmetric=False)


@given(SEEDS, st.integers(1, 3), st.integers(1, 5), st.integers(1, 9), st.floats(1e-6, 1e6), st.integers(-8, 8))
def test_sums_become_the_integers_that_their_real_numbers_become(
    seed: int, batch: int, rows: int, columns: int, scale: float, zero: int
) -> None:
    rng = np.random.default_rng(seed)
    sums = rng.integers(-(2**31), 2**31, (batch, rows, columns)).astype(np.int32)
    factor, bias = 10.0 ** rng.uniform(-9, 2, (batch, 1, columns)), rng.normal(size=columns).astype(np.float32)
    target = params(Precision.INT8, scale, zero)
    expected = target.quantised(np.asarray(sums * factor, np.float32) + bias)
    assert (settled(sums, factor, bias, target) == expected).all()
    if batch == 1:
        assert (settled(sums[0], factor.reshape(-1), bias, target) == expected[0]).all()


def test_halves_go_to_the_even_integer() -> None:
    sums, bias = np.array([[1, 3, 5, -1, -3]], np.int32), np.zeros(5, np.float32)
    assert settled(sums, np.full(5, 0.5), bias, params(Precision.INT8, 1.0, 0)).tolist() == [[0, 2, 2, 0, -2]]


AXES = st.builds(
    ConvAxis,
    size=st.integers(5, 9),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    before=st.integers(0, 3),
    after=st.integers(0, 3),
)


@given(SEEDS, st.lists(AXES, min_size=1, max_size=2), st.integers(1, 2), st.integers(1, 6), st.integers(-3, 3))
def test_a_depthwise_sum_is_that_of_its_windows(
    seed: int, axes: list[ConvAxis], batch: int, channels: int, zero: int
) -> None:
    rng = np.random.default_rng(seed)
    view = View(tensor="x")
    op = Conv(name="dw", act=view, weight=view, out=view, axes=tuple(axes), groups=channels)
    act = rng.integers(-128, 128, (batch, *(axis.size for axis in axes), channels)).astype(np.int32)
    entries = int(np.prod([axis.kernel for axis in axes]))
    weight = rng.integers(-255, 256, (channels, entries, 1))
    expected = depthwise_sums(windows(op, act, zero).astype(np.int64) - zero, weight).T
    assert (depthwise_results(op, act, zero, weight[:, :, 0].T) == expected).all()


@given(SEEDS, st.lists(AXES, min_size=1, max_size=2), st.integers(1, 3))
def test_windows_of_one_entry_are_the_array_itself(seed: int, axes: list[ConvAxis], channels: int) -> None:
    view, single = View(tensor="x"), tuple(ConvAxis(size=axis.size, kernel=1) for axis in axes)
    op = Conv(name="pw", act=view, weight=view, out=view, axes=single)
    act = np.random.default_rng(seed).integers(-9, 9, (2, *(axis.size for axis in axes), channels))
    assert (windows(op, act, 0) == act.reshape(1, -1, channels)).all()


def test_sigmoids_are_those_of_double_precision_rounded_once() -> None:
    """Of all magnitudes, of numbers close to one another, and of what is no number."""
    rng = np.random.default_rng(7)
    every = rng.integers(0, 2**32, 200_000, dtype=np.uint32).view(np.float32)
    usual = (rng.normal(size=200_000) * 5).astype(np.float32)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, 88.0, -88.0, -104.0, -745.0, 700.0], np.float32)
    values = np.concatenate([every, usual, special])
    with np.errstate(invalid="ignore"):
        expected = evaluated(Function.SIGMOID, values).astype(np.float32)
        found = singles(Function.SIGMOID, values)
    assert np.array_equal(found, expected, equal_nan=True)


def test_few_sigmoids_of_a_network_are_in_doubt() -> None:
    values = (np.random.default_rng(3).normal(size=10_000) * 3).astype(np.float32)
    unsure = np.empty(values.size, np.bool_)
    assert sigmoids(values, 1e-15, np.empty_like(values), unsure) == unsure.sum() < 20


@pytest.mark.parametrize(
    "precision", [Precision.INT4, Precision.INT8, Precision.UINT8, Precision.INT16, Precision.INT32]
)
@pytest.mark.parametrize("zero", [0, 3])
def test_what_integers_stand_for_is_the_product_of_double_precision(precision: Precision, zero: int) -> None:
    rng = np.random.default_rng(1)
    integers = rng.integers(precision.lowest, precision.highest + 1, 5000).astype(np.int32)
    scale = float(rng.uniform(1e-4, 1.0))
    expected = ((integers.astype(np.float64) - zero) * np.float64(np.float32(scale))).astype(np.float32)
    assert (params(precision, scale, zero).real(integers) == expected).all()


def test_each_kernel_is_compiled_once() -> None:
    for kernel in (to_integers, depthwise, sigmoids):
        assert len(getattr(kernel, "signatures", [None])) <= 1
