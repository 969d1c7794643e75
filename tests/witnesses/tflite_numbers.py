"""What quantised operators are specified to compute, one number after another in Python's own integers.

Source: the specification of 8-bit quantisation (ai.google.dev/edge/litert/models/quantization_spec): a real number is
(integer - zero point) · scale, sums have 32 bits, and a factor between scales is a multiplier of 31 bits and a shift.
"""

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def factor(real: float) -> tuple[int, int]:
    """A multiplier in [2^30, 2^31) and a shift, multiplier · 2^(shift - 31) next to the factor."""
    mantissa, exponent = math.frexp(real)
    multiplier = math.floor(mantissa * 2**31 + 0.5)
    return (2**30, exponent + 1) if multiplier == 2**31 else (multiplier, exponent)


def twice_rounded(value: int, real: float) -> int:
    """The high half of the doubled product, to the nearest; then shifted right, ties away from zero."""
    multiplier, shift = factor(real)
    high = ((value << max(shift, 0)) * multiplier + (1 << 30)) >> 31
    places = max(-shift, 0)
    return int(math.copysign(((abs(high) << 1) + (1 << places)) >> (places + 1), high)) if places else high


def once_rounded(value: int, real: float) -> int:
    """The whole product, shifted to the nearest, ties toward plus infinity."""
    multiplier, shift = factor(real)
    return (value * multiplier + (1 << (30 - shift))) >> (31 - shift)


def clipped(value: int, low: int = -128, high: int = 127) -> int:
    return max(low, min(high, value))


def convolved(
    x: Array, zero: int, weight: Array, bias: Array, reals: list[float], out_zero: int, *,
    stride: tuple[int, int], before: tuple[int, int], sizes: tuple[int, int], depthwise: bool, low: int,
) -> Array:  # fmt: skip
    """A convolution of x[height, width, channels]; weight[outputs, h, w, channels], or [1, h, w, outputs]."""
    outputs = weight.shape[3] if depthwise else weight.shape[0]
    height, width, channels = x.shape
    result = np.zeros((*sizes, outputs), np.int64)
    for row in range(sizes[0]):
        for column in range(sizes[1]):
            for n in range(outputs):
                total = int(bias[n])
                for i in range(weight.shape[1]):
                    for j in range(weight.shape[2]):
                        y, z = row * stride[0] + i - before[0], column * stride[1] + j - before[1]
                        if not (0 <= y < height and 0 <= z < width):
                            continue
                        inside = [n * channels // outputs] if depthwise else range(channels)
                        for c in inside:
                            factor_of = weight[0, i, j, n] if depthwise else weight[n, i, j, c]
                            total += (int(x[y, z, c]) - zero) * int(factor_of)
                result[row, column, n] = clipped(twice_rounded(total, reals[n]) + out_zero, low)
    return result


def connected(x: Array, zero: int, weight: Array, bias: Array, real: float, out_zero: int) -> Array:
    """Rows of x times weight[outputs, inputs]."""
    result = np.zeros((len(x), len(weight)), np.int64)
    for m, row in enumerate(x.tolist()):
        for n, column in enumerate(weight.tolist()):
            total = sum((a - zero) * b for a, b in zip(row, column, strict=True)) + int(bias[n])
            result[m, n] = clipped(once_rounded(total, real) + out_zero)
    return result


def summed(x: Array, y: Array, scales: tuple[float, float, float], zeros: tuple[int, int, int], sign: int) -> Array:
    """x + y or x - y: both sides 20 bits further left, at twice the larger scale."""
    one, other, out = scales
    twice = 2 * max(one, other)
    result = [
        clipped(
            twice_rounded(
                twice_rounded((a - zeros[0]) << 20, one / twice)
                + sign * twice_rounded((b - zeros[1]) << 20, other / twice),
                twice / (2**20 * out),
            )
            + zeros[2]
        )
        for a, b in zip(x.reshape(-1).tolist(), y.reshape(-1).tolist(), strict=True)
    ]
    return np.array(result).reshape(x.shape)


def multiplied(x: Array, y: Array, scales: tuple[float, float, float], zeros: tuple[int, int, int]) -> Array:
    """x · y, rescaled once."""
    real = float(np.float32(scales[0]) * np.float32(scales[1]) / np.float32(scales[2]))
    result = [
        clipped(twice_rounded((a - zeros[0]) * (b - zeros[1]), real) + zeros[2])
        for a, b in zip(x.reshape(-1).tolist(), y.reshape(-1).tolist(), strict=True)
    ]
    return np.array(result).reshape(x.shape)


def shares(row: list[int], scale: float) -> list[float]:
    """A softmax in real numbers."""
    powers = [math.exp((one - max(row)) * scale) for one in row]
    return [one / sum(powers) for one in powers]
