"""Chips, workloads and price tables from a path, a shipped name or a mapping."""

import json
import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar, Union, cast

from pydantic import TypeAdapter, ValidationError

import hwsim.arrays.kinds  # noqa: F401  # what files may call an array
from hwsim.errors import FileProblem, InvalidValue, UnknownName, Unsupported, UserError
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.chip import Chip, Machine, at_point
from hwsim.hardware.prices import PriceTable, TechnologyTable
from hwsim.inputs.files import DEEPEST, MOST_DIGITS, MOST_NODES, Kind, Located, Node, locate, read_document, read_text
from hwsim.inputs.findings import first_finding
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import RECIPES, AnyRecipe, at_length, with_dimensions, workload
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff
from hwsim.quantities.fields import UTTERANCE
from hwsim.quantities.noun import ByKind, Noun
from hwsim.quantities.plain_data import must_map_names
from hwsim.quantities.registry import kept_for_kinds

T = TypeVar("T")
M = TypeVar("M", bound=Machine)


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
    Kind.ARCH: {f.name for chip in (Chip, AnalogChip) for f in fields(chip)},
    Kind.WORKLOAD: {f.name for recipe in RECIPES.values() for f in fields(recipe)},
    Kind.ENERGY: {f.name for f in fields(PriceTable)},
}


def describes(document: Node) -> Kind | None:
    """The kind with which a document shares most fields; None if it shares none that others lack."""
    if not isinstance(document.value, dict):
        return None
    shared = {kind: len(names & set(document.value)) for kind, names in _FIELDS.items()}
    most = max(shared, key=lambda kind: shared[kind])
    return most if list(shared.values()).count(shared[most]) == 1 else None


Source = str | PathLike[str] | Mapping[str, Any]

AnyChip = Chip | AnalogChip


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


def load_chip(source: Source | Chip) -> Chip:
    """A chip with its price table."""
    return source if isinstance(source, Chip) else open_chip(source).value


def load_analog_chip(source: Source | AnalogChip) -> AnalogChip:
    """A chip of analog tiles with its price table."""
    return source if isinstance(source, AnalogChip) else open_analog_chip(source).value


def load_workload(source: Source, precision: str | None = None, *, dims: Mapping[str, int] | None = None) -> Workload:
    """A workload with its program, under its own precisions or under another policy for all of it.

    `dims` are other dimensions by dotted name, such as {"encoder.layers": 4}.
    """
    must_map_names(int, "a whole number", dims=dims)
    return workload_from(_open(Kind.WORKLOAD, source), precision, dims, dimensions_source="caller: dims").value


def load_prices(source: Source | PriceTable) -> PriceTable:
    """A price table."""
    return source if isinstance(source, PriceTable) else prices_from(_open(Kind.ENERGY, source)).value


def prices_of(chip: Machine) -> PriceTable:
    """The price table that a chip has, or that it names: a chip that no file described may name a shipped table."""
    return chip.energy if isinstance(chip.energy, PriceTable) else load_prices(chip.energy)


def open_chip(source: Source) -> Loaded[Chip]:
    """A chip with its price table, and the files that they come from."""
    return chip_from(_open(Kind.ARCH, source))


def open_analog_chip(source: Source) -> Loaded[AnalogChip]:
    """A chip of analog tiles with its price table, and the files that they come from."""
    opened = _open(Kind.ARCH, source)
    machine = machine_from(opened)
    if not isinstance(machine.value, AnalogChip):
        raise opened.refused("array.kind", "array.kind: must be analog; hwsim.load_chip reads other chips")
    return cast(Loaded[AnalogChip], machine)


def open_machine(source: Source) -> Loaded[AnyChip]:
    """A chip of either kind with its price table, and the files that they come from."""
    return machine_from(_open(Kind.ARCH, source))


def open_workload(
    source: Source, precision: str | None = None, dimensions: Mapping[str, int] | None = None
) -> Loaded[Workload]:
    """A workload, with other dimensions if any are given, and the file that it comes from."""
    return workload_from(_open(Kind.WORKLOAD, source), precision, dimensions)


def open_located(located: Located) -> Opened:
    """The document in a file."""
    file = read_text(located.path)
    return Opened(file.name, read_document(file), located.path, ((located.label, file.sha256),), located.shipped)


def chip_from(opened: Opened) -> Loaded[Chip]:
    """The chip that a document describes; the price table that it names is read too."""
    _expect(opened, Kind.ARCH)
    if _is_analog(opened.document):
        problem = "array.kind: is analog; hwsim run, compare, mvm and hwsim.load_analog_chip take such a chip"
        raise opened.refused("array.kind", problem)
    return _priced(Chip, opened)


