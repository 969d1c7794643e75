"""Sweeps as files and flags say them: their chips and workloads opened, and the values of their axes for each pair."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, InvalidValue, UserError
from hwsim.inputs.chips import check_machine, open_machine
from hwsim.inputs.files import Node, read_document, read_text
from hwsim.inputs.load import from_document, open_workload
from hwsim.inputs.measures import Measures, read_measures
from hwsim.inputs.opened import as_node
from hwsim.inputs.sweep_axes import Levels, levels_of
from hwsim.inputs.varied import Field, field_of
from hwsim.ir.workload import Workload
from hwsim.results.sweep_file import PRECISION, SweepAxis, SweepFile

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip

GIVEN = "sweep:"
"""Who gives the fields of points other values, as provenance says it."""


@dataclass(frozen=True, slots=True)
class SweepPair:
    """A chip and a workload of a sweep, the fields that vary, and the values of each axis."""

    chip: "AnyChip"
    workload: Workload
    fields: Mapping[str, Field]
    levels: tuple[Levels, ...]


@dataclass(frozen=True, slots=True)
class OpenedSweep:
    """A sweep whose files are read: its axes, precisions among them, and all pairs of chips and workloads."""

    file: SweepFile
    axes: tuple[SweepAxis, ...]
    pairs: tuple[SweepPair, ...]
    files: tuple[tuple[str, str], ...] = ()
    measures: Measures | None = None
    folder: Path = field(default_factory=Path)


def sweep_file(path: Path) -> tuple[SweepFile, Node]:
    """What the file of a sweep says."""
    document = read_document(read_text(path))
    return from_document(SweepFile, document, str(path)), document


def open_sweep_file(path: Path) -> OpenedSweep:
    """The sweep that a file describes; chips and workloads beside it win over those that are shipped."""
    file, document = sweep_file(path)
    try:
        return open_sweep(file, path.parent)
    except InvalidValue as error:
        line = document.at(error.path).line or None
        raise FileProblem(str(path), str(error), line=line) from error


def sweep_in(definition: Mapping[str, object], folder: Path, store: Path) -> OpenedSweep:
    """The sweep whose definition a store holds."""
    return open_sweep(from_document(SweepFile, as_node(definition), str(store)), folder)


def open_sweep(file: SweepFile, folder: Path | None = None) -> OpenedSweep:
    """A sweep with its chips and workloads."""
    base = folder or Path()
    machines, works = [], []
    hashes: dict[str, str] = {}
    for name in file.chips:
        machine = open_machine(_beside(base, name))
        check_machine(machine)
        machines.append(machine.value)
        hashes |= machine.files
    for name in file.workloads:
        work = open_workload(_beside(base, name))
        works.append(work.value)
        hashes |= work.files
    measures = None
    if file.measures is not None:
        measures = read_measures(base / file.measures)
        hashes[measures.label] = measures.sha256
    return sweep_of(file, machines, works, tuple(sorted(hashes.items())), measures, base)


def sweep_of(
    file: SweepFile,
    chips: "Sequence[AnyChip]",
    works: Sequence[Workload],
    files: tuple[tuple[str, str], ...] = (),
    measures: Measures | None = None,
    folder: Path | None = None,
) -> OpenedSweep:
    """The sweep of these chips and workloads, whatever they are called in the definition."""
    axes = file.axes
    if file.precisions:
        axes = (SweepAxis(fields=PRECISION, values=file.precisions), *axes)
    pairs = tuple(_pair(axes, chip, work) for chip in chips for work in works)
    for number, axis in enumerate(axes):
        if not any(pair.levels[number].there for pair in pairs):
            for path in axis.paths:
                if path != PRECISION:
                    field_of(pairs[0].chip, pairs[0].workload, path)  # says which name is near
    return OpenedSweep(file, axes, pairs, files, measures, folder or Path())


def _pair(axes: Sequence[SweepAxis], chip: "AnyChip", work: Workload) -> SweepPair:
    """One chip with one workload; axes whose fields it lacks leave it as it is."""
    levels, known = [], dict[str, Field]()
    for axis in axes:
        fields = _fields(axis, chip, work)
        if fields is None:
            levels.append(Levels((), ()))
            continue
        levels.append(levels_of(axis, chip, work))
        known |= fields
    return SweepPair(chip, work, known, tuple(levels))


def _fields(axis: SweepAxis, chip: "AnyChip", work: Workload) -> dict[str, Field] | None:
    """The fields of an axis; None, if this chip with this workload lacks one."""
    try:
        return {path: field_of(chip, work, path) for path in axis.paths if path != PRECISION}
    except UserError:
        return None


def _beside(folder: Path, reference: str) -> str:
    """A file beside the sweep's, or else what is shipped by that name."""
    path = folder / reference
    return str(path) if path.is_file() else reference
