"""Sequences of nouns that are made when somebody asks for one of them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class Rows(Sequence[T], Generic[T]):
    """The rows of a table, as many as are said, made all at once by the first who reads them; equal to their tuple.

    >>> squares = Rows(3, lambda: (number**2 for number in range(3)))
    >>> len(squares), squares[1:], squares == (0, 1, 4)
    (3, (1, 4), True)
    """

    __slots__ = ("_items", "_length", "_make")

    def __init__(self, length: int, make: Callable[[], Iterator[T]]) -> None:
        self._length, self._make = length, make
        self._items: tuple[T, ...] | None = None

    def _made(self) -> tuple[T, ...]:
        # Two threads may both make them: the same rows, of which one set is kept.
        if self._items is None:
            self._items = tuple(self._make())
        return self._items

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, place: int) -> T: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[T, ...]: ...

    def __getitem__(self, place: int | slice) -> T | tuple[T, ...]:
        return self._made()[place]

    def __iter__(self) -> Iterator[T]:
        return iter(self._made())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (tuple, Rows)):
            return self is other or (len(self) == len(other) and self._made() == tuple(other))
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._made())

    def __repr__(self) -> str:
        return repr(self._made())

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return tuple, (list(self._made()),)