def machine_from(opened: Opened) -> Loaded[AnyChip]:
    """The chip of either kind that a document describes; the price table that it names is read too."""
    _expect(opened, Kind.ARCH)
    if _is_analog(opened.document):
        return cast(Loaded[AnyChip], _priced(AnalogChip, opened))
    return cast(Loaded[AnyChip], _priced(Chip, opened))


def _is_analog(document: Node) -> bool:
    """Whether the array of the chip that a document describes is made of analog tiles."""
    array = document.value.get("array") if isinstance(document.value, dict) else None
    kind = array.value.get("kind") if array is not None and isinstance(array.value, dict) else None
    return kind is not None and kind.value == "analog"


def _priced(kind: type[M], opened: Opened) -> Loaded[M]:
    """The chip of that kind, with the price table that it holds or names."""
    chip = from_document(kind, opened.document, opened.name)
    if isinstance(chip.energy, PriceTable):
        prices = _filled(chip.energy, opened, "energy.filled_from")
        return Loaded(replace(chip, energy=prices.value), opened, prices.files, prices.paths)
    try:
        located = locate(Kind.ENERGY, chip.energy, opened.folder)
        prices = prices_from(open_located(located))
    except UserError as error:
        raise opened.refused("energy", f"energy: {error}") from error
    files, paths = opened.files + prices.files, opened.paths + prices.paths
    return Loaded(replace(chip, energy=prices.value), opened, files, paths)


def workload_from(
    opened: Opened,
    precision: str | None = None,
    dimensions: Mapping[str, int] | None = None,
    dimensions_source: str = "command line: --dim",
) -> Loaded[Workload]:
    """The workload that a document describes, with other dimensions if any are given, whose source is named."""
    _expect(opened, Kind.WORKLOAD)
    recipe = with_dimensions(recipe_from(opened), dimensions or {}, dimensions_source)
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
    _expect(opened, Kind.ENERGY)
    table = from_document(PriceTable, opened.document, opened.name)
    return _filled(table, opened)


def _filled(table: PriceTable, opened: Opened, path: str = "filled_from") -> Loaded[PriceTable]:
    """The table, with the tables read that `filled_from` names; their own `filled_from` is left alone."""
    tables: list[TechnologyTable | str] = []
    files, paths = opened.files, opened.paths
    for entry in table.filled_from:
        if isinstance(entry, str):
            try:
                named = open_located(locate(Kind.ENERGY, entry, opened.folder))
                _expect(named, Kind.ENERGY)
                named_table = from_document(PriceTable, named.document, named.name)
                entry = TechnologyTable(**{f.name: getattr(named_table, f.name) for f in fields(TechnologyTable)})
            except UserError as error:
                raise opened.refused(path, f"{path}: {error}") from error
            files, paths = files + named.files, paths + named.paths
        tables.append(entry)
    return Loaded(replace(table, filled_from=tuple(tables)), opened, files, paths)


def _open(kind: Kind, source: Source) -> Opened:
    if isinstance(source, Mapping):
        return Opened("mapping", as_node(source))
    if isinstance(source, Noun) or not isinstance(source, (str, PathLike)):
        raise InvalidValue(kind.title, type(source).__name__, "must be a path, a shipped name or a mapping")
    return open_located(locate(kind, str(source)))


def _expect(opened: Opened, kind: Kind) -> None:
    """Refuse a file of another kind by its name, not by its first unknown field."""
    described = describes(opened.document)
    if described is not None and described is not kind:
        raise FileProblem(opened.name, f"describes a {described.title}, where a {kind.title} is wanted")


def _line(document: Node, path: str) -> int | None:
    return document.at(path).line or None


def check_chip(chip: Loaded[Chip]) -> None:
    """Refuse, in the name of its file, a chip on which nothing runs: at its own clock and at each operating point."""
    cores = chip.value.cores
    if cores != 1:
        raise chip.opened.refused("cores", f"cores = {cores}: one core is what hwsim schedules so far")
    for field, operating_chip in _operations(chip.value):
        try:
            Tariff.of(PriceBook(operating_chip, prices_of(operating_chip)))
        except Unsupported as error:
            raise chip.opened.refused(field, f"{field}: {error}") from error


def _operations(chip: Chip) -> Iterator[tuple[str, Chip]]:
    """The chip at its own clock and supply and at each of its operating points, by the field that states them."""
    yield "voltage" if chip.voltage is not None else "energy", chip
    for name, _ in chip.operating_points:
        yield f"operating_points.{name}", at_point(chip, name)
