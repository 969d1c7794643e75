"""Another sampling rate, by a windowed sinc: exact ratios of whole numbers, a filter for each phase, some at a time."""

from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_LOBES = 32
"""Zero crossings of the sinc on each side."""
_KAISER_BETA = 9.0
_PASSED = 0.94
"""The share of the lower Nyquist frequency that passes."""
_NUMBERS = 1 << 20
"""Weights of filters, and samples under them, that are made at a time."""


def resampled(samples: Floats, rate: int, target_rate: int) -> Floats:
    """The samples at another rate.

    >>> wave = np.sin(2 * np.pi * 100 * np.arange(8000) / 8000).astype(np.float32)
    >>> twice = resampled(wave, 8000, 16000)
    >>> bool(abs(twice[200:400:2] - wave[100:200]).max() < 1e-4), len(twice)
    (True, 16000)
    """
    if rate == target_rate:
        return samples
    up, down = target_rate // gcd(rate, target_rate), rate // gcd(rate, target_rate)
    half = ceil(_LOBES * max(1.0, down / up))
    padded = np.pad(samples.astype(np.float64), (half, half))
    count = -(-len(samples) * up // down)
    out = np.empty(count, np.float32)
    rows = max(1, _NUMBERS // (2 * half))
    # Every `up`-th sample has the same filter: so many filters at a time, and with them all samples that they make.
    for first in range(0, min(up, count), rows):
        filters = np.arange(first, min(first + rows, up, count))
        taps = _filters(filters * down % up, up, down, half)
        periods = np.arange(max(1, rows // len(filters))) * up
        for start in range(0, count, len(periods) * up):
            places = (start + periods[:, None] + filters).reshape(-1)
            places = places[places < count]
            around = padded[np.minimum((places * down // up)[:, None] + np.arange(2 * half), len(padded) - 1)]
            out[places] = np.einsum("nk,nk->n", around, taps[places % up - first])
    return out


def _filters(phases: NDArray[np.int64], up: int, down: int, half: int) -> NDArray[np.float64]:
    """Of each phase the weights of `half` samples before and after, which add up to 1."""
    cut = _PASSED * min(1.0, up / down)
    distance = np.arange(2 * half)[None, :] - half - phases[:, None] / up
    window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(0, 1 - (distance / half) ** 2))) / np.i0(_KAISER_BETA)
    taps = cut * np.sinc(cut * distance) * window
    return np.asarray(taps / taps.sum(axis=1, keepdims=True))
