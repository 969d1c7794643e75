"""Results as files: JSON for programs, CSV for spreadsheets."""

import csv
import json
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from hwsim.core.plain import flat, plain
from hwsim.core.result import Comparison, Result
from hwsim.errors import FileProblem


def to_json(value: Result | Comparison) -> str:
    """The JSON document of a result; its keys are the fields of the nouns in `core/result.py`."""
    return json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n"


def to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with equal keys as CSV, the keys as header."""
    text = StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def run_files(result: Result) -> dict[str, str]:
    """The files of one run by name."""
    return {
        "result.json": to_json(result),
        "summary.csv": to_csv([flat(result.summary)]),
        "ops.csv": to_csv([flat(op) for op in result.ops]),
        "prices.csv": to_csv([{**flat(unit), "attojoules": unit.attojoules} for unit in result.prices]),
    }


def comparison_files(comparison: Comparison) -> dict[str, str]:
    """The files of one comparison by name."""
    return {"comparison.json": to_json(comparison), "comparison.csv": to_csv([flat(row) for row in comparison.rows])}


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files into a folder, which is made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileProblem(str(folder), f"cannot be made a folder: {error.strerror}") from error
    for name, text in files.items():
        write_file(folder / name, text)


def write_file(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise FileProblem(str(path), f"cannot be written: {error.strerror}") from error
