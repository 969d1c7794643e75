"""Matrices of integers whose sums reach every edge: strategies that draw them, and named bad ones."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from hwsim.quantities.precision import Precision

Array = NDArray[Any]

INTEGERS = [Precision(f"{sign}int{bits}") for sign in ("", "u") for bits in (2, 3, 4, 8)]


def random(rows: int, cols: int, precision: Precision, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    return rng.integers(precision.lowest, precision.highest, (rows, cols), endpoint=True)


def lowest(rows: int, cols: int, precision: Precision) -> Array:
    return np.full((rows, cols), precision.lowest or precision.highest)


def alternating(rows: int, cols: int, precision: Precision) -> Array:
    """The extremes in turn, along both sides."""
    places = np.add.outer(np.arange(rows), np.arange(cols))
    return np.where(places % 2 == 0, precision.lowest, precision.highest)


def swelling(rows: int, cols: int, precision: Precision) -> Array:
    """Along each side the highest for one half, then the lowest: sums grow as far as they can, and come back."""
    places = np.add.outer(np.arange(rows) * 2 // rows, np.arange(cols) * 2 // cols)
    return np.where(places % 2 == 0, precision.highest, precision.lowest)


FILLS = [random, lowest, alternating, swelling]


def layouts(matrix: Array) -> dict[str, Array]:
    """The same numbers, laid out in memory in different ways."""
    spread = np.zeros((matrix.shape[0] * 2, matrix.shape[1] * 3), matrix.dtype)
    spread[::2, ::3] = matrix
    backward = np.ascontiguousarray(matrix[::-1, ::-1])
    return {
        "C": np.ascontiguousarray(matrix),
        "F": np.asfortranarray(matrix),
        "strided": spread[::2, ::3],
        "backward": backward[::-1, ::-1],
    }


@st.composite
def matrices(draw: st.DrawFn, rows: int, cols: int, precision: Precision) -> Array:
    """Values of a format, its extremes above all."""
    low, high = precision.lowest, precision.highest
    value = st.sampled_from([low, high]) | st.integers(low, high)
    return np.array(draw(st.lists(value, min_size=rows * cols, max_size=rows * cols))).reshape(rows, cols)
