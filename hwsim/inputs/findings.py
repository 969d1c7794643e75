"""What a validator found wrong with a document, as a person would say it: field, value, law and the nearest name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from hwsim.core.noun import Table
from hwsim.errors import InvalidValue, shown, suggestion
from hwsim.inputs.yaml.document import Node

_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_MISSING = ("missing", "missing_argument", "missing_keyword_only_argument")
# Of a value that fits no branch of a union, the validator complains once a branch.
_WRONG_KIND = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "string_type": "a text",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "dataclass_type": "a mapping",
    "none_required": "empty",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and the line on which it stands (0: unknown)."""

    text: str
    line: int
    path: tuple[str | int, ...]
    wrong_kind: str | None = None


def first_finding(errors: Sequence[Any], kind: Any, document: Node) -> Finding:
    """The first thing wrong in the order of lines; complaints about one value are put together."""
    findings = [_finding(error, kind, document) for error in errors]
    telling = [f for f in findings if f.wrong_kind is None]
    covered = {f.path[:depth] for f in telling for depth in range(len(f.path) + 1)}
    rest = [f for f in findings if f.wrong_kind is not None and f.path not in covered]
    first = min(telling + rest, key=lambda finding: finding.line)
    wrong_kinds = dict.fromkeys(f.wrong_kind for f in rest if f.path == first.path and f.wrong_kind)
    if first.wrong_kind is None or len(wrong_kinds) < 2:
        return first
    text = first.text.removesuffix(first.wrong_kind) + " or ".join(wrong_kinds)
    return Finding(text, first.line, first.path)


def _finding(error: Any, kind: Any, document: Node) -> Finding:
    place = _Place.follow(error["loc"], kind, document)
    what, context = error["type"], error.get("ctx", {})
    if what in _UNKNOWN:
        name = str(error["loc"][-1])
        line = place.node.key_lines.get(name, place.node.line)
        return Finding(f"{place.named(name)}: unknown field; {suggestion(name, place.known_fields())}", line, (*place.path, name))
    if what in _MISSING:
        name = str(error["loc"][-1])
        return Finding(f"{place.named(name)}: is missing", place.node.line, (*place.path, name))
    if what == "value_error":
        cause = context["error"]
        if isinstance(cause, InvalidValue):
            line = place.node.at(cause.path).line
            return Finding(str(cause.within(place.dotted)) if place.path else str(cause), line, place.path)
        return Finding(f"{place.dotted} = {place.shown}: {cause}", place.node.line, place.path)
    if what in ("enum", "literal_error"):
        known = re.findall(r"'([^']*)'", context["expected"])
        if error["loc"][-1] == "[key]":
            key = str(error["input"])
            line = place.node.key_lines.get(key, place.node.line)
            return Finding(f"{place.named(key)}: unknown name; {suggestion(key, known)}", line, (*place.path, key))
        text = f"{place.dotted} = {place.shown}: {suggestion(str(place.node.value), known)}"
        return Finding(text, place.node.line, place.path)
    wanted = _WRONG_KIND.get(what)
    law = f"must be {wanted}" if wanted else error["msg"][:1].lower() + error["msg"][1:]
    return Finding(f"{place.dotted} = {place.shown}: {law}", place.node.line, place.path, wanted)


@dataclass(frozen=True, slots=True)
class _Place:
    """A node of the document together with the type that was expected of it."""

    path: tuple[str | int, ...]
    node: Node
    kind: Any

    @classmethod
    def follow(cls, location: Sequence[str | int], kind: Any, document: Node) -> "_Place":
        """As far as the location leads; names of a union's branches in it lead nowhere and are skipped."""
        place = cls((), document, kind)
        for step in location:
            match place.node.value, step:
                case dict() as entries, str() if step in entries:
                    child = entries[step]
                case list() as items, int() if step < len(items):
                    child = items[step]
                case _:
                    continue
            place = cls((*place.path, step), child, _inner_kind(place.kind, step))
        return place

    @property
    def dotted(self) -> str:
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return text.removeprefix(".") or "document"

    @property
    def shown(self) -> str:
        match self.node.value:
            case dict():
                return "a mapping"
            case list():
                return "a list"
            case scalar:
                return shown(scalar)

    def named(self, name: str) -> str:
        return f"{self.dotted}.{name}" if self.path else name

    def known_fields(self) -> list[str]:
        return [f.name for kind in _members(self.kind) if is_dataclass(kind) for f in fields(kind)]


def _members(kind: Any) -> tuple[Any, ...]:
    """The branches of a union, or the type itself, without annotations."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return tuple(member for branch in get_args(kind) for member in _members(branch))
    return (kind,)


def _inner_kind(kind: Any, step: str | int) -> Any:
    """The type expected of an entry of a value of this type."""
    is_table = get_origin(kind) is Annotated and any(isinstance(law, Table) for law in kind.__metadata__)
    for member in _members(kind):
        if is_dataclass(member) and isinstance(step, str):
            hints = get_type_hints(member, include_extras=True)
            if step in hints:
                return hints[step]
        elif get_origin(member) is tuple:
            entry = get_args(member)[0]
            return get_args(entry)[1] if is_table else entry
    return Any
