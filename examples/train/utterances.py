"""Batches of utterances of like lengths, with some bands and some frames left out (SpecAugment, arXiv 1904.08779)."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from stretching import of_another_voice

Tensor = torch.Tensor
BANDS, STACK, FACTOR = 80, 3, 2
"""Mel bands of a frame of 10 ms; such frames in one of the network; frames of the network that it stacks."""
VALIDATED = 40
"""Of so many utterances of the voices of training one is not trained on, all copies of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Features [frames, batch, 240], symbols [batch, most], and how many of both each utterance has, after stacking."""

    features: Tensor
    symbols: Tensor
    frames: Tensor
    lengths: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Utterances:
    """Frames of all utterances one after another (`ends`: where each one ends), and the symbols of each."""

    frames: NDArray[np.float16]
    ends: Sequence[int]
    symbols: Sequence[Sequence[int]]
    numbers: Sequence[int]

    @classmethod
    def read(cls, folder: Path, split: str) -> Self:
        """Those that `features.py` wrote."""
        index: dict[str, Any] = json.loads((folder / f"{split}.json").read_text())
        frames = np.memmap(folder / f"{split}.f16", np.float16, "r").reshape(-1, BANDS)
        return cls(frames, index["ends"], index["symbols"], index["utterances"])

    def trained_on(self) -> list[int]:
        """Rows that are trained on, short ones first."""
        return self._by_length([row for row, number in enumerate(self.numbers) if number % VALIDATED])

    def validated_on(self) -> list[int]:
        """Rows of the same voices that are not."""
        return self._by_length([row for row, number in enumerate(self.numbers) if not number % VALIDATED])

    def _by_length(self, rows: list[int]) -> list[int]:
        return sorted(rows, key=self._length)

    def _length(self, row: int) -> int:
        return self.ends[row] - self._start(row)

    def _start(self, row: int) -> int:
        return self.ends[row - 1] if row else 0

    def _of(self, row: int) -> NDArray[np.float32]:
        return np.asarray(self.frames[self._start(row) : self.ends[row]], np.float32)

    def batch(self, rows: Sequence[int], drawn: Random | None, *, voices: bool = False) -> Batch:
        """A batch; with a generator, something of each utterance is left out, `voices`: after its voice is changed."""
        heard = [self._of(row) for row in rows]
        if voices and drawn is not None:
            heard = [of_another_voice(frames, drawn) for frames in heard]
        each = [_whole(frames) for frames in heard]
        features = np.zeros((len(rows), max(map(len, each)), BANDS), np.float32)
        symbols = np.zeros((len(rows), max(len(self.symbols[row]) for row in rows)), np.int64)
        for place, (frames, row) in enumerate(zip(each, rows, strict=True)):
            features[place, : len(frames)] = frames if drawn is None else _thinned(frames, drawn)
            symbols[place, : len(self.symbols[row])] = self.symbols[row]
        stacked = features.reshape(len(rows), -1, STACK * BANDS).swapaxes(0, 1)
        return Batch(
            torch.from_numpy(np.ascontiguousarray(stacked)),
            torch.from_numpy(symbols),
            torch.tensor([len(frames) // (STACK * FACTOR) for frames in each]),
            torch.tensor([len(self.symbols[row]) for row in rows]),
        )


def _whole(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """The last frame again, until the network has no odd one."""
    return np.concatenate([frames, np.repeat(frames[-1:], -len(frames) % (STACK * FACTOR), axis=0)])


def _thinned(frames: NDArray[np.float32], drawn: Random) -> NDArray[np.float32]:
    """Two stretches of bands and up to two of frames at their mean, which is zero."""
    for _ in range(2):
        width = drawn.randint(0, 14)
        first = drawn.randint(0, BANDS - width)
        frames[:, first : first + width] = 0
    for _ in range(drawn.randint(0, 2)):
        width = drawn.randint(0, 12)
        first = drawn.randint(0, max(0, len(frames) - width))
        frames[first : first + width] = 0
    return frames


def batches(rows: Sequence[int], size: int, drawn: Random) -> Iterator[list[int]]:
    """Rows in batches of neighbours, over and over, each time in another order."""
    parts = [list(rows[first : first + size]) for first in range(0, len(rows), size)]
    while True:
        drawn.shuffle(parts)
        yield from parts
