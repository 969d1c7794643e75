"""What lies between a voice and a network: a room, a microphone, noise and other voices, a level; all drawn."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

Samples = NDArray[np.float64]
Babble = Callable[[int, np.random.Generator], Samples]
RATE = 16_000
COLOURS = (0.0, 0.5, 1.0, 0.25)
"""Of noise: the powers of the frequency by which its magnitudes fall."""


def clean(voice: Samples, drawn: np.random.Generator) -> Samples:
    """A voice with silence around it, faint noise, and a level."""
    padded = _padded(voice, drawn)
    return _levelled(_with_noise(padded, _noise(len(padded), drawn), drawn.uniform(25, 60)), drawn)


def noisy(voice: Samples, babble: Babble, drawn: np.random.Generator) -> Samples:
    """A voice in a room and through a microphone (each half of the time), in noise or among others."""
    heard = _padded(voice, drawn)
    if drawn.random() < 0.5:
        heard = _in_room(heard, drawn)
    if drawn.random() < 0.5:
        heard = _through_microphone(heard, drawn)
    ratio = drawn.uniform(5, 35)
    other = babble(len(heard), drawn) if drawn.random() < 0.25 else _noise(len(heard), drawn)
    return _levelled(_with_noise(heard, other, ratio), drawn)


def _padded(voice: Samples, drawn: np.random.Generator) -> Samples:
    return np.concatenate([np.zeros(drawn.integers(0, 5000)), voice, np.zeros(drawn.integers(500, 5000))])


def _levelled(heard: Samples, drawn: np.random.Generator) -> Samples:
    return np.asarray(heard * 10 ** (drawn.uniform(-15, 5) / 20))


def _with_noise(heard: Samples, noise: Samples, decibels: float) -> Samples:
    power = np.mean(heard**2) / np.mean(noise**2) / 10 ** (decibels / 10)
    return np.asarray(heard + noise * np.sqrt(power))


def _noise(count: int, drawn: np.random.Generator) -> Samples:
    """Noise that is white, or falls with the frequency."""
    size = next_fast_len(count, real=True)
    spectrum = rfft(drawn.standard_normal(size))
    frequencies = np.maximum(1, np.arange(len(spectrum)))
    return np.asarray(irfft(spectrum / frequencies ** drawn.choice(COLOURS), size)[:count])


def _in_room(heard: Samples, drawn: np.random.Generator) -> Samples:
    """Echoes that die away within 50 to 400 ms."""
    count = int(RATE * drawn.uniform(0.05, 0.4))
    echoes = drawn.standard_normal(count) * np.exp(-6.9 * np.arange(count) / count) * drawn.uniform(0.05, 0.35)
    echoes[0] = 1
    size = next_fast_len(len(heard) + count, real=True)
    return np.asarray(irfft(rfft(heard, size) * rfft(echoes, size), size)[: len(heard)])


def _through_microphone(heard: Samples, drawn: np.random.Generator) -> Samples:
    """Louder or fainter towards high frequencies; three times of ten each without the highest, without the lowest."""
    size = next_fast_len(len(heard), real=True)
    spectrum = rfft(heard, size)
    share = np.linspace(0, 1, len(spectrum))
    gain = 10 ** (drawn.uniform(-12, 12) * (share - 0.3) / 20)
    if drawn.random() < 0.3:
        gain /= 1 + np.exp((share - drawn.uniform(0.45, 0.9)) * 60)
    if drawn.random() < 0.3:
        gain /= 1 + np.exp((drawn.uniform(0.01, 0.04) - share) * 400)
    return np.asarray(irfft(spectrum * gain, size)[: len(heard)])
