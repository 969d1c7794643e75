"""A document as a noun: pydantic holds it against the noun's own class; the first thing wrong becomes one line."""

import json
import math
from collections.abc import Hashable, Mapping
from enum import Enum
from functools import cache
from typing import Annotated, Any, TypeVar, Union, cast

from pydantic import TypeAdapter, ValidationError

from hwsim.core.noun import ByKind
from hwsim.errors import FileProblem, InvalidValue
from hwsim.inputs.findings import first_finding
from hwsim.inputs.yaml.document import Node

T = TypeVar("T")


def from_document(kind: type[T], document: Node, file: str) -> T:
    """The noun that a document describes; FileProblem names file, line and field of what is wrong."""
    try:
        noun: T = adapter(cast(Hashable, kind)).validate_json(json.dumps(document.plain()), strict=True)
        return noun
    except ValidationError as error:
        finding = first_finding(error.errors(include_url=False), kind, document)
        raise FileProblem(file, finding.text, line=finding.line or None) from error


def as_node(value: Any, path: str = "mapping") -> Node:
    """Python data as a document without lines."""
    match value:
        case Mapping():
            return Node(0, {str(key): as_node(item, str(key)) for key, item in value.items()})
        case list() | tuple():
            return Node(0, [as_node(item, path) for item in value])
        case Enum():
            return Node(0, value.value)
        case float() if not math.isfinite(value):
            raise InvalidValue(path, value, "must be a finite number")
        case None | bool() | int() | float() | str():
            return Node(0, value)
    raise InvalidValue(path, value, "must be a mapping, a list, a number or a text")


def json_schema(kinds: tuple[type[Any], ...]) -> dict[str, Any]:
    """The JSON Schema of a file that describes one of these nouns; of several, the field `kind` says which."""
    union: Any = Annotated[Union[kinds], ByKind()] if len(kinds) > 1 else kinds[0]  # built at run time
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **TypeAdapter(union).json_schema()}


@cache
def adapter(kind: Hashable) -> TypeAdapter[Any]:
    """What reads values of a type from documents."""
    return TypeAdapter(cast(Any, kind))
