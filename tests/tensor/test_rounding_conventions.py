"""Sums become numbers of few bits as deployed networks do it: recorded vectors of both conventions, and the oracle."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import ROOT
from hwsim.errors import InvalidValue
from hwsim.oracle import lut as lut_oracle
from hwsim.oracle import requantise as oracle
from hwsim.oracle.zero_points import centred_product
from hwsim.quantities.precision import Precision
from hwsim.tensor import fixed_point as found
from hwsim.tensor.fixed_point import one_factor
from hwsim.tensor.lut import Scale, Table, sigmoid, swish
from hwsim.tensor.rounding_conventions import by_fixed_point, by_float32
from hwsim.tensor.zero_points import centred
from strategies import matrices

VECTORS = json.loads((ROOT / "tests" / "data" / "requant_vectors.json").read_text())
FORMATS = {(-128, 127): Precision.INT8, (-8, 7): Precision.INT4, (0, 255): Precision.UINT8}


def limits(vector: Any) -> tuple[int, int]:
    return vector["lo"], vector["hi"]


def fixed_point(vector: Any) -> int:
    multiplier = vector["q31"], vector["shift"]
    out = by_fixed_point(np.array([[vector["acc"]]]), *multiplier, vector["zp"], FORMATS[limits(vector)])
    return int(out.item())


def float32(vector: Any) -> int:
    scales = (vector["a_scale"], vector["b_scale"], vector["y_scale"])
    return int(by_float32(np.array([vector["acc"]]), *scales, vector["zp"], FORMATS[limits(vector)]).item())


def test_all_vectors_of_tflite() -> None:
    vectors = VECTORS["tflite"]
    assert len(vectors) == 60
    assert [fixed_point(vector) for vector in vectors] == [vector["y"] for vector in vectors]
    assert any(vector["y"] != vector["y_single_rounding"] for vector in vectors)
    for vector in vectors:
        assert one_factor(vector["multiplier"]) == (vector["q31"], vector["shift"])
        arguments = (vector["acc"], vector["q31"], vector["shift"], vector["zp"], *limits(vector))
        assert oracle.by_fixed_point(*arguments) == vector["y"]


def test_all_vectors_of_onnx() -> None:
    vectors = VECTORS["onnx"]
    assert len(vectors) == 58
    assert [float32(vector) for vector in vectors] == [vector["y"] for vector in vectors]
    assert [vector["y_onnxruntime"] for vector in vectors] == [vector["y"] for vector in vectors]
    assert any(vector["y"] != vector["y_exact"] for vector in vectors)
    for vector in vectors:
        scales = (vector["a_scale"], vector["b_scale"], vector["y_scale"])
        assert oracle.by_float32(vector["acc"], *scales, vector["zp"], *limits(vector)) == vector["y"]


SUMS = st.sampled_from([-(2**31), 2**31 - 1, 0, -1]) | st.integers(-(2**31), 2**31 - 1) | st.integers(-3000, 3000)
Q31 = st.sampled_from([2**30, 2**31 - 1, 0]) | st.integers(2**30, 2**31 - 1)


@given(st.lists(SUMS, min_size=1, max_size=12), Q31, st.integers(-31, 8), st.integers(-20, 20))
def test_fixed_point_is_the_oracles(sums: list[int], q31: int, shift: int, zero: int) -> None:
    out = by_fixed_point(np.array([sums]), q31, shift, zero, Precision.INT8)
    assert out.tolist() == [[oracle.by_fixed_point(one, q31, shift, zero, -128, 127) for one in sums]]


SCALES = st.floats(2.0**-20, 4.0, allow_subnormal=False)


@given(st.lists(SUMS, min_size=1, max_size=12), SCALES, SCALES, SCALES, st.integers(-20, 20))
def test_float32_is_the_oracles(sums: list[int], act: float, weight: float, out: float, zero: int) -> None:
    found = by_float32(np.array([sums]), act, weight, out, zero, Precision.UINT8)
    assert found.tolist() == [[oracle.by_float32(one, act, weight, out, zero, 0, 255) for one in sums]]


def test_each_column_has_its_own_multiplier() -> None:
    sums = np.array([[1000, 1000], [-7, 9]], np.int32)
    both = by_fixed_point(sums, *found.fixed_point(np.array([0.5, 0.125])), 3, Precision.INT16)
    assert (both[:, :1] == by_fixed_point(sums[:, :1], *one_factor(0.5), 3, Precision.INT16)).all()
    assert (both[:, 1:] == by_fixed_point(sums[:, 1:], *one_factor(0.125), 3, Precision.INT16)).all()
    scaled = by_float32(sums, 0.5, np.array([1.0, 0.25]), 1.0, 3, Precision.INT16)
    assert scaled.tolist() == [[503, 128], [-1, 4]]


def test_a_multiplier_that_rounds_up_to_one_is_halved_and_shifted() -> None:
    assert one_factor(1 - 2**-40) == (2**30, 1)
    assert one_factor(2.0**-33) == (0, 0)
    assert one_factor(0) == (0, 0)


@pytest.mark.parametrize("multiplier", [-0.5, math.nan, math.inf, 2.0**30])
def test_multipliers_that_hardware_has_not_are_refused(multiplier: float) -> None:
    with pytest.raises(InvalidValue, match=r"factor = .*: must be from 0 to less than 2\^30"):
        one_factor(multiplier)


def test_what_does_not_fit_the_convention_is_refused() -> None:
    with pytest.raises(InvalidValue, match="multipliers = 3: must be one, or one for each of 2 columns"):
        by_fixed_point(np.zeros((1, 2), int), *found.fixed_point(np.ones(3)), 0, Precision.INT8)
    with pytest.raises(InvalidValue, match="sums = '0 to 2147483648': must fit 32 bits"):
        by_fixed_point(np.array([[0, 2**31]]), *one_factor(0.5), 0, Precision.INT8)


# Zero points


@given(st.data(), st.integers(-128, 127), st.integers(-128, 127))
def test_corrected_sums_are_those_of_centred_numbers(data: st.DataObject, act_zero: int, weight_zero: int) -> None:
    m, k, n = (data.draw(st.integers(1, 9)) for _ in range(3))
    act = data.draw(matrices.matrices(m, k, Precision.INT8)).astype(np.int8)
    weight = data.draw(matrices.matrices(k, n, Precision.INT8)).astype(np.int8)
    zeros = np.arange(n) + weight_zero
    sums = act.astype(np.int32) @ weight.astype(np.int32)
    for zero in (weight_zero, zeros):
        assert (centred(sums, act, weight, act_zero, zero) == centred_product(act, weight, act_zero, zero)).all()


# Tables


@pytest.mark.parametrize(
    ("function", "witness"),
    [
        (math.tanh, np.tanh),
        (sigmoid, lut_oracle.sigmoid),
        (swish, lambda x: x * lut_oracle.sigmoid(x)),
        (lambda x: math.exp(min(x, 0)), lambda x: np.exp(np.minimum(x, 0))),
    ],
)
@pytest.mark.parametrize("source", [Precision.INT4, Precision.INT8, Precision.UINT8])
@pytest.mark.parametrize("target", [Precision.INT8, Precision.UINT4, Precision.INT16])
def test_tables_hold_what_the_oracle_says(function: Any, witness: Any, source: Precision, target: Precision) -> None:
    for scale, zero in ((0.0625, 3), (0.7, 0), (0.031, -5)):
        table = Table.of(function, Scale(source, scale, zero), Scale(target, 1 / 128, 2))
        numbers = np.arange(source.lowest, source.highest + 1)
        expected = [
            lut_oracle.entry(witness, int(number), (scale, 1 / 128), (zero, 2), (target.lowest, target.highest))
            for number in numbers
        ]
        assert table.look_up(numbers.reshape(2, -1)).ravel().tolist() == expected


def test_a_table_of_too_many_entries_is_refused() -> None:
    with pytest.raises(InvalidValue, match="precision = 'int32': must have at most 16 bits to index a table"):
        Table.of(math.tanh, Scale(Precision.INT32, 1), Scale(Precision.INT8, 1))
    with pytest.raises(InvalidValue, match="scale = 0: must be greater than zero"):
        Scale(Precision.INT8, 0)
