"""Families of nouns that files tell apart by `kind`, open to new members while the house runs.

What is worked out from the members and kept, such as what reads a file, is kept until one comes or goes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Generic, TypeVar

from hwsim.errors import InvalidValue
from hwsim.quantities.noun import kind_of

N = TypeVar("N")
F = TypeVar("F", bound=Callable[..., Any])

_KEPT: list[Callable[[], None]] = []


def kept_for_kinds(work_out: F) -> F:
    """Caches a function whose results depend on the members of families, until one of these comes or goes."""
    cached: Any = cache(work_out)
    _KEPT.append(cached.cache_clear)
    kept: F = cached
    return kept


class Family(Generic[N]):
    """The table of a family: one noun for each kind. It stands in `Annotated[Base, FAMILY]`; a file need not name the
    kind of the default member.

    >>> from dataclasses import dataclass
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
        if kind in self._members:
            law = f"is the kind of another {self.what}, {self._members[kind].__name__}; call the new one otherwise"
            raise InvalidValue("kind", kind, law)
        self._members[kind] = noun
        _forget()

    @contextmanager
    def having(self, noun: type[N]) -> Iterator[None]:
        """One member more, for a while."""
        self.register(noun)
        try:
            yield
        finally:
            del self._members[kind_of(noun)]
            _forget()

    def kind_in(self, entries: Any) -> str:
        """The kind that a mapping names; the default one, if it names none."""
        kind = entries.get("kind", self.default) if isinstance(entries, dict) else self.default
        return kind if isinstance(kind, str) else self.default

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> dict[str, Any]:
        choices = {kind: handler.generate_schema(member) for kind, member in self._members.items()}
        return {"type": "tagged-union", "discriminator": self.kind_in, "choices": choices}


def _forget() -> None:
    for clear in _KEPT:
        clear()
