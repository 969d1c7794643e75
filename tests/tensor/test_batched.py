"""Several products of signed bytes at once: each sum is exact."""

from typing import Any

import numpy as np
import pytest

from hwsim.kernels.cpu import ByteDot, has_pair_dot
from hwsim.quantities.precision import Precision
from hwsim.tensor import batched
from hwsim.tensor.backend import ExactProducts
from hwsim.tensor.batched import batched_sums, signed_bytes
from processor import need_compiled_kernels

Array = np.ndarray[Any, Any]


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor without products of bytes."""
    need_compiled_kernels()
    monkeypatch.setattr(batched, "byte_dot", lambda: None)
    if not has_pair_dot():
        pytest.skip("this processor has no products of pairs")


def drawn(batch: int, m: int, k: int, n: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(batch + m + k + n)
    return rng.integers(-128, 128, (batch, m, k)), rng.integers(-128, 128, (batch, k, n))


@pytest.mark.usefixtures("pairs")
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (4, 150, 36, 150), (4, 7, 33, 17), (3, 6, 2, 16), (2, 13, 150, 36)])
def test_sums_are_exact(shape: tuple[int, int, int, int]) -> None:
    act, weight = drawn(*shape)
    for some, other in ((act, weight), (act.astype(np.int32), weight.swapaxes(1, 2).copy().swapaxes(1, 2))):
        np.testing.assert_array_equal(batched_sums(some, other), act @ weight)


@pytest.mark.usefixtures("pairs")
def test_the_largest_products_fit() -> None:
    act = np.full((2, 3, 1000), -128)
    np.testing.assert_array_equal(batched_sums(act, act.swapaxes(1, 2)), act @ act.swapaxes(1, 2))


@pytest.mark.usefixtures("pairs")
def test_what_may_not_fit_or_is_worth_threads_is_left_to_others() -> None:
    long = np.ones((1, 1, (1 << 17) + 1), np.int8)
    assert batched_sums(long, long.swapaxes(1, 2)) is None
    act, weight = np.ones((2, 200, 200), np.int8), np.ones((2, 200, 200), np.int8)
    assert batched_sums(act, weight, threads=2) is None
    assert batched_sums(act, weight, threads=1) is not None


def test_processors_with_products_of_bytes_multiply_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batched, "byte_dot", lambda: ByteDot.WIDE)
    act, weight = drawn(2, 3, 4, 5)
    assert ExactProducts().together("op", act, weight) is None


def test_formats_of_other_bytes_are_not_signed_ones() -> None:
    assert signed_bytes(Precision.INT8, Precision.INT8)
    assert not signed_bytes(Precision.INT8, Precision.UINT8)
    assert not signed_bytes(Precision.INT4)
