"""A noun with a field of another type does not exist: the field is named, whoever made it, and however."""

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from fractions import Fraction
from threading import Event
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from typing_extensions import TypeAliasType

import hwsim
from hwsim.errors import InvalidValue
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.ir.workload import Recipe
from hwsim.quantities.fields import field_type
from hwsim.quantities.noun import Noun
from hwsim.quantities.registry import Family, kept_for_kinds
from hwsim.quantities.rows import Rows
from strategies.chips import chip


def nouns() -> list[type[Any]]:
    """Every class of nouns, in the order of their names."""
    for module in pkgutil.walk_packages(hwsim.__path__, "hwsim."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)

    def below(kind: type[Any]) -> Iterator[type[Any]]:
        for inner in kind.__subclasses__():
            yield inner
            yield from below(inner)

    # A dataclass with slots is made twice; the one that its module names is meant.
    found = {
        kind
        for kind in below(Noun)
        if is_dataclass(kind) and getattr(importlib.import_module(kind.__module__), kind.__name__, None) is kind
    }
    return sorted(found, key=lambda kind: (kind.__module__, kind.__name__))


def right(hint: Any) -> Any:
    """A value of that type, within its own laws; nouns inside are blank."""
    origin, args = get_origin(hint), get_args(hint)
    if hasattr(origin, "__value__"):
        return right(origin.__value__)
    if origin is Annotated:
        laws = [law for law in hint.__metadata__ if hasattr(law, "low")]
        for family in (law for law in hint.__metadata__ if isinstance(law, Family)):
            return right(family.members[0])
        return get_args(hint)[0](laws[0].low) if laws else right(args[0])
    if origin in (Union, UnionType):
        return right(args[0])
    if origin is Literal:
        return args[0]
    if origin is Sequence:
        return Rows(0, lambda: iter(()))
    if origin is tuple:
        return () if args[1:] == (...,) else tuple(map(right, args))
    if hint is Recipe:
        return load_workload("rnnt").recipe
    kind = origin or hint
    if kind is NoneType:
        return None
    if issubclass(kind, Enum):
        return next(iter(kind))
    known = {int: 1, float: 0.5, str: "a", bool: True, Fraction: Fraction(1), np.ndarray: np.zeros(1)}
    return known[kind] if kind in known else object.__new__(kind)


def wrong(hint: Any) -> list[Any]:
    """Values of other types: none is a bare object or bytes, no number is a truth."""
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    others: list[Any] = [object(), b"x", [1]]
    if plain in (int, float, Fraction):
        others += [True, "1", None]
    if get_origin(plain) in (tuple, Sequence):
        others += [None, "x", (object(),)]
    return others


def test_an_alias_by_a_type_statement_is_the_type_that_it_names() -> None:
    several = TypeAliasType("several", tuple[int, ...])
    found, plain = field_type(several), field_type(tuple[int, ...])
    assert found.written == plain.written
    assert found.holds((1, 2))
    assert not found.holds((1, True))


@pytest.mark.parametrize("kind", nouns(), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_field_refuses_values_of_another_type(kind: type[Any]) -> None:
    hints = get_type_hints(kind, include_extras=True)
    good = {field.name: right(hints[field.name]) for field in fields(kind)}
    for field in fields(kind):
        for value in wrong(hints[field.name]):
            with pytest.raises(InvalidValue) as caught:
                kind(**{**good, field.name: value})
            assert caught.value.path == field.name
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "law"),
    [
        ("array", None, "must be a ComputeArray"),
        ("vector", "x", "must be a VectorUnit"),
        ("energy", 3, "must be a text or a PriceTable"),
        ("operating_points", (("low", 1),), "must be a tuple of (a text, an OperatingPoint)"),
        ("sources", {"clock": "assumed"}, "must be a tuple of (a text, a text)"),
        ("voltage", 0.7, "must be a rational number of V"),
        ("clock", 1e9, "must be a whole number of Hz"),
    ],
)
def test_a_chip_says_what_its_field_must_be(field: str, value: Any, law: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        replace(chip(), **{field: value})
    assert (caught.value.path, caught.value.law) == (field, law)


def test_a_whole_number_where_a_fraction_is_meant_is_that_fraction() -> None:
    shipped = load_chip("int4_array")
    whole: Any = {"node": 7, "voltage": 1, "idle_power": 2}
    made = replace(shipped, **whole)
    assert (type(made.node), type(made.voltage), type(made.idle_power)) == (Fraction, Fraction, Fraction)
    assert made == replace(shipped, node=Fraction(7), voltage=Fraction(1), idle_power=Fraction(2))
    work = load_workload({"kind": "gemms", "name": "one", "products": [{"name": "a", "m": 4, "k": 4, "n": 4}]})
    assert hwsim.simulate(made, work).summary.energy_aj > 0


def test_what_began_before_a_member_came_is_not_given_to_later_calls() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Round(Noun):
        kind: Literal["round"] = "round"

    shapes, began = Family[Noun]("shape", default="round"), Event()

    @kept_for_kinds
    def kinds() -> tuple[type[Noun], ...]:
        members = shapes.members
        if not began.is_set():
            began.set()
            shapes.register(Round)  # as another thread may, while this call goes on with what it saw
        return members

    assert kinds() == ()
    assert kinds() == (Round,)
