"""Nouns of which some fields are made when somebody reads one of them."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Self


class Later:
    """Base of nouns whose last fields may take long to make, and which not everybody reads.

    >>> from hwsim.dataclass import dataclass
    >>> @dataclass(frozen=True, slots=True, kw_only=True)
    ... class Square(Later):
    ...     side: int
    ...     area: int
    >>> square = Square.later({"side": 3}, lambda: {"area": 9})
    >>> square == Square(side=3, area=9), square.area
    (True, 9)
    """

    __slots__ = ("_make",)

    @classmethod
    def later(cls, now: Mapping[str, Any], make: Callable[[], Mapping[str, Any]]) -> Self:
        """A noun with these fields, and others that `make` gives; laws hold from then on."""
        noun = cls.__new__(cls)
        for name, value in now.items():
            object.__setattr__(noun, name, value)
        object.__setattr__(noun, "_make", make)
        return noun

    def __getattr__(self, name: str) -> Any:
        """Called where a field is not there yet. Two threads may both make it, equal."""
        names = [field.name for field in fields(self)]  # type: ignore[arg-type]  # subclasses are dataclasses
        if name not in names:
            raise AttributeError(f"{type(self).__name__} has no {name}")
        made = self._make()
        there = {each: made[each] if each in made else getattr(self, each) for each in names}
        type(self)(**there)  # which checks them
        for each, value in made.items():
            object.__setattr__(self, each, value)
        return there[name]
