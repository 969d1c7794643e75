"""Products are the oracle's in registers that saturate, wrap or round, on every path."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwsim.hardware.summation import Overflow, Register, Summation
from hwsim.oracle import sums as oracle
from hwsim.quantities.precision import Precision
from hwsim.tensor.ordered import certified
from hwsim.tensor.weights import Weights
from strategies import matrices, products
from strategies.matrices import Array
from strategies.products import INT4, INT8, UINT8, product, witnessed

path = products.path  # a fixture


@st.composite
def summations(draw: st.DrawFn, packed: int) -> Summation:
    tile = draw(st.none() | st.integers(1, 6).map(lambda groups: groups * packed))
    register = Register(bits=draw(st.integers(8, 32)), overflow=draw(st.sampled_from(Overflow)))
    if draw(st.booleans()):
        return Summation(packed=packed, tile=tile, register=register)
    outer = Register(bits=draw(st.integers(register.bits, 40)), overflow=draw(st.sampled_from(Overflow)))
    chunk = (tile or packed) * draw(st.integers(1, 3))
    return Summation(packed=packed, tile=tile, register=register, chunk=chunk, outer=outer)


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_registers_hold_what_the_oracle_says(path: str, data: st.DataObject) -> None:
    formats = data.draw(st.tuples(st.sampled_from(matrices.INTEGERS), st.sampled_from(matrices.INTEGERS)))
    m, k, n = (data.draw(st.integers(1, 14)) for _ in range(3))
    act = data.draw(matrices.matrices(m, k, formats[0]))
    weight = data.draw(matrices.matrices(k, n, formats[1]))
    summation = data.draw(summations(data.draw(st.sampled_from([1, 2, 3, 4, 8]))))
    out, clamped = product(act, weight, formats, summation=summation)
    expected, expected_clamped = witnessed(act, weight, summation)
    assert (out == expected).all()
    assert clamped == expected_clamped


@pytest.mark.parametrize("bits", range(8, 33))
@pytest.mark.parametrize("fill", matrices.FILLS)
@pytest.mark.parametrize("packed", [1, 4])
def test_registers_of_every_width_saturate_as_the_oracle_does(
    bits: int, fill: Callable[[int, int, Precision], Array], packed: int, path: str
) -> None:
    for formats in ((INT8, INT8), (UINT8, INT8), (INT4, INT4), (INT8, UINT8)):
        for m, k, n in ((1, 90, 2), (8, 50, 66)) if path != "not compiled" else ((1, 90, 2),):
            act, weight = fill(m, k, formats[0]), fill(k, n, formats[1])
            for tile in (None, 32):
                summation = Summation(packed=packed, tile=tile, register=Register(bits=bits))
                out, clamped = product(act, weight, formats, summation=summation)
                expected, expected_clamped = witnessed(act, weight, summation)
                assert (out == expected).all()
                assert clamped == expected_clamped


@pytest.mark.parametrize(("bits", "packed"), [(31, 1), (32, 1), (32, 4), (33, 1), (40, 2)])
def test_wide_registers_saturate_where_sums_are_long_enough(bits: int, packed: int, path: str) -> None:
    int16 = Precision.INT16
    k = 2 ** (bits - 29)
    act, weight = matrices.lowest(2, k, int16), matrices.lowest(k, 3, int16)
    weight[:, 1:] = int16.highest
    summation = Summation(packed=packed, tile=None, register=Register(bits=bits))
    out, clamped = product(act, weight, (int16, int16), summation=summation)
    expected, expected_clamped = witnessed(act, weight, summation)
    assert (out == expected).all()
    assert clamped == expected_clamped > 0
    assert out.dtype == (np.int32 if bits <= 32 else np.int64)


def test_the_worked_example() -> None:
    act, weight = np.array([[100, 100, -100, -100]]), np.ones((4, 1), np.int8)
    eight = Register(bits=8)
    sums = partial(product, act, weight, (INT8, INT8))
    assert (sums(summation=Summation(register=eight))[0].item(), sums(summation=Summation(register=eight))[1]) == (
        -73,
        1,
    )
    assert sums(summation=Summation(tile=2, register=eight))[0].item() == -1
    assert sums(summation=Summation(tile=2, register=eight))[1] == 2
    wraps = Register(bits=8, overflow=Overflow.WRAP)
    assert (sums(summation=Summation(register=wraps))[0].item(), sums(summation=Summation(register=wraps))[1]) == (0, 0)


def test_a_product_is_added_before_anything_is_clamped(path: str) -> None:
    act, weight = np.array([[-100, 100]]), np.array([[1], [3]])
    out, clamped = product(act, weight, (INT8, INT8), summation=Summation(register=Register(bits=8)))
    assert (out.item(), clamped) == (127, 1)


@given(st.data())
def test_certified_rows_never_saturate_in_any_order(data: st.DataObject) -> None:
    m, k, n = (data.draw(st.integers(1, 8)) for _ in range(3))
    act, weight = data.draw(matrices.matrices(m, k, INT8)), data.draw(matrices.matrices(k, n, INT8))
    highest = data.draw(st.integers(1, 2**18))
    safe = certified(act.astype(np.int8), Weights.of(weight, INT8), highest)
    reach = (np.abs(act) @ np.abs(weight)).max(axis=1)
    assert (reach[safe] <= highest).all()


def test_the_certificate_is_tight() -> None:
    """Rows and columns that are multiples of each other: one less would saturate."""
    act = np.array([[3, -4, 12], [2, 2, 2]], np.int8)
    weight = Weights.of(np.array([[3], [-4], [12]]), INT8)
    assert certified(act, weight, 169).tolist() == [True, True]
    assert certified(act, weight, 168).tolist() == [False, True]


def test_rows_that_are_certified_and_rows_that_are_not_share_a_product(path: str) -> None:
    act = matrices.random(20, 64, INT8)
    act[::3] = matrices.lowest(7, 64, INT8)
    act[1::3] //= 32
    weight = matrices.random(64, 70, INT8, seed=2)
    weight[:, 0] = -128
    summation = Summation(packed=1, tile=16, register=Register(bits=19))
    assert 0 < certified(act, Weights.of(weight, INT8), 2**18 - 1).sum() < 20
    out, clamped = product(act, weight, (INT8, INT8), summation=summation)
    expected, expected_clamped = witnessed(act, weight, summation)
    assert (out == expected).all()
    assert clamped == expected_clamped > 0


@pytest.mark.parametrize("precision", [Precision.FP16, Precision.BF16, Precision.FP8_E4M3])
def test_floats_are_rounded_at_each_addition_in_the_order_of_the_array(precision: Precision, path: str) -> None:
    rng = np.random.default_rng(3)
    for m, k, n in ((1, 1, 1), (1, 50, 70), (9, 33, 5)):
        act, weight = (numbers(rng, shape, precision) for shape in ((m, k), (k, n)))
        for tile in (None, 8):
            out, saturations = product(act, weight, (precision, precision), summation=Summation(packed=2, tile=tile))
            assert out.tobytes() == oracle.floating(act, weight, tile).tobytes()
            assert saturations == 0
        if k > 8 and precision is not Precision.FP8_E4M3:  # whose sums here are exact
            assert (oracle.floating(act, weight, None) != oracle.floating(act, weight, 8)).any()


def numbers(rng: np.random.Generator, shape: tuple[int, int], precision: Precision) -> Array:
    """Random numbers of a format, of very different sizes."""
    raw = (rng.standard_normal(shape) * 2.0 ** rng.integers(-3, 4, shape)).astype(np.float32)
    if precision is Precision.FP16:
        return raw.astype(np.float16)
    kept = {Precision.BF16: 0xFFFF0000, Precision.FP8_E4M3: 0xFFF00000}[precision]
    rounded = (raw.view(np.uint32) & np.uint32(kept)).view(np.float32)
    return rounded if precision is Precision.BF16 else np.where(np.abs(rounded) < 2.0**-6, 0, rounded)
