"""A chip or a recipe with other values by dotted path, as its file would say them: the same names, units, laws and
answers."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from fractions import Fraction
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from pydantic import ValidationError

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, InvalidValue, UnknownName, UserError, shown, suggestion
from hwsim.hardware.chip import Machine
from hwsim.inputs.files import Node
from hwsim.inputs.findings import first_finding
from hwsim.inputs.load import adapter, load_device, load_prices
from hwsim.inputs.opened import as_node
from hwsim.quantities.noun import Noun, Table, sorted_pairs
from hwsim.quantities.plain_data import field_paths

Path = tuple[str, ...]
M = TypeVar("M", bound=Machine)
R = TypeVar("R", bound=Noun)


def changed(chip: M, values: Mapping[str, Any], given: str = "caller: with_") -> M:
    """The chip with these values, all at once, and with who has `given` them as their source; FileProblem names the
    chip and what is wrong as it would name a file."""
    fresh = changed_recipe(chip, values, given)
    if not values:
        return fresh
    try:
        if isinstance(fresh.energy, str):
            fresh = replace(fresh, energy=load_prices(fresh.energy))
        if isinstance(fresh.dram.device, str):
            fresh = replace(fresh, dram=replace(fresh.dram, device=load_device(fresh.dram.device)))
        return fresh
    except (InvalidValue, UnknownName) as error:
        raise FileProblem(chip.name, str(error)) from error


def changed_recipe(recipe: R, values: Mapping[str, Any], given: str) -> R:
    """The recipe of a workload, or anything else that has a name and sources, in the same way."""
    if not values:
        return recipe
    noun: Any = recipe
    try:
        fresh: Any = _Changes(type(noun)).changed(noun, _tree(values), ())
    except (InvalidValue, UnknownName) as error:
        raise FileProblem(noun.name, str(error)) from error
    sources = {_source_path(name, fresh): f"{given} {name} = {shown(value)}" for name, value in values.items()}
    whole: R = replace(fresh, sources=sorted_pairs({**dict(fresh.sources), **sources}))
    return whole


def _tree(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values in mappings of mappings, by the steps of their paths."""
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *steps, last = name.split(".")
        place = tree
        for step in steps:
            place = place.setdefault(step, {})
            if isinstance(place, _Leaf):
                raise InvalidValue(name, value, "is also given as a part of something else")
        if last in place:
            raise InvalidValue(name, value, "is also given in parts")
        place[last] = _Leaf(value)
    return tree


class _Leaf:
    """A value, in a tree of mappings."""

    def __init__(self, value: Any) -> None:
        self.value = value


@dataclass(frozen=True, slots=True)
class _Changes:
    """Changes of a noun of that kind, part by part; an item of a list is named by its place, from 0."""

    kind: type[Any]

    def changed(self, noun: Any, tree: Mapping[str, Any], path: Path) -> Any:
        hints = get_type_hints(type(noun), include_extras=True)
        field_names = [f.name for f in fields(noun)]
        fresh = {}
        for name, entry in tree.items():
            if name not in field_names:
                raise _unknown((*path, name), "field", field_names)
            fresh[name] = self._entry(hints[name], getattr(noun, name), entry, (*path, name))
        try:
            return replace(noun, **fresh)
        except InvalidValue as error:
            raise error.within(".".join(path)) if path else error from error

    def _entry(self, hint: Any, current: Any, entry: Any, path: Path) -> Any:
        """The new value of a field whose type is the hint: the caller's, or the current value with other parts."""
        if isinstance(entry, _Leaf):
            return self._read(hint, entry.value, path)
        if is_dataclass(current):
            return self.changed(current, entry, path)
        if isinstance(current, tuple) and current and all(map(is_dataclass, current)):
            return self._items(current, entry, path)
        table = next(_tables(hint), None)
        if table is None or not isinstance(current, tuple):
            raise InvalidValue(".".join(path), current, "has no parts; give all of it")
        key_type, value_type = table
        held = dict(current)
        for name, part in entry.items():
            key = _key(key_type, name, path)
            held[key] = self._entry(value_type, held.get(key), part, (*path, name))
        return sorted_pairs(held)

    def _items(self, items: tuple[Any, ...], entry: Mapping[str, Any], path: Path) -> tuple[Any, ...]:
        """A list of nouns in which some are changed."""
        places = {str(place): place for place in range(len(items))}
        fresh = list(items)
        for name, part in entry.items():
            if name not in places:
                raise _unknown((*path, name), "place", list(places))
            if isinstance(part, _Leaf):
                raise InvalidValue(
                    ".".join((*path, name)), part.value, "has parts; give one of them, or the whole list"
                )
            fresh[places[name]] = self.changed(items[places[name]], part, (*path, name))
        return tuple(fresh)

    def _read(self, hint: Any, value: Any, path: Path) -> Any:
        """A value as a file would say it; nouns and fractions stay as they are."""
        if isinstance(value, (Noun, Fraction)):
            return value
        node = as_node(value)
        try:
            return adapter(hint).validate_json(json.dumps(node.plain()), strict=True)
        except ValidationError as error:
            errors = [{**detail, "loc": (*path, *detail["loc"])} for detail in error.errors(include_url=False)]
            for step in reversed(path):
                node = Node(0, {step: node})
            raise UnfitValue(first_finding(errors, self.kind, node).text) from error


def _key(kind: Any, name: str, path: Path) -> Any:
    if not (isinstance(kind, type) and issubclass(kind, Enum)):
        return name
    members = {member.value: member for member in kind}
    if name not in members:
        raise _unknown((*path, name), "name", list(members))
    return members[name]


class UnfitValue(InvalidValue):
    """A value that does not fit, with all that is said of it in a finding."""

    def __init__(self, text: str) -> None:
        UserError.__init__(self, text)

    def within(self, outer: str) -> "UnfitValue":
        return self


def _unknown(path: Path, what: str, names: list[str]) -> "UnfitValue":
    return UnfitValue(f"{'.'.join(path)}: unknown {what}; {suggestion(path[-1], names)}")


def _tables(hint: Any) -> Iterator[tuple[Any, Any]]:
    """The types of keys and values of each table that a value may be."""
    if get_origin(hint) is Annotated:
        inner, *laws = get_args(hint)
        if any(isinstance(law, Table) for law in laws):
            yield get_args(get_args(inner)[0])
        else:
            yield from _tables(inner)
    else:
        for member in get_args(hint) if get_origin(hint) is not tuple else ():
            yield from _tables(member)


def _source_path(name: str, noun: Noun) -> str:
    """The path for which a source may stand: for an entry of a table, the path of the table."""
    paths, steps = field_paths(noun), name.split(".")
    return next(path for end in range(len(steps), 0, -1) if (path := ".".join(steps[:end])) in paths)
