"""Documents as nouns; workloads and price tables from a path, a shipped name or a mapping."""

import json
from collections.abc import Hashable, Mapping
from dataclasses import fields, replace
from typing import Annotated, Any, TypeVar, Union, cast

from pydantic import TypeAdapter, ValidationError

import hwsim.arrays.kinds  # noqa: F401  # what files may call an array
from hwsim.errors import FileProblem, InvalidValue, UnknownName, UserError
from hwsim.hardware.chip import Chip
from hwsim.hardware.dram import DramDevice
from hwsim.hardware.prices import PriceTable, TechnologyTable
from hwsim.inputs.files import Kind, Node, locate, resolve
from hwsim.inputs.findings import first_finding
from hwsim.inputs.model_files import NOTHING, Shapes, described_workload, is_model_file, model_workload
from hwsim.inputs.opened import Loaded, Opened, Source, as_node, open_located, open_source
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import RECIPES, AnyRecipe, at_length, with_dimensions, workload
from hwsim.models.model_file import ModelFileRecipe
from hwsim.models.staged import Models
from hwsim.quantities.fields import UTTERANCE
from hwsim.quantities.noun import ByKind
from hwsim.quantities.plain_data import must_map_names
from hwsim.quantities.quantisation import Quantisation
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


def quantisers(written: Mapping[str, str], given: str) -> Quantisation:
    """Quantisers from fields with dots, such as {"weights.clip": "mse"}, as the document of a workload has them.

    `given` is what messages call it.
    """
    document: dict[str, Any] = {}
    for path, value in written.items():
        *outer, last = path.split(".")
        place = document
        for step in outer:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise InvalidValue(given, path, "names a field inside of a value")
        try:
            place[last] = resolve(value)
        except ValueError as error:
            raise InvalidValue(given, f"{path}={value}", str(error)) from error
    return from_document(Quantisation, as_node(document), given)


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


def load_workload(source: Source, precision: str | None = None, *, dims: Mapping[str, int] | None = None) -> Workload:
    """A workload with its program, under its own precisions or under another policy for all of it.

    `dims` are other dimensions by dotted name, such as {"encoder.layers": 4}.
    """
    must_map_names(int, "a whole number", dims=dims)
    if is_model_file(source):
        return model_workload(source, precision, dims).value
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
    heard: Shapes = NOTHING,
) -> Loaded[Workload]:
    """A workload, with other dimensions if any are given, and the file that it comes from.

    `floats` is the format of floats of a model file, if no precision is given; axes that it leaves open have the sizes
    of the arrays that it hears.
    """
    if is_model_file(source):
        return model_workload(source, precision, dimensions, floats=floats, heard=heard)
    return workload_from(open_source(Kind.WORKLOAD, source), precision, dimensions, heard=heard)


def workload_from(
    opened: Opened,
    precision: str | None = None,
    dimensions: Mapping[str, int] | None = None,
    dimensions_source: str = "command line: --dim",
    heard: Shapes = NOTHING,
) -> Loaded[Workload]:
    """The workload that a document describes, with other dimensions if any are given, whose source is named."""
    expect(opened, Kind.WORKLOAD)
    described = recipe_from(opened)
    if isinstance(described, Models):
        # Imported here because it knows what model files carry, which other workloads need not wait for.
        from hwsim.inputs.staged import staged_workload

        return staged_workload(opened, described, precision, dimensions)
    if isinstance(described, ModelFileRecipe):
        return described_workload(opened, described, precision, dimensions or {}, heard)
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


def expect(opened: Opened, kind: Kind) -> None:
    """Refuse a file of another kind by its name, not by its first unknown field."""
    described = describes(opened.document)
    if described is not None and described is not kind:
        raise FileProblem(opened.name, f"describes a {described.title}, where a {kind.title} is wanted")
