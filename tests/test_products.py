"""Matrix products are the oracle's: exact ones, and those of registers that saturate or wrap, on every path."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import matrices
from hwsim.core.precision import Precision
from hwsim.core.summation import Overflow, Register, Summation
from hwsim.errors import InvalidValue, Unsupported
from hwsim.kernels import cpu
from hwsim.kernels.tile import KEEP, SETTLE, TIGHT
from hwsim.oracle import sums as oracle
from hwsim.tensor import exact, ordered, tiles
from hwsim.tensor.gemm import matmul
from hwsim.tensor.ordered import certified
from hwsim.tensor.tiles import Order
from hwsim.tensor.weights import Weights
from matrices import Array

INT8, UINT8, INT4 = Precision.INT8, Precision.UINT8, Precision.INT4
WIDE = [Precision.INT8, Precision.UINT8, Precision.INT16, Precision.UINT16, Precision.INT32, Precision.UINT32]


@pytest.fixture(params=["byte dot", "no byte dot", "not compiled"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The arithmetic that is used: the processor's own for bytes, that of any processor, or loops and BLAS alone."""
    name = str(request.param)
    if name == "byte dot" and not cpu.has_byte_dot():
        pytest.skip("kernels cannot use vpdpbusd here")
    if name != "byte dot":
        for module in (exact, ordered):
            monkeypatch.setattr(module, "has_byte_dot", lambda: False)
    if name == "not compiled":
        monkeypatch.setattr(ordered, "compiles", lambda: False)
    elif not cpu.compiles():
        pytest.skip("kernels are not compiled here")
    return name


def product(act: Array, weight: Array, formats: tuple[Precision, Precision], **options: Any) -> tuple[Array, int]:
    found = matmul(act, weight, act_precision=formats[0], weight_precision=formats[1], **options)
    assert found.out.flags.c_contiguous
    return found.out, found.saturations


# Exact products


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


def test_sums_beyond_64_bits_are_refused() -> None:
    int32 = Precision.INT32
    act, weight = matrices.lowest(1, 4, int32), matrices.lowest(4, 1, int32)
    with pytest.raises(InvalidValue, match=r"act = 'up to 2147483648': must be smaller: sums up to 184467440737095"):
        product(act, weight, (int32, int32))


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


# Registers


@st.composite
def summations(draw: st.DrawFn, packed: int) -> Summation:
    tile = draw(st.none() | st.integers(1, 6).map(lambda groups: groups * packed))
    register = Register(bits=draw(st.integers(8, 32)), overflow=draw(st.sampled_from(Overflow)))
    if draw(st.booleans()):
        return Summation(packed=packed, tile=tile, register=register)
    outer = Register(bits=draw(st.integers(register.bits, 40)), overflow=draw(st.sampled_from(Overflow)))
    chunk = (tile or packed) * draw(st.integers(1, 3))
    return Summation(packed=packed, tile=tile, register=register, chunk=chunk, outer=outer)


def witnessed(act: Array, weight: Array, summation: Summation) -> tuple[Array, int]:
    """The oracle's sums, and how many additions it clamped."""
    register, beyond = summation.register, summation.outer
    inner = oracle.Width(register.bits, register.overflow is Overflow.SATURATE)
    outer = oracle.Width(beyond.bits, beyond.overflow is Overflow.SATURATE) if beyond else None
    packed, tile, chunk = summation.packed, summation.tile, summation.chunk
    if tile is None:
        out = oracle.output_stationary(act, weight, inner, packed=packed, chunk=chunk, outer=outer)
    else:
        tiles_of_chunk = chunk // tile if chunk else None
        out = oracle.weight_stationary(
            act, weight, inner, rows=tile // packed, packed=packed, tiles_of_chunk=tiles_of_chunk, outer=outer
        )
    return out, inner.clamped + (outer.clamped if outer else 0)


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


def test_registers_wider_than_what_is_computed_in_are_refused() -> None:
    int32 = Precision.INT32
    act, weight = matrices.lowest(1, 1, int32), matrices.lowest(1, 1, int32)
    with pytest.raises(InvalidValue, match=r"register\.bits = 63: must have fewer bits, or operands smaller values"):
        product(act, weight, (int32, int32), summation=Summation(register=Register(bits=63)))


@pytest.mark.parametrize("rows", range(1, 14))
@pytest.mark.parametrize("fits", ["nothing settles", "settles", "tight", "bytes", "bytes settle"])
def test_tiles_write_their_own_results_and_nothing_else(rows: int, fits: str) -> None:
    """The results stand inside a larger array, which must keep what it holds."""
    if not cpu.compiles() or ("bytes" in fits and not cpu.has_byte_dot()):
        pytest.skip("kernels cannot be compiled for it here")
    bits = {"settles": 14, "tight": 16, "bytes settle": 16}.get(fits, 30)
    register = Register(bits=bits)
    limits = np.array([register.lowest, register.highest] * 2, np.int64)
    act, weight = matrices.random(rows, 13, INT8).astype(np.int8), matrices.random(13, 130, INT8)
    made = Weights.of(weight, INT8)
    frame = np.full((rows + 20, 130), 77, np.int32)
    inside = frame[8 : rows + 8]
    if "bytes" in fits:
        group = 8 if fits == "bytes settle" else 1
        tiles.multiply_bytes(act, made, Order(rule=SETTLE if group > 1 else KEEP, group=group), limits, inside, 1)
    else:
        group, lanes = 1, np.int32 if fits == "nothing settles" else np.int16
        rule = {"nothing settles": KEEP, "settles": SETTLE, "tight": TIGHT}[fits]
        tiles.multiply_steps(act, made, Order(rule=rule, group=group), limits, lanes, inside, 1)
    expected = oracle.output_stationary(act, weight, oracle.Width(bits), packed=group)
    assert (inside == expected).all()
    assert (frame[:8] == 77).all()
    assert (frame[rows + 8 :] == 77).all()


