"""What a vector unit makes of integers, one number or one row at a time, in Python's integers and fractions."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from hwsim.oracle.requantise import by_fixed_point

HIGH, LOW = 2**31 - 1, -(2**31)
FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)) if x > -700 else 0.0,
    "tanh": math.tanh,
    "exp": lambda x: math.exp(min(x, 600.0)),
    "reciprocal": lambda x: math.copysign(1, x) / max(abs(x), 1e-200),
    "rsqrt": lambda x: 1 / math.sqrt(max(x, 1e-200)),
}


def fixed_point(factor: float) -> tuple[int, int]:
    """The multiplier of 31 bits and the shift that are next to a factor."""
    if factor == 0:
        return 0, 0
    shift = 0
    exact = Fraction(factor)
    while exact >= 1:
        exact, shift = exact / 2, shift + 1
    while exact < Fraction(1, 2):
        exact, shift = exact * 2, shift - 1
    multiplier = math.floor(exact * 2**31 + Fraction(1, 2))
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    return (0, 0) if shift < -31 else (multiplier, shift)


def clamp(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))


def rescale(value: int, factor: float, zero: int = 0, low: int = LOW, high: int = HIGH) -> int:
    """value · factor as hardware multiplies: a left shift saturates at 32 bits."""
    multiplier, shift = fixed_point(factor)
    wide = clamp(value * 2 ** max(shift, 0), LOW, HIGH)
    return by_fixed_point(wide, multiplier, min(shift, 0), zero, low, high)


def tabled(function: str, value: int, source: float, target: float, low: int, high: int) -> int:
    """A function of one number."""
    return clamp(round(FUNCTIONS[function](value * source) / target), low, high)


def softmax(row: Sequence[int], source: float, target: float, zero: int, low: int, high: int) -> list[int]:
    """Powers in 15 bits behind the point, their shares rounded half up, then rescaled."""
    powers = [tabled("exp", max(x - max(row), -(2**15)), source, 2.0**-15, -32767, 32767) for x in row]
    shares = [math.floor(Fraction(power * 2**15, sum(powers)) + Fraction(1, 2)) for power in powers]
    return [rescale(share, 2.0**-15 / target, zero, low, high) for share in shares]


def log_softmax(row: Sequence[int], source: float, target: float, zero: int, low: int, high: int) -> list[int]:
    """Distances from the largest, less the logarithm of the sum of powers."""
    powers = [tabled("exp", max(x - max(row), -(2**15)), source, 2.0**-15, -32767, 32767) for x in row]
    logarithm = round(math.log(sum(powers) / 2**15) / source)
    return [rescale(x - max(row) - logarithm, source / target, zero, low, high) for x in row]


def layer_norm(
    row: Sequence[int],
    source: float,
    gains: Sequence[int],
    gain: float,
    offsets: Sequence[int],
    target: float,
    limits: tuple[int, int, int],
) -> list[int]:
    """Distances from the mean over a root that is rounded down from 31 bits; ten bits behind the point, halves up."""
    n = len(row)
    total, squares = sum(row), sum(x * x for x in row)
    spread = n * squares - total * total + max(1, round(1e-5 * n * n / source**2))
    doublings = (62 - spread.bit_length()) // 2
    root = math.isqrt(spread * 4**doublings)
    out = []
    for x, g, offset in zip(row, gains, offsets, strict=True):
        unit = math.floor(Fraction((n * x - total) * 2 ** (doublings + 10), root) + Fraction(1, 2))
        product = clamp(clamp(unit, -(2**15), 2**15 - 1) * g, LOW, HIGH)
        out.append(rescale(clamp(product + offset, LOW, HIGH), 2.0**-10 * gain / target, *limits))
    return out
