"""A file before anybody knows what it describes: its document, its path, its hash; and what was made of it."""

import math
from collections.abc import Mapping
from enum import Enum
from os import PathLike
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, InvalidValue
from hwsim.inputs.files import DEEPEST, MOST_DIGITS, MOST_NODES, Kind, Located, Node, locate, read_document, read_text
from hwsim.ir.workload import Workload
from hwsim.quantities.noun import Noun

T = TypeVar("T")


Source = str | PathLike[str] | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """A document, the name under which messages speak of it, its file and that file's hash."""

    name: str
    document: Node
    path: Path | None = None
    files: tuple[tuple[str, str], ...] = ()
    shipped: bool = False

    @property
    def folder(self) -> Path | None:
        return None if self.path is None else self.path.parent

    @property
    def paths(self) -> tuple[Path, ...]:
        return () if self.path is None else (self.path,)

    def refused(self, field: str, problem: str) -> FileProblem:
        """The refusal of what a field says, with its line."""
        return FileProblem(self.name, problem, line=self.document.at(field).line or None)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    """The noun that a document describes, and the files that it comes from, with their hashes."""

    value: T
    opened: Opened
    files: tuple[tuple[str, str], ...] = ()
    paths: tuple[Path, ...] = ()

    @property
    def title(self) -> str:
        """How messages speak of it: by its file, or by the name by which it is shipped."""
        opened = self.opened
        return opened.path.stem if opened.shipped and opened.path is not None else opened.name


class ReadModel(NamedTuple):
    """The workload of a model file, the file's hash, and the files beside it that hold its numbers, with theirs."""

    workload: Workload
    sha256: str
    beside: tuple[tuple[Path, str], ...] = ()


def open_located(located: Located) -> Opened:
    """The document in a file."""
    file = read_text(located.path)
    return Opened(file.name, read_document(file), located.path, ((located.label, file.sha256),), located.shipped)


def open_source(kind: Kind, source: Source) -> Opened:
    if isinstance(source, Mapping):
        return Opened("mapping", as_node(source))
    if isinstance(source, Noun) or not isinstance(source, (str, PathLike)):
        raise InvalidValue(kind.title, type(source).__name__, "must be a path, a shipped name or a mapping")
    return open_located(locate(kind, str(source)))


def as_node(value: Any) -> Node:
    """Python data as a document without lines, within the bounds that files have."""
    return _Plain().node(value, "mapping", 0)


@dataclass(slots=True)
class _Plain:
    """Reads Python data, which may hold itself, or values that no file can hold."""

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
