"""Sigmoids in single precision, where double precision leaves no doubt of how they are rounded."""

import numpy as np

from hwsim.kernels.jit import contracted, lean

_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
"""ln 2 in two parts, the first of 32 bits, so that its products with small integers are exact (fdlibm, e_exp.c)."""
_MAGIC = 6755399441055744.0
"""3 · 2^51: a number added to it is rounded to the nearest integer, which then stands in the lowest bits."""
_FAR = 700.0
"""Where e^-x is still a normal number."""
_C13, _C12, _C11, _C10 = 1 / 6227020800, 1 / 479001600, 1 / 39916800, 1 / 3628800
_C9, _C8, _C7, _C6, _C5 = 1 / 362880, 1 / 40320, 1 / 5040, 1 / 720, 1 / 120
_C4, _C3 = 1 / 24, 1 / 6


@contracted
def sigmoid(x):
    """1 / (1 + e^-x), in double precision.

    e^-|x| = 2^i · e^r with |r| ≤ ln 2 / 2, by the series of 14 terms, whose rest is below 2^-57 there.
    """
    distance = min(abs(x), _FAR)
    moved = -distance * _LOG2E + _MAGIC
    whole = moved - _MAGIC
    r = (-distance - whole * _LN2_HIGH) - whole * _LN2_LOW
    series = _C12 + r * _C13
    series = _C11 + r * series
    series = _C10 + r * series
    series = _C9 + r * series
    series = _C8 + r * series
    series = _C7 + r * series
    series = _C6 + r * series
    series = _C5 + r * series
    series = _C4 + r * series
    series = _C3 + r * series
    series = 0.5 + r * series
    series = 1.0 + r * (1.0 + r * series)
    power = (np.float64(moved).view(np.int64) << 52) + np.int64(0x3FF0000000000000)
    small = series * np.int64(power).view(np.float64)
    quotient = 1.0 / (1.0 + small)
    return quotient if x >= 0 else small * quotient


@lean
def sigmoids(values, doubt, out, unsure):
    """The sigmoid of each value[n] into out[n]; unsure[n] says that numbers `doubt` lower and higher would be rounded
    to different ones. How many these are."""
    several = np.int64(0)
    for n in range(values.shape[0]):
        result = sigmoid(np.float64(values[n]))
        low, high = np.float32(result - doubt), np.float32(result + doubt)
        out[n] = low
        unsure[n] = low != high
        several += low != high
    return several
