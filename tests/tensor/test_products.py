"""Products of integers are exact, however narrow, wide, long, laid out or shared among threads, on every path."""

from collections.abc import Callable

import numpy as np
import pytest

import processor
from hwsim.hardware.summation import Register, Summation
from hwsim.kernels.products import multiply
from hwsim.oracle import sums as oracle
from hwsim.quantities.precision import Precision
from hwsim.tensor.weights import Weights
from strategies import matrices, products
from strategies.matrices import Array
from strategies.products import INT4, INT8, UINT8, product

WIDE = [Precision.INT8, Precision.UINT8, Precision.INT16, Precision.UINT16, Precision.INT32, Precision.UINT32]
path = products.path  # a fixture


@pytest.mark.parametrize("act_format", matrices.INTEGERS)
@pytest.mark.parametrize("weight_format", matrices.INTEGERS)
def test_narrow_products_are_exact(act_format: Precision, weight_format: Precision, path: str) -> None:
    for fill in matrices.FILLS:
        for m, k, n in ((1, 1, 1), (1, 70, 3), (7, 5, 65), (9, 12, 130)):
            act, weight = fill(m, k, act_format), fill(k, n, weight_format)
            out, saturations = product(act, weight, (act_format, weight_format))
            assert (out == oracle.exact(act, weight)).all()
            assert out.dtype == np.int32
            assert saturations == 0


@pytest.mark.parametrize("act_format", WIDE)
@pytest.mark.parametrize("weight_format", WIDE)
def test_wide_products_are_exact(act_format: Precision, weight_format: Precision) -> None:
    for fill in matrices.FILLS:
        act, weight = fill(3, 40, act_format), fill(40, 5, weight_format)
        if act_format.bits + weight_format.bits > 56:
            act = act // 1024
        out, _ = product(act, weight, (act_format, weight_format))
        assert (out == oracle.exact(act, weight)).all()


@pytest.mark.parametrize("fill", matrices.FILLS)
@pytest.mark.parametrize("formats", [(INT8, INT8), (UINT8, INT8), (INT8, UINT8), (UINT8, UINT8), (INT4, INT8)])
def test_products_longer_than_every_bound_are_exact(
    fill: Callable[[int, int, Precision], Array], formats: tuple[Precision, Precision], path: str
) -> None:
    """float32 is exact for K up to 514 to 1024, int32 up to 33,025 to 131,071."""
    k = 140_000
    act, weight = fill(1, k, formats[0]), fill(k, 2, formats[1])
    out, _ = product(act, weight, formats)
    assert (out == act.astype(np.int64) @ weight.astype(np.int64)).all()
    assert out.dtype == (np.int64 if formats != (INT4, INT8) else np.int32)


def test_sixteen_bits_longer_than_the_bound_of_float32_and_float64_are_exact() -> None:
    int16, int32 = Precision.INT16, Precision.INT32
    for formats, k in (((INT8, int16), 600), ((int16, int16), 300), ((int16, int32), 300)):
        act, weight = matrices.lowest(2, k, formats[0]), matrices.lowest(k, 2, formats[1])
        out, _ = product(act, weight, formats)
        assert (out == oracle.exact(act, weight)).all()


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(("m", "n"), [(400, 150), (40, 1500)])
def test_threads_share_the_work_and_change_nothing(m: int, n: int, threads: int, path: str) -> None:
    if path == "not compiled":
        m, n = m // 10, n // 10
    act, weight = matrices.random(m, 200, INT8), matrices.random(200, n, INT8, seed=1)
    out, _ = product(act, weight, (INT8, INT8), threads=threads)
    assert (out == act @ weight).all()
    summation = Summation(packed=1, tile=50, register=Register(bits=14))
    assert m * n * 200 > 1 << 22 or path == "not compiled"  # enough work for threads
    one, clamped = product(act, weight, (INT8, INT8), summation=summation)
    both = product(act, weight, (INT8, INT8), summation=summation, threads=threads)
    assert (both[0] == one).all()
    assert both[1] == clamped > 0


@pytest.mark.parametrize("layout", ["C", "F", "strided", "backward"])
def test_layout_in_memory_changes_nothing(layout: str, path: str) -> None:
    act, weight = matrices.random(9, 30, INT8), matrices.random(30, 70, INT8, seed=1)
    for kind in (np.int8, np.int64, ">i2"):
        laid = [matrices.layouts(matrix.astype(kind))[layout] for matrix in (act, weight)]
        out, _ = product(laid[0], laid[1], (INT8, INT8))
        assert (out == act @ weight).all()


def test_weights_made_once_serve_many_products(path: str) -> None:
    weight = matrices.random(30, 70, INT8)
    made = Weights.of(weight, INT8)
    for seed in range(3):
        act = matrices.random(5, 30, INT4, seed)
        assert (product(act, made, (INT4, INT8))[0] == act @ weight).all()  # type: ignore[arg-type]


# The last one, so that it sees what those above have compiled.
def test_tiles_compile_once_for_each_type_of_sums() -> None:
    processor.need_compiled_kernels()
    signatures = multiply.signatures  # type: ignore[attr-defined]
    product(np.ones((1, 1), int), np.ones((1, 1), int), (INT8, INT8))
    kinds = [tuple(kind.dtype for kind in signature if hasattr(kind, "dtype")) for signature in signatures]
    assert len(set(kinds)) == len(kinds)
    assert all(kind.layout == "C" for signature in signatures for kind in signature if hasattr(kind, "dtype"))
