"""A document as a noun: pydantic holds it against the noun's own class; the first thing wrong becomes one line."""

import json
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, TypeVar, Union, cast

from pydantic import TypeAdapter, ValidationError

import hwsim.arrays.kinds  # noqa: F401  # what files may call an array
from hwsim.errors import FileProblem, InvalidValue
from hwsim.inputs.findings import first_finding
from hwsim.inputs.yaml.document import DEEPEST, MOST_DIGITS, MOST_NODES, Node
from hwsim.quantities.family import kept_for_kinds
from hwsim.quantities.noun import ByKind

T = TypeVar("T")


def from_document(kind: type[T], document: Node, file: str) -> T:
    """The noun that a document describes; FileProblem names file, line and field of what is wrong."""
    try:
        noun: T = adapter(cast(Hashable, kind)).validate_json(json.dumps(document.plain()), strict=True)
        return noun
    except ValidationError as error:
        finding = first_finding(error.errors(include_url=False), kind, document)
        raise FileProblem(file, finding.text, line=finding.line or None) from error


def as_node(value: Any) -> Node:
    """Python data as a document without lines, within the bounds that files have."""
    return _Plain().node(value, "mapping", 0)


@dataclass(slots=True)
class _Plain:
    """Reads Python data, which may hold itself, and values that no file can."""

    nodes: int = 0

    def node(self, value: Any, path: str, depth: int) -> Node:
        self.nodes += 1
        if depth > DEEPEST:  # such a value may be too deep to be printed
            raise InvalidValue(path, type(value).__name__, f"is nested more than {DEEPEST} deep")
        if self.nodes > MOST_NODES:
            raise InvalidValue(path, type(value).__name__, f"stands for more than {MOST_NODES} values")
        match value:
            case Mapping():
                entries: dict[str, Node] = {}
                for key, item in value.items():
                    name = str(self.node(str(key), path, depth).value)
                    if name in entries:
                        raise InvalidValue(path, name, "is given twice")
                    entries[name] = self.node(item, name, depth + 1)
                return Node(0, entries)
            case list() | tuple():
                return Node(0, [self.node(item, path, depth + 1) for item in value])
            case Enum():
                return Node(0, value.value)
            case float() if not math.isfinite(value):
                raise InvalidValue(path, value, "must be a finite number")
            case int() if abs(value) >= 10**MOST_DIGITS:
                raise InvalidValue(path, type(value).__name__, f"must have at most {MOST_DIGITS} digits")
            case str() if any("\ud800" <= character <= "\udfff" for character in value):
                raise InvalidValue(path, value, "holds half a surrogate pair, which is no character")
            case None | bool() | int() | float() | str():
                return Node(0, value)
        raise InvalidValue(path, value, "must be a mapping, a list, a number or a text")


def json_schema(kinds: tuple[type[Any], ...]) -> dict[str, Any]:
    """The JSON Schema of a file that describes one of these nouns; of several, the field `kind` says which."""
    union: Any = Annotated[Union[kinds], ByKind()] if len(kinds) > 1 else kinds[0]  # built at run time
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **TypeAdapter(union).json_schema()}


@kept_for_kinds
def adapter(kind: Hashable) -> TypeAdapter[Any]:
    """What reads values of a type from documents."""
    return TypeAdapter(cast(Any, kind))
