"""Operands that are no matrices of their formats are refused, and sums that nothing can hold."""

import numpy as np
import pytest

from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.summation import Register, Summation
from hwsim.quantities.precision import Precision
from hwsim.tensor.weights import Weights
from strategies import matrices
from strategies.matrices import Array
from strategies.products import INT4, INT8, product


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


def test_sums_beyond_64_bits_are_refused() -> None:
    int32 = Precision.INT32
    act, weight = matrices.lowest(1, 4, int32), matrices.lowest(4, 1, int32)
    with pytest.raises(InvalidValue, match=r"act = 'up to 2147483648': must be smaller: sums up to 184467440737095"):
        product(act, weight, (int32, int32))


def test_registers_wider_than_what_is_computed_in_are_refused() -> None:
    int32 = Precision.INT32
    act, weight = matrices.lowest(1, 1, int32), matrices.lowest(1, 1, int32)
    with pytest.raises(InvalidValue, match=r"register\.bits = 63: must have fewer bits, or operands smaller values"):
        product(act, weight, (int32, int32), summation=Summation(register=Register(bits=63)))
