"""What a room knows of each kind of op: a table that is open, so that a new kind needs no edit of the others."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from hwsim.errors import Unsupported

R = TypeVar("R")


class KindTable(Generic[R]):
    """Rows by kinds of op, which are classes; `room` says in errors who knows them.

    >>> table = KindTable[str]("zoos", {int: "whole"})
    >>> table.of(3)
    'whole'
    >>> with table.registered(str, "text"):
    ...     table.of("a"), table.named("str")
    ('text', 'text')
    >>> table.named("str")
    Traceback (most recent call last):
    hwsim.errors.Unsupported: zoos know no ops of the kind 'str', but int; register a row (docs/adding_an_op.md)
    """

    def __init__(self, room: str, rows: Mapping[type[Any], R]) -> None:
        self.room = room
        self._rows = dict(rows)

    def __iter__(self) -> Iterator[type[Any]]:
        return iter(self._rows)

    def of(self, op: object) -> R:
        """The row of an op's kind; Unsupported if there is none."""
        row = self._rows.get(type(op))
        if row is None:
            raise self._unknown(kind_name(type(op)))
        return row

    def named(self, name: str) -> R:
        """The row of the kind that reports call so."""
        for kind, row in self._rows.items():
            if kind_name(kind) == name:
                return row
        raise self._unknown(name)

    def _unknown(self, name: str) -> Unsupported:
        known = ", ".join(map(kind_name, self._rows))
        return Unsupported(
            f"{self.room} know no ops of the kind '{name}', but {known}; register a row (docs/adding_an_op.md)"
        )

    def register(self, kind: type[Any], row: R) -> None:
        """A row for a kind that has none yet, for the rest of the program; files tell kinds apart by their names."""
        if kind_name(kind) in map(kind_name, self._rows):
            raise Unsupported(
                f"{self.room} know ops of the kind '{kind_name(kind)}' already; give the new kind another name"
            )
        self._rows[kind] = row

    @contextmanager
    def registered(self, kind: type[Any], row: R) -> Iterator[None]:
        """A row for a kind that has none, for a while."""
        self.register(kind, row)
        try:
            yield
        finally:
            del self._rows[kind]


def kind_name(kind: type[Any]) -> str:
    """The name of a kind of op, as reports print it."""
    return kind.__name__.lower()
