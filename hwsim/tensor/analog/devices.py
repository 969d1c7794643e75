"""Cells that stray: programming, drift and 1/f noise of arrays of conductances relative to Gmax."""

import numpy as np

from hwsim.hardware.analog.curves import SMALLEST, Curve, Piece
from hwsim.hardware.analog.device import DeviceModel, WhiteNoise
from hwsim.tensor.analog.draws import Purpose, of_cells
from hwsim.tensor.formats import Array


def evaluate(curve: Curve, g: Array) -> Array:
    """A curve at relative conductances."""
    g = np.maximum(np.abs(g), SMALLEST)
    if curve.points:
        places, values = zip(*curve.points, strict=True)
        return np.asarray(np.interp(g, places, values))
    # Of two cells that hold one weight, one is meant to hold nothing: such cells have one value.
    held = g > SMALLEST
    out = np.full(g.shape, _by_pieces(curve, np.array([SMALLEST]))[0])
    out[held] = _by_pieces(curve, g[held])
    return out


def _by_pieces(curve: Curve, g: Array) -> Array:
    """Pieces of a curve at these places."""
    if len(curve.pieces) == 1 and (g < curve.pieces[0].below).all():
        return _of_piece(curve.pieces[0], g)
    out, left = np.zeros(g.shape), np.ones(g.shape, bool)
    for piece in curve.pieces:
        here = left & (g < piece.below)
        out[here] = _of_piece(piece, g[here])
        left &= ~here
    return out


def _of_piece(piece: Piece, g: Array) -> Array:
    value = np.zeros(g.shape)
    for coefficient in reversed(piece.polynomial):
        value = value * g + coefficient
    if piece.log:
        value += piece.log * np.log(g)
    if piece.power:
        value += piece.power * g**piece.exponent
    return np.clip(value, piece.low, piece.high)


def programmed(model: DeviceModel | None, target: Array, seed: int, tile: int, array: int) -> Array:
    """What cells hold right after programming."""
    if model is None or model.programming is None:
        return target
    assert model.characterised_at is not None
    spread = evaluate(model.programming, target) / (float(model.characterised_at) * 1e6)
    deviates = of_cells(seed, tile, Purpose.PROGRAMMING, array, target.shape)
    return np.maximum(target + spread * deviates, 0.0)


def exponents(model: DeviceModel, target: Array, seed: int, tile: int, array: int) -> Array:
    """The drift exponent of each cell."""
    if model.drift_mean is None:
        return np.zeros(target.shape)
    mean = evaluate(model.drift_mean, target)
    if model.drift_spread is None:
        return np.abs(mean)
    deviates = of_cells(seed, tile, Purpose.DRIFT, array, target.shape)
    return np.asarray(np.abs(mean + evaluate(model.drift_spread, target) * deviates))


def drifted(model: DeviceModel | None, held: Array, exponent: Array | None, seconds: float) -> Array:
    """What cells hold so many seconds after t0, when they were first read."""
    if model is None or exponent is None or seconds <= 0:
        return held
    t0 = model.t0 / 1e12
    return np.asarray(held * ((seconds + t0) / t0) ** -exponent)


def in_window(
    model: DeviceModel | None, held: Array, now: Array, seconds: float, seed: int, tile: int, array: int, window: int
) -> Array:
    """Conductances during a window of reads, with their 1/f noise; `held` right after programming, drifted to `now`."""
    if model is None or model.flicker is None:
        return now
    t0, read = model.t0 / 1e12, model.read / 1e12
    growth = np.sqrt(np.log((seconds + t0 + read) / (2 * read)))
    deviates = of_cells(seed, tile, Purpose.FLICKER, array, now.shape, window)
    noisy = now + now * evaluate(model.flicker, held) * growth * deviates
    return np.asarray(np.maximum(noisy, 0.0))


def white_spread(model: DeviceModel | None, now: Array) -> Array | None:
    """The spread of white noise of each cell, or None."""
    if model is None or not model.white:
        return None
    return np.asarray(model.white * now if model.white_is is WhiteNoise.OF_CELL else np.full(now.shape, model.white))
