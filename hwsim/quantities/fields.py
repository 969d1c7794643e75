"""Fields of nouns: the types of their values, and physical quantities as people write them.

Whole quantities (hertz, bytes, picoseconds) are ints, others are Fractions; `parse` is exact.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.rows import Rows

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
    """Whether the class of a value decides; the items of a tuple, and literals, must be compared."""


def field_type(hint: Any) -> FieldType:
    """The type that an annotation says; laws in the annotation are checked by nouns."""
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
    if origin is Sequence:
        return _rows_of(field_type(args[0]))
    if origin is tuple:
        return _tuple_of_any_length(field_type(args[0])) if args[1:] == (...,) else _tuple([*map(field_type, args)])
    return _instance(origin or hint)


def _any_of(members: list[FieldType]) -> FieldType:
    def holds(value: Any) -> bool:
        return any(member.holds(value) for member in members)

    written = " or ".join(member.written for member in members)
    return FieldType(holds, written, all(member.by_class for member in members))


def _tuple_of_any_length(item: FieldType) -> FieldType:
    accepted: set[type[Any]] = set()

    def holds(value: Any) -> bool:
        if not isinstance(value, tuple):
            return False
        # Tuples may be long, and hold few classes.
        if item.by_class and accepted.issuperset(map(type, value)):
            return True
        right = all(map(item.holds, value))
        if right and item.by_class:
            accepted.update(map(type, value))
        return right

    return FieldType(holds, f"a tuple of {item.written}", by_class=False)


def _rows_of(item: FieldType) -> FieldType:
    """A tuple of any length, or rows that nobody has asked for yet."""
    made = _tuple_of_any_length(item)
    return FieldType(lambda value: isinstance(value, Rows) or made.holds(value), made.written, by_class=False)


def _tuple(items: list[FieldType]) -> FieldType:
    accepted: set[tuple[type[Any], ...]] = set()
    by_class = all(item.by_class for item in items)

    def holds(value: Any) -> bool:
        if not isinstance(value, tuple) or len(value) != len(items):
            return False
        classes = tuple(map(type, value))
        if classes in accepted:
            return True
        right = all(item.holds(part) for item, part in zip(items, value, strict=True))
        if right and by_class:
            accepted.add(classes)
        return right

    return FieldType(holds, f"({', '.join(item.written for item in items)})", by_class=False)


def _instance(kind: Any) -> FieldType:
    """Whole numbers are numbers too; true and false are neither."""
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


_QUANTITY = re.compile(r"\s*([-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,3})?)\s*(\S.*?)?\s*")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A unit with its multiples, and the range that is physically possible.

    >>> HERTZ.parse("1.5 GHz")
    1500000000
    >>> HERTZ.broken_by(0)
    'must be at least 1 Hz'
    """

    base: str
    multiples: Mapping[str, Fraction] = field(hash=False)
    low: int | Fraction
    high: int | Fraction
    whole: bool = True
    bare: bool = True
    """Whether a number without a unit means base units; otherwise only 0 needs none."""

    def parse(self, written: object) -> int | Fraction:
        """The quantity in base units; ValueError says what is wrong."""
        if isinstance(written, bool) or not isinstance(written, (int, float, str)):
            raise ValueError(self._expected)
        match = _QUANTITY.fullmatch(written if isinstance(written, str) else repr(written))
        if match is None:
            raise ValueError(self._expected)
        amount, unit = Fraction(Decimal(match[1])), match[2] or self.base
        if unit not in self.multiples:
            raise ValueError(f"unknown unit {unit[:20]!r}; known: {', '.join(self.multiples)}")
        if not match[2] and not self.bare and amount:
            raise ValueError(self._expected)
        amount *= self.multiples[unit]
        if not self.whole:
            return amount
        if amount.denominator != 1:
            raise ValueError(f"must be a whole number of {self.base}")
        return int(amount)

    def broken_by(self, value: object) -> str | None:
        kind = int if self.whole else (int, Fraction)
        if isinstance(value, bool) or not isinstance(value, kind):
            return f"must be a {'whole' if self.whole else 'rational'} number of {self.base}"
        if value < self.low:
            return f"must be at least {self.written(self.low)}"
        return f"must be at most {self.written(self.high)}" if value > self.high else None

    def written(self, value: int | Fraction) -> str:
        """A value in the largest unit that gives a whole number.

        >>> PICOSECONDS.written(86_400 * 10**12), HERTZ.written(1500)
        ('24 h', '1500 Hz')
        """
        whole = {unit: value / factor for unit, factor in self.multiples.items() if (value / factor).denominator == 1}
        unit = max(whole, key=lambda unit: self.multiples[unit], default=self.base)
        return f"{whole.get(unit, value)} {unit}"

    @property
    def _expected(self) -> str:
        largest = max(self.multiples, key=lambda unit: self.multiples[unit])
        return f"must be a number with a unit, such as '1 {largest}'"

    # The two hooks below are how files meet nouns: the validator asks an annotation for its own reading.

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> dict[str, Any]:
        return {"type": "function-plain", "function": {"type": "no-info", "function": self.parse}}

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        units = "|".join(re.escape(unit) for unit in self.multiples)
        digits = r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?"
        optional = "?" if self.bare else ""
        text = {"type": "string", "pattern": rf"^\s*{digits}\s*({units}){optional}\s*$"}
        number = {"type": "number", "minimum": float(self.low)} if self.bare else {"const": 0}
        described = f"in {', '.join(self.multiples)}" + (f"; a bare number is in {self.base}" if self.bare else "")
        return {"anyOf": [text, number], "description": described}


