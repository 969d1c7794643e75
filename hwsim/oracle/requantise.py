"""The two conventions by which a sum becomes a number of few bits, one sum at a time."""

from fractions import Fraction

import numpy as np


def by_fixed_point(acc: int, q31: int, shift: int, zero: int, low: int, high: int) -> int:
    """TFLite and gemmlowp: acc · q31 · 2^(shift - 31), rounded twice, ties first toward +∞, then away from zero."""
    shifted = (acc * 2 ** max(shift, 0) + 2**31) % 2**32 - 2**31
    if shifted == q31 == -(2**31):
        scaled = 2**31 - 1
    else:
        nudged = Fraction(shifted * q31 + (2**30 if shifted * q31 >= 0 else 1 - 2**30), 2**31)
        scaled = int(nudged)  # toward zero
    exact = Fraction(scaled, 2 ** max(-shift, 0))
    whole = int(abs(exact) + Fraction(1, 2)) * (1 if exact >= 0 else -1)
    return max(low, min(high, whole + zero))


def by_float32(acc: int, act_scale: float, weight_scale: float, out_scale: float, zero: int, low: int, high: int) -> int:  # fmt: skip  # noqa: E501
    """ONNX: float32(acc) · float32(float32(sa · sw) / sy), rounded half to even, in float32 at each step."""
    single = np.float32
    multiplier = single(single(single(act_scale) * single(weight_scale)) / single(out_scale))
    rounded = round(float(single(acc) * multiplier))  # Python rounds half to even
    return max(low, min(high, rounded + zero))
