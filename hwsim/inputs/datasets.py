"""A set of utterances: a folder with a TSV of what was said, and beside it recordings, or features in NPZ files."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from difflib import get_close_matches
from enum import Enum
from pathlib import Path

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, InvalidValue, shown, suggestion
from hwsim.inputs.archives import ArrayFile, open_arrays
from hwsim.inputs.files import read_text
from hwsim.inputs.model_input import ModelInput, read_source
from hwsim.quantities.fields import UTTERANCE

TABLE = "transcripts.tsv"
FEATURES = "in.npz"
"""Where the arrays of an utterance are looked for whose name is that of no file."""

LARGEST = 256 << 20
"""Bytes of the largest table that is read."""

NEEDED, OPTIONAL = ("file", "transcript"), ("group", "use", "seconds")


class Use(Enum):
    """What an utterance is for: to be recognised, to find the scales of activations, or both."""

    TEST = "test"
    CALIBRATE = "calibrate"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said, and where it can be heard: a file, or arrays of an NPZ file under this name."""

    name: str
    said: tuple[str, ...]
    path: Path
    key: str | None
    group: str
    use: Use
    line: int
    audio: int | None = None
    """How long it is, in picoseconds, if the table says so."""


@dataclass(frozen=True, eq=False)
class DataSet:
    """All utterances of a folder; archives stay open, so that each is read once."""

    name: str
    utterances: tuple[Utterance, ...]
    sha256: str
    _archives: dict[Path, ArrayFile] = field(default_factory=dict)

    def of(self, *uses: Use) -> tuple[Utterance, ...]:
        """The utterances that are for one of these."""
        return tuple(one for one in self.utterances if one.use in uses)

    def heard(self, utterance: Utterance) -> ModelInput:
        """What a model hears of an utterance: its recording, or its arrays by the names of the model's inputs."""
        if utterance.key is None:
            return read_source(utterance.path)
        if utterance.path not in self._archives:
            self._archives[utterance.path] = open_arrays(utterance.path)
        archive = self._archives[utterance.path]
        arrays = _arrays_of(archive, utterance.key)
        if not arrays:
            raise FileProblem(
                archive.name, f"has no arrays of {shown(utterance.key)}; {suggestion(utterance.key, _keys(archive))}"
            )
        shapes = {name: archive.shapes[key] for name, key in arrays.items()}
        one = ArrayFile(
            f"{archive.name}:{utterance.key}", archive.sha256, shapes, lambda name: archive.read(arrays[name])
        )
        return ModelInput(utterance.path, archive.sha256, arrays=one)

    def files(self) -> dict[str, str]:
        """Hashes of the files that were read."""
        return {self.name: self.sha256, **{str(path): file.sha256 for path, file in self._archives.items()}}


ALONE = ""
"""The name, in the place of that of an input, of an array that is the only one of its utterance."""


def _arrays_of(archive: ArrayFile, key: str) -> dict[str, str]:
    """The arrays of an utterance by the names of inputs: KEY alone, or KEY.INPUT, or INPUT.KEY."""
    if key in archive.shapes:
        return {ALONE: key}
    found = {name[len(key) + 1 :]: name for name in archive.shapes if name.startswith(f"{key}.")}
    return found or {name[: -len(key) - 1]: name for name in archive.shapes if name.endswith(f".{key}")}


def _keys(archive: ArrayFile) -> list[str]:
    return sorted(archive.shapes)[:8]


