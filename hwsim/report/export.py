"""Results as texts for files: JSON for programs, CSV for spreadsheets."""

import csv
import json
from collections.abc import Mapping, Sequence
from io import BytesIO, StringIO
from typing import Any

from hwsim.core.noun import Noun
from hwsim.core.plain import flat, plain
from hwsim.core.result import Comparison, Result


def to_json(value: Noun) -> str:
    """The JSON document of a result; its keys are the fields of its nouns."""
    return json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n"


def to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with equal keys as CSV, the keys as header."""
    text = StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def to_npy(array: Any) -> bytes:
    """An array as a file in numpy's format."""
    import numpy as np

    file = BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def run_files(result: Result) -> dict[str, str]:
    """The files of one run by name."""
    return {
        "result.json": to_json(result),
        "summary.csv": to_csv([flat(result.summary)]),
        "parts.csv": to_csv([flat(part) for part in result.parts]),
        "ops.csv": to_csv([flat(op) for op in result.ops]),
        "prices.csv": to_csv([{**flat(unit), "attojoules": unit.attojoules} for unit in result.prices]),
    }


def comparison_files(comparison: Comparison) -> dict[str, str]:
    """The files of one comparison by name."""
    return {"comparison.json": to_json(comparison), "comparison.csv": to_csv([flat(row) for row in comparison.rows])}
