"""Conditions on the fields and figures of runs, as sweeps write them: comparisons, joined by `and`, `or` and `not`.

Nothing is ever evaluated as a program: a condition is read by the grammar below.

    condition  = clause {"or" clause}
    clause     = test {"and" test}
    test       = "not" test | comparison
    comparison = sum {("<" | "<=" | ">" | ">=" | "==" | "!=") sum}
    sum        = product {("+" | "-") product}
    product    = atom {("*" | "/") atom}
    atom       = number [unit] | name | 'text' | "(" condition ")" | "-" atom
"""

import operator
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, Protocol, Union

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, UnknownName

LONGEST, DEEPEST = 400, 40
"""Characters of the longest condition, and how deep its parentheses and signs may lie in each other."""

_NUMBER = r"\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?"
_UNIT = r"(?!(?:and|or|not)\b)[A-Za-zµ%²]+2?(?:/[A-Za-z²]+)?"
_TOKEN = re.compile(
    rf"\s*(?:(?P<number>{_NUMBER})(?:[ ]?(?P<unit>{_UNIT}))?|(?P<name>[A-Za-z_]\w*(?:\.\w+)*)"
    r"|'(?P<text>[^']*)'|(?P<sign><=|>=|==|!=|[-+*/()<>]))"
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_CALCULATE: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
_WORDS = ("and", "or", "not")


class Unit(Protocol):
    """Reads an amount with its unit in the unit of a field or a figure; ValueError says what is wrong."""

    def parse(self, written: object) -> int | Fraction: ...


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with a unit, or without one."""

    number: int | float | Fraction
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A field or a figure by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Word:
    """A text that a field may be."""

    text: str


@dataclass(frozen=True, slots=True)
class Applied:
    """A sign between two terms."""

    sign: str
    left: "Term"
    right: "Term"


@dataclass(frozen=True, slots=True)
class Chain:
    """Terms of which each neighbours must compare so: `16 <= array.rows < 128`."""

    signs: tuple[str, ...]
    sides: tuple["Term", ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions of which all must hold (`and`), or one (`or`); `not` has one that must not."""

    word: str
    parts: tuple["Term", ...]


Term = Union[Amount, Named, Word, Applied, Chain, Joined]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as it was written, and what it says.

    >>> condition = Condition.read("rtf < 0.01 and array.rows * array.cols <= 4096")
    >>> condition.names
    ('rtf', 'array.rows', 'array.cols')
    >>> condition.holds({"rtf": 0.002, "array.rows": 64, "array.cols": 64})
    True
    """

    text: str
    term: Term

    @classmethod
    def read(cls, text: str) -> "Condition":
        """The condition that a text says; InvalidValue, if it says none."""
        if len(text) > LONGEST:
            raise InvalidValue("where", text[:40], f"must have at most {LONGEST} characters")
        reader = _Reader(text, list(_tokens(text)))
        term = reader.condition()
        reader.expect_end()
        if not isinstance(term, (Chain, Joined)):
            raise InvalidValue("where", text, "must compare something, such as rtf < 0.01")
        return cls(text, term)

    @property
    def names(self) -> tuple[str, ...]:
        """All names in it, each once; some may be words that a field is compared with."""
        return tuple(dict.fromkeys(_names(self.term)))

    def bound(self, units: Mapping[str, Unit | None], words: Collection[str] = ()) -> "Condition":
        """The condition with its amounts in the units of the names beside them; names that are no keys of `units`
        become texts where they are compared with one of the names that are `words`, and are refused elsewhere."""
        return replace(self, term=_Binder(self.text, units, frozenset(words)).bound(self.term))

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it holds for these values; what compares with a value that is None does not hold."""
        return bool(_value(self.term, values))


def _names(term: Term) -> Iterator[str]:
    match term:
        case Named(name):
            yield name
        case Applied(_, left, right):
            yield from _names(left)
            yield from _names(right)
        case Chain(_, parts) | Joined(_, parts):
            for part in parts:
                yield from _names(part)


def _value(term: Term, values: Mapping[str, Any]) -> Any:
    match term:
        case Amount(number):
            return number
        case Word(text):
            return text
        case Named(name):
            return values[name]
        case Applied(sign, left, right):
            one, other = _value(left, values), _value(right, values)
            if one is None or other is None:
                return None
            if sign == "/":
                return one / other if other else None
            return _CALCULATE[sign](one, other)
        case Chain(signs, sides):
            found = [_value(side, values) for side in sides]
            if any(value is None for value in found):
                return False
            return all(_COMPARE[sign](found[at], found[at + 1]) for at, sign in enumerate(signs))
        case Joined("and", parts):
            return all(_value(part, values) for part in parts)
        case Joined("or", parts):
            return any(_value(part, values) for part in parts)
        case Joined(_, parts):
            return not _value(parts[0], values)


@dataclass(frozen=True, slots=True)
class _Binder:
    text: str
    units: Mapping[str, Unit | None]
    words: frozenset[str]

    def bound(self, term: Term) -> Term:
        match term:
            case Joined(word, parts):
                return Joined(word, tuple(self.bound(part) for part in parts))
            case Chain(signs, sides):
                return Chain(signs, tuple(self._side(sides, at, signs) for at in range(len(sides))))
            case Applied(sign, left, right):
                return Applied(sign, self.bound(left), self.bound(right))
            case Amount(_, unit) if unit is not None:
                raise self._wrong(f"has a number in {unit} which is compared with no single field or figure")
            case Named(name) if name not in self.units:
                raise InvalidValue("where", self.text, str(UnknownName("field or figure", name, self.units)))
            case Named(name) if name in self.words:
                raise self._wrong(f"calculates with {name}, which is a text; compare it with == or !=")
        return term

    def _side(self, sides: tuple[Term, ...], at: int, signs: tuple[str, ...]) -> Term:
        """A side of a comparison, which is read by the sides next to it."""
        side, near = sides[at], [sides[place] for place in (at - 1, at + 1) if 0 <= place < len(sides)]
        named = [other.name for other in near if isinstance(other, Named)]
        if isinstance(side, Amount) and side.unit is not None:
            return self._amount(side, named)
        known = isinstance(side, Named) and side.name in self.units
        if isinstance(side, Named) and not known and any(name in self.words for name in named):
            return Word(side.name)
        if known and side.name in self.words:  # type: ignore[union-attr]
            beside = signs[max(0, at - 1) : at + 1]
            if any(sign not in ("==", "!=") for sign in beside) or any(isinstance(other, Amount) for other in near):
                raise self._wrong(f"compares {side.name}, which is a text, with a number")  # type: ignore[union-attr]
            return side
        return self.bound(side)

    def _amount(self, side: Amount, named: list[str]) -> Amount:
        unit = self.units.get(named[0]) if named else None
        if unit is None:
            beside = f"{named[0]}, which has no unit" if named else "no single field or figure"
            raise self._wrong(f"has a number in {side.unit} beside {beside}")
        try:
            return Amount(unit.parse(f"{side.number} {side.unit}"))
        except ValueError as error:
            raise InvalidValue("where", self.text, f"{named[0]}: {error}") from error

    def _wrong(self, law: str) -> InvalidValue:
        return InvalidValue("where", self.text, law)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    unit: str | None = None


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise InvalidValue("where", text, f"has {text[at:].strip()[:1]!r}, which no condition has")
        kind = str(found.lastgroup if found.lastgroup != "unit" else "number")
        yield _Token(kind, found[kind], found["unit"] if kind == "number" else None)
        at = found.end()


@dataclass(slots=True)
class _Reader:
    """Reads terms from the front of a list of tokens."""

    text: str
    tokens: list[_Token]
    depth: int = 0

    def condition(self) -> Term:
        return self._joined("or", lambda: self._joined("and", self._test))

    def _joined(self, word: str, inner: Callable[[], Term]) -> Term:
        parts = [inner()]
        while self._take("name", word):
            parts.append(inner())
        if len(parts) == 1:
            return parts[0]
        return Joined(word, tuple(self._as_condition(part) for part in parts))

    def _test(self) -> Term:
        if self._take("name", "not"):
            with_depth = self._deeper()
            term = Joined("not", (self._as_condition(self._test()),))
            self.depth = with_depth
            return term
        sides, signs = [self._chain("+-", self._product)], list[str]()
        while self.tokens and self.tokens[0].kind == "sign" and self.tokens[0].text in _COMPARE:
            signs.append(self.tokens.pop(0).text)
            sides.append(self._chain("+-", self._product))
        if not signs:
            return sides[0]
        return Chain(tuple(signs), tuple(map(self._as_value, sides)))

    def _product(self) -> Term:
        return self._chain("*/", self._atom)

    def _chain(self, signs: str, inner: Callable[[], Term]) -> Term:
        term = inner()
        while self.tokens and self.tokens[0].kind == "sign" and self.tokens[0].text in signs:
            sign = self.tokens.pop(0).text
            term = Applied(sign, self._as_value(term), self._as_value(inner()))
        return term

    def _atom(self) -> Term:
        token = self._next()
        match token.kind:
            case "number":
                number = int(token.text) if token.text.isdecimal() else float(token.text)
                return Amount(number, token.unit)
            case "text":
                return Word(token.text)
            case "name" if token.text not in _WORDS:
                return Named(token.text)
        if token.text == "-":
            before = self._deeper()
            term: Term = Applied("-", Amount(0), self._as_value(self._atom()))
            self.depth = before
            return term
        if token.text != "(":
            raise self._wrong(f"has {token.text!r} where a number, a field or a figure is wanted")
        before = self._deeper()
        term = self.condition()
        if not self._take("sign", ")"):
            raise self._wrong("must close each parenthesis")
        self.depth = before
        return term

    def _deeper(self) -> int:
        """One level deeper; the level before."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._wrong(f"is nested more than {DEEPEST} deep")
        return self.depth - 1

    def _as_condition(self, term: Term) -> Term:
        if not isinstance(term, (Chain, Joined)):
            raise self._wrong("joins something that compares nothing")
        return term

    def _as_value(self, term: Term) -> Term:
        if isinstance(term, (Chain, Joined)):
            raise self._wrong("calculates with a comparison")
        return term

    def _take(self, kind: str, text: str) -> bool:
        if self.tokens and (self.tokens[0].kind, self.tokens[0].text) == (kind, text):
            self.tokens.pop(0)
            return True
        return False

    def expect_end(self) -> None:
        if self.tokens:
            raise self._wrong(f"has {self.tokens[0].text!r} where it should end")

    def _next(self) -> _Token:
        if not self.tokens:
            raise self._wrong("ends where a number, a field or a figure is wanted")
        return self.tokens.pop(0)

    def _wrong(self, law: str) -> InvalidValue:
        return InvalidValue("where", self.text, law)