def open_data(folder: Path) -> DataSet:
    """The utterances of a folder, or of a TSV file with another name."""
    path = folder / TABLE if folder.is_dir() else folder
    if not path.is_file():
        law = f"has no {TABLE}" if folder.is_dir() else "there is no such folder"
        raise FileProblem(str(folder), f"{law}; a data set is a folder with a table of the columns {', '.join(NEEDED)}")
    table = read_text(path, LARGEST)
    lines = [(number, line) for number, line in enumerate(table.text.splitlines(), 1) if line.strip()]
    if not lines:
        raise FileProblem(table.name, f"is empty; it needs a line that names the columns {', '.join(NEEDED)}")
    columns = tuple(column.strip() for column in lines[0][1].split("\t"))
    _check_columns(table.name, columns)
    rows = [_row(table.name, number, line, columns) for number, line in lines[1:]]
    utterances = [_utterance(table.name, path.parent, number, row) for number, row in rows]
    seen: dict[str, int] = {}
    for one in utterances:
        if one.name in seen:
            raise FileProblem(
                table.name, f"{shown(one.name)} is there twice, first on line {seen[one.name]}", line=one.line
            )
        seen[one.name] = one.line
    if not utterances:
        raise FileProblem(table.name, "has no utterances: a line for each stands below the names of the columns")
    return DataSet(table.name, tuple(utterances), table.sha256)


def _check_columns(name: str, columns: Sequence[str]) -> None:
    """Columns that nobody reads are let be, unless they look like a misspelt one."""
    for column in NEEDED:
        if column not in columns:
            raise FileProblem(name, f"has no column {column!r}; {suggestion(column, list(columns))}", line=1)
    for place, column in enumerate(columns):
        if column in columns[:place]:
            raise FileProblem(name, f"column {shown(column)} is there twice", line=1)
        near = get_close_matches(column.lower(), OPTIONAL, n=1)
        if column not in OPTIONAL and near and near[0] not in columns:
            raise FileProblem(name, f"column {shown(column)} is not read; did you mean {near[0]}?", line=1)


def _row(name: str, number: int, line: str, columns: Sequence[str]) -> tuple[int, Mapping[str, str]]:
    cells = [cell.strip() for cell in line.split("\t")]
    if len(cells) != len(columns):
        raise FileProblem(name, f"has {len(cells)} cells in {len(columns)} columns; tabs part them", line=number)
    return number, dict(zip(columns, cells, strict=True))


def _utterance(name: str, folder: Path, number: int, row: Mapping[str, str]) -> Utterance:
    file, use = row["file"], row.get("use", "") or Use.TEST.value
    if not file or not file.isprintable():
        raise FileProblem(name, f"file = {shown(file)}: must name a file, or arrays of {FEATURES}", line=number)
    known = [each.value for each in Use]
    if use not in known:
        raise FileProblem(name, str(InvalidValue("use", use, f"must be one of {', '.join(known)}")), line=number)
    path, key = _place(folder, file)
    if not path.is_file():
        where = f"and {FEATURES}, which could have its arrays, neither" if path.name == FEATURES else "beside the table"
        raise FileProblem(name, f"file = {shown(file)}: there is no such file, {where}", line=number)
    label = key if key is not None else Path(file).with_suffix("").as_posix()
    said, group = tuple(row["transcript"].split()), row.get("group", "")
    return Utterance(label, said, path, key, group, Use(use), number, _audio(name, number, row.get("seconds", "")))


def _audio(name: str, number: int, written: str) -> int | None:
    if not written:
        return None
    try:
        audio = UTTERANCE.parse(f"{written} s")
        problem = UTTERANCE.broken_by(audio)
    except ValueError as error:
        problem, audio = str(error), 0
    if problem is not None:
        raise FileProblem(name, f"seconds = {shown(written)}: {problem}", line=number)
    return int(audio)


def _place(folder: Path, file: str) -> tuple[Path, str | None]:
    """A file, and the name of arrays in it: `file.wav`, `archive.npz:NAME`, or `NAME` in the usual archive."""
    if (folder / file).is_file():
        return folder / file, None
    archive, colon, key = file.rpartition(":")
    if colon and archive.endswith(".npz"):
        return folder / archive, key
    return (folder / file, None) if Path(file).suffix in (".wav", ".npz") else (folder / FEATURES, file)
