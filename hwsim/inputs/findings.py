"""What a validator found wrong with a document, as a person would say it: field, value, law and the nearest name."""

import json
import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, shown, suggestion
from hwsim.inputs.files import Node
from hwsim.quantities.noun import ByKind, Table, kind_of
from hwsim.quantities.registry import Family

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
    "model_attributes_type": "a mapping",
    "none_required": "empty",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and the line on which it stands (0: unknown)."""

    text: str
    line: int
    path: tuple[str | int, ...]
    wrong_kind: str | None = None
    missing: bool = False


def first_finding(errors: Sequence[Any], kind: Any, document: Node) -> Finding:
    """The first thing wrong in the order of lines; complaints about one value are put together."""
    findings = [_finding(error, kind, document) for error in _meant(errors, kind, document)]
    # A branch that takes the value and complains of its contents is meant; branches that refuse the value are not.
    inside = {f.path[:depth] for f in findings for depth in range(len(f.path))}
    findings = [f for f in findings if f.wrong_kind is None or f.path not in inside]
    telling = [f for f in findings if f.wrong_kind is None]
    covered = {f.path[:depth] for f in telling for depth in range(len(f.path) + 1)}
    uncovered = [f for f in findings if f.wrong_kind is not None and f.path not in covered]
    # A misspelt field is also a missing one: the misspelling is what helps.
    first = min(telling + uncovered, key=lambda finding: (finding.missing, finding.line))
    wrong_kinds = dict.fromkeys(f.wrong_kind for f in uncovered if f.path == first.path and f.wrong_kind)
    if first.wrong_kind is None or len(wrong_kinds) < 2:
        return first
    text = first.text.removesuffix(first.wrong_kind) + " or ".join(wrong_kinds)
    return Finding(text, first.line, first.path)


def _meant(errors: Sequence[Any], kind: Any, document: Node) -> list[Any]:
    """The complaints without those of branches that are not meant: where either a noun or a table may stand, it is a
    noun if the document has any of its fields, and a table if it has any of its keys."""
    places = {error["loc"][:depth] for error in errors for depth in range(len(error["loc"]))}
    dropped: set[tuple[str | int, ...]] = set()
    for location in places:
        place = _Place.follow(location, kind, document)
        if location[-1:] != place.path[-1:] or not isinstance(place.node.value, dict) or not _holds_table(place.kind):
            continue  # ends in the name of a branch, or at a value that can be no table
        nouns = [
            member.__name__ for member in _members(place.kind) if isinstance(member, type) and is_dataclass(member)
        ]
        if not nouns:
            continue
        inside = [error["loc"] for error in errors if error["loc"][: len(location)] == location != error["loc"]]
        tables = {path[: len(location) + 1] for path in inside if path[len(location)] not in nouns}
        strange = sum(error["loc"][:-2] in tables and error["loc"][-1] == "[key]" for error in errors)
        if place.node.value.keys() & set(place.known_fields()):
            dropped |= tables
        elif strange < len(place.node.value):
            dropped |= {(*location, noun) for noun in nouns}
    return [error for error in errors if not any(error["loc"][: len(branch)] == branch for branch in dropped)]


def _holds_table(kind: Any) -> bool:
    """Whether a table is among the branches of a union."""
    if get_origin(kind) is Annotated:
        return any(isinstance(law, Table) for law in kind.__metadata__) or _holds_table(get_args(kind)[0])
    return get_origin(kind) in (Union, UnionType) and any(_holds_table(branch) for branch in get_args(kind))


def _finding(error: Any, kind: Any, document: Node) -> Finding:
    location, what, context = error["loc"], error["type"], error.get("ctx", {})
    if what in (*_UNKNOWN, *_MISSING):
        return _field_finding(_Place.follow(location[:-1], kind, document), str(location[-1]), what in _MISSING)
    if what in ("union_tag_invalid", "union_tag_not_found"):
        return _tag_finding(_Place.follow(location, kind, document), _quoted(context.get("expected_tags", "")))
    if location and location[-1] == "[key]":
        return _key_finding(_Place.follow(location[:-2], kind, document), str(error["input"]), context)
    place = _Place.follow(location, kind, document)
    expected_kind = _WRONG_KIND.get(what)
    if what == "value_error" and isinstance(context["error"], InvalidValue):
        inner = place.inside(context["error"].path)
        holds_more = isinstance(inner.node.value, (dict, list))
        value = shown(context["error"].value) if holds_more else inner.shown
        return Finding(f"{inner.dotted} = {value}: {context['error'].law}", inner.node.line, inner.path)
    if what == "value_error":
        law = str(context["error"])
    elif what in ("enum", "literal_error"):
        law = suggestion(str(place.node.value), _quoted(context["expected"]))
    else:
        law = f"must be {expected_kind}" if expected_kind else error["msg"][:1].lower() + error["msg"][1:]
    return Finding(f"{place.dotted} = {place.shown}: {law}", place.node.line, place.path, expected_kind)


def _field_finding(place: "_Place", name: str, missing: bool) -> Finding:
    """A field that the noun does not have, or that the document lacks."""
    path = (*place.path, name)
    if missing:
        return Finding(f"{place.named(name)}: is missing", place.node.line, path, missing=True)
    text = f"{place.named(name)}: unknown field; {suggestion(name, place.known_fields())}"
    return Finding(text, place.node.key_lines.get(name, place.node.line), path)


def _key_finding(place: "_Place", key: str, context: Any) -> Finding:
    """An unknown key of a table."""
    text = f"{place.named(key)}: unknown name; {suggestion(key, _quoted(context['expected']))}"
    return Finding(text, place.node.key_lines.get(key, place.node.line), (*place.path, key))


def _tag_finding(place: "_Place", kinds: list[str]) -> Finding:
    """A `kind` that is unknown or missing."""
    assert isinstance(place.node.value, dict)
    kind = place.node.value.get("kind")
    if kind is None:
        kinds = [kind_of(member) for member in _members(place.kind)]
        text = f"{place.named('kind')}: is missing; known: {', '.join(kinds)}"
        return Finding(text, place.node.line, (*place.path, "kind"))
    inner = _Place((*place.path, "kind"), kind, Any)
    return Finding(f"{inner.dotted} = {inner.shown}: {suggestion(str(kind.value), kinds)}", kind.line, inner.path)


def _quoted(text: str) -> list[str]:
    return re.findall(r"'([^']*)'", text)


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
            if place.member == step:
                place = cls(place.path, place.node, place.member_kind)
                continue
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
    def member(self) -> str | None:
        """The branch of a union that the document's `kind` names; the validator puts it into locations."""
        laws = self.kind.__metadata__ if get_origin(self.kind) is Annotated else ()
        entries = self.node.value if isinstance(self.node.value, dict) else {}
        for law in laws:
            if isinstance(law, Family):
                return law.kind_in({name: node.value for name, node in entries.items()})
            if isinstance(law, ByKind) and "kind" in entries:
                return str(entries["kind"].value)
        return None

    @property
    def member_kind(self) -> Any:
        named = [member for member in _members(self.kind) if kind_of(member) == self.member]
        return named[0] if named else self.kind

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
            case None | bool() as constant:
                return json.dumps(constant)
            case scalar:
                return shown(scalar)

    def named(self, name: str) -> str:
        return f"{self.dotted}.{name}" if self.path else name

    def inside(self, path: str) -> "_Place":
        """The place of a field further in; the path goes on where the document does not."""
        steps = path.split(".")
        place = _Place.follow(steps, self.kind, self.node)
        return _Place((*self.path, *steps), place.node, place.kind)

    def known_fields(self) -> list[str]:
        return [f.name for kind in _members(self.kind) if is_dataclass(kind) for f in fields(kind)]


def _members(kind: Any) -> tuple[Any, ...]:
    """The branches of a union, the members of a family, or the type itself, without annotations."""
    if get_origin(kind) is Annotated:
        families = [law for law in kind.__metadata__ if isinstance(law, Family)]
        if families:
            return families[0].members
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
