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


def dynamic_row(row: list[float], highest: int) -> tuple[list[int], float]:
    """A row by the scale of its largest magnitude, and that scale; in single precision, one number at a time."""
    largest = np.float32(0)
    for value in row:
        largest = max(largest, np.float32(abs(value)))
    scale = float(np.float32(largest / np.float32(highest))) if largest > 0 else 1.0
    scale = max(scale, float(np.finfo(np.float32).tiny))
    return [quantise(value, scale, 0, -highest, highest) for value in row], scale


def dynamic_result(total: int, row_scale: float, column_scale: float) -> np.float32:
    """What a sum of such a row stands for: three roundings to single precision."""
    scale = np.float32(np.float32(row_scale) * np.float32(column_scale))
    return np.float32(np.float32(total) * scale)
