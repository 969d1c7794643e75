"""Fixed-point arithmetic on arrays of 32-bit words, in the roundings of gemmlowp that TensorFlow Lite is built on.

Source: the functions of gemmlowp's fixedpoint.h (github.com/google/gemmlowp) and the page that defines TensorFlow
Lite's quantised operators (ai.google.dev/edge/litert/models/quantization_spec). Words are kept in 64 bits here.
"""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.int64]

LOWEST, HIGHEST = -(1 << 31), (1 << 31) - 1


def saturated(values: Words) -> Words:
    """Within 32 bits."""
    return np.clip(values, LOWEST, HIGHEST)


def high_product(a: Words | int, b: Words | int) -> Words:
    """a · b ÷ 2³¹, rounded, ties toward plus infinity; the one product that leaves 32 bits saturates."""
    return saturated((np.asarray(a, np.int64) * np.asarray(b, np.int64) + (1 << 30)) >> 31)


def shifted_right(values: Words, places: Words | int) -> Words:
    """values ÷ 2^places, rounded, ties away from zero.

    >>> shifted_right(np.array([-6, -5, 5, 6]), 2).tolist()
    [-2, -1, 1, 2]
    """
    places = np.asarray(places, np.int64)
    mask = (np.int64(1) << places) - 1
    limit = (mask >> 1) + (values < 0)
    return np.asarray((values >> places) + ((values & mask) > limit), np.int64)


def rescaled(values: Words, multiplier: Words | int, shift: Words | int) -> Words:
    """values · multiplier · 2^(shift - 31) in two roundings; a shift to the left comes first, and saturates."""
    shift = np.asarray(shift, np.int64)
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    return shifted_right(high_product(saturated(values << left), multiplier), right)


def rescaled_once(values: Words, multiplier: Words, shift: Words) -> Words:
    """values · multiplier · 2^(shift - 31) in one rounding, ties toward plus infinity; shifts up to 15."""
    places = 31 - shift
    high, low = values >> 16, values & 0xFFFF
    kept = low * multiplier + (np.int64(1) << (places - 1))
    return np.asarray((high * multiplier + (kept >> 16)) >> (places - 16), np.int64)


def rescaled_wide(values: Words, multiplier: Words, shift: Words) -> Words:
    """Sums of 48 bits, of activations of 16: a multiplier of 15 bits, and one rounding, ties toward plus infinity."""
    narrow = np.where(multiplier < 0x7FFF0000, (multiplier + (1 << 15)) >> 16, 0x7FFF)
    places = 15 - shift
    return np.asarray((values * narrow + (np.int64(1) << (places - 1))) >> places, np.int64)


def away_from_zero(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """The nearest whole numbers, ties away from zero, as C's `round` has them.

    >>> away_from_zero(np.array([-2.5, 0.49999997, 0.5], np.float32)).tolist()
    [-3.0, 0.0, 1.0]
    """
    whole = np.trunc(values)
    return np.asarray(whole + np.sign(values) * (np.abs(values - whole) >= 0.5))


# -- functions of fixed-point numbers: a word with i bits before the point stands for word · 2^(i - 31)


def exponential(values: Words) -> Words:
    """exp of numbers not above zero, with 5 bits before the point; the result has none.

    A Taylor series around -1/8 on the last quarter, times e^-(2^n) for each bit before it.
    """
    quarter = 1 << 24
    last = (values & (quarter - 1)) - quarter
    x = saturated(last << 5) + (1 << 28)
    square = high_product(x, x)
    cube, fourth = high_product(square, x), high_product(square, square)
    third = high_product(shifted_right(fourth, 2) + cube, _word(1 / 3))
    series = x + shifted_right(third + square, 1)
    result = _word(np.exp(-1 / 8)) + high_product(_word(np.exp(-1 / 8)), series)
    rest = last - values
    for power in range(-2, 5):
        bit = (rest & (1 << (26 + power))) != 0
        result = np.where(bit, high_product(result, _word(np.exp(-(2.0**power)))), result)
    return np.where(values == 0, HIGHEST, result)


def one_over_one_plus(values: Words) -> Words:
    """1 ÷ (1 + x) of numbers from 0 to 1 without bits before the point: three steps of Newton's division."""
    total = values + HIGHEST
    half = (total + np.where(total >= 0, 1, -1)) // 2
    x = _word(48 / 17 / 4) + high_product(half, _word(-32 / 17 / 4))
    for _ in range(3):
        missing = (1 << 29) - high_product(half, x)
        x = saturated(x + saturated(high_product(x, missing) << 2))
    return saturated(x << 1)


def _word(number: float) -> int:
    return round(number * 2**31)
