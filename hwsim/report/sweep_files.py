"""The points of a sweep as rows of files: CSV for spreadsheets, Parquet where a library for it is installed."""

from pathlib import Path
from typing import Any

from hwsim.errors import Unsupported
from hwsim.report.export import to_csv, to_json
from hwsim.results.sweep import SweepOutcome, point_row

SWEEP_FILES = ("sweep.json", "points.csv", "front.csv", "sensitivity.csv")


def point_rows(outcome: SweepOutcome) -> list[dict[str, Any]]:
    """A row a point."""
    return [point_row(row) for row in outcome.rows]


def sweep_files(outcome: SweepOutcome) -> dict[str, str]:
    """The files of a sweep by name."""
    levels = [
        {"figure": one.figure, "axis": one.axis, "value": level.value, "points": level.points, "factor": level.factor}
        for one in outcome.sensitivity
        for level in one.levels
    ]
    contents = (
        to_json(outcome),
        to_csv(point_rows(outcome)),
        to_csv([point_row(outcome.row(number)) for number in outcome.front]),
        to_csv(levels, columns=("figure", "axis", "value", "points", "factor")),
    )
    return dict(zip(SWEEP_FILES, contents, strict=True))


def check_parquet() -> None:
    """Refuse Parquet where nothing writes it."""
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise Unsupported("--parquet: needs pyarrow; install it, or write CSV with --csv")


def write_parquet(outcome: SweepOutcome, path: Path) -> None:
    """All points as a Parquet file; energies are in millijoules there, as attojoules pass 64 bits."""
    import pandas as pd

    rows = point_rows(outcome)
    for row in rows:
        row.pop("energy_aj", None)
    pd.DataFrame(rows).to_parquet(path)
