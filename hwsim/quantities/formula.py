"""Formulas of a few figures, as studies write them: sums, products and quotients of numbers and figures of runs.

Nothing is ever evaluated as a program: a formula is read by the grammar below.

    sum     = product {("+" | "-") product}
    product = atom {("*" | "/") atom}
    atom    = number | "(" sum ")" | "-" atom | [run "."] figure ["[" part "]"]
"""

import re
from collections.abc import Callable, Iterator
from typing import Union

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue

LONGEST, DEEPEST = 400, 40
"""Characters of the longest formula, and how deep its parentheses and signs may lie in each other."""
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)|([A-Za-z_]\w*)|(\[[^\[\]]*\])|([-+*/().]))")


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a run, or of one of its parts or ops; `run` is None where the place of the formula says of which."""

    run: str | None
    name: str
    of: str | None = None

    def __str__(self) -> str:
        run = "" if self.run is None else f"{self.run}."
        return f"{run}{self.name}" + ("" if self.of is None else f"[{self.of}]")


@dataclass(frozen=True, slots=True)
class _Applied:
    """An operation on two formulas."""

    sign: str
    left: "Term"
    right: "Term"


Term = Union[float, Figure, _Applied]


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula as it was written, and what it says.

    >>> formula = Formula.read("fp16.latency / (int4.latency + 2)")
    >>> [str(figure) for figure in formula.figures]
    ['fp16.latency', 'int4.latency']
    >>> formula.value(lambda figure: {"fp16": 12.0, "int4": 4.0}[figure.run])
    2.0
    """

    text: str
    term: Term

    @classmethod
    def read(cls, text: str) -> "Formula":
        """The formula that a text says; InvalidValue, if it says none."""
        if len(text) > LONGEST:
            raise InvalidValue("formula", text[:40], f"must have at most {LONGEST} characters")
        reader = _Reader(text, list(_tokens(text)))
        term = reader.sum()
        reader.expect_end()
        return cls(text, term)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures that it names, each once."""
        return tuple(dict.fromkeys(_figures(self.term)))

    def value(self, figure: Callable[[Figure], float]) -> float:
        """What it comes to, with the figures as that function gives them."""
        return _value(self.term, figure, self.text)


def _figures(term: Term) -> Iterator[Figure]:
    if isinstance(term, Figure):
        yield term
    elif isinstance(term, _Applied):
        yield from _figures(term.left)
        yield from _figures(term.right)


def _value(term: Term, figure: Callable[[Figure], float], text: str) -> float:
    if isinstance(term, Figure):
        return figure(term)
    if not isinstance(term, _Applied):
        return term
    left, right = _value(term.left, figure, text), _value(term.right, figure, text)
    match term.sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
    if not right:
        raise InvalidValue("formula", text, "divides by a figure that is zero")
    return left / right


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise InvalidValue("formula", text, f"has {text[at:].strip()[:1]!r}, which no formula has")
        yield found[0].strip()
        at = found.end()


@dataclass(slots=True)
class _Reader:
    """Reads terms from the front of a list of tokens."""

    text: str
    tokens: list[str]
    depth: int = 0

    def sum(self) -> Term:
        return self._chain("+-", self.product)

    def product(self) -> Term:
        return self._chain("*/", self.atom)

    def _chain(self, signs: str, inner: Callable[[], Term]) -> Term:
        term = inner()
        while self.tokens and self.tokens[0] in signs:
            term = _Applied(self.tokens.pop(0), term, inner())
        return term

    def atom(self) -> Term:
        token = self._next()
        if token in "(-":
            self.depth += 1
            if self.depth > DEEPEST:
                raise self._wrong(f"is nested more than {DEEPEST} deep")
            term = self.sum() if token == "(" else _Applied("-", 0.0, self.atom())
            if token == "(" and self._next() != ")":
                raise self._wrong("must close each parenthesis")
            self.depth -= 1
            return term
        if token[0].isdigit():
            return float(token)
        if not token.isidentifier():
            raise self._wrong(f"has {token!r} where a number or a figure is wanted")
        names = [token]
        if self.tokens[:1] == ["."]:
            self.tokens.pop(0)
            names.append(self._next())
            if not names[-1].isidentifier():
                raise self._wrong(f"has {names[-1]!r} where a figure of {token} is wanted")
        of = self.tokens.pop(0)[1:-1].strip() if self.tokens and self.tokens[0].startswith("[") else None
        run = names[0] if len(names) > 1 else None
        return Figure(run, names[-1], of)

    def expect_end(self) -> None:
        if self.tokens:
            raise self._wrong(f"has {self.tokens[0]!r} where it should end")

    def _next(self) -> str:
        if not self.tokens:
            raise self._wrong("ends where a number or a figure is wanted")
        return self.tokens.pop(0)

    def _wrong(self, law: str) -> InvalidValue:
        return InvalidValue("formula", self.text, law)
