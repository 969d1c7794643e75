"""Quantisers, one number at a time, and the clipping rules by trying them out."""

import numpy as np
from numpy.typing import NDArray


def quantise(value: float, scale: float, zero: int, low: int, high: int) -> int:
    """The nearest integer of a grid: divided in single precision, halves to even."""
    return max(low, min(high, round(float(np.float32(value) / np.float32(scale))) + zero))


def real(integer: int, scale: float, zero: int) -> float:
    """What an integer stands for."""
    return (integer - zero) * scale


def mean_square_error(values: NDArray[np.float64], low: float, high: float, steps: int, symmetric: bool) -> float:
    """What is lost by clipping values to a range and rounding them to a number of steps in it."""
    step = high / steps if symmetric else (high - low) / steps
    lost = 0.0
    for value in values:
        kept = max(round(low / step), min(round(high / step), round(value / step))) * step
        lost += (kept - value) ** 2
    return lost / len(values)


def best_bound(values: NDArray[np.float64], steps: int, tries: int = 2000) -> tuple[float, float]:
    """The symmetric bound with the least error, and that error, among many equally spaced ones."""
    ordered, largest = np.sort(np.abs(values)), float(np.abs(values).max())
    found = []
    for bound in np.linspace(largest / tries, largest, tries):
        step = bound / steps
        kept = np.minimum(np.rint(ordered / step), steps) * step
        found.append((float(((kept - ordered) ** 2).mean()), float(bound)))
    error, bound = min(found)
    return bound, error
