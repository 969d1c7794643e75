"""Changing single dimensions of a recipe, such as the cells of an encoder, by their dotted names."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from hwsim.core.noun import sorted_pairs, whole_fields
from hwsim.errors import InvalidValue, UnknownName

T = TypeVar("T")


def dimensions(recipe: Any, prefix: str = "") -> dict[str, int | None]:
    """All whole numbers of a recipe by their dotted names; those inside lists have none."""
    found: dict[str, int | None] = {}
    whole = whole_fields(type(recipe))
    for field in fields(recipe):
        value = getattr(recipe, field.name)
        if field.name in whole:
            found[f"{prefix}{field.name}"] = value
        elif is_dataclass(value):
            found |= dimensions(value, f"{prefix}{field.name}.")
    return found


def with_dimensions(recipe: T, values: Mapping[str, int]) -> T:
    """The recipe with other dimensions and the command line as their source; all its laws hold for it again."""
    known = dimensions(recipe)
    sources: dict[str, str] = dict(recipe.sources)  # type: ignore[attr-defined]  # all recipes have them
    for name, value in values.items():
        if name not in known:
            raise UnknownName("dimension", name, known)
        recipe = _replaced(recipe, name.split("."), value, name)
        sources[name] = f"command line: --dim {name}={value}"
    return replace(recipe, sources=sorted_pairs(sources)) if values else recipe  # type: ignore[type-var]


def _replaced(noun: Any, path: list[str], value: int, name: str) -> Any:
    field, *inner = path
    if inner:
        value = _replaced(getattr(noun, field), inner, value, name)
    try:
        return replace(noun, **{field: value})
    except InvalidValue as error:
        raise InvalidValue(f"--dim {name}", error.value, error.law) from error
