"""State that outlives a call: open tables of kinds, and caches.

Any number of threads may ask a cache at once; a value that two of them need at the same time is made twice. Caches of
what follows from the members of a family, such as the reader of a file, are made anew when a member comes or goes.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, wraps
from threading import Lock
from typing import Any, Generic, TypeVar, cast

from hwsim.errors import InvalidValue, Unsupported
from hwsim.quantities.noun import kind_of

T = TypeVar("T")


class EqualityCache(Generic[T]):
    """The last values that were made, by keys that are equal.

    Objects that stand in a key by their identity are kept as well, so that no others get that identity.

    >>> squares = EqualityCache[int](most=2)
    >>> squares.of(3, make=lambda: 3 * 3), squares.of(3, make=lambda: 0)
    (9, 9)
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._entries: dict[Hashable, tuple[T, object]] = {}
        self._changing = Lock()

    def of(self, key: Hashable, *, keep: object = None, make: Callable[[], T]) -> T:
        """The value of an equal key, made now if there is none."""
        entry = self._entries.get(key)
        if entry is None:
            entry = make(), keep  # outside the lock: it may ask for something else that is remembered
            with self._changing:
                if len(self._entries) >= self.most and key not in self._entries:
                    del self._entries[next(iter(self._entries))]
                self._entries[key] = entry
        return entry[0]


class IdentityCache(Generic[T]):
    """The last values that were made, by the objects that they were made of.

    These objects must not change. They are kept as well, so that no others get their identity.

    >>> sums = IdentityCache[int](most=2)
    >>> numbers = (1, 2)
    >>> sums.of(numbers, make=lambda: sum(numbers)), sums.of(numbers, make=lambda: 0)
    (3, 3)
    """

    def __init__(self, most: int) -> None:
        self._equal = EqualityCache[T](most)

    def of(self, *objects: object, make: Callable[[], T]) -> T:
        """The value of these very objects, made now if there is none."""
        return self._equal.of(tuple(map(id, objects)), keep=objects, make=make)


R = TypeVar("R")

_REGISTERING = Lock()
"""Rows and members are replaced as a whole, one change at a time; a reader sees those of before or of after."""


class KindTable(Generic[R]):
    """Rows by kinds of op, which are classes; `room` names in errors what the rows are for.

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
        kinds = ", ".join(map(kind_name, self._rows))
        return Unsupported(
            f"{self.room} know no ops of the kind '{name}', but {kinds}; register a row (docs/adding_an_op.md)"
        )

    def register(self, kind: type[Any], row: R) -> None:
        """A row for a kind that has none yet, for the rest of the program; files tell kinds apart by their names."""
        with _REGISTERING:  # whoever walks the rows meanwhile has those of before
            if kind_name(kind) in map(kind_name, self._rows):
                raise Unsupported(
                    f"{self.room} know ops of the kind '{kind_name(kind)}' already; give the new kind another name"
                )
            self._rows = {**self._rows, kind: row}

    @contextmanager
    def registered(self, kind: type[Any], row: R) -> Iterator[None]:
        """A row for a kind that has none, for a while."""
        self.register(kind, row)
        try:
            yield
        finally:
            with _REGISTERING:
                self._rows = {known: kept for known, kept in self._rows.items() if known is not kind}


def kind_name(kind: type[Any]) -> str:
    """The name of a kind of op, as reports print it."""
    return kind.__name__.lower()


N = TypeVar("N")
F = TypeVar("F", bound=Callable[..., Any])

_MOST_KEPT = 256
_changes = 0
"""How often a member came or went."""


def kept_for_kinds(work_out: F) -> F:
    """Caches a function whose results depend on the members of families, until one of these comes or goes.

    A call that began before a member came, and ends after, is of its time: no later call is given its result.
    """

    @lru_cache(maxsize=_MOST_KEPT)
    def result(changes: int, *arguments: Any) -> Any:
        return work_out(*arguments)

    @wraps(work_out)
    def kept(*arguments: Any) -> Any:
        return result(_changes, *arguments)

    return cast(F, kept)


class Family(Generic[N]):
    """The table of a family: one noun for each kind. It stands in `Annotated[Base, FAMILY]`; a file need not name the
    kind of the default member.

    >>> from hwsim.dataclass import dataclass
    >>> from typing import Literal
    >>> from hwsim.quantities.noun import Noun
    >>> @dataclass(frozen=True, slots=True, kw_only=True)
    ... class Square(Noun):
    ...     kind: Literal["square"] = "square"
    >>> shapes = Family[Noun]("shape", default="square")
    >>> shapes.register(Square)
    >>> shapes.register(Square)
    Traceback (most recent call last):
    hwsim.errors.InvalidValue: kind = 'square': is the kind of another shape, Square; call the new one otherwise
    """

    def __init__(self, what: str, *, default: str) -> None:
        self.what, self.default = what, default
        self._members: dict[str, type[N]] = {}

    @property
    def members(self) -> tuple[type[N], ...]:
        """All members, in the order in which they were registered."""
        return tuple(self._members.values())

    def register(self, noun: type[N]) -> None:
        """Add a member; the field `kind`, a Literal, says of which kind it is."""
        kind = kind_of(noun)
        with _REGISTERING:
            if kind in self._members:
                law = f"is the kind of another {self.what}, {self._members[kind].__name__}; call the new one otherwise"
                raise InvalidValue("kind", kind, law)
            self._members = {**self._members, kind: noun}
            _note_change()

    @contextmanager
    def having(self, noun: type[N]) -> Iterator[None]:
        """One member more, for a while."""
        self.register(noun)
        try:
            yield
        finally:
            with _REGISTERING:
                self._members = {kind: member for kind, member in self._members.items() if member is not noun}
                _note_change()

    def kind_in(self, entries: Any) -> str:
        """The kind that a mapping names; the default one, if it names none."""
        kind = entries.get("kind", self.default) if isinstance(entries, dict) else self.default
        return kind if isinstance(kind, str) else self.default

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> dict[str, Any]:
        choices = {kind: handler.generate_schema(member) for kind, member in self._members.items()}
        return {"type": "tagged-union", "discriminator": self.kind_in, "choices": choices}


def _note_change() -> None:
    global _changes
    _changes += 1
