"""A sequence written with few repetitions, also of repetitions: what comes again stands once."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Generic, TypeVar, Union

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Repeated(Generic[T]):
    """One thing, or several in a row, so many times."""

    what: Union[T, tuple["Repeated[T]", ...]]
    times: int


def repeats(sequence: Sequence[T]) -> tuple[Repeated[T], ...]:
    """The sequence as repetitions.

    Equal neighbours become one piece; then the sequence is cut at each of its most frequent pieces, and the words
    between two cuts are the sequence that is looked at next, until none of them comes again. Of things that are evenly
    spread, the gaps have two lengths, which are evenly spread themselves: some tens of pieces stand for thousands.

    >>> [(piece.what, piece.times) for piece in repeats("aaab")]
    [('a', 3), ('b', 1)]
    >>> [piece.times for piece in repeats("xaabaabaab")]
    [1, 3]
    """
    alone = {thing: number for number, thing in enumerate(dict.fromkeys(sequence))}
    words: dict[_Word, int] = {}  # numbered behind the things
    pieces = _joined(alone[thing] for thing in sequence)
    while pieces:
        ways = [
            [words.setdefault(word, len(alone) + len(words)) for word in _cut(pieces, before=before)]
            for before in (False, True)
        ]
        joined = [_joined(found) for found in ways if len(set(found)) < len(found)]
        if not joined:
            break
        pieces = min(joined, key=lambda found: (len(found), len(set(found))))
    return tuple(_meant(pieces, tuple(alone), tuple(words)))


_Piece = tuple[int, int]
"""The number of a thing or a word, and how often it comes."""
_Word = tuple[_Piece, ...]


def _joined(numbers: Iterable[int]) -> list[_Piece]:
    return [(number, sum(1 for _ in equal)) for number, equal in groupby(numbers)]


def _cut(pieces: Sequence[_Piece], *, before: bool) -> Iterator[_Word]:
    """The words between two cuts, which lie before or behind the most frequent pieces."""
    ((most, _),) = Counter(pieces).most_common(1)
    start = 0
    for place, piece in enumerate(pieces):
        at = place if before else place + 1
        if piece == most and start < at:
            yield tuple(pieces[start:at])
            start = at
    if start < len(pieces):
        yield tuple(pieces[start:])


def _meant(pieces: Iterable[_Piece], things: Sequence[T], words: Sequence[_Word]) -> Iterator[Repeated[T]]:
    """What pieces stand for; a word that comes once is no repetition."""
    for number, times in pieces:
        if number < len(things):
            yield Repeated(things[number], times)
            continue
        inner = tuple(_meant(words[number - len(things)], things, words))
        if times == 1:
            yield from inner
        elif len(inner) == 1:
            yield Repeated(inner[0].what, inner[0].times * times)
        else:
            yield Repeated(inner, times)
