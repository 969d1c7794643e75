"""Analog tiles from a path or a mapping, alone or as those of a chip."""

from collections.abc import Mapping
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any

from hwsim.errors import FileProblem, InvalidValue
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.inputs.chips import check_analog_chip, machine_from
from hwsim.inputs.files import Kind, Node, locate, read_document, read_text
from hwsim.inputs.load import from_document
from hwsim.inputs.opened import Loaded, as_node, open_located

_OF_CHIPS = {f.name for f in fields(AnalogChip)} - {"name", "about", "array"}


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


def open_tile_or_chip(reference: str) -> "Loaded[AnalogTile] | Loaded[AnalogChip]":
    """An analog tile from a file, or the chip, if the file or shipped name describes one; with all files of it."""
    opened = open_located(locate(Kind.ARCH, reference))
    entries = opened.document.value
    if not (isinstance(entries, dict) and "array" in entries and _OF_CHIPS & set(entries)):
        return Loaded(_tile_in(opened.document, opened.name), opened, opened.files, opened.paths)
    loaded = machine_from(opened)
    if not isinstance(loaded.value, AnalogChip):
        raise opened.refused("array.kind", "array.kind: must be analog, where an analog tile is wanted")
    check_analog_chip(loaded.opened, loaded.value)
    return Loaded(loaded.value, loaded.opened, loaded.files, loaded.paths)


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
