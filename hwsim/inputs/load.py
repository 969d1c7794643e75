"""Chips, workloads and price tables from a path, a shipped name or a mapping."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from hwsim.core.chip import Chip
from hwsim.core.prices import PriceTable
from hwsim.core.workload import Workload
from hwsim.errors import FileProblem, InvalidValue, UnknownName
from hwsim.inputs.files import read_text
from hwsim.inputs.shipped import Kind, locate
from hwsim.inputs.validate import as_node, from_document
from hwsim.inputs.yaml.document import Node, read_document
from hwsim.models.catalogue import RECIPES, AnyRecipe, workload

Source = str | PathLike[str] | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """A document, the name under which messages speak of it, and the files that it was read from with their hashes."""

    name: str
    document: Node
    files: tuple[tuple[str, str], ...] = ()


def load_chip(source: Source) -> Chip:
    """A chip with its price table."""
    return chip_from(open_source(Kind.ARCH, source))


def load_workload(source: Source, precision: str | None = None) -> Workload:
    """A workload with its program, under its own precisions or under another policy for all of it."""
    return workload_from(open_source(Kind.WORKLOAD, source), precision)


def load_prices(source: Source) -> PriceTable:
    """A price table."""
    return prices_from(open_source(Kind.ENERGY, source))


def open_source(kind: Kind, source: Source) -> Opened:
    """The document behind a path, a shipped name or a mapping."""
    if isinstance(source, Mapping):
        return Opened("mapping", as_node(source))
    return open_path(locate(kind, str(source)))


def open_path(path: Path) -> Opened:
    """The document in a file."""
    file = read_text(path)
    return Opened(file.name, read_document(file), ((file.name, file.sha256),))


def chip_from(opened: Opened) -> Chip:
    chip = from_document(Chip, opened.document, opened.name)
    if isinstance(chip.energy, PriceTable):
        return chip
    try:
        return replace(chip, energy=load_prices(chip.energy))
    except UnknownName as error:
        raise FileProblem(opened.name, f"energy: {error}", line=_line(opened.document, "energy")) from error


def workload_from(opened: Opened, precision: str | None = None) -> Workload:
    recipe = recipe_from(opened)
    try:
        return workload(recipe, precision)
    except UnknownName as error:
        if precision is not None:
            raise
        raise FileProblem(opened.name, f"precision: {error}", line=_line(opened.document, "precision")) from error
    except InvalidValue as error:
        raise FileProblem(opened.name, str(error), line=_line(opened.document, error.path)) from error


def recipe_from(opened: Opened) -> AnyRecipe:
    """The recipe that a workload file describes; its `kind` says of which network."""
    entries = opened.document.value
    kind = entries.get("kind") if isinstance(entries, dict) else None
    if kind is None:
        raise FileProblem(
            opened.name, f"kind: is missing; known: {', '.join(RECIPES)}", line=opened.document.line or None
        )
    if not isinstance(kind.value, str) or kind.value not in RECIPES:
        raise FileProblem(opened.name, str(UnknownName("kind", str(kind.value), RECIPES)), line=kind.line or None)
    return from_document(RECIPES[kind.value], opened.document, opened.name)


def prices_from(opened: Opened) -> PriceTable:
    return from_document(PriceTable, opened.document, opened.name)


def _line(document: Node, path: str) -> int | None:
    return document.at(path).line or None
