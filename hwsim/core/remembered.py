"""What was made of some objects, remembered by their identity: where comparing them would take longer than the work."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """The last things that were made, by the objects that they were made of.

    These objects must not change. They are kept as well, so that no others get their identity.

    >>> sums = Remembered[int](most=2)
    >>> numbers = (1, 2)
    >>> sums.of(numbers, make=lambda: sum(numbers)), sums.of(numbers, make=lambda: 0)
    (3, 3)
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._known: dict[tuple[int, ...], tuple[T, tuple[object, ...]]] = {}

    def of(self, *objects: object, make: Callable[[], T]) -> T:
        """What was made of these very objects, or what is made now."""
        key = tuple(map(id, objects))
        found = self._known.get(key)
        if found is None:
            made = make()
            if len(self._known) >= self.most:
                self._known.pop(next(iter(self._known)), None)
            found = self._known[key] = made, objects
        return found[0]
