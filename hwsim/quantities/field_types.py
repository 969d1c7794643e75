"""What types the values of a field may have, read from its annotation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

_WRITTEN: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Fraction: "a rational number",
    NoneType: "None",
}


@dataclass(frozen=True, slots=True)
class FieldType:
    """Whether a value has a type, and that type in words.

    >>> pairs = field_type(tuple[tuple[str, int], ...] | None)
    >>> pairs.holds((("a", 1),)), pairs.holds((("a", True),)), pairs.written
    (True, False, 'a tuple of (a text, a whole number) or None')
    """

    holds: Callable[[Any], bool]
    written: str
    by_class: bool = True
    """Whether the class of a value tells all: what a tuple or a literal holds must be looked at."""


def field_type(hint: Any) -> FieldType:
    """The type that an annotation says; the laws in it are left to those who know them."""
    origin, args = get_origin(hint), get_args(hint)
    named = getattr(origin or hint, "__value__", None)
    if named is not None:  # an alias by a `type` statement, which numpy's NDArray is from Python 3.12 on
        return field_type(named)
    if origin is Annotated:
        return field_type(args[0])
    if origin in (Union, UnionType):
        return _any_of([field_type(member) for member in args])
    if origin is Literal:
        return FieldType(lambda value: value in args, " or ".join(map(repr, args)), by_class=False)
    if origin is tuple:
        return _tuple_of_any_length(field_type(args[0])) if args[1:] == (...,) else _tuple([*map(field_type, args)])
    return _instance(origin or hint)


def _any_of(members: list[FieldType]) -> FieldType:
    def holds(value: Any) -> bool:
        return any(member.holds(value) for member in members)

    written = " or ".join(member.written for member in members)
    return FieldType(holds, written, all(member.by_class for member in members))


def _tuple_of_any_length(item: FieldType) -> FieldType:
    known: set[type[Any]] = set()

    def holds(value: Any) -> bool:
        if not isinstance(value, tuple):
            return False
        # Tuples may be long, and hold few classes.
        if item.by_class and known.issuperset(map(type, value)):
            return True
        right = all(map(item.holds, value))
        if right and item.by_class:
            known.update(map(type, value))
        return right

    return FieldType(holds, f"a tuple of {item.written}", by_class=False)


def _tuple(items: list[FieldType]) -> FieldType:
    known: set[tuple[type[Any], ...]] = set()
    by_class = all(item.by_class for item in items)

    def holds(value: Any) -> bool:
        if not isinstance(value, tuple) or len(value) != len(items):
            return False
        classes = tuple(map(type, value))
        if classes in known:
            return True
        right = all(item.holds(part) for item, part in zip(items, value, strict=True))
        if right and by_class:
            known.add(classes)
        return right

    return FieldType(holds, f"({', '.join(item.written for item in items)})", by_class=False)


def _instance(kind: Any) -> FieldType:
    """Whole numbers are numbers too, but true and false are none of either."""
    kinds = {float: (int, float), Fraction: (int, Fraction)}.get(kind, kind)
    number = kind in (int, float, Fraction)

    def holds(value: Any) -> bool:
        return isinstance(value, kinds) and not (number and isinstance(value, bool))

    return FieldType(holds, _WRITTEN.get(kind) or _named(kind))


def _named(kind: type[Any]) -> str:
    if issubclass(kind, Enum):
        return f"a {kind.__name__}: {', '.join(str(member.value) for member in kind)}"
    article = "an" if kind.__name__[0] in "AEIOU" else "a"
    return f"{article} {kind.__name__}"
