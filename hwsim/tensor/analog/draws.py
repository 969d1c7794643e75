"""Random draws of a tile, each a function of the seed and of where it is drawn."""

from enum import IntEnum

import numpy as np

from hwsim.errors import InvalidValue
from hwsim.kernels.normals import draw_normals, draw_uniforms
from hwsim.tensor.formats import Array


class Purpose(IntEnum):
    """What is drawn: the top byte of the fourth word of the counter."""

    PROGRAMMING = 1
    DRIFT = 2
    FLICKER = 3
    WHITE = 4
    OUTPUT = 5
    GAIN = 6
    OFFSET = 7
    STEP = 8
    ROUNDING = 9


LARGEST_SEED = 2**64 - 1


def key_of(seed: int) -> tuple[int, int]:
    """The two words of the key; InvalidValue where a seed has more than 64 bits."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed <= LARGEST_SEED:
        raise InvalidValue("seed", seed, f"must be a whole number from 0 to {LARGEST_SEED}")
    return int(seed) & 0xFFFFFFFF, int(seed) >> 32


def word(purpose: Purpose, *, pass_: int = 0, array: int = 0) -> int:
    """The fourth word: purpose, pass of the input (12 bits) and array or reading (12 bits)."""
    assert pass_ < 2**12
    assert array < 2**12
    return purpose << 24 | pass_ << 12 | array


def padded(columns: int) -> int:
    """Columns up to a multiple of four: a counter gives four deviates."""
    return -(-columns // 4) * 4


def of_cells(
    seed: int, tile: int, purpose: Purpose, array: int, shape: tuple[int, ...], time: int = 0, *, pass_: int = 0
) -> Array:
    """A deviate for each cell of an array; `time` counts windows, or MVMs."""
    rows, columns = shape
    out = np.empty((rows, padded(columns)))
    draw_normals(0, 1, time, 0, tile, word(purpose, pass_=pass_, array=array), *key_of(seed), out)
    return np.ascontiguousarray(out[:, :columns])


def of_outputs(
    seed: int, tile: int, fourth: int, first: int, shape: tuple[int, ...], out: Array | None = None
) -> Array:
    """A deviate for each output of MVMs first, first + 1, …; `out` is room for them, with columns padded."""
    vectors, columns = shape
    out = np.empty((vectors, padded(columns))) if out is None else out
    draw_normals(0, 0, first, 1, tile, fourth, *key_of(seed), out)
    return np.ascontiguousarray(out[:, :columns])


def chances(seed: int, tile: int, fourth: int, first: int, shape: tuple[int, ...]) -> Array:
    """A number from 0 to 1 for each output of MVMs first, first + 1, …"""
    vectors, columns = shape
    out = np.empty((vectors, padded(columns)))
    draw_uniforms(first, tile, fourth, *key_of(seed), out)
    return np.ascontiguousarray(out[:, :columns])
