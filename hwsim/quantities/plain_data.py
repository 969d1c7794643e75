"""What passes between callers and nouns: arguments, plain data for JSON and hashes, the sources of fields."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from enum import Enum
from fractions import Fraction
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from hwsim.errors import InvalidValue, UnknownName
from hwsim.quantities.noun import Noun, Remark, Table, UnlessDefault
from hwsim.quantities.registry import Family
from hwsim.quantities.rows import Rows


def must_be_named(**given: object) -> None:
    """Refuse what is neither a name nor None.

    >>> must_be_named(point="slow", explained=1)
    Traceback (most recent call last):
    hwsim.errors.InvalidValue: explained = 1: must be a text
    """
    for place, value in given.items():
        if value is not None and not isinstance(value, str):
            raise InvalidValue(place, value, "must be a text")


def must_map_names(kind: type[object], what: str, **given: object) -> None:
    """Refuse what is neither None nor a mapping of names to values of a kind.

    >>> must_map_names(str, "a text", files={"chip.yaml": 3})
    Traceback (most recent call last):
    hwsim.errors.InvalidValue: files.chip.yaml = 3: must be a text
    """
    for place, value in given.items():
        if value is None:
            continue
        if not isinstance(value, Mapping):
            raise InvalidValue(place, value, "must be a mapping")
        for name, entry in value.items():
            if not isinstance(name, str):
                raise InvalidValue(place, name, "must have texts as its keys")
            if not isinstance(entry, kind) or isinstance(entry, bool):
                raise InvalidValue(f"{place}.{name}", entry, f"must be {what}")


class Objective(Enum):
    """Latency is in whole cycles, energy in whole attojoules, EDP is their product."""

    LATENCY = "latency"
    ENERGY = "energy"
    EDP = "edp"

    @classmethod
    def named(cls, name: "Objective | str") -> "Objective":
        """The objective of that name.

        >>> Objective.named("energy")
        <Objective.ENERGY: 'energy'>
        """
        chosen = (
            name if isinstance(name, cls) else next((objective for objective in cls if objective.value == name), None)
        )
        if chosen is None:
            raise UnknownName("objective", str(name), tuple(objective.value for objective in cls))
        return chosen


Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do."""


def no_progress(done: int, total: int) -> None:
    """Nobody listens."""


def stage(progress: Progress, place: int, count: int) -> Progress:
    """The progress of one of several computations that follow each other, as progress of all of them."""
    return lambda done, total: progress(place * total + done, count * total)


ATTOJOULES_PER_MILLIJOULE = 10**15


