"""Plain data read back as the nouns that `plain` made it of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, suggestion
from hwsim.quantities.noun import Table, sorted_pairs
from hwsim.quantities.plain_data import left_out
from hwsim.quantities.rows import Rows

T = TypeVar("T")


def lost_fractions(value: Any) -> dict[str, str]:
    """The fractions in a noun of which plain data holds no more than the nearest number, by path.

    >>> from hwsim.results.waterfall import Change, Cost, WaterfallStep
    >>> lost_fractions(WaterfallStep.between((Change.WEIGHTS,), Cost(30, 8), Cost(20, 3)))
    {'energy_gain': '8/3'}
    """
    return {
        path: f"{fraction.numerator}/{fraction.denominator}"
        for path, fraction in _fractions("", value)
        if _number(fraction) != fraction
    }


def _number(value: Fraction) -> Fraction:
    """The value of the decimal that stands for a fraction."""
    return Fraction(repr(float(value))) if value.denominator != 1 else value


def _fractions(path: str, value: Any) -> Iterator[tuple[str, Fraction]]:
    if isinstance(value, Fraction):
        yield path, value
    elif isinstance(value, (tuple, Rows)):
        for place, item in enumerate(value):
            yield from _fractions(_joined(path, place), item)
    elif is_dataclass(value):
        for each in fields(value):
            yield from _fractions(_joined(path, each.name), getattr(value, each.name))


def from_plain(kind: type[T], data: object, exact: Mapping[str, str]) -> T:
    """The noun that became this data, with the exact fractions that the data has lost; InvalidValue names the field.

    >>> from hwsim.schedule.counters import Units
    >>> from_plain(Units, {"load": 3, "array": 0, "vector": 0, "store": 0}, {}).load
    3
    """
    reader = _Reader(exact)
    noun: T = reader.noun(kind, data, "")
    for path in exact:
        if path not in reader.used:
            raise InvalidValue(f"exact.{path}", exact[path], "belongs to no fraction")
    return noun


@dataclass
class _Reader:
    """Reads values of a type from data, and notes which of the exact fractions were used."""

    exact: Mapping[str, str]
    used: set[str] = field(default_factory=set)

    def noun(self, kind: type[Any], data: object, path: str) -> Any:
        hints = _hints(kind)  # type: ignore[arg-type]  # a class hashes, whatever its instances do
        name = path or kind.__name__.lower()
        if not isinstance(data, dict):
            raise InvalidValue(name, data, f"must hold {', '.join(hints)}")
        unknown = [key for key in data if key not in hints]
        if unknown:
            raise InvalidValue(
                _joined(path, unknown[0]), data[unknown[0]], f"unknown field; {suggestion(unknown[0], [*hints])}"
            )
        missing = [key for key in hints if key not in data and key not in left_out(kind)]  # type: ignore[arg-type]
        if missing:
            raise InvalidValue(name, data, f"lacks {', '.join(missing)}")
        values = {key: self.value(hint, data[key], _joined(path, key)) for key, hint in hints.items() if key in data}
        try:
            return kind(**values)
        except InvalidValue as error:
            raise error.within(path) if path else error from error

    def value(self, hint: Any, data: object, path: str) -> Any:
        """A value of the type that an annotation says."""
        origin, args = get_origin(hint), get_args(hint)
        if origin is Annotated:
            if any(isinstance(law, Table) for law in hint.__metadata__):
                return self.table(args[0], data, path)
            return self.value(args[0], data, path)
        if origin in (Union, UnionType):
            if data is None and NoneType in args:
                return None
            (member,) = (kind for kind in args if kind is not NoneType)
            return self.value(member, data, path)
        if origin is Sequence:
            return self.items((args[0], ...), data, path)
        if origin is tuple:
            return self.items(args, data, path)
        if isinstance(hint, type) and is_dataclass(hint):
            return self.noun(hint, data, path)
        if hint is Fraction:
            return self.fraction(data, path)
        return _single(hint, data, path)

    def items(self, kinds: tuple[Any, ...], data: object, path: str) -> tuple[Any, ...]:
        if not isinstance(data, list):
            raise InvalidValue(path, data, "must be a list")
        if kinds[1:] == (...,):
            kinds = kinds[:1] * len(data)
        if len(data) != len(kinds):
            raise InvalidValue(path, data, f"must have {len(kinds)} items")
        pairs = enumerate(zip(kinds, data, strict=True))
        return tuple(self.value(kind, item, _joined(path, place)) for place, (kind, item) in pairs)

    def table(self, pairs: Any, data: object, path: str) -> tuple[tuple[Any, Any], ...]:
        """A mapping as the sorted pairs that a noun holds; keys that are no texts were written as texts."""
        if not isinstance(data, dict):
            raise InvalidValue(path, data, "must be a mapping")
        kind, item = get_args(get_args(pairs)[0])
        return sorted_pairs(
            {_key(kind, key, path): self.value(item, value, _joined(path, key)) for key, value in data.items()}
        )

    def fraction(self, data: object, path: str) -> Fraction:
        if isinstance(data, bool) or not isinstance(data, (int, float)):
            raise InvalidValue(path, data, "must be a number")
        try:
            near = Fraction(repr(data))
            if path not in self.exact:
                return near
            self.used.add(path)
            fraction = Fraction(self.exact[path])
        except (ValueError, TypeError, ZeroDivisionError) as error:
            raise InvalidValue(path, self.exact.get(path, data), "must be a fraction, such as 1/3") from error
        if _number(fraction) != near:
            raise InvalidValue(f"exact.{path}", self.exact[path], f"must be the fraction behind {data}")
        return fraction


def _single(kind: Any, data: object, path: str) -> Any:
    """A member of an enumeration, a number, a text, true or false."""
    if issubclass(kind, Enum):
        return _member(kind, data, path)
    if kind is float and type(data) is int:
        return data
    if type(data) is not kind:
        names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
        raise InvalidValue(path, data, f"must be {names[kind]}")
    return data


def _member(kind: type[Enum], data: object, path: str) -> Enum:
    for member in kind:
        if member.value == data:
            return member
    raise InvalidValue(path, data, f"unknown; known: {', '.join(str(member.value) for member in kind)}")


def _key(kind: Any, key: str, path: str) -> Any:
    if get_origin(kind) is Annotated:
        return _key(get_args(kind)[0], key, path)
    if kind is int:
        if not key.isdecimal() or len(key) > 20 or str(int(key)) != key:
            raise InvalidValue(path, key, "must have whole numbers as its keys")
        return int(key)
    return _single(kind, key, path)


def _joined(path: str, step: str | int) -> str:
    return f"{path}.{step}" if path else str(step)


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    """The fields of a noun with their annotations."""
    hints = get_type_hints(kind, include_extras=True)
    return {each.name: hints[each.name] for each in fields(kind)}
