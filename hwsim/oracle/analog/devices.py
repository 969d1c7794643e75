"""Cells that stray, one at a time."""

import math
from typing import Any

import numpy as np

from hwsim.oracle.analog.draws import Array, cells


def at(curve: Any, g: float) -> float:
    """A curve at one relative conductance."""
    g = max(abs(g), 1e-7)
    if curve.points:
        return float(np.interp(g, [place for place, _ in curve.points], [value for _, value in curve.points]))
    piece = next(piece for piece in curve.pieces if g < piece.below)
    value = sum(coefficient * g**power for power, coefficient in enumerate(piece.polynomial))
    value += piece.log * math.log(g) + piece.power * g**piece.exponent
    return float(min(max(value, piece.low), piece.high))


def strayed(model: Any, target: Array, seed: int, tile: int, array: int, seconds: float, window: int) -> Array:
    """What the cells of an array hold during a window, that long after programming."""
    if model is None:
        return target.astype(float)
    noise = [cells(target.shape, window if kind == 3 else 0, tile, kind << 24 | array, seed) for kind in (1, 2, 3)]
    out = np.zeros(target.shape)
    t0, read = model.t0 / 1e12, model.read / 1e12
    for place in np.ndindex(*target.shape):
        wanted = held = float(target[place])
        if model.programming is not None:
            spread = at(model.programming, wanted) / (float(model.characterised_at) * 1e6)
            held = max(wanted + spread * float(noise[0][place]), 0.0)
        now = held
        if model.drift_mean is not None and seconds > 0:
            spread = 0.0 if model.drift_spread is None else at(model.drift_spread, wanted)
            now = held * ((seconds + t0) / t0) ** -abs(at(model.drift_mean, wanted) + spread * noise[1][place])
        if model.flicker is not None:
            growth = math.sqrt(math.log((seconds + t0 + read) / (2 * read)))
            now = max(now * (1 + at(model.flicker, held) * growth * float(noise[2][place])), 0.0)
        out[place] = now
    return out
