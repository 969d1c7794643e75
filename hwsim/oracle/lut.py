"""What a function makes of each quantised number, worked out in extended precision."""

from collections.abc import Callable

import numpy as np

Extended = np.longdouble


def sigmoid(x: np.longdouble) -> np.longdouble:
    return Extended(Extended(1) / (Extended(1) + np.exp(-x)))


def entry(
    function: Callable[[np.longdouble], np.longdouble],
    number: int,
    scales: tuple[float, float],
    zeros: tuple[int, int],
    limits: tuple[int, int],
) -> int:
    """The quantised value of the function at a quantised number; scales and zero points of input and output."""
    value = function(Extended(scales[0]) * (number - zeros[0])) / Extended(scales[1])
    return int(np.clip(np.rint(value) + zeros[1], *limits))
