"""Where the values of a file's fields come from: a source or `assumed` for each field, by its dotted path."""

import re
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from hwsim.errors import InvalidValue
from hwsim.quantities.family import Family
from hwsim.quantities.noun import Noun, Remark, Table

NOT_SAID = "not said"
"""The source of a value of which its file gives none."""

ASSUMED, RECALLED, READ = "assumed", "recalled", "read"
"""How sure a source is; texts of files say it in the first two of these words."""

_NO_VALUES = frozenset({"kind", "name", "about", "sources", "precision", "energy"})
"""Texts and choices; a price table says of each entry where it comes from."""

Sources = Annotated[tuple[tuple[str, Remark], ...], Table()]


def confidence(source: str) -> str:
    """How sure a source is: the word `assumed` anywhere in it counts before the word `recalled`, and that before none.

    >>> [confidence(source) for source in ("a data sheet", "Table 1, recalled; the node is assumed", "recalled")]
    ['read', 'assumed', 'recalled']
    """
    if source == NOT_SAID:
        return NOT_SAID
    words = re.findall(r"\w+", source)
    return next((word for word in (ASSUMED, RECALLED) if word in words), READ)


def check_sources(noun: Noun, sources: tuple[tuple[str, str], ...]) -> None:
    """Refuse a source of a field that there is not."""
    for path, _ in sources:
        known = field_paths(noun)
        if path not in known:
            near = get_close_matches(path, known, n=1)
            raise InvalidValue("sources", path, "names no field" + (f"; did you mean {near[0]}?" if near else ""))


def sources_of(noun: Any, sources: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The sources with what is missing: `NOT_SAID` of each value that is not its default and that no entry covers.

    A noun of whose values none has a source is named as a whole.
    """
    found = dict(sources)
    return found | dict.fromkeys(_unsaid(noun, found, ""), NOT_SAID)


def _unsaid(noun: Any, said: dict[str, str], prefix: str) -> list[str]:
    found: list[str] = []
    for field in fields(noun):
        path, value = f"{prefix}{field.name}", getattr(noun, field.name)
        default = None if field.default is MISSING else field.default
        if path in said or value == default or (not prefix and field.name in _NO_VALUES) or field.name == "kind":
            continue
        if is_dataclass(value) and any(known.startswith(f"{path}.") for known in said):
            found += _unsaid(value, said, f"{path}.")
        else:
            found.append(path)
    return found


def field_paths(noun: Noun) -> tuple[str, ...]:
    """The dotted paths of all fields of a noun, those of nouns inside it included."""
    kind: Any = type(noun)
    members = [(name, getattr(noun, name)) for name in _families_in(kind)]
    return _paths(kind, "") + tuple(f"{name}.{path}" for name, member in members for path in field_paths(member))


@cache
def _families_in(noun: type[Any]) -> tuple[str, ...]:
    """The fields that hold a member of a family: which paths there are in it, only the member can say."""
    hints = get_type_hints(noun, include_extras=True)
    return tuple(field.name for field in fields(noun) if _has(hints[field.name], Family))


@cache
def _paths(noun: type[Any], prefix: str) -> tuple[str, ...]:
    found: list[str] = []
    hints = get_type_hints(noun, include_extras=True)
    for field in fields(noun):
        path = f"{prefix}{field.name}"
        found.append(path)
        for inner in _nouns_in(hints[field.name]):
            found += _paths(inner, f"{path}.")
    return tuple(dict.fromkeys(found))


def _nouns_in(hint: Any) -> list[Any]:
    """The nouns that a field may hold directly, not inside lists and tables."""
    if get_origin(hint) is Annotated:
        return [] if _has(hint, Table) or _has(hint, Family) else _nouns_in(get_args(hint)[0])
    if get_origin(hint) is tuple:
        return []
    return [hint] if is_dataclass(hint) else [noun for member in get_args(hint) for noun in _nouns_in(member)]


def _has(hint: Any, law: type[Any]) -> bool:
    return get_origin(hint) is Annotated and any(isinstance(one, law) for one in hint.__metadata__)
