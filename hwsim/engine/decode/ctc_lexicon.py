"""Words from the scores of a network trained with CTC: the best way through a loop of the words of a lexicon.

A word is its symbols one after another, each held for some frames, with blanks between them where they are wanted, and
needed between two equal ones. Between words are blanks, or a symbol that stands for their boundary. There is no
language model: each word costs the same.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_NEVER = -np.inf
_NOBODY = -1

_TWO_NEVER, _TWO_NOBODY = np.full(2, _NEVER), np.full(2, _NOBODY)

Held = tuple[float, int]
"""The score of the best way to a place, and the last link of the words on it."""


@dataclass(frozen=True, eq=False)
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

    @cached_property
    def _closed_to_one(self) -> Floats:
        """What a way from the place before costs: nothing, or all."""
        return np.where(self.inner, 0.0, _NEVER)

    @cached_property
    def _closed_to_two(self) -> Floats:
        """What a way from two places before costs."""
        return np.where(self.skips, 0.0, _NEVER)

    @cached_property
    def _blanks(self) -> NDArray[np.bool_]:
        return np.asarray(self.symbols == self.blank)

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
                emitted[self._blanks] += bias
            way = way + emitted
            boundary = _NEVER if self.between is None else float(frame[self.between])
            outside = [(best[0] + blank, best[1]), (best[0] + boundary, best[1])]
        return self._traced(way, history, outside, links)

    def _inside(self, way: Floats, history: Ints, entering: Held) -> tuple[Floats, Ints]:
        """The best way to each place, from itself, from the place before, from two before, or into a word."""
        before, links = np.concatenate((_TWO_NEVER, way)), np.concatenate((_TWO_NOBODY, history))
        found, held = way.copy(), history.copy()
        for by, closed in ((1, self._closed_to_one), (2, self._closed_to_two)):
            ways = before[2 - by : 2 - by + len(way)] + closed
            better = ways > found  # of equals the nearest one stays
            np.copyto(found, ways, where=better)
            np.copyto(held, links[2 - by : 2 - by + len(way)], where=better)
        score, link = entering
        entered = self.first[score > found[self.first]]
        found[entered], held[entered] = score, link
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
