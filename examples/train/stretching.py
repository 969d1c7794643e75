"""Frames as another voice might give them: bands stretched along frequency (vocal tract length perturbation, Jaitly and
Hinton, ICML workshop 2013), frames along time."""

from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.float32]
Places = NDArray[np.float64]
LARGEST = 0.15
"""Of the logarithms of both factors."""
LOWEST, HIGHEST = 20.0, 8000.0
"""Hertz, where the front end's bands begin and end; they are evenly apart in mels."""


def of_another_voice(frames: Frames, drawn: Random) -> Frames:
    """Each band from where a shorter or longer mouth has it; more frames or fewer."""
    mouth, tempo = (np.exp(drawn.uniform(-LARGEST, LARGEST)) for _ in range(2))
    bands, count = frames.shape[1], max(1, round(len(frames) * tempo))
    mels = np.linspace(_mels(LOWEST), _mels(HIGHEST), bands + 2)
    from_bands = np.interp(_mels(mouth * _hertz(mels[1:-1])), mels[1:-1], np.arange(bands))
    across = between(frames.T, from_bands).T
    return np.ascontiguousarray(between(across, np.linspace(0, len(frames) - 1, count)))


def between(rows: Frames, places: Places) -> Frames:
    """Rows at places, in part of the row before and in part of that after."""
    before = np.floor(places).astype(np.int64)
    after, share = np.minimum(before + 1, len(rows) - 1), (places - before).astype(np.float32)[:, None]
    return rows[before] * (1 - share) + rows[after] * share


def _mels(hertz: Any) -> Any:
    return 1127 * np.log1p(hertz / 700)


def _hertz(mels: Any) -> Any:
    return 700 * np.expm1(mels / 1127)
