"""Changing single dimensions of a recipe, such as the cells of an encoder, by their dotted names."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from hwsim.errors import InvalidValue, UnknownName
from hwsim.quantities.noun import sorted_pairs, whole_fields

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


def with_dimensions(recipe: T, values: Mapping[str, int], given: str) -> T:
    """The recipe with other dimensions, all at once, and what gave them as their source; its laws hold for it again."""
    known = dimensions(recipe)
    for name in values:
        if name not in known:
            raise UnknownName("dimension", name, known)
    if not values:
        return recipe
    try:
        changed = _changed(recipe, values)
    except InvalidValue as error:
        if error.path in values:
            raise
        others = ", ".join(f"{name}={value}" for name, value in values.items())
        raise InvalidValue(error.path, error.value, f"{error.law}, with {others}") from error
    sources = {name: f"{given} {name}={value}" for name, value in values.items()}
    whole: T = replace(changed, sources=sorted_pairs({**dict(changed.sources), **sources}))
    return whole


def _changed(noun: Any, values: Mapping[str, int]) -> Any:
    inner: dict[str, dict[str, int]] = {}
    fresh: dict[str, Any] = {}
    for name, value in values.items():
        field, _, rest = name.partition(".")
        if rest:
            inner.setdefault(field, {})[rest] = value
        else:
            fresh[field] = value
    for field, own in inner.items():
        try:
            fresh[field] = _changed(getattr(noun, field), own)
        except InvalidValue as error:
            raise error.within(field) from error
    return replace(noun, **fresh)
