"""Documents as nouns; workloads and price tables from a path, a shipped name or a mapping."""

import json
import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar, Union, cast

from pydantic import TypeAdapter, ValidationError

import hwsim.arrays.kinds  # noqa: F401  # what files may call an array
from hwsim.errors import FileProblem, InvalidValue, UnknownName, UserError
from hwsim.hardware.chip import Chip
from hwsim.hardware.dram import DramDevice
from hwsim.hardware.prices import PriceTable, TechnologyTable
from hwsim.inputs.files import DEEPEST, MOST_DIGITS, MOST_NODES, Kind, Located, Node, locate, read_document, read_text
from hwsim.inputs.findings import first_finding
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import RECIPES, AnyRecipe, at_length, with_dimensions, workload
from hwsim.models.onnx_file import OnnxFile
from hwsim.quantities.fields import UTTERANCE
from hwsim.quantities.noun import ByKind, Noun, sorted_pairs
from hwsim.quantities.plain_data import must_map_names
from hwsim.quantities.registry import kept_for_kinds

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


def json_schema(kinds: tuple[type[Any], ...]) -> dict[str, Any]:
    """The JSON Schema of a file that describes one of these nouns; of several, their fields `kind`, if they have any,
    say which."""
    union: Any = Union[kinds]  # built at run time
    if len(kinds) > 1 and all("kind" in {f.name for f in fields(kind)} for kind in kinds):
        union = Annotated[union, ByKind()]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **TypeAdapter(union).json_schema()}


@kept_for_kinds
def adapter(kind: Hashable) -> TypeAdapter[Any]:
    """What reads values of a type from documents."""
    return TypeAdapter(cast(Any, kind))


_FIELDS = {
    Kind.ARCH: {f.name for f in fields(Chip)},
    Kind.WORKLOAD: {f.name for recipe in RECIPES.values() for f in fields(recipe)},
    Kind.ENERGY: {f.name for f in fields(PriceTable)},
    Kind.DRAM: {f.name for f in fields(DramDevice)},
}


def describes(document: Node) -> Kind | None:
    """The kind with which a document shares most fields; None if it shares none that others lack."""
    if not isinstance(document.value, dict):
        return None
    shared = {kind: len(names & set(document.value)) for kind, names in _FIELDS.items()}
    most = max(shared, key=lambda kind: shared[kind])
    return most if list(shared.values()).count(shared[most]) == 1 else None


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
        return FileProblem(self.name, problem, line=_line(self.document, field))


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


def load_workload(source: Source, precision: str | None = None, *, dims: Mapping[str, int] | None = None) -> Workload:
    """A workload with its program, under its own precisions or under another policy for all of it.

    `dims` are other dimensions by dotted name, such as {"encoder.layers": 4}.
    """
    must_map_names(int, "a whole number", dims=dims)
    if is_onnx(source):
        return onnx_from(source, precision, dims).value
    return workload_from(open_source(Kind.WORKLOAD, source), precision, dims, dimensions_source="caller: dims").value


def load_prices(source: Source | PriceTable) -> PriceTable:
    """A price table."""
    return source if isinstance(source, PriceTable) else prices_from(open_source(Kind.ENERGY, source)).value


def open_workload(
    source: Source,
    precision: str | None = None,
    dimensions: Mapping[str, int] | None = None,
    *,
    floats: str = "fp16",
) -> Loaded[Workload]:
    """A workload, with other dimensions if any are given, and the file that it comes from.

    `floats` is the format of floats of a model file, if no precision is given.
    """
    if is_onnx(source):
        return onnx_from(source, precision, dimensions, floats=floats)
    return workload_from(open_source(Kind.WORKLOAD, source), precision, dimensions)


def is_onnx(source: Source) -> bool:
    """Whether a source is a model file, by its name."""
    return not isinstance(source, Mapping) and str(source).lower().endswith((".onnx", ".tflite"))


def onnx_from(
    source: Source, precision: str | None = None, dims: Mapping[str, int] | None = None, *, floats: str = "fp16"
) -> Loaded[Workload]:
    """The workload of a model file."""
    located = locate(Kind.WORKLOAD, str(source))
    work, sha256 = _reader(located.path)(located.path, precision, dims, floats=floats)
    opened = Opened(str(source), Node(0, {}), located.path, ((located.label, sha256),))
    return Loaded(work, opened, opened.files, opened.paths)


def _reader(path: Path) -> Callable[..., tuple[Workload, str]]:
    """What reads a model file, by its ending."""
    if path.suffix.lower() == ".tflite":
        from hwsim.inputs.tflite.workload import tflite_workload

        return tflite_workload
    from hwsim.inputs.onnx.workload import onnx_workload

    return onnx_workload


