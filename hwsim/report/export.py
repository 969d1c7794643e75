"""Results as texts for files: JSON for programs, CSV for spreadsheets."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

from hwsim.quantities.noun import Noun
from hwsim.quantities.plain_data import flat, plain, with_millijoules
from hwsim.results.band import Band, ChangedRun
from hwsim.results.dram_banks import BankReplay
from hwsim.results.drift import Drift
from hwsim.results.quality import Quality
from hwsim.results.read_back import lost_fractions
from hwsim.results.result import Comparison, Result, RunResult

if TYPE_CHECKING:  # few runs are on tiles, few studies of streams
    from hwsim.results.streams import StreamStudy
    from hwsim.results.tiles_result import TilesResult

RUN_FIGURES = ("roofline", "time_groups", "occupancy", "energy_parts", "traffic_parts", "utilisation")
COMPARISON_FIGURES = ("precisions", "waterfall", "pareto")


def drawn(names: Iterable[str], *, pdf: bool = False) -> tuple[str, ...]:
    """The files of figures of these names.

    >>> drawn(["roofline"], pdf=True)
    ('roofline.csv', 'roofline.svg', 'roofline.pdf')
    """
    return tuple(f"{name}.{kind}" for name in names for kind in ("csv", "svg", *(("pdf",) if pdf else ())))


RUN_FILES = ("result.json", "summary.csv", "parts.csv", "ops.csv", "tensors.csv", "energy.csv", "prices.csv")
VALUES_FILES = ("quality.json", "trace.npz")
TILES_FILES = ("placement.csv", "units.csv")
"""What a run on analog tiles writes in the place of `tensors.csv`."""
BAND_FILES = ("band.csv", "points.csv")
CHANGED_FILE = "what_if.csv"
DRIFT_FILES = ("drift.json", "drift_ops.csv")
STREAM_FILES = ("stream.json", "chunks.csv", "buckets.csv")
BANKS_FILE = "dram_banks.csv"
COMPARISON_FILES = ("comparison.json", "comparison.csv")
"""The files that may be written into a folder, where no file that is read may have such a name; those of figures
(`drawn`) stand beside them."""


def to_json(value: Noun) -> str:
    """The JSON document of a result; its keys are the fields of its nouns.

    The document of a run also has, under `exact`, the fractions that no decimal holds, so that it can be read back.
    """
    document = plain(value)
    if isinstance(value, RunResult):
        document |= {"exact": lost_fractions(value)}
    text = json.dumps(document, indent=2, ensure_ascii=False)
    # Control characters occur only inside strings, where they may be escaped: a terminal may get this text.
    return "\n".join(line if line.isprintable() else _escaped(line) for line in text.split("\n")) + "\n"


def _escaped(line: str) -> str:
    return "".join(character if character.isprintable() else json.dumps(character)[1:-1] for character in line)


def to_csv(rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str] = ()) -> str:
    """Rows as CSV, all keys as header (these columns first), empty where a row lacks one; energies also in millijoules,
    as spreadsheets can add them."""
    written = [with_millijoules(row) for row in rows]
    text = StringIO()
    names = dict.fromkeys([*columns, *(column for row in written for column in row)])
    writer = csv.DictWriter(text, fieldnames=list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(written)
    return text.getvalue()


def to_npy(array: Any) -> bytes:
    """An array as a file in numpy's format."""
    import numpy as np

    file = BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def run_files(result: "Result | TilesResult") -> dict[str, str]:
    """The files of one run by name."""
    values = {} if result.quality is None else quality_files(result.quality)
    around = {} if result.band is None else band_files(result.band)
    if result.changed:
        around[CHANGED_FILE] = to_csv(changed_rows(result.changed))
    if isinstance(result, Result) and result.dram_banks is not None:
        around[BANKS_FILE] = to_csv([banks_row(result.dram_banks)])
    return (
        values
        | around
        | {
            "result.json": to_json(result),
            "summary.csv": to_csv([flat(result.summary)]),
            "parts.csv": to_csv([flat(part) for part in result.parts]),
            "ops.csv": to_csv(op_rows(result)),
            **_places(result),
            "energy.csv": to_csv([flat(line) for line in result.energy_lines]),
            "prices.csv": to_csv(
                [
                    {**flat(unit), "attojoules": unit.attojoules, "picojoules": unit.attojoules / 10**6}
                    for unit in result.prices
                ]
            ),
        }
    )


def band_files(band: Band) -> dict[str, str]:
    """The files of one band by name: its figures, and all points; what each field alone does stands with its figure."""
    figures = [{**flat(one), "figure": one.figure.value, "unit": one.figure.unit} for one in band.figures]
    for row in figures:
        del row["tornado"]
    points = [
        {**dict(point.values), **{figure.value: value for figure, value in point.figures}, "binds": point.binds}
        for point in band.points
    ]
    return {"band.csv": to_csv(figures), "points.csv": to_csv(points)}


def changed_rows(runs: Sequence[ChangedRun]) -> list[dict[str, Any]]:
    """One row a headline figure of each changed run."""
    return [
        {
            "changes": ", ".join(f"{change.path}={change.after}" for change in run.changes),
            "figure": figure.value,
            "unit": figure.unit,
            "before": before,
            "after": dict(run.after)[figure],
            "binds_before": run.binds_before,
            "binds_after": run.binds_after,
        }
        for run in runs
        for figure, before in run.before
    ]


def op_rows(result: "Result | TilesResult") -> list[dict[str, Any]]:
    """One row an op."""
    if isinstance(result, Result):
        return [flat(op) for op in result.ops]
    from hwsim.results.tiles_result import flat_op

    return [flat_op(op) for op in result.ops]


def banks_row(replay: BankReplay) -> dict[str, Any]:
    """A replay of DRAM banks as one row: its figures, without the sources of the device."""
    return {key: value for key, value in flat(replay).items() if not key.startswith("sources.")}


def _places(result: "Result | TilesResult") -> dict[str, str]:
    """Where tensors lie, or weights stand."""
    if isinstance(result, Result):
        return {"tensors.csv": to_csv([flat(tensor) for tensor in result.tensors])}
    placement = result.placement
    parts = [
        {"tensor": matrix.tensor, "ops": " ".join(matrix.ops), "unit": matrix.unit, "dense": matrix.dense, **flat(part)}
        for matrix in placement.matrices
        for part in matrix.parts
    ]
    files = {"placement.csv": to_csv(parts)} if parts else {}
    return files | {"units.csv": to_csv([flat(unit) for unit in result.units])}


def quality_files(quality: Quality) -> dict[str, str]:
    """The files of one run of values by name."""
    return {"quality.json": to_json(quality)}


def stream_files(study: "StreamStudy") -> dict[str, str]:
    """The files of one study of real time by name; chunks and buckets, if there are any."""
    files = {"stream.json": to_json(study)}
    if study.times:
        files["chunks.csv"] = to_csv([flat(chunk) for chunk in study.times])
    if study.lengths is not None:
        files["buckets.csv"] = to_csv([flat(bucket) for bucket in study.lengths.buckets])
    return files


def drift_files(drift: Drift) -> dict[str, str]:
    """The files of one study of drift by name."""
    ops = [
        {"seconds": plain(point.seconds), "compensation": point.compensation, **flat(op)}
        for point in drift.points
        for op in point.ops
    ]
    return {"drift.json": to_json(drift), "drift_ops.csv": to_csv(ops)}


def comparison_files(comparison: Comparison) -> dict[str, str]:
    """The files of one comparison by name."""
    return {"comparison.json": to_json(comparison), "comparison.csv": to_csv([flat(row) for row in comparison.rows])}
