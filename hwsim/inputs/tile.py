"""Analog tiles from a path or a mapping."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from hwsim.errors import FileProblem, InvalidValue
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.inputs.files import Node, read_document, read_text
from hwsim.inputs.load import as_node, from_document


def load_tile(source: str | PathLike[str] | Mapping[str, Any] | AnalogTile) -> AnalogTile:
    """An analog tile, as a file of its own or as the `array` of a file that describes more."""
    if isinstance(source, AnalogTile):
        return source
    if isinstance(source, Mapping):
        return _tile_in(as_node(source), "mapping")
    if not isinstance(source, (str, PathLike)):
        raise InvalidValue("tile", type(source).__name__, "must be a path or a mapping")
    file = read_text(Path(source))
    return _tile_in(read_document(file), file.name)


def _tile_in(document: Node, name: str) -> AnalogTile:
    entries = document.value
    if isinstance(entries, dict) and "array" in entries:
        document = entries["array"]
        kind = document.value.get("kind") if isinstance(document.value, dict) else None
        if kind is None or kind.value != "analog":
            raise FileProblem(
                name, "array.kind: must be analog, where an analog tile is wanted", line=document.line or None
            )
    return from_document(AnalogTile, document, name)