def model_from(opened: Opened, recipe: OnnxFile, precision: str | None, dims: Mapping[str, int]) -> Loaded[Workload]:
    """The workload of the model file that a workload file names, its open axes of these sizes."""
    recipe = replace(recipe, dims=sorted_pairs({**dict(recipe.dims), **dims}))
    try:
        located = locate(Kind.WORKLOAD, recipe.file, opened.folder)
        work, sha256 = _reader(located.path)(
            located.path, precision or recipe.precision, dict(recipe.dims), name=recipe.name, audio=recipe.audio
        )
    except UserError as error:
        raise opened.refused("file", f"file: {error}") from error
    files = (*opened.files, (located.label, sha256))
    return Loaded(replace(work, recipe=recipe), opened, files, (*opened.paths, located.path))


def open_located(located: Located) -> Opened:
    """The document in a file."""
    file = read_text(located.path)
    return Opened(file.name, read_document(file), located.path, ((located.label, file.sha256),), located.shipped)


def workload_from(
    opened: Opened,
    precision: str | None = None,
    dimensions: Mapping[str, int] | None = None,
    dimensions_source: str = "command line: --dim",
) -> Loaded[Workload]:
    """The workload that a document describes, with other dimensions if any are given, whose source is named."""
    expect(opened, Kind.WORKLOAD)
    described = recipe_from(opened)
    if isinstance(described, OnnxFile):
        return model_from(opened, described, precision, dimensions or {})
    recipe = with_dimensions(described, dimensions or {}, dimensions_source)
    try:
        work = workload(recipe, precision)
        _check_lengths(work)
        return Loaded(work, opened, opened.files, opened.paths)
    except (UnknownName, InvalidValue) as error:
        if precision is not None:
            raise
        path = error.path if isinstance(error, InvalidValue) else "precision"
        problem = str(error) if isinstance(error, InvalidValue) else f"precision: {error}"
        raise opened.refused(path, problem) from error


def _check_lengths(work: Workload) -> None:
    """Refuse a distribution of lengths whose shortest or longest one the network does not take."""
    if work.lengths is None:
        return
    buckets = work.lengths.bucketed()
    for length in (buckets[0].length, buckets[-1].length):
        try:
            at_length(work, length)
        except InvalidValue as error:
            raise InvalidValue("lengths", UTTERANCE.written(length), error.law) from error


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


def prices_from(opened: Opened) -> Loaded[PriceTable]:
    """The price table that a document describes."""
    expect(opened, Kind.ENERGY)
    table = from_document(PriceTable, opened.document, opened.name)
    return filled(table, opened)


def device_from(opened: Opened) -> Loaded[DramDevice]:
    """The DRAM device that a document describes."""
    expect(opened, Kind.DRAM)
    device = from_document(DramDevice, opened.document, opened.name)
    return Loaded(device, opened, opened.files, opened.paths)


def load_device(source: Source) -> DramDevice:
    """A DRAM device from a path, a shipped name or a mapping."""
    return device_from(open_source(Kind.DRAM, source)).value


def filled(table: PriceTable, opened: Opened, path: str = "filled_from") -> Loaded[PriceTable]:
    """The table, with the tables read that `filled_from` names; their own `filled_from` is left alone."""
    tables: list[TechnologyTable | str] = []
    files, paths = opened.files, opened.paths
    for entry in table.filled_from:
        if isinstance(entry, str):
            try:
                named = open_located(locate(Kind.ENERGY, entry, opened.folder))
                expect(named, Kind.ENERGY)
                named_table = from_document(PriceTable, named.document, named.name)
                entry = TechnologyTable(**{f.name: getattr(named_table, f.name) for f in fields(TechnologyTable)})
            except UserError as error:
                raise opened.refused(path, f"{path}: {error}") from error
            files, paths = files + named.files, paths + named.paths
        tables.append(entry)
    return Loaded(replace(table, filled_from=tuple(tables)), opened, files, paths)


def open_source(kind: Kind, source: Source) -> Opened:
    if isinstance(source, Mapping):
        return Opened("mapping", as_node(source))
    if isinstance(source, Noun) or not isinstance(source, (str, PathLike)):
        raise InvalidValue(kind.title, type(source).__name__, "must be a path, a shipped name or a mapping")
    return open_located(locate(kind, str(source)))


def expect(opened: Opened, kind: Kind) -> None:
    """Refuse a file of another kind by its name, not by its first unknown field."""
    described = describes(opened.document)
    if described is not None and described is not kind:
        raise FileProblem(opened.name, f"describes a {described.title}, where a {kind.title} is wanted")


def _line(document: Node, path: str) -> int | None:
    return document.at(path).line or None
