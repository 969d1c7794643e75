"""Numbers that stay the same for ever: recorded results depend on them, so no library may draw them."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Lcg:
    """Knuth's linear congruential generator modulo 2^64 (MMIX); a number is made from the upper 32 bits of the state.

    >>> lcg = Lcg(1)
    >>> [lcg.below(100) for _ in range(5)]
    """

    def __init__(self, seed: int) -> None:
        self._state = seed % 2**64
        self.below(1)  # neighbouring seeds begin with neighbouring numbers

    def below(self, limit: int) -> int:
        """A whole number from 0 to limit - 1."""
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self._state >> 32) * limit >> 32

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high."""
        return low + self.below(high - low + 1)

    def choice(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]
