"""Files that a user named, or that come with hwsim: as bytes, as UTF-8 text, and as YAML documents with lines.

Documents are built from the parser's events, so that nothing is constructed, expanded or recursed into before it is
known to be harmless: depth and size are bounded, an alias counts for all that it stands for, tags and duplicate keys
are refused. Plain scalars mean what the core schema of YAML 1.2 says: PyYAML's own rules are those of YAML 1.1, in
which `1e9` is a text, `1:30` is ninety and `no` is false.
"""

import hashlib
import math
import re
import stat
from collections.abc import Iterator
from dataclasses import field
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, UnknownName, shown

LARGEST, LARGEST_TEXT = 8 << 30, 1 << 20
"""Bytes of the largest file that is read, and of the largest text that people write."""


@dataclass(frozen=True, slots=True)
class BinaryFile:
    """A file's name as the user wrote it, its bytes, and their hash."""

    name: str
    data: bytes
    sha256: str


def regular_size(path: Path, name: str) -> int:
    """The bytes of a regular file; anything else is refused. Errors of the system pass through."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise FileProblem(name, "is a directory; name a file")
    if not stat.S_ISREG(status.st_mode):
        raise FileProblem(name, "is not a regular file")
    return status.st_size


def read_bytes(path: Path, largest: int = LARGEST) -> BinaryFile:
    """The bytes of a regular file that has no more than that many."""
    name = str(path)
    try:
        size = regular_size(path, name)
        if size > largest:
            raise FileProblem(name, f"has {size} bytes; at most {largest} are read")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise FileProblem(name, f"cannot be read: {reason}") from error
    return BinaryFile(name, data, hashlib.sha256(data).hexdigest())


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file's name as the user wrote it, its text, and the hash of its bytes."""

    name: str
    text: str
    sha256: str


def read_text(path: Path, largest: int = LARGEST_TEXT) -> TextFile:
    """The text of a file of no more than that many bytes, without a byte order mark."""
    file = read_bytes(path, largest)
    try:
        text = file.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = file.data.count(b"\n", 0, error.start) + 1
        raise FileProblem(file.name, f"is not UTF-8: byte {error.object[error.start]:#04x}", line=line) from error
    return TextFile(file.name, text, file.sha256)


