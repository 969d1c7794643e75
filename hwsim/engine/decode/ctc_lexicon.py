"""Words from the scores of a network trained with CTC: the best way through a loop of the words of a lexicon.

A word is its symbols one after another, each held for some frames, with blanks between them where they are wanted, and
needed between two equal ones. Between words are blanks, or a symbol that stands for their boundary. There is no
language model: each word costs the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_NEVER = -np.inf
_NOBODY = -1

Held = tuple[float, int]
"""The score of the best way to a place, and the last link of the words on it."""


@dataclass(frozen=True, slots=True, eq=False)
class WordLoop:
    """The places of all words, one word after another: their symbols, with a blank between each two.

    `first` and `last` are the places at which each word begins and ends; `inner` are those that do not begin one, and
    `skips` those that may come right after the symbol before, without a blank.
    """

    symbols: Ints
    first: Ints
    last: Ints
    inner: NDArray[np.bool_]
    skips: NDArray[np.bool_]
    blank: int
    between: int | None

    @classmethod
    def of(cls, sounds: Sequence[Sequence[int]], blank: int, between: int | None) -> Self:
        """The loop of these words, each given by its symbols."""
        symbols: list[int] = []
        skips: list[bool] = []
        first, last = [], []
        for sound in sounds:
            first.append(len(symbols))
            for place, symbol in enumerate(sound):
                if place:
                    symbols.append(blank)
                    skips.append(False)
                symbols.append(symbol)
                skips.append(place > 0 and sound[place - 1] != symbol)
            last.append(len(symbols) - 1)
        inner = np.ones(len(symbols), bool)
        inner[first] = False
        return cls(np.array(symbols), np.array(first), np.array(last), inner, np.array(skips), blank, between)

    def words(self, scores: NDArray[np.floating], penalty: float = 0.0, bias: float = 0.0) -> tuple[int, ...]:
        """The words of the best way, by their numbers; `penalty` is added for each word, `bias` to each blank."""
        size = len(self.symbols)
        way, history = np.full(size, _NEVER), np.full(size, _NOBODY)
        outside: list[Held] = [(0.0, _NOBODY), (_NEVER, _NOBODY)]
        links: list[tuple[int, int]] = []
        for frame in scores.astype(np.float64):
            blank = float(frame[self.blank]) + bias
            ended = way[self.last]
            word = int(ended.argmax())
            before = list(outside)
            if np.isfinite(ended[word]):
                links.append((int(history[self.last[word]]), word))
                before.append((float(ended[word]), len(links) - 1))
            best = max(before)
            way, history = self._inside(way, history, (best[0] + penalty, best[1]))
            emitted = frame[self.symbols]
            if bias:
                emitted[self.symbols == self.blank] += bias
            way = way + emitted
            boundary = _NEVER if self.between is None else float(frame[self.between])
            outside = [(best[0] + blank, best[1]), (best[0] + boundary, best[1])]
        return self._traced(way, history, outside, links)

    def _inside(self, way: Floats, history: Ints, entering: Held) -> tuple[Floats, Ints]:
        """The best way to each place, from itself, from the place before, from two before, or into a word."""
        by_one, by_two = _shifted(way, 1, _NEVER), _shifted(way, 2, _NEVER)
        by_one[~self.inner] = _NEVER
        by_two[~self.skips] = _NEVER
        ways = np.stack([way, by_one, by_two])
        histories = np.stack([history, _shifted(history, 1, _NOBODY), _shifted(history, 2, _NOBODY)])
        chosen, places = ways.argmax(axis=0), np.arange(len(way))
        found, held = ways[chosen, places], histories[chosen, places]
        score, link = entering
        better = self.first[score > found[self.first]]
        found[better], held[better] = score, link
        return found, held

    def _traced(
        self, way: Floats, history: Ints, outside: Sequence[Held], links: Sequence[tuple[int, int]]
    ) -> tuple[int, ...]:
        ended = way[self.last]
        word, (score, link) = int(ended.argmax()), max(outside, key=lambda held: held[0])
        found: list[int] = []
        if ended[word] > score:
            found, link = [word], int(history[self.last[word]])
        while link != _NOBODY:
            link, word = links[link]
            found.append(word)
        return tuple(reversed(found))


def _shifted(values: NDArray[np.generic], by: int, filled: float) -> NDArray[np.generic]:
    out = np.full_like(values, filled)
    out[by:] = values[:-by] if len(values) > by else values[:0]
    return out
