"""Infinities, NaN and signed zeros come out alike from the registers, the fast engine and the oracle: bit for bit."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.elements import Dataflow, Drain, PackedMacs, WeightLoad
from hwsim.engine.gemm import gemm
from hwsim.hardware.chip import Chip
from hwsim.hardware.summation import Summation
from hwsim.oracle import sums as oracle
from hwsim.quantities.precision import Precision
from hwsim.results.result import Engine
from strategies import products
from strategies.chips import chip
from strategies.matrices import Array
from strategies.products import product

path = products.path  # a fixture

LARGEST = {
    Precision.FP32: float(np.finfo(np.float32).max),
    Precision.BF16: float(np.uint32(0x7F7F0000).view(np.float32)),
    Precision.FP16: 65504.0,
    Precision.FP8_E5M2: 57344.0,
}
SMALLEST = {Precision.FP32: 2.0**-149, Precision.BF16: 2.0**-133, Precision.FP16: 2.0**-24, Precision.FP8_E5M2: 2**-16}


def numbers(precision: Precision) -> st.SearchStrategy[float]:
    """The extremes of a format, whose products leave fp32 where the format is wide enough, and zeros of both signs."""
    largest, smallest = LARGEST[precision], SMALLEST[precision]
    return st.sampled_from([0.0, -0.0, 1.0, -1.0, 1.5, largest, -largest, smallest, -smallest])


def matrix(draw: st.DrawFn, rows: int, columns: int, precision: Precision) -> Array:
    found = draw(st.lists(numbers(precision), min_size=rows * columns, max_size=rows * columns))
    return np.array(found, np.float32).reshape(rows, columns)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Chip, Precision, Array, Array]:
    mode = draw(st.sampled_from(list(LARGEST)))
    array = SystolicArray(
        rows=draw(st.integers(1, 3)),
        cols=draw(st.integers(1, 3)),
        dataflow=draw(st.sampled_from(Dataflow)),
        weight_load=draw(st.sampled_from(WeightLoad)),
        shadow_weights=draw(st.booleans()),
        drain=draw(st.sampled_from(Drain)),
        m_chunk=draw(st.none() | st.integers(1, 4)),
        macs_per_pe=((mode, draw(st.builds(PackedMacs, k=st.integers(1, 2), n=st.integers(1, 2)))),),
    )
    m, k, n = (draw(st.integers(1, 8)) for _ in range(3))
    return chip(array=array), mode, matrix(draw, m, k, mode), matrix(draw, k, n, mode)


def stationary(
    dataflow: Dataflow, act: list[list[float]], weight: list[list[float]]
) -> tuple[Chip, Precision, Array, Array]:
    array = SystolicArray(rows=1, cols=1, dataflow=dataflow, macs_per_pe=((Precision.BF16, 1),))
    return chip(array=array), Precision.BF16, np.array(act, np.float32), np.array(weight, np.float32)


HUGE = LARGEST[Precision.BF16]


@pytest.mark.slow
@settings(max_examples=400)
@given(cases())
@example(stationary(Dataflow.OS, [[HUGE], [1.0]], [[HUGE]]))  # an infinity in the registers, then the next tile
@example(stationary(Dataflow.OS, [[-1.0], [-0.0]], [[1.0]]))  # a zero after a sum below zero
@example(stationary(Dataflow.WS, [[HUGE, HUGE]], [[HUGE], [-HUGE]]))  # a NaN is no saturation
@example(stationary(Dataflow.IS, [[HUGE, HUGE]], [[HUGE], [-HUGE]]))
def test_both_engines_give_the_oracle_s_bits_whatever_the_sums(case: tuple[Chip, Precision, Array, Array]) -> None:
    on, mode, act, weight = case
    expected = oracle.floating(act, weight, on.array.summation(mode).tile)
    for engine in Engine:
        made = gemm(on, act, weight, act_precision=mode, weight_precision=mode, engine=engine)
        assert made.out.tobytes() == expected.tobytes(), engine
        assert made.saturations == 0


def test_every_path_gives_one_and_the_same_nan(path: str) -> None:
    """More rows and columns than a tile has, so that all versions of the kernel take part."""
    rng = np.random.default_rng(5)
    bf16 = Precision.BF16
    for m, k, n in ((1, 9, 3), (9, 20, 70)):
        special = np.array([HUGE, -HUGE, 0.0, -0.0, 1.0], np.float32)
        act, weight = (rng.choice(special, shape) for shape in ((m, k), (k, n)))
        for tile in (None, 4):
            expected = oracle.floating(act, weight, tile)
            out, _ = product(act, weight, (bf16, bf16), summation=Summation(tile=tile))
            assert np.isnan(out).any()
            assert np.isinf(out).any()
            assert out.tobytes() == expected.tobytes()
            assert (out[np.isnan(out)].view(np.uint32) == 0x7FC00000).all()
