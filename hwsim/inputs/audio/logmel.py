"""The front end: logarithms of mel-band energies, normalised, with deltas, neighbouring frames stacked."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Noun

Floats = NDArray[np.float32]

WINDOW_SECONDS, HOP_SECONDS = 0.025, 0.010
_LOWEST_HERTZ = 20.0
_FLOOR = 1e-10
_DELTA_REACH = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEnd(Noun):
    """How frames are made from audio: mel bands, orders of deltas, frames side by side, zeros for what audio lacks.

    >>> FrontEnd.for_features(340, frame_ms=20)
    FrontEnd(bins=40, deltas=2, stack=2, absent=100)
    """

    bins: int
    deltas: int
    stack: int
    absent: int = 0  # such as an i-vector, which audio alone does not give

    @classmethod
    def for_features(cls, features: int, frame_ms: int) -> Self:
        """The front end that gives that many features every so many milliseconds.

        80 bands are tried before 40, few deltas before many, and 100 features may be an i-vector, left at zero.
        """
        stack = max(1, frame_ms // 10)
        for absent in (0, 100):
            for deltas in range(3):
                for bins in (80, 40):
                    if bins * (1 + deltas) * stack + absent == features:
                        return cls(bins=bins, deltas=deltas, stack=stack, absent=absent)
        law = (
            f"cannot be made of 40 or 80 mel bands, deltas and {stack} stacked frames; give the features in an NPZ file"
        )
        raise InvalidValue("features", features, law)


def features(samples: Floats, rate: int, front_end: FrontEnd) -> Floats:
    """Frames of features, one every `stack` hops."""
    mel = _normalised(np.log(np.maximum(_mel_energies(samples, rate, front_end.bins), _FLOOR)))
    orders = [mel]
    for _ in range(front_end.deltas):
        orders.append(_deltas(orders[-1]))
    frames = np.concatenate(orders, axis=1)
    missing = -len(frames) % front_end.stack
    if missing:
        frames = np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])
    stacked = frames.reshape(-1, front_end.stack * frames.shape[1])
    return np.pad(stacked, ((0, 0), (0, front_end.absent))).astype(np.float32)


def _mel_energies(samples: Floats, rate: int, bins: int) -> NDArray[np.float64]:
    length, hop = round(WINDOW_SECONDS * rate), round(HOP_SECONDS * rate)
    size = 1 << (length - 1).bit_length()
    count = max(1, -(-len(samples) // hop))
    padded = np.pad(samples.astype(np.float64), (0, max(0, (count - 1) * hop + length - len(samples))))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    filters = mel_filters(bins, size, rate)
    energies = np.empty((count, bins))
    for start in range(0, count, 1024):
        places = np.arange(start, min(start + 1024, count))[:, None] * hop + np.arange(length)
        power = np.abs(np.fft.rfft(padded[places] * window, size)) ** 2
        # Not a library's product, which adds in another order for another number of threads.
        energies[start : start + len(places)] = np.einsum("tf,fb->tb", power, filters)
    return energies


def mel_filters(bins: int, size: int, rate: int) -> NDArray[np.float64]:
    """Triangles, equally wide on the mel scale 1127·ln(1 + f/700), from 20 Hz to half the rate: [frequencies, bins]."""
    mels = 1127 * np.log1p(np.array([_LOWEST_HERTZ, rate / 2]) / 700)
    edges = np.linspace(mels[0], mels[1], bins + 2)
    of_bin = 1127 * np.log1p(np.arange(size // 2 + 1) * rate / size / 700)[:, None]
    rising = (of_bin - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - of_bin) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


def _normalised(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each band with mean 0 and variance 1 over the utterance; a band that never changes is 0."""
    spread = frames.std(axis=0)
    return np.asarray((frames - frames.mean(axis=0)) / np.where(spread > 1e-8, spread, 1.0))


def _deltas(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """The slope of a straight line through each frame and two neighbours on each side; the ends are repeated."""
    reach = _DELTA_REACH
    padded = np.pad(frames, ((reach, reach), (0, 0)), mode="edge")
    slope = sum(
        step * (padded[reach + step : len(padded) - reach + step] - padded[reach - step : len(padded) - reach - step])
        for step in range(1, reach + 1)
    )
    return np.asarray(slope / (2 * sum(step * step for step in range(1, reach + 1))))
