"""One product on a chip: both engines give the oracle's integers, the same cycles and the same saturations."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hwsim
from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.closed_form import gemm_cycles
from hwsim.arrays.systolic.elements import Dataflow, Drain, PackedMacs, WeightLoad
from hwsim.engine import gemm as room
from hwsim.engine.gemm import Product, gemm
from hwsim.errors import InvalidValue, UnknownName, Unsupported
from hwsim.hardware.array import GemmCycles
from hwsim.hardware.chip import Chip
from hwsim.hardware.summation import Accumulator, Overflow, Register
from hwsim.oracle import sums as oracle
from hwsim.quantities.precision import Precision
from hwsim.results.product import ProductFigures
from hwsim.tensor.gemm import matmul
from strategies import matrices
from strategies.chips import chip
from strategies.matrices import Array

NARROW = [Precision(f"int{bits}") for bits in (2, 3, 4, 8)]


@st.composite
def arrays(draw: st.DrawFn, mode: Precision) -> SystolicArray:
    rows, packed = draw(st.integers(1, 4)), PackedMacs(k=draw(st.sampled_from([1, 2, 4])), n=draw(st.integers(1, 2)))
    dataflow = draw(st.sampled_from(Dataflow))
    bits, overflow = draw(st.integers(8, 34)), draw(st.sampled_from(Overflow))
    accumulator = Accumulator(bits=bits, overflow=overflow)
    if draw(st.booleans()):
        chunk = packed.k * (1 if dataflow is Dataflow.OS else rows) * draw(st.integers(1, 3))
        outer = Register(bits=draw(st.integers(bits, 48)), overflow=draw(st.sampled_from(Overflow)))
        accumulator = replace(accumulator, chunk=chunk, outer=outer)
    return SystolicArray(
        rows=rows,
        cols=draw(st.integers(1, 4)),
        dataflow=dataflow,
        weight_load=draw(st.sampled_from(WeightLoad)),
        shadow_weights=draw(st.booleans()),
        drain=draw(st.sampled_from(Drain)),
        m_chunk=draw(st.none() | st.integers(1, 9)),
        macs_per_pe=((mode, packed),),
        accumulator=accumulator,
    )


def witnessed(array: SystolicArray, mode: Precision, act: Array, weight: Array) -> tuple[Array, int]:
    """The oracle's integers for the dataflow, and how many additions it clamped."""
    accumulator, packed = array.accumulator_of(mode), array.packed(mode).k
    inner = oracle.Width(accumulator.bits, accumulator.overflow is Overflow.SATURATE)
    beyond, chunk = accumulator.outer, accumulator.chunk
    outer = oracle.Width(beyond.bits, beyond.overflow is Overflow.SATURATE) if beyond else None
    if array.dataflow is Dataflow.OS:
        out = oracle.output_stationary(act, weight, inner, packed=packed, chunk=chunk, outer=outer)
    else:
        stationary = oracle.weight_stationary if array.dataflow is Dataflow.WS else oracle.input_stationary
        tiles = chunk // (array.rows * packed) if chunk else None
        out = stationary(act, weight, inner, rows=array.rows, packed=packed, tiles_of_chunk=tiles, outer=outer)
    return out, inner.clamped + (outer.clamped if outer else 0)


def both(array: SystolicArray, act: Array, weight: Array, formats: tuple[Precision, Precision]) -> Product:
    """The product that both engines give."""
    chosen = chip(array=array)
    options: dict[str, Any] = {"act_precision": formats[0], "weight_precision": formats[1]}
    fast, cycle = (gemm(chosen, act, weight, engine=engine, **options) for engine in ("fast", "cycle"))
    assert fast.figures == cycle.figures
    assert fast.out.tobytes() == cycle.out.tobytes()
    assert fast.out.dtype == cycle.out.dtype
    return fast


@pytest.mark.slow
@settings(max_examples=300)
@given(st.data())
def test_both_engines_and_the_oracle_agree(data: st.DataObject) -> None:
    formats = data.draw(st.tuples(st.sampled_from(matrices.INTEGERS), st.sampled_from(matrices.INTEGERS)))
    array = data.draw(arrays(Precision.INT16))
    m, k, n = (data.draw(st.integers(1, 12)) for _ in range(3))
    act = data.draw(matrices.matrices(m, k, formats[0]))
    weight = data.draw(matrices.matrices(k, n, formats[1]))
    product = both(array, act, weight, formats)
    expected, clamped = witnessed(array, Precision.INT16, act, weight)
    assert (product.out == expected).all()
    assert product.saturations == clamped
    assert product.macs == m * k * n


@pytest.mark.slow
@pytest.mark.parametrize("act_format", NARROW)
@pytest.mark.parametrize("weight_format", NARROW)
@pytest.mark.parametrize("dataflow", Dataflow)
def test_every_pair_of_formats(act_format: Precision, weight_format: Precision, dataflow: Dataflow) -> None:
    for bits in (8, 12, 16):
        array = SystolicArray(
            rows=3,
            cols=2,
            dataflow=dataflow,
            macs_per_pe=((Precision.INT4, 4), (Precision.INT8, 2)),
            accumulator=Accumulator(bits=bits),
        )
        mode = array.mode(act_format, weight_format)
        assert mode is not None
        for fill in matrices.FILLS:
            act, weight = fill(5, 40, act_format), fill(40, 7, weight_format)
            product = both(array, act, weight, (act_format, weight_format))
            expected, clamped = witnessed(array, mode, act, weight)
            assert (product.out == expected).all()
            assert product.saturations == clamped


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
@pytest.mark.parametrize("dataflow", Dataflow)
@pytest.mark.parametrize("packed", [1, 2])
def test_floats_are_rounded_alike(precision: str, dataflow: Dataflow, packed: int) -> None:
    mode = Precision(precision)
    array = SystolicArray(rows=4, cols=3, dataflow=dataflow, macs_per_pe=((mode, packed),))
    rng = np.random.default_rng(1)
    act, weight = (
        rng.integers(-128, 128, shape) / 64 * 2.0 ** rng.integers(-9, 9, shape) for shape in ((6, 41), (41, 7))
    )
    product = both(array, act, weight, (mode, mode))
    tile = None if dataflow is Dataflow.OS else 4 * packed
    assert product.out.tobytes() == oracle.floating(act, weight, tile).tobytes()
    assert (product.out != (act @ weight).astype(np.float32)).any()
    assert product.saturations == 0


