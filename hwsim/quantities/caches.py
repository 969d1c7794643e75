"""What was made before, of equal objects, or of the very same ones where comparing would take longer than the work.

Any number of threads may ask at once: what two of them make at one time is made twice.
"""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class EqualityCache(Generic[T]):
    """The last things that were made, by keys that are equal.

    What stands in a key by its identity is kept as well, so that nothing else gets that identity.

    >>> squares = EqualityCache[int](most=2)
    >>> squares.of(3, make=lambda: 3 * 3), squares.of(3, make=lambda: 0)
    (9, 9)
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._known: dict[Hashable, tuple[T, object]] = {}
        self._changing = Lock()

    def of(self, key: Hashable, *, keep: object = None, make: Callable[[], T]) -> T:
        """What was made for an equal key, or what is made now."""
        found = self._known.get(key)
        if found is None:
            found = make(), keep  # outside the lock: it may ask for something else that is remembered
            with self._changing:
                if len(self._known) >= self.most and key not in self._known:
                    del self._known[next(iter(self._known))]
                self._known[key] = found
        return found[0]


class IdentityCache(Generic[T]):
    """The last things that were made, by the objects that they were made of.

    These objects must not change. They are kept as well, so that no others get their identity.

    >>> sums = IdentityCache[int](most=2)
    >>> numbers = (1, 2)
    >>> sums.of(numbers, make=lambda: sum(numbers)), sums.of(numbers, make=lambda: 0)
    (3, 3)
    """

    def __init__(self, most: int) -> None:
        self._equal = EqualityCache[T](most)

    def of(self, *objects: object, make: Callable[[], T]) -> T:
        """What was made of these very objects, or what is made now."""
        return self._equal.of(tuple(map(id, objects)), keep=objects, make=make)