def _decimal(base: str, **powers: int) -> dict[str, Fraction]:
    """Multiples of a unit by powers of ten; a keyword is a prefix, `_` stands for none."""
    return {("" if prefix == "_" else prefix) + base: Fraction(10) ** power for prefix, power in powers.items()}


_BYTES = _decimal("B", _=0, k=3, M=6, G=9, T=12) | {f"{p}iB": Fraction(1024) ** n for n, p in enumerate("KMGT", 1)}
_TIMES = _decimal("s", p=0, n=3, u=6, m=9, _=12) | {
    "µs": Fraction(10**6),
    "min": Fraction(60 * 10**12),
    "h": Fraction(3600 * 10**12),
}

HERTZ = Quantity("Hz", _decimal("Hz", _=0, k=3, M=6, G=9), 1, 10**12)
BYTES = Quantity("B", _BYTES, 1, 2**50)
BYTES_PER_SECOND = Quantity("B/s", {f"{unit}/s": factor for unit, factor in _BYTES.items()}, 1, 10**15)
BYTES_PER_CYCLE = Quantity("B/cycle", {"B/cycle": Fraction(1)}, 1, 2**30)
PICOSECONDS = Quantity("ps", _TIMES, 0, 86_400 * 10**12, bare=False)
FRAME_TIME = replace(PICOSECONDS, low=10**9)
UTTERANCE = replace(PICOSECONDS, low=10**9)
JOULES = Quantity("aJ", _decimal("J", a=0, f=3, p=6, n=9, u=12, m=15, _=18), 0, 10**18, whole=False, bare=False)
NANOMETRES = Quantity("nm", {"nm": Fraction(1), "um": Fraction(1000)}, 1, 10_000, whole=False, bare=False)
LENGTH = Quantity("nm", _decimal("m", n=0, u=3, m=6), 1, 10**9, whole=False, bare=False)
AREA = Quantity(
    "um2", {"um2": Fraction(1), "mm2": Fraction(10**6)}, Fraction(1, 10**6), 10**12, whole=False, bare=False
)
VOLTS = Quantity("V", _decimal("V", m=-3, _=0), Fraction(1, 10), 5, whole=False, bare=False)
WATTS = Quantity("W", _decimal("W", n=-9, u=-6, m=-3, _=0), 0, 10**6, whole=False, bare=False)
AMPERES = Quantity("A", _decimal("A", u=-6, m=-3, _=0), 0, 1000, whole=False, bare=False)
TRANSFERS = Quantity("T/s", _decimal("T/s", _=0, k=3, M=6, G=9), 1, 10**12)
SIEMENS = Quantity("S", _decimal("S", n=-9, u=-6, m=-3, _=0), Fraction(1, 10**12), 1, whole=False, bare=False)
OHMS = Quantity("Ohm", _decimal("Ohm", m=-3, _=0, k=3, M=6), 0, 10**9, whole=False, bare=False)
AGE = Quantity(
    "s",
    {"s": Fraction(1), "min": Fraction(60), "h": Fraction(3600), "d": Fraction(86_400), "w": Fraction(604_800)}
    | {"y": Fraction(365 * 86_400)},
    0,
    10**12,
    whole=False,
    bare=False,
)
PERCENT = Quantity("%", {"%": Fraction(1)}, 0, 1000, whole=False, bare=False)
PER_SECOND = Quantity("/s", {"/s": Fraction(1)}, Fraction(1, 1000), 10**6, whole=False)


