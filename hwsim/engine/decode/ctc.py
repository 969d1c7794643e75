"""Symbols from the scores of a network trained with CTC: the best output of each frame, or a beam over prefixes.

CTC (Graves et al., ICML 2006) gives each frame a symbol or a blank; equal neighbours are one symbol, blanks none. The
beam adds up all ways to a prefix, those that end in a blank apart from the others, as Hannun et al. describe (arXiv
1408.2873), here without a language model.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]
Prefix = tuple[int, ...]

_NEVER = float("-inf")


def greedy(scores: Scores, blank: int, bias: float = 0.0) -> Prefix:
    """The best output of each frame, repeated ones once, without blanks; of equal ones the first.

    >>> greedy(np.log(np.array([[.1, .9], [.2, .8], [.9, .1], [.3, .7]])), blank=0)
    (1, 1)
    """
    best = biased(scores, blank, bias).argmax(axis=1).tolist()
    return tuple(one for one, before in zip(best, [None, *best], strict=False) if one not in (before, blank))


def prefix_beam(scores: Scores, blank: int, beam: int, bias: float = 0.0) -> Prefix:
    """The likeliest prefix of a beam; of equally likely ones the first in the order of its symbols.

    With a beam that holds all prefixes it is the likeliest of all, with one of 1 not the greedy one: it adds up ways.
    """
    # Of each prefix the logarithms of all ways that end in a blank, and of all that end in its last symbol.
    held: dict[Prefix, tuple[float, float]] = {(): (0.0, _NEVER)}
    for frame in biased(scores, blank, bias):
        found: dict[Prefix, list[float]] = {}
        values = frame.tolist()
        # No more symbols than the beam has places can lengthen a prefix that is kept, one repeated apart.
        likely = _likeliest(frame, blank, beam + 1)
        for prefix, (in_blank, in_symbol) in held.items():
            whole = _sum(in_blank, in_symbol)
            _add(found, prefix, 0, whole + values[blank])
            if prefix:
                _add(found, prefix, 1, in_symbol + values[prefix[-1]])
            for symbol in likely:
                from_before = in_blank if prefix and prefix[-1] == symbol else whole
                _add(found, (*prefix, symbol), 1, from_before + values[symbol])
        ranked = sorted(found.items(), key=lambda entry: (-_sum(*entry[1]), entry[0]))
        held = {prefix: (ways[0], ways[1]) for prefix, ways in ranked[:beam]}
    return next(iter(held))


def biased(scores: Scores, blank: int, bias: float) -> NDArray[np.float64]:
    """Scores with a bias on the blank."""
    wide = scores.astype(np.float64)
    wide[:, blank] += bias
    return wide


def _likeliest(frame: NDArray[np.float64], blank: int, count: int) -> Sequence[int]:
    order = np.argsort(-frame, kind="stable").tolist()
    return [symbol for symbol in order if symbol != blank][:count]


def _add(found: dict[Prefix, list[float]], prefix: Prefix, end: int, value: float) -> None:
    if value == _NEVER:
        return
    ways = found.setdefault(prefix, [_NEVER, _NEVER])
    ways[end] = _sum(ways[end], value)


def _sum(first: float, second: float) -> float:
    """The logarithm of the sum of two numbers that are given by their logarithms."""
    high, low = (first, second) if first >= second else (second, first)
    return high if low == _NEVER else high + float(np.log1p(np.exp(low - high)))
