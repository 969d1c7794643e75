"""Figures that no simulation gives, such as word error rates: a CSV file with a row for each precision policy."""

import csv
from collections.abc import Mapping
from math import isfinite
from pathlib import Path

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem
from hwsim.inputs.files import read_text
from hwsim.results.sweep_file import FIGURES, PRECISION

WORKLOAD = "workload"


@dataclass(frozen=True, slots=True)
class Measures:
    """Figures by name, for each precision, or for each workload and precision."""

    label: str
    sha256: str
    names: tuple[str, ...]
    rows: tuple[tuple[tuple[str | None, str], tuple[float | None, ...]], ...]

    def of(self, workload: str, precision: str) -> Mapping[str, float | None]:
        """The figures of a workload in a precision, each None where the file has none."""
        rows = dict(self.rows)
        found = rows.get((workload, precision), rows.get((None, precision)))
        return dict(zip(self.names, found or (None,) * len(self.names), strict=True))


def read_measures(path: Path) -> Measures:
    """The figures in a CSV file with a column `precision`, perhaps one `workload`, and a column for each figure."""
    file = read_text(path)
    lines = list(csv.reader(file.text.splitlines()))
    heads = [head.strip() for head in lines[0]] if lines else []
    if PRECISION not in heads:
        raise FileProblem(file.name, f"must have a column {PRECISION} in its first line", line=1)
    names = tuple(head for head in heads if head not in (PRECISION, WORKLOAD))
    for name in names:
        if not name.isidentifier() or name in FIGURES or names.count(name) > 1:
            raise FileProblem(file.name, f"column {name!r}: must be a name of its own, such as wer", line=1)
    if not names:
        raise FileProblem(file.name, "has no figures: no column beside precision and workload", line=1)
    rows: dict[tuple[str | None, str], tuple[float | None, ...]] = {}
    for line, cells in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(heads):
            raise FileProblem(file.name, f"has {len(cells)} cells, the first line {len(heads)}", line=line)
        entry = dict(zip(heads, map(str.strip, cells), strict=True))
        key = entry.get(WORKLOAD), entry[PRECISION]
        if key in rows:
            raise FileProblem(file.name, f"{entry[PRECISION]} is there twice", line=line)
        rows[key] = tuple(_number(file.name, line, name, entry[name]) for name in names)
    return Measures(file.name, file.sha256, names, tuple(rows.items()))


def _number(file: str, line: int, name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise FileProblem(file, f"{name} = {text!r}: must be a number, or empty", line=line)
    return value
