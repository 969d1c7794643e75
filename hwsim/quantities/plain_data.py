"""Nouns as plain data (dicts, lists, numbers, texts), for JSON and for hashes. Keys are the fields' names."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from functools import cache
from typing import Any, get_type_hints

from hwsim.quantities.noun import Table

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
        case tuple() | list():
            return [plain(item) for item in value]
        case Mapping():
            return {str(plain(key)): plain(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        tables = _tables(type(value))
        return {
            f.name: plain(dict(getattr(value, f.name)) if f.name in tables else getattr(value, f.name))
            for f in fields(value)
        }
    return value


def fingerprint(value: Any) -> str:
    """A short hash of everything that a noun says."""
    return hashlib.sha256(json.dumps(plain(value), sort_keys=True).encode()).hexdigest()[:16]


@cache
def _tables(noun: type[Any]) -> frozenset[str]:
    """The fields that stand for mappings."""
    hints = get_type_hints(noun, include_extras=True)
    return frozenset(
        name for name, hint in hints.items() if any(isinstance(law, Table) for law in getattr(hint, "__metadata__", ()))
    )


def flat(value: Any) -> dict[str, Any]:
    """A noun as one row of a table; the names of nested fields are joined by dots.

    >>> from hwsim.results.energy import OpEnergy, Components
    >>> flat(OpEnergy(name="a", components=Components(mac=1)))["components.mac"]
    1
    """
    return dict(_leaves("", plain(value)))


def with_millijoules(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row in which each energy in whole attojoules also stands in millijoules, as programs take it that know no
    integers of more than 64 bits.

    >>> with_millijoules({"energy_aj": 15_796_423_095_176_523_356, "cycles": 3})
    {'energy_aj': 15796423095176523356, 'energy_mj': 15796.423095176524, 'cycles': 3}
    """
    found: dict[str, Any] = {}
    for path, value in row.items():
        found[path] = value
        if holds_attojoules(path):
            found.setdefault(path.replace("_aj", "_mj"), value / ATTOJOULES_PER_MILLIJOULE)
    return found


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
