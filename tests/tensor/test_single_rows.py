"""Functions of rows by kernels: every number is that of the same function in numpy."""

from typing import Any

import numpy as np
import pytest

from hwsim.ir.ops import Reduction
from hwsim.kernels.row_functions import LEAF
from hwsim.quantities.precision import Precision
from hwsim.tensor.quant_params import QuantParams, even
from hwsim.tensor.reduce import EPSILON, float_reduced
from hwsim.tensor.single_rows import order, singly_reduced, softmaxed
from processor import need_compiled_kernels

LENGTHS = (1, 2, 7, 8, 9, 15, 16, 17, 100, LEAF - 1, LEAF, LEAF + 1, 144, 255, 256, 257, 1000, 1031)


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_layer_norms_are_those_of_numpy(n: int, scale: float) -> None:
    rng = np.random.default_rng(n)
    rows = (rng.standard_normal((3, n)) * scale).astype(np.float32)
    affine = tuple(rng.standard_normal(n).astype(np.float32) for _ in range(2))
    for parameters in ((), affine):
        slow = float_reduced(Reduction.LAYER_NORM, rows, parameters, EPSILON).astype(np.float32)
        np.testing.assert_array_equal(singly_reduced(Reduction.LAYER_NORM, rows, parameters, EPSILON), slow)


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("precision", [Precision.INT8, Precision.UINT8, Precision.INT4])
def test_softmaxes_of_integers_are_those_of_numpy(n: int, precision: Precision) -> None:
    need_compiled_kernels()
    rng = np.random.default_rng(n)
    zero = np.asarray(3, np.int32)
    for params in (
        even(precision, 0.37),
        QuantParams(precision, np.asarray(0.02, np.float32), zero, symmetric=False),
    ):
        rows = rng.integers(params.lowest, params.highest + 1, (5, n)).astype(np.int32)
        slow = float_reduced(Reduction.SOFTMAX, params.real(rows)).astype(np.float32)
        found = softmaxed(rows, params)
        assert found is not None
        np.testing.assert_array_equal(found, slow)


@pytest.mark.parametrize("wide", [even(Precision.INT16, 0.1), even(Precision.FP16, 1.0)])
def test_softmaxes_of_many_different_numbers_have_no_table(wide: QuantParams) -> None:
    assert softmaxed(np.zeros((2, 3), np.int32), wide) is None


@pytest.mark.parametrize("n", LENGTHS)
def test_the_order_covers_all_entries_and_ends_with_one_sum(n: int) -> None:
    held, at = 0, 0
    for first, entries, additions in order(n).tolist():
        assert (first, entries <= LEAF) == (at, True)
        at, held = at + entries, held + 1 - additions
        assert held >= 1
    assert (at, held) == (n, 1)


def test_sums_of_lengths_that_nobody_chose() -> None:
    rng = np.random.default_rng(0)
    for n in rng.integers(1, 3000, 40):
        rows: Any = rng.standard_normal((2, int(n))).astype(np.float32)
        slow = float_reduced(Reduction.LAYER_NORM, rows).astype(np.float32)
        np.testing.assert_array_equal(singly_reduced(Reduction.LAYER_NORM, rows), slow)