def test_a_count_off_by_one_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*args: Any) -> GemmCycles:
        right = gemm_cycles(*args)
        return replace(right, mac=right.mac + 1)

    monkeypatch.setattr(SystolicArray, "gemm_cycles", late)
    array = SystolicArray(rows=2, cols=2, macs_per_pe=((Precision.INT8, 1),))
    with pytest.raises(AssertionError):
        both(array, np.ones((3, 5), int), np.ones((5, 2), int), (Precision.INT8, Precision.INT8))


def test_a_fast_engine_that_does_not_saturate_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    array = SystolicArray(rows=2, cols=2, macs_per_pe=((Precision.INT8, 1),), accumulator=Accumulator(bits=16))
    act, weight = np.full((3, 5), -128), np.full((5, 2), -128)
    assert both(array, act, weight, (Precision.INT8, Precision.INT8)).saturations > 0
    monkeypatch.setattr(room, "matmul", lambda *args, summation, **options: matmul(*args, **options))
    with pytest.raises(AssertionError):
        both(array, act, weight, (Precision.INT8, Precision.INT8))


def test_figures_follow_from_the_counts() -> None:
    product = both(
        SystolicArray(rows=4, cols=4, macs_per_pe=((Precision.INT8, 1),)),
        np.ones((6, 8), int),
        np.ones((8, 8), int),
        (Precision.INT8, Precision.INT8),
    )
    assert (product.mac_cycles, product.out_cycles, product.tiles, product.macs) == (34, 35, 4, 384)
    assert product.utilization == 384 / (35 * 16)
    counted = ["mac_cycles", "out_cycles", "tiles", "macs", "utilization", "saturations"]
    assert [field.name for field in fields(ProductFigures)] == counted


def test_sums_that_no_engine_can_hold_are_refused_by_both() -> None:
    array = SystolicArray(rows=1, cols=1, macs_per_pe=((Precision.INT32, 1),), accumulator=Accumulator(bits=63))
    act = np.full((1, 1), -(2**31))
    for engine in ("fast", "cycle"):
        with pytest.raises(InvalidValue, match=r"register\.bits = 63"):
            gemm(chip(array=array), act, act, act_precision="int32", weight_precision="int32", engine=engine)


@pytest.mark.slow
@pytest.mark.parametrize("dataflow", Dataflow)
def test_packed_products_of_words_fit(dataflow: Dataflow) -> None:
    """Two products of 16 bits take 32: more than the register that they are brought into."""
    array = SystolicArray(
        rows=1,
        cols=1,
        dataflow=dataflow,
        macs_per_pe=((Precision.INT16, 2),),
        accumulator=Accumulator(bits=24),
    )
    act = np.full((1, 2), -(2**15))
    product = both(array, act, act.T, (Precision.INT16, Precision.INT16))
    assert (product.out.item(), product.saturations) == (2**23 - 1, 1)


@pytest.mark.slow
def test_unsigned_words_keep_their_value() -> None:
    array = SystolicArray(rows=2, cols=1, macs_per_pe=((Precision.UINT32, 1),), accumulator=Accumulator(bits=48))
    both(array, np.full((1, 3), 2**32 - 1), np.full((3, 1), 2), (Precision.UINT32, Precision.UINT32))


@pytest.fixture
def small() -> Chip:
    return chip()


def test_what_an_array_cannot_multiply_is_refused(small: Chip) -> None:
    ones = np.ones((2, 2), int)
    with pytest.raises(Unsupported, match="the array multiplies no int16 by int4; it does fp16, int4, int8"):
        gemm(small, ones, ones, act_precision="int16", weight_precision="int4")
    with pytest.raises(UnknownName, match="unknown precision 'int5'; did you mean"):
        gemm(small, ones, ones, act_precision="int5", weight_precision="int4")
    with pytest.raises(UnknownName, match="unknown engine 'slow'; known: cycle, fast"):
        gemm(small, ones, ones, act_precision="int4", weight_precision="int4", engine="slow")


def test_a_name_in_the_place_of_a_chip_or_workload_is_one_clear_line() -> None:
    message = "must be a Chip; hwsim.load_chip reads one from a path or a name"
    with pytest.raises(InvalidValue, match=f"chip = 'int4_array': {message}"):
        hwsim.gemm("int4_array", [[1]], [[1]], act_precision="int8", weight_precision="int8")  # type: ignore[arg-type]
    chip = hwsim.load_chip("int4_array")
    with pytest.raises(InvalidValue, match=r"workload = 'rnnt': must be a Workload; hwsim.load_workload reads one"):
        hwsim.simulate(chip, "rnnt")  # type: ignore[call-overload]
    with pytest.raises(InvalidValue, match=message):
        hwsim.compare("int4_array", hwsim.load_workload("rnnt"), ["fp16"])  # type: ignore[arg-type]
