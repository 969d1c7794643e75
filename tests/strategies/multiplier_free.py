"""Arrays without multipliers for tests, and products on them: small, so that edges come up all the time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from hwsim.arrays.bit_serial.array import BitSerialArray
from hwsim.arrays.bit_serial.elements import Serial
from hwsim.arrays.temporal.array import TemporalArray
from hwsim.arrays.temporal.elements import Products
from hwsim.engine.register_run import Array
from hwsim.hardware.summation import Overflow, Register
from hwsim.quantities.precision import Precision

INTEGERS = (Precision.INT2, Precision.INT3, Precision.INT4, Precision.INT8)
FLOATS = (Precision.FP8_E4M3, Precision.FP8_E5M2)
SIDE, SIZE = st.integers(1, 4), st.integers(1, 9)

REGISTERS = st.builds(Register, bits=st.sampled_from((8, 9, 12, 32)), overflow=st.sampled_from(Overflow))


@dataclass(frozen=True)
class Case:
    """A product on an array."""

    array: Any
    mode: Precision
    act: Array
    weight: Array

    @property
    def sizes(self) -> tuple[int, int, int]:
        """M, K and N."""
        return (*self.act.shape, self.weight.shape[1])


def matrix(draw: st.DrawFn, rows: int, cols: int, precision: Precision) -> Array:
    """Integers of a format, its extremes above all."""
    low, high = precision.lowest, precision.highest
    value = st.sampled_from([low, high, 0]) | st.integers(low, high)
    return np.array(draw(st.lists(value, min_size=rows * cols, max_size=rows * cols))).reshape(rows, cols)


@st.composite
def temporal_arrays(draw: st.DrawFn, modes: tuple[Precision, ...] = INTEGERS) -> TemporalArray:
    mode = draw(st.sampled_from(modes))
    narrow = {Precision.INT2: 2}.get(mode, 4)
    return TemporalArray(
        rows=draw(SIDE),
        cols=draw(st.integers(1, narrow)),
        formats=(mode,),
        products=draw(st.sampled_from(Products)),
        accumulator=draw(REGISTERS),
    )


@st.composite
def bit_serial_arrays(draw: st.DrawFn) -> BitSerialArray:
    serial = draw(st.sampled_from(Serial))
    return BitSerialArray(
        rows=draw(SIDE),
        cols=draw(SIDE),
        lanes=draw(SIDE),
        serial=serial,
        formats=(draw(st.sampled_from(INTEGERS)),),
        parallel=None if serial is Serial.BOTH else draw(st.sampled_from(INTEGERS)),
        accumulator=draw(REGISTERS),
    )


def formats_of(array: BitSerialArray) -> tuple[Precision, Precision]:
    """Those of activations and weights that fill the array's registers."""
    (mode,), other = array.modes, array.parallel
    if other is None:
        return mode, mode
    return (other, mode) if array.serial is Serial.WEIGHTS else (mode, other)


@st.composite
def temporal_cases(draw: st.DrawFn) -> Case:
    array = draw(temporal_arrays())
    (mode,) = array.modes
    m, k, n = draw(SIZE), draw(SIZE), draw(SIZE)
    return Case(array, mode, matrix(draw, m, k, mode), matrix(draw, k, n, mode))


@st.composite
def bit_serial_cases(draw: st.DrawFn) -> Case:
    array = draw(bit_serial_arrays())
    m, k, n = draw(SIZE), draw(SIZE), draw(SIZE)
    act, weight = formats_of(array)
    return Case(array, array.modes[0], matrix(draw, m, k, act), matrix(draw, k, n, weight))


def fp8_numbers(mode: Precision) -> Array:
    """All numbers that a format has, infinities and NaN too, by the definition of its bits."""
    mantissa, exponent = {Precision.FP8_E4M3: (3, 4), Precision.FP8_E5M2: (2, 5)}[mode]
    bias, top = (1 << (exponent - 1)) - 1, (1 << exponent) - 1
    found = []
    for e in range(top + 1):
        for m in range(1 << mantissa):
            number = m * 2.0 ** (1 - bias - mantissa) if e == 0 else (1 + m / 2**mantissa) * 2.0 ** (e - bias)
            if mode is Precision.FP8_E5M2 and e == top:
                number = np.nan if m else np.inf
            if mode is Precision.FP8_E4M3 and e == top and m == 7:
                number = np.nan
            found += [number, -number]
    return np.array(found)
