"""Nouns, the frozen values of hwsim that are valid from birth, and the laws of their fields.

A noun is a frozen dataclass that inherits `Noun`. The types of single fields and their laws stand in
their annotations (`Annotated[int, Whole(low=1)]`), laws between fields in `check`.
"""

from collections.abc import Callable, Mapping
from dataclasses import field, fields, is_dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Protocol, TypeVar, get_args, get_origin, get_type_hints, runtime_checkable

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.fields import FieldType, field_type

K = TypeVar("K")
V = TypeVar("V")


@runtime_checkable
class HasUnit(Protocol):
    """A law of quantities, which have a unit."""

    def written(self, value: int | Fraction) -> str: ...


@runtime_checkable
class FieldLaw(Protocol):
    """A law that an annotation can carry: says what is wrong with a value, or None."""

    def broken_by(self, value: object) -> str | None: ...


def with_unit(law: object, value: object) -> object:
    """A number of base units as people write it, if the law is that of a quantity: 24 h, not 86400000000000000 ps."""
    if isinstance(law, HasUnit) and isinstance(value, (int, Fraction)) and not isinstance(value, bool):
        return law.written(value)
    return value


class Noun:
    """Base of all nouns: checks the types of its fields and their laws, then its own.

    >>> @dataclass(frozen=True, slots=True, kw_only=True)
    ... class Grid(Noun):
    ...     rows: Annotated[int, Whole(low=1)]
    >>> Grid(rows=0)
    Traceback (most recent call last):
    hwsim.errors.InvalidValue: rows = 0: must be at least 1
    """

    __slots__ = ()

    # Read by pydantic wherever a noun stands in a file: unknown fields are refused.
    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "arbitrary_types_allowed": True}

    def __post_init__(self) -> None:
        checks, types = _checks(type(self))  # type: ignore[arg-type]  # a class hashes, whatever its instances do
        if types is not None:
            types.hold(self)
        for name, low, high, laws, optional in checks:
            value = getattr(self, name)
            # Most fields are whole numbers within their bounds, and many nouns are made: these are let pass at once.
            if type(value) is int and low <= value <= high:
                continue
            if optional and value is None:
                continue
            for law in laws:
                problem = law.broken_by(value)
                if problem is not None:
                    raise InvalidValue(name, with_unit(law, value), problem)
        self.check()

    def check(self) -> None:
        """Laws between fields; raises InvalidValue."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from low to high.

    >>> Whole(low=1, high=8).broken_by(9)
    'must be at most 8'
    >>> Whole(low=1).broken_by(True)
    'must be a whole number'
    """

    low: int = 0
    high: int = 2**53

    def broken_by(self, value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return "must be a whole number"
        if value < self.low:
            return f"must be at least {self.low}"
        return f"must be at most {self.high}" if value > self.high else None

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(core_schema), "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Number:
    """A number from low to high.

    >>> Number(low=0, high=1).broken_by(1.5)
    'must be at most 1'
    """

    low: float
    high: float

    def broken_by(self, value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return "must be a number"
        if not value >= self.low:
            return f"must be at least {self.low:g}"
        return None if value <= self.high else f"must be at most {self.high:g}"

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(core_schema), "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is not empty, without control characters (but ends of lines, if it may have several)."""

    longest: int = 200
    lines: bool = False

    def broken_by(self, value: object) -> str | None:
        if not isinstance(value, str):
            return "must be a text"
        if not value.strip():
            return "must not be empty"
        if len(value) > self.longest:
            return f"must have at most {self.longest} characters"
        printable = value.replace("\n", "") if self.lines else value
        return None if printable.isprintable() else "must not hold control characters"

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(core_schema), "minLength": 1, "maxLength": self.longest}


Name = Annotated[str, Text(longest=80)]
Remark = Annotated[str, Text(longest=1000, lines=True)]


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping in a file, a sorted tuple of pairs in a noun, so that the noun hashes.

    The annotation is `Annotated[tuple[tuple[K, V], ...], Table()]`.
    """

    def broken_by(self, value: object) -> str | None:
        if not isinstance(value, tuple):
            return "must be a tuple of pairs"
        keys = [_sort_key(key) for key, _ in value]
        return None if all(a < b for a, b in pairwise(keys)) else "pairs must be sorted, keys unique"

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> dict[str, Any]:
        (pair, _ellipsis) = get_args(source)
        key, item = get_args(pair)
        mapping = handler.generate_schema(dict[key, item])  # type: ignore[valid-type]
        return {"type": "function-after", "function": {"type": "no-info", "function": sorted_pairs}, "schema": mapping}


@dataclass(frozen=True, slots=True)
class UnlessDefault:
    """In an annotation: plain data has the field only where its value is not the default.

    So a noun that says nothing new has the plain data, and the hash, that it had before there was such a field.
    """


@dataclass(frozen=True, slots=True)
class ByKind:
    """Stands in `Annotated[A | B, ByKind()]`: the field `kind`, a Literal of each noun, says which noun is meant."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> dict[str, Any]:
        choices = {kind_of(member): handler.generate_schema(member) for member in get_args(source)}
        return {"type": "tagged-union", "discriminator": "kind", "choices": choices}


def kind_of(noun: type[Any]) -> str:
    """The text that the field `kind` of a noun always has."""
    kind: str
    (kind,) = get_args(get_type_hints(noun)["kind"])
    return kind


def sorted_pairs(mapping: Mapping[K, V]) -> tuple[tuple[K, V], ...]:
    """A mapping as the sorted tuple of pairs that nouns hold.

    >>> sorted_pairs({"b": 1, "a": 2})
    (('a', 2), ('b', 1))
    """
    return tuple(sorted(mapping.items(), key=lambda pair: _sort_key(pair[0])))


def _sort_key(key: object) -> str:
    return str(getattr(key, "value", key))


def whole_fields(noun: type[Any]) -> frozenset[str]:
    """The fields of a noun that hold whole numbers, in no unit."""
    field_laws = _field_laws(noun)  # type: ignore[arg-type]  # a class hashes, whatever its instances do
    return frozenset(name for name, laws, _ in field_laws if any(isinstance(law, Whole) for law in laws))


@cache
def _field_laws(noun: type[Any]) -> tuple[tuple[str, tuple[FieldLaw, ...], bool], ...]:
    """Of each field that has laws: its name, its laws, and whether it may be None."""
    hints = get_type_hints(noun, include_extras=True)
    field_laws = []
    for each in fields(noun):
        laws, optional = _laws_of(hints[each.name])
        if laws:
            field_laws.append((each.name, laws, optional))
    return tuple(field_laws)


@dataclass(frozen=True, slots=True)
class _Types:
    """The fields of a noun whose types no law checks, and the combinations of classes that passed before."""

    fields: tuple[tuple[str, FieldType], ...]
    fractions: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]
    looked_into: tuple[tuple[str, FieldType], ...]
    right: set[tuple[type[Any], ...]] = field(default_factory=set)

    def hold(self, noun: Any) -> None:
        """Refuse the first field of another type; a whole number where a fraction is meant becomes one."""
        for name in self.fractions:
            value = getattr(noun, name)
            if type(value) is int:
                object.__setattr__(noun, name, Fraction(value))
        # Many nouns are made, of few combinations of classes.
        classes = tuple(map(type, self.values(noun)))
        checked_before = classes in self.right
        for name, kind in self.looked_into if checked_before else self.fields:
            value = getattr(noun, name)
            if not kind.holds(value):
                raise InvalidValue(name, value, f"must be {kind.written}")
        if not checked_before:
            self.right.add(classes)


