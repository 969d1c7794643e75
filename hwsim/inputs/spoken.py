"""Lengths of utterances, and times at which they come, from tables that people or programs have written."""

import csv
from collections.abc import Iterator
from pathlib import Path

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, InvalidValue, printable, suggestion
from hwsim.inputs.files import read_bytes
from hwsim.ir.lengths import Lengths, Share
from hwsim.quantities.fields import PICOSECONDS, UTTERANCE, Quantity

LARGEST = 64 << 20
"""Bytes of the largest table that is read."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a table says, and the hash of the file."""

    name: str
    sha256: str
    lengths: Lengths | None = None
    arrivals: tuple[int, ...] = ()


def load_lengths(path: Path | str) -> Lengths:
    """How many utterances have which length: a CSV or TSV file with columns `length` and, if not all 1, `utterances`.

    A length is a number of seconds, or has a unit.
    """
    lengths = open_lengths(Path(path)).lengths
    assert lengths is not None
    return lengths


def open_lengths(path: Path) -> Spoken:
    """The lengths of a table, and its hash."""
    name, sha256, rows = _table(path, "length", ("utterances",))
    counts = dict[int, int]()
    for line, row in rows:
        length = _time(name, line, "length", row["length"], UTTERANCE)
        written = row.get("utterances", "1")
        if not written.isdecimal() or not 1 <= int(written[:20]) <= 10**9:
            law = "must be a whole number from 1 to 1000000000"
            raise FileProblem(name, f"utterances = {printable(written)[:60]!r}: {law}", line=line)
        counts[length] = counts.get(length, 0) + int(written)
    try:
        shares = tuple(Share(length=length, utterances=counts[length]) for length in sorted(counts))
        return Spoken(name, sha256, Lengths(shares=shares))
    except InvalidValue as error:
        raise FileProblem(name, str(error)) from error


def load_arrivals(path: Path | str) -> tuple[int, ...]:
    """When utterances come, in picoseconds: a CSV or TSV file with a column `arrival`, in seconds or with a unit."""
    return open_arrivals(Path(path)).arrivals


def open_arrivals(path: Path) -> Spoken:
    """The arrivals of a table, and its hash."""
    name, sha256, rows = _table(path, "arrival", ())
    times = list[int]()
    for line, row in rows:
        time = _time(name, line, "arrival", row["arrival"], PICOSECONDS)
        if times and time < times[-1]:
            raise FileProblem(name, f"arrival = {row['arrival']!r}: comes before the line above; sort them", line=line)
        times.append(time)
    return Spoken(name, sha256, arrivals=tuple(times))


def _table(path: Path, needed: str, others: tuple[str, ...]) -> tuple[str, str, list[tuple[int, dict[str, str]]]]:
    """The name of a file, its hash, and its rows by column with their lines."""
    file = read_bytes(path, LARGEST)
    try:
        text = file.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileProblem(file.name, "is no text in UTF-8; it must be a CSV or TSV file") from error
    lines = text.splitlines()
    header = lines[0] if lines else ""
    try:
        found = list(_rows(file.name, lines, "\t" if "\t" in header else ",", needed, others))
    except csv.Error as error:
        raise FileProblem(file.name, f"is no CSV or TSV file: {error}") from error
    if not found:
        raise FileProblem(file.name, f"has no rows; it needs at least one {needed}")
    return file.name, file.sha256, found


def _rows(
    name: str, lines: list[str], delimiter: str, needed: str, others: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, str]]]:
    known = (needed, *others)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    columns = [column.strip() for column in next(reader, [])]
    for column in columns:
        if column not in known:
            said = f"{printable(column)[:60]!r} is no column; {suggestion(column, known)}"
            raise FileProblem(name, said, line=1)
    if needed not in columns or len(set(columns)) < len(columns):
        raise FileProblem(name, f"must begin with a line that names each column once: {', '.join(known)}", line=1)
    for row in reader:
        if len(row) != len(columns):
            if not row:
                continue
            raise FileProblem(name, f"has {len(row)} entries in {len(columns)} columns", line=reader.line_num)
        yield reader.line_num, dict(zip(columns, map(str.strip, row), strict=True))


def _time(name: str, line: int, column: str, written: str, kind: Quantity) -> int:
    """A time, in picoseconds; a number without a unit are seconds."""
    try:
        bare = written.replace(".", "", 1).isdecimal()
        time = kind.parse(f"{written} s" if bare else written)
        problem = kind.broken_by(time)
    except ValueError as error:
        problem, time = str(error), 0
    if problem is not None:
        raise FileProblem(name, f"{column} = {printable(written)[:60]!r}: {problem}", line=line)
    return int(time)
