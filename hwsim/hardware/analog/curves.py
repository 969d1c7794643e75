"""Curves over the conductance of a cell, by which device models say spreads and exponents."""

import itertools
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Noun, Number

_ANY = Number(low=-1e6, high=1e6)

SMALLEST = 1e-7
"""Relative conductances below it are taken as this: the logarithm and the power of 0 do not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece(Noun):
    """Σ polynomial[i] · gⁱ + log · ln g + power · g^exponent, within low..high, for g below `below`."""

    below: Annotated[float, Number(low=0, high=1e6)] = 1e6
    polynomial: tuple[float, ...] = ()
    log: Annotated[float, _ANY] = 0.0
    power: Annotated[float, _ANY] = 0.0
    exponent: Annotated[float, Number(low=-10, high=10)] = 0.0
    low: Annotated[float, _ANY] = 0.0
    high: Annotated[float, _ANY] = 1e6

    def check(self) -> None:
        if self.high < self.low:
            raise InvalidValue("high", self.high, f"must be at least low, {self.low:g}")
        for place, coefficient in enumerate(self.polynomial):
            problem = _ANY.broken_by(coefficient)
            if problem is not None:
                raise InvalidValue(f"polynomial[{place}]", coefficient, problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve(Noun):
    """A number for each relative conductance g = G / Gmax: by pieces, the first whose `below` is above g, or by
    straight lines between points (g, value), level beyond the first and the last."""

    pieces: tuple[Piece, ...] = ()
    points: tuple[tuple[float, float], ...] = ()

    def check(self) -> None:
        if bool(self.pieces) == bool(self.points):
            raise InvalidValue("pieces", len(self.pieces), "must be given, or points, and not both")
        bounds = [piece.below for piece in self.pieces] or [g for g, _ in self.points]
        if any(a >= b for a, b in itertools.pairwise(bounds)):
            raise InvalidValue("pieces" if self.pieces else "points", tuple(bounds), "must stand in ascending order")
        for place, (_, value) in enumerate(self.points):
            if value < 0:
                raise InvalidValue(f"points[{place}]", value, "must be at least 0")


def polynomial(*coefficients: float) -> Curve:
    """A polynomial, not below 0.

    >>> polynomial(0.1, 2.0).pieces[0].polynomial
    (0.1, 2.0)
    """
    return Curve(pieces=(Piece(polynomial=coefficients),))