_Check = tuple[str, int, int, tuple[FieldLaw, ...], bool]


@cache
def _checks(noun: type[Any]) -> tuple[tuple[_Check, ...], _Types | None]:
    """The laws of a noun's fields, each with the bounds between which a whole number passes at once (empty bounds where
    the law is another), and the types of the fields without laws."""
    checks = []
    for name, laws, optional in _field_laws(noun):  # type: ignore[arg-type]
        low, high = (laws[0].low, laws[0].high) if len(laws) == 1 and isinstance(laws[0], Whole) else (0, -1)
        checks.append((name, low, high, laws, optional))
    return tuple(checks), _types(noun, {name for name, _, _, laws, _ in checks if not isinstance(laws[0], Table)})


def _types(noun: type[Any], with_laws: set[str]) -> _Types | None:
    """The types of the fields without laws, if there are any: a law of a single value checks its type too."""
    hints = get_type_hints(noun, include_extras=True)
    typed = {f.name: field_type(hints[f.name]) for f in fields(noun)}
    fractions = tuple(name for name, kind in typed.items() if kind.holds(Fraction()) and not kind.holds(0.5))
    rest = tuple((name, kind) for name, kind in typed.items() if name not in with_laws)
    if not rest and not fractions:
        return None
    names = [name for name, _ in rest] or fractions
    # With one name alone it would give no tuple.
    values = attrgetter(names[0], *names)
    return _Types(rest, fractions, values, tuple((name, kind) for name, kind in rest if not kind.by_class))


def _laws_of(hint: Any) -> tuple[tuple[FieldLaw, ...], bool]:
    """The laws in `Annotated[T, law]` or `Annotated[T, law] | None`; where a noun may stand as well, there are none."""
    if get_origin(hint) is Annotated:
        return tuple(extra for extra in hint.__metadata__ if isinstance(extra, FieldLaw)), False
    members = get_args(hint)
    if type(None) in members and not any(map(is_dataclass, members)):
        for member in members:
            if get_origin(member) is Annotated:
                return _laws_of(member)[0], True
    return (), False


def must_be(kind: type[Any], what: str, value: object) -> None:
    """Refuse another value in the place of a noun, such as the name of a file that describes the noun."""
    if not isinstance(value, kind):
        raise InvalidValue(what, value, f"must be a {kind.__name__}; hwsim.load_{what} reads one from a path or a name")