# Floating point


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


# What is refused


@pytest.mark.parametrize(
    ("act", "weight", "message"),
    [
        (np.array([[9]]), np.ones((1, 1), int), r"act\[0, 0\] = 9: must be a number of int4, from -8 to 7"),
        (np.ones((1, 2), int), np.array([[0], [-9]]), r"weight\[1, 0\] = -9: must be a number of int4, from -8 to 7"),
        (
            np.ones((1, 2), int),
            np.ones((3, 1), int),
            r"act\.shape = \(1, 2\): must have as many columns as weight has rows, 3",
        ),
        (np.ones(2, int), np.ones((2, 1), int), r"act\.shape = \(2,\): must be two numbers: a matrix"),
        (np.ones((0, 2), int), np.ones((2, 1), int), r"act\.shape = \(0, 2\): must have at least one row and one col"),
        (np.ones((1, 2)), np.ones((2, 1), int), r"act\.dtype = 'float64': must be a type of integers, to be read as"),
        (np.ones((1, 2), bool), np.ones((2, 1), int), r"act\.dtype = 'bool': must be a type of integers"),
        (np.array([["x"]]), np.ones((1, 1), int), r"act\.dtype = '<U1': must be a type of integers"),
    ],
)
def test_operands_that_are_no_matrix_of_their_format_are_refused(act: Array, weight: Array, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        product(act, weight, (INT4, INT4))


@pytest.mark.parametrize(
    ("value", "precision"),
    [
        (np.nan, "fp16"), (np.inf, "fp32"), (65505.0, "fp16"), (1 + 2**-11, "fp16"), (1 + 2**-8, "bf16"),
        (2.0**-25, "fp16"), (449.0, "fp8_e4m3"), (17.0, "fp8_e4m3"), (9.0, "fp8_e5m2"),
    ],
)  # fmt: skip
def test_floats_that_the_format_has_not_are_refused(value: float, precision: str) -> None:
    one = Precision(precision)
    with pytest.raises(InvalidValue, match=rf"act\[0, 1\] = .*: must be a number of {precision}"):
        product(np.array([[0.0, value]]), np.ones((2, 1)), (one, one))


@pytest.mark.parametrize(
    ("value", "precision"),
    [(65504.0, "fp16"), (2.0**-24, "fp16"), (2.0**-133, "bf16"), (448.0, "fp8_e4m3"), (-(2.0**-9), "fp8_e4m3")],
)
def test_the_extremes_of_a_format_are_its_numbers(value: float, precision: str) -> None:
    one = Precision(precision)
    assert product(np.array([[value]]), np.ones((1, 1)), (one, one))[0].item() == np.float32(value)


def test_operands_of_different_kinds_are_not_multiplied() -> None:
    with pytest.raises(Unsupported, match="fp16 is not multiplied by int8"):
        product(np.ones((1, 1)), np.ones((1, 1), int), (Precision.FP16, INT8))
    with pytest.raises(InvalidValue, match="are weights of another format than int4"):
        product(np.ones((1, 1), int), Weights.of(np.ones((1, 1), int), INT8), (INT4, INT4))  # type: ignore[arg-type]


def test_tiles_compile_once_for_each_type_of_sums() -> None:
    from hwsim.kernels.products import multiply

    if not cpu.compiles():
        pytest.skip("kernels are not compiled here")
    signatures = multiply.signatures  # type: ignore[attr-defined]
    product(np.ones((1, 1), int), np.ones((1, 1), int), (INT8, INT8))
    kinds = [tuple(kind.dtype for kind in signature if hasattr(kind, "dtype")) for signature in signatures]
    assert len(set(kinds)) == len(kinds)
    assert all(kind.layout == "C" for signature in signatures for kind in signature if hasattr(kind, "dtype"))


ANY_PROCESSOR = """
import numpy as np
from hwsim.core.precision import Precision
from hwsim.core.summation import Register, Summation
from hwsim.kernels.cpu import has_byte_dot
from hwsim.tensor.gemm import matmul
act, weight = np.full((7, 9), -128), np.full((9, 70), -128)
for summation in (None, Summation(register=Register(bits=16)), Summation(packed=4, register=Register(bits=16))):
    sums = matmul(act, weight, act_precision=Precision.INT8, weight_precision=Precision.INT8, summation=summation)
    print(has_byte_dot(), np.unique(sums.out).tolist(), sums.saturations)
"""


def test_kernels_compiled_for_any_processor_do_without_special_instructions(tmp_path: Path) -> None:
    if not cpu.compiles():
        pytest.skip("kernels are not compiled here")
    done = subprocess.run(
        [sys.executable, "-c", ANY_PROCESSOR],
        env={**os.environ, "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    exact, single, packed = done.stdout.splitlines()
    assert exact == f"False [{9 * 2**14}] 0"
    assert single == f"False [32767] {7 * 70 * 8}"
    assert packed == f"False [32767] {7 * 70 * 3}"
