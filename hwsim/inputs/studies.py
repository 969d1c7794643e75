"""Studies: folders with a `study.yaml`, and the chips and workloads that their runs name."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, UnknownName, UserError
from hwsim.hardware.chip import Chip, at_point
from hwsim.inputs.changed import changed
from hwsim.inputs.chips import check_machine, open_machine
from hwsim.inputs.files import Node, read_document, read_text, shown_path
from hwsim.inputs.load import from_document, open_workload
from hwsim.inputs.opened import Loaded
from hwsim.inputs.varied import chip_with, field_of, workload_with
from hwsim.ir.workload import Workload
from hwsim.quantities.noun import Name
from hwsim.quantities.precision import PrecisionPlan
from hwsim.results.study_file import StudyFile, StudyRun

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip

STUDIES = Path("reports")
"""The folder in which studies lie, a folder each."""
FILE, READING = "study.yaml", "reading.md"
WRITTEN = "tables", "figures"
"""Folders of a study in which nothing stays that its study does not have."""
GIVEN = "study:"
"""Who gives the fields of runs other values, as provenance says it."""


@dataclass(frozen=True, slots=True)
class OpenedStudy:
    """A study, its name, its folder and its file as messages name it."""

    name: str
    folder: Path
    file: StudyFile
    document: Node
    reading: str = ""

    @property
    def title(self) -> str:
        """The file as messages name it."""
        return str(self.folder / FILE)

    def refused(self, field: str, problem: str) -> FileProblem:
        """The refusal of what a field says, with its line."""
        return FileProblem(self.title, f"{field}: {problem}", line=self.document.at(field).line or None)

    def naming(self, error: UserError, place: str) -> UserError:
        """A refusal in the name of the study's file; one that has that name already stays as it is."""
        return error if str(error).startswith(self.title) else FileProblem(self.title, f"{place}: {error}")


def names_of_studies(root: Path = STUDIES) -> tuple[str, ...]:
    """The studies in a folder, by name."""
    return tuple(sorted(path.parent.name for path in root.glob(f"*/{FILE}")))


def open_study(reference: str, root: Path = STUDIES) -> OpenedStudy:
    """The study of that name in the folder of studies, or in the folder or the file that the reference names."""
    path = root / reference / FILE
    if not path.is_file():
        path = Path(reference)
        path = path if path.suffix == ".yaml" else path / FILE
    if not path.is_file():
        if Path(reference).name != reference:
            raise FileProblem(shown_path(reference), f"there is no such study: a folder with a {FILE}")
        known = names_of_studies(root)
        if not known:
            raise FileProblem(shown_path(str(root)), f"holds no studies; each is a folder with a {FILE}")
        raise UnknownName("study", reference, known)
    document, reading = read_document(read_text(path)), path.parent / READING
    return OpenedStudy(
        path.resolve().parent.name,
        path.parent,
        from_document(StudyFile, document, str(path)),
        document,
        read_text(reading).text if reading.is_file() else "",
    )


@dataclass(frozen=True, slots=True)
class OpenedRun:
    """The chip and the workload of a run, as its fields make them, and the hashes of their files."""

    chip: "AnyChip"
    workload: Workload | None
    files: tuple[tuple[str, str], ...]


class Runs:
    """Opens the runs of a study: each file is read once, and runs of one network under one plan share its workload."""

    def __init__(self, study: OpenedStudy) -> None:
        self.study = study
        self._machines: dict[str, Loaded[AnyChip]] = {}
        self._workloads: dict[str, Loaded[Workload]] = {}
        self._changed: dict[tuple[str, frozenset[tuple[str, Any]], Name | PrecisionPlan], Workload] = {}

    def open(self, name: str, run: StudyRun) -> OpenedRun:
        """What a run of a study is of; a refusal names the study's file and the run."""
        try:
            return self._opened(run)
        except UserError as error:
            raise self.study.refused(f"runs.{name}", str(error)) from error

    def _opened(self, run: StudyRun) -> OpenedRun:
        loaded = self._machine(run.chip)
        chip, work, files = loaded.value, None, loaded.files
        if run.workload is None:
            chip = changed(chip, dict(run.fields), GIVEN)
        else:
            opened = self._workload(run.workload)
            files = (*files, *opened.files)
            known = {path: field_of(chip, opened.value, path) for path, _ in run.fields}
            values = {path: known[path].read(written) for path, written in run.fields}
            chip = chip_with(chip, known, values, GIVEN)
            own = {path: value for path, value in values.items() if not known[path].of_chip}
            precision = _precision(run, opened.value)
            key = run.workload, frozenset(own.items()), precision
            if key not in self._changed:
                self._changed[key] = workload_with(opened.value, known, own, GIVEN, precision)
            work = self._changed[key]
        if run.point is not None:
            chip = at_point(chip, run.point) if isinstance(chip, Chip) else chip
        return OpenedRun(chip, work, files)

    def _machine(self, reference: str) -> "Loaded[AnyChip]":
        if reference not in self._machines:
            loaded = open_machine(beside_study(self.study.folder, reference))
            check_machine(loaded)
            self._machines[reference] = loaded
        return self._machines[reference]

    def _workload(self, reference: str) -> "Loaded[Workload]":
        if reference not in self._workloads:
            self._workloads[reference] = open_workload(beside_study(self.study.folder, reference))
        return self._workloads[reference]


def _precision(run: StudyRun, work: Workload) -> Name | PrecisionPlan:
    """The plan under which a run is made: its own, or that of its workload."""
    if run.precision is None:
        return work.precision
    return PrecisionPlan(policy=run.precision, rules=run.rules) if run.rules else run.precision


def beside_study(folder: Path, reference: str) -> str:
    """A file beside the study's, or else what is shipped by that name; none among what is written anew."""
    path = folder / reference
    written = {folder.resolve() / name for name in WRITTEN}
    if path.is_file() and not written.isdisjoint(path.resolve().parents):
        raise FileProblem(str(path), f"lies where a study's output is written; move it beside {FILE}")
    return str(path) if path.is_file() else reference