def plain(value: Any) -> Any:
    """A noun, or anything inside one, as plain data.

    >>> from hwsim.schedule.counters import Units
    >>> plain(Units(load=3))
    {'load': 3, 'array': 0, 'vector': 0, 'store': 0}
    """
    match value:
        case Enum():
            return value.value
        case Fraction():
            return int(value) if value.denominator == 1 else float(value)
        case tuple() | list() | Rows():
            return [plain(item) for item in value]
        case Mapping():
            return {str(plain(key)): plain(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        tables, unless_default = _tables(type(value)), left_out(type(value))
        return {
            f.name: plain(dict(getattr(value, f.name)) if f.name in tables else getattr(value, f.name))
            for f in fields(value)
            if f.name not in unless_default or getattr(value, f.name) != f.default
        }
    return value


def fingerprint(value: Any) -> str:
    """A short hash of everything that a noun says."""
    return hashlib.sha256(json.dumps(plain(value), sort_keys=True).encode()).hexdigest()[:16]


@cache
def _tables(noun: type[Any]) -> frozenset[str]:
    """The fields that stand for mappings."""
    return _with_law(noun, Table)


@cache
def left_out(noun: type[Any]) -> frozenset[str]:
    """The fields that plain data lacks where they have their defaults.

    >>> from hwsim.schedule.counters import Work
    >>> left_out(Work)
    frozenset({'exchange_bytes'})
    """
    return _with_law(noun, UnlessDefault)


def _with_law(noun: type[Any], kind: type[Any]) -> frozenset[str]:
    """The fields with a law of that kind in their annotation."""
    hints = get_type_hints(noun, include_extras=True)
    return frozenset(
        name for name, hint in hints.items() if any(isinstance(law, kind) for law in getattr(hint, "__metadata__", ()))
    )


def flat(value: Any) -> dict[str, Any]:
    """A noun as one row of a table; the names of nested fields are joined by dots.

    >>> from hwsim.results.figures import OpEnergy, Components
    >>> flat(OpEnergy(name="a", components=Components(mac=1)))["components.mac"]
    1
    """
    return dict(_leaves("", plain(value)))


def with_millijoules(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row in which each energy in whole attojoules also stands in millijoules, for programs without integers of more
    than 64 bits.

    >>> with_millijoules({"energy_aj": 15_796_423_095_176_523_356, "cycles": 3})
    {'energy_aj': 15796423095176523356, 'energy_mj': 15796.423095176524, 'cycles': 3}
    """
    columns: dict[str, Any] = {}
    for path, value in row.items():
        columns[path] = value
        if holds_attojoules(path):
            columns.setdefault(path.replace("_aj", "_mj"), value / ATTOJOULES_PER_MILLIJOULE)
    return columns


def holds_attojoules(path: str) -> bool:
    """Whether a column of that name holds energies in attojoules: `energy_aj`, or one in `energy_by_component_aj`.

    >>> holds_attojoules("energy_by_component_aj.mac"), holds_attojoules("cycles")
    (True, False)
    """
    return any(part.endswith("_aj") for part in path.split("."))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield path, value
        return
    for name, item in value.items():
        yield from _leaves(f"{path}.{name}" if path else name, item)


NOT_SAID = "not said"
"""The source of a value whose file gives no source."""

ASSUMED, RECALLED, READ = "assumed", "recalled", "read"
"""How sure a source is; texts of files use the words `assumed` and `recalled`."""

_NO_VALUES = frozenset({"kind", "name", "about", "sources", "precision", "energy"})
"""Fields that need no source: texts, choices, and a price table, each entry of which has a source of its own."""

Sources = Annotated[tuple[tuple[str, Remark], ...], Table()]


def confidence(source: str) -> str:
    """How sure a source is: `assumed` if that word stands anywhere in it, else `recalled` if that does, else `read`.

    >>> [confidence(source) for source in ("a data sheet", "Table 1, recalled; the node is assumed", "recalled")]
    ['read', 'assumed', 'recalled']
    """
    if source == NOT_SAID:
        return NOT_SAID
    words = re.findall(r"\w+", source)
    return next((word for word in (ASSUMED, RECALLED) if word in words), READ)


def check_sources(noun: Noun, sources: tuple[tuple[str, str], ...]) -> None:
    """Refuse a source that names no field of the noun."""
    for path, _ in sources:
        paths = field_paths(noun)
        if path not in paths:
            near = get_close_matches(path, paths, n=1)
            raise InvalidValue("sources", path, "names no field" + (f"; did you mean {near[0]}?" if near else ""))


def sources_of(noun: Any, sources: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The sources with what is missing: `NOT_SAID` of each value that is not its default and that no entry covers.

    A nested noun without any source stands as one entry.
    """
    stated = dict(sources)
    return stated | dict.fromkeys(_unsaid(noun, stated, ""), NOT_SAID)


def _unsaid(noun: Any, said: dict[str, str], prefix: str) -> list[str]:
    paths: list[str] = []
    for field in fields(noun):
        path, value = f"{prefix}{field.name}", getattr(noun, field.name)
        default = None if field.default is MISSING else field.default
        if path in said or value == default or (not prefix and field.name in _NO_VALUES) or field.name == "kind":
            continue
        if is_dataclass(value) and any(said_path.startswith(f"{path}.") for said_path in said):
            paths += _unsaid(value, said, f"{path}.")
        else:
            paths.append(path)
    return paths


def field_paths(noun: Noun) -> tuple[str, ...]:
    """The dotted paths of all fields of a noun, those of nouns inside it included."""
    kind: Any = type(noun)
    members = [(name, getattr(noun, name)) for name in _families_in(kind)]
    return _paths(kind, "") + tuple(f"{name}.{path}" for name, member in members for path in field_paths(member))


@cache
def _families_in(noun: type[Any]) -> tuple[str, ...]:
    """The fields that hold a member of a family; only the member itself says which paths it has."""
    hints = get_type_hints(noun, include_extras=True)
    return tuple(field.name for field in fields(noun) if _has(hints[field.name], Family))


@cache
def _paths(noun: type[Any], prefix: str) -> tuple[str, ...]:
    paths: list[str] = []
    hints = get_type_hints(noun, include_extras=True)
    for field in fields(noun):
        path = f"{prefix}{field.name}"
        paths.append(path)
        for inner in _nouns_in(hints[field.name]):
            paths += _paths(inner, f"{path}.")
    return tuple(dict.fromkeys(paths))


def _nouns_in(hint: Any) -> list[Any]:
    """The nouns that a field may hold directly, not inside lists and tables."""
    if get_origin(hint) is Annotated:
        return [] if _has(hint, Table) or _has(hint, Family) else _nouns_in(get_args(hint)[0])
    if get_origin(hint) is tuple:
        return []
    return [hint] if is_dataclass(hint) else [noun for member in get_args(hint) for noun in _nouns_in(member)]


def _has(hint: Any, law: type[Any]) -> bool:
    return get_origin(hint) is Annotated and any(isinstance(extra, law) for extra in hint.__metadata__)
