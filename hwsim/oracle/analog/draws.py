"""Philox4x32-10 and normal deviates from its words, one counter at a time in Python's integers and floats."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def philox(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """Four words for a counter and a key: ten rounds as in the publication."""
    x = list(counter)
    k = list(key)
    for _ in range(10):
        high_0, low_0 = divmod(0xD2511F53 * x[0], 2**32)
        high_1, low_1 = divmod(0xCD9E8D57 * x[2], 2**32)
        x = [high_1 ^ x[1] ^ k[0], low_1, high_0 ^ x[3] ^ k[1], low_0]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return x[0], x[1], x[2], x[3]


def deviates(a: int, b: int) -> tuple[float, float]:
    """Box and Muller's two deviates, by series in the documented order of operations."""
    mantissa, exponent = math.frexp((a + 0.5) / 2**32)  # mantissa from 1/2 on
    mantissa, exponent = 2 * mantissa, exponent - 1
    if mantissa > math.sqrt(2):
        mantissa, exponent = mantissa / 2, exponent + 1
    s = (mantissa - 1) / (mantissa + 1)
    logarithm = exponent * math.log(2) + 2 * s * _series([1 / n for n in range(1, 14, 2)], s * s)
    radius = math.sqrt(-2 * logarithm)
    turn = b / 2**32
    quarter = math.floor(4 * turn + 0.5)
    angle = (turn - quarter / 4) * (2 * math.pi)
    y = angle * angle
    sine = angle * _series([(-1) ** n / math.factorial(2 * n + 1) for n in range(6)], y)
    cosine = _series([(-1) ** n / math.factorial(2 * n) for n in range(7)], y)
    x, z = [(cosine, sine), (-sine, cosine), (-cosine, -sine), (sine, -cosine)][quarter % 4]
    return radius * x, radius * z


def _series(coefficients: list[float], x: float) -> float:
    total = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total


def line(first: int, c1: int, c2: int, c3: int, seed: int, columns: int) -> Array:
    """The deviates of a line of columns: counter first · Q + q has those of columns q, Q + q, 2Q + q, 3Q + q."""
    quarter = -(-columns // 4)
    out = np.zeros(4 * quarter)
    for q in range(quarter):
        words = philox((first * quarter + q, c1, c2, c3), (seed % 2**32, seed >> 32))
        out[q], out[quarter + q] = deviates(words[0], words[1])
        out[2 * quarter + q], out[3 * quarter + q] = deviates(words[2], words[3])
    return out[:columns]


def cells(shape: tuple[int, ...], c1: int, c2: int, c3: int, seed: int) -> Array:
    """The deviates of an array of cells, row by row."""
    return np.array([line(row, c1, c2, c3, seed, shape[1]) for row in range(shape[0])]).reshape(shape)


def chances(c1: int, c2: int, c3: int, seed: int, columns: int) -> Array:
    """Numbers from 0 to 1 of a line of columns."""
    quarter = -(-columns // 4)
    words = [philox((q, c1, c2, c3), (seed % 2**32, seed >> 32)) for q in range(quarter)]
    return np.array([words[c % quarter][c // quarter] / 2**32 for c in range(columns)])