def whole(quantity: Quantity, place: str, given: int | str) -> int:
    """A whole quantity as a text with its unit, or as a number of its base unit; InvalidValue says what is wrong.

    >>> whole(PICOSECONDS, "chunk", "640 ns"), whole(PICOSECONDS, "chunk", 640_000)
    (640000, 640000)
    """
    try:
        value = int(quantity.parse(given)) if isinstance(given, str) else given
    except ValueError as error:
        raise InvalidValue(place, given, str(error)) from error
    problem = quantity.broken_by(value)
    if problem is not None:
        raise InvalidValue(place, given, problem)
    return value


def power_cap(place: str, given: object) -> Fraction:
    """A power cap as a text with its unit, or as a number of watts; InvalidValue says what is wrong with it.

    >>> power_cap("power_cap", "500 mW"), power_cap("power_cap", 0.25)
    (Fraction(1, 2), Fraction(1, 4))
    """
    try:
        watts = isinstance(given, (int, float, Fraction)) and not isinstance(given, bool)
        power = Fraction(given) if watts else Fraction(WATTS.parse(given))  # type: ignore[call-overload]
    except (ValueError, OverflowError) as error:  # not finite, if it is a number
        law = "must be a finite number of watts" if isinstance(given, float) else str(error)
        raise InvalidValue(place, given, law) from error
    problem = WATTS.broken_by(power) or (None if power else "must be above 0 W")
    if problem is not None:
        raise InvalidValue(place, float(power) if isinstance(given, Fraction) else given, problem)
    return power


Hertz = Annotated[int, HERTZ]
Bytes = Annotated[int, BYTES]
BytesPerSecond = Annotated[int, BYTES_PER_SECOND]
BytesPerCycle = Annotated[int, BYTES_PER_CYCLE]
Picoseconds = Annotated[int, PICOSECONDS]
FrameTime = Annotated[int, FRAME_TIME]
Utterance = Annotated[int, UTTERANCE]
Attojoules = Annotated[Fraction, JOULES]
Nanometres = Annotated[Fraction, NANOMETRES]
Length = Annotated[Fraction, LENGTH]
SquareMicrometres = Annotated[Fraction, AREA]
Volts = Annotated[Fraction, VOLTS]
Watts = Annotated[Fraction, WATTS]
Amperes = Annotated[Fraction, AMPERES]
TransfersPerSecond = Annotated[int, TRANSFERS]
Siemens = Annotated[Fraction, SIEMENS]
Ohms = Annotated[Fraction, OHMS]
Age = Annotated[Fraction, AGE]
Percent = Annotated[Fraction, PERCENT]
PerSecond = Annotated[Fraction, PER_SECOND]