_NULL = re.compile(r"|~|null|Null|NULL")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o([0-7]+)")
_HEXADECIMAL = re.compile(r"0x([0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

MOST_DIGITS = 40


def resolve(text: str) -> None | bool | int | float | str:
    """The value of a plain scalar; ValueError for a number that no field could take.

    >>> resolve("1e9"), resolve("1:30"), resolve("no"), resolve("0x10"), resolve("~")
    (1000000000.0, '1:30', 'no', 16, None)
    """
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _NOT_FINITE.fullmatch(text):
        raise ValueError("must be a finite number")
    for pattern, base in ((_DECIMAL, 10), (_OCTAL, 8), (_HEXADECIMAL, 16)):
        match = pattern.fullmatch(text)
        if match:
            if len(text) > MOST_DIGITS:
                raise ValueError(f"must have at most {MOST_DIGITS} digits")
            return int(match[match.lastindex or 0], base)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError("must be a finite number")
        return number
    return text


DEEPEST = 40
MOST_NODES = 20_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Node:
    """A value with the line on which it begins; mappings and lists hold nodes."""

    line: int
    value: None | bool | int | float | str | list["Node"] | dict[str, "Node"]
    key_lines: dict[str, int] = field(default_factory=dict)
    size: int = 1

    def plain(self) -> Any:
        """The value without its lines."""
        match self.value:
            case dict() as entries:
                return {key: node.plain() for key, node in entries.items()}
            case list() as items:
                return [node.plain() for node in items]
            case scalar:
                return scalar

    def at(self, path: str) -> "Node":
        """The node of a dotted path, as far as the document has it."""
        node = self
        for step in path.split("."):
            if not isinstance(node.value, dict) or step not in node.value:
                break
            node = node.value[step]
        return node


@lru_cache(maxsize=16)
def read_document(source: TextFile) -> Node:
    """The one document of a file. Callers never change it, so a file that is read again is not parsed again."""
    try:
        return _Reader(source).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be parsed"
        line = None if mark is None else mark.line + 1
        # Newer parsers have a bound of their own, and meet it before the reader meets its bound.
        too_deep = "nesting depth" in problem
        text = f"is nested more than {DEEPEST} deep" if too_deep else f"is not YAML: {problem}"
        raise FileProblem(source.name, text, line=line) from error


class _Reader:
    def __init__(self, source: TextFile) -> None:
        self.source = source
        self.events: Iterator[Any] = yaml.parse(source.text, Loader=_LOADER)
        self.anchors: dict[str, Node] = {}
        self.nodes = 0

    def problem(self, text: str, event: Any) -> FileProblem:
        return FileProblem(self.source.name, text, line=event.start_mark.line + 1)

    def document(self) -> Node:
        next(self.events)  # stream start
        first = next(self.events)
        if isinstance(first, yaml.StreamEndEvent):
            raise FileProblem(self.source.name, "is empty")
        root = self.node(next(self.events), depth=0)
        next(self.events)  # document end
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self.problem("holds a second document; one is read", after)
        return root

    def node(self, event: Any, depth: int) -> Node:
        line = event.start_mark.line + 1
        if depth > DEEPEST:
            raise self.problem(f"is nested more than {DEEPEST} deep", event)
        if isinstance(event, yaml.AliasEvent):
            anchored = self.anchors.get(str(event.anchor))
            if anchored is None:
                raise self.problem(f"alias *{event.anchor} has no complete anchor before it", event)
            self.count(anchored.size, event)
            return Node(line, anchored.value, anchored.key_lines, anchored.size)
        if event.tag not in (None, "!"):
            raise self.problem(f"tag {shown(event.tag)} is not allowed", event)
        self.count(1, event)
        if isinstance(event, yaml.ScalarEvent):
            node = Node(line, self.scalar(event))
        elif isinstance(event, yaml.SequenceStartEvent):
            items = list(self.items(depth))
            node = Node(line, items, size=1 + sum(item.size for item in items))
        else:
            node = self.mapping(line, depth)
        if event.anchor is not None:
            self.anchors[str(event.anchor)] = node
        return node

    def scalar(self, event: Any) -> None | bool | int | float | str:
        text: str = event.value
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise self.problem("holds half a surrogate pair, which is no character", event)
        if not event.implicit[0]:
            return text  # quoted
        try:
            return resolve(text)
        except ValueError as error:
            raise self.problem(f"{shown(text)} {error}", event) from error

    def items(self, depth: int) -> Iterator[Node]:
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                return
            yield self.node(event, depth + 1)

    def mapping(self, line: int, depth: int) -> Node:
        entries: dict[str, Node] = {}
        key_lines: dict[str, int] = {}
        size = 1
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self.node(event, depth + 1)
            if not isinstance(key.value, str):
                raise self.problem(f"key {shown(key.value if key.size == 1 else '...')} must be a text", event)
            if key.value in entries:
                where = key_lines[key.value]
                raise self.problem(f"key {shown(key.value)} is given twice, first on line {where}", event)
            entries[key.value] = self.node(next(self.events), depth + 1)
            key_lines[key.value] = key.line
            size += 1 + entries[key.value].size
        return Node(line, entries, key_lines, size)

    def count(self, nodes: int, event: Any) -> None:
        self.nodes += nodes
        if self.nodes > MOST_NODES:
            raise self.problem(f"stands for more than {MOST_NODES} values", event)


class Kind(Enum):
    """What a file can describe, with the folder in which such files are shipped."""

    ARCH = "arch"
    WORKLOAD = "workload"
    ENERGY = "energy"
    DRAM = "dram"

    @property
    def title(self) -> str:
        """What messages call it."""
        return _TITLES[self]

    @property
    def folder(self) -> Path:
        """An installed package carries the folders inside; in a checkout they lie beside it."""
        package = Path(__file__).resolve().parents[1]
        root = package / "shipped" if (package / "shipped").is_dir() else package.parent
        return root / _FOLDERS[self]


_TITLES = {Kind.ARCH: "chip", Kind.WORKLOAD: "workload", Kind.ENERGY: "price table", Kind.DRAM: "DRAM device"}
_FOLDERS = {Kind.ARCH: "arch", Kind.WORKLOAD: "workloads", Kind.ENERGY: "arch/energy", Kind.DRAM: "arch/dram"}


@dataclass(frozen=True, slots=True)
class Located:
    """A file, and the name by which results speak of it: that of a shipped one is the same on every machine."""

    path: Path
    label: str
    shipped: bool = False


TRAINED = "trained"
"""The folder, beside the files of a kind, that has a folder for each trained network: its file, under the folder's
name, with the weights, the symbols and the recordings that belong to it."""


def names(kind: Kind) -> tuple[str, ...]:
    """The names of all shipped files of a kind, trained networks apart."""
    return tuple(sorted(path.stem for path in kind.folder.glob("*.yaml")))


def trained(kind: Kind) -> tuple[str, ...]:
    """The names of shipped files that have trained weights beside them."""
    return tuple(sorted(path.stem for path in kind.folder.glob(f"{TRAINED}/*/*.yaml") if path.stem == path.parent.name))


def all_names(kind: Kind) -> tuple[str, ...]:
    """The names of all shipped files of a kind, trained networks last."""
    return names(kind) + trained(kind)


def shipped_file(kind: Kind, name: str) -> Path:
    """The file of a shipped name, if there is one."""
    path = kind.folder / f"{name}.yaml"
    return path if path.is_file() else kind.folder / TRAINED / name / f"{name}.yaml"


def about(kind: Kind, name: str) -> str:
    """What the file of a shipped name says about itself."""
    description = read_document(read_text(shipped_file(kind, name))).plain().get("about", "")
    return str(description)


def text(name: str) -> str:
    """The file of a shipped name, whatever its kind."""
    for kind in Kind:
        if name in all_names(kind):
            return shipped_file(kind, name).read_text(encoding="utf-8")
    raise UnknownName("shipped name", name, [name for kind in Kind for name in all_names(kind)])


def locate(kind: Kind, reference: str, beside: Path | None = None) -> Located:
    """The file that a path or a shipped name means; a file wins over a name.

    A relative path is looked for `beside` the file that it stands in, if it stands in one.
    """
    path = (beside or Path()) / reference
    if not reference.strip():
        raise FileProblem(shown(reference), f"names no {kind.title}")
    try:
        if path.is_file():
            return Located(path, str(path))
        is_name = Path(reference).name == reference and not path.suffix
        shipped = shipped_file(kind, reference)
        if is_name and shipped.is_file():
            return Located(shipped, f"{kind.value}/{reference} (shipped)", shipped=True)
        exists = path.exists()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise FileProblem(shown(reference), f"cannot be read: {reason}") from error
    if exists:
        return Located(path, str(path))
    if is_name:
        for other_kind in Kind:
            if reference in all_names(other_kind):
                raise FileProblem(reference, f"is a {other_kind.title}, where a {kind.title} is wanted")
        raise UnknownName(kind.title, reference, all_names(kind))
    raise FileProblem(shown_path(reference), f"there is no such file; shipped names: {', '.join(all_names(kind))}")


def shown_path(reference: str) -> str:
    """A path as it was written, unless it would not print."""
    return reference if reference.isprintable() else shown(reference)
