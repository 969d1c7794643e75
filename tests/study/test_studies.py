"""What a study says is what its runs say: published beside predicted, bands, tables."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import hwsim
from command import complaint
from data import ROOT
from hwsim.errors import HwsimError
from hwsim.inputs.studies import names_of_studies, open_study
from hwsim.quantities.precision import Precision
from hwsim.results.study_outcome import StudyOutcome
from hwsim.study.studies import Asked, StudiedRuns, band_groups, ends_of, studied

SMALL = """
name: small
kind: gemms
audio: 1 s
precision: w8a8
products:
  - {name: first.a, m: 64, k: 96, n: 200}
  - {name: second.a, m: 64, k: 200, n: 40}
"""
STUDY = """
title: Small products
question: How long do they take?
runs:
  fp16: {chip: int4_array, workload: small.yaml, precision: fp16}
  int4: {chip: int4_array, workload: small.yaml, precision: w4a4}
  int4_wide: {chip: int4_array, workload: small.yaml, precision: w4a4, fields: {dram.read: 128 GB/s}}
  peak: {chip: rapid, precision: int4, point: fast}
claims:
  - what: Speed-up
    unit: ×
    published: 3
    source: nobody
    predicted: fp16.latency / int4.latency
    assumed: everything
    why: for reasons
    closed_by:
      - {says: twice the bandwidth in INT4, fields: {dram.read: x2}, on: [int4]}
      - {says: 8 bits, rules: {int4: [{match: "first.*", policy: w8a8}]}}
  - {what: Peak, unit: TOPS, published: 102.4, source: nobody, predicted: peak.peak_tops}
bands:
  - name: memory
    title: Over memories
    x: {label: Speed-up, unit: ×, of: fp16.latency / int4.latency, published: 3}
    y: {label: Latency, unit: ms, of: int4.latency, published: 0.1}
    corners: 6
    seed: 5
    axes:
      - name: DRAM
        nominal: 64 GB/s
        low: {says: 32 GB/s, fields: {dram.read: 32 GB/s}}
        high: {says: 128 GB/s, fields: {dram.read: 128 GB/s}}
      - {name: lanes, nominal: "64", low: {says: "8", fields: {vector.lanes: 8}}}
tables:
  - name: runs
    title: All runs
    rows: [fp16, int4]
    columns: [latency, mode, {head: "Over INT4", unit: ×, of: latency / int4.latency}]
  - name: wider
    title: With twice the bandwidth
    rows: [int4]
    against: wide
    columns: [{head: Faster, unit: ×, of: latency / against.latency}]
  - name: parts
    title: By part
    parts_of: int4
    columns: [{head: INT4, unit: ms, of: "int4.latency[part]"}]
figures:
  - {figure: claims}
  - {figure: scatter}
  - {figure: band, of: memory}
  - {figure: ratios, of: runs}
  - {figure: precisions, of: [fp16, int4]}
  - {figure: waterfall, of: [fp16, int4]}
  - {figure: time_groups, of: int4}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reports" / "small").mkdir(parents=True)
    (tmp_path / "reports" / "small" / "small.yaml").write_text(SMALL)
    (tmp_path / "reports" / "small" / "study.yaml").write_text(STUDY)
    return tmp_path / "reports"


def outcome(folder: Path) -> StudyOutcome:
    return studied(open_study("small", folder)).outcome


def milliseconds(precision: str, **fields: Any) -> float:
    chip = hwsim.load_chip("int4_array").with_(**fields)
    work = hwsim.load_workload({**_small(), "precision": precision})
    return hwsim.simulate(chip, work).summary.latency_ms


def _small() -> dict[str, Any]:
    from hwsim.inputs.files import TextFile, read_document

    document: dict[str, Any] = read_document(TextFile("small", SMALL, "")).plain()
    return document


def test_claims_are_what_single_runs_give(folder: Path) -> None:
    speed_up, peak = outcome(folder).claims
    fp16, int4 = milliseconds("fp16"), milliseconds("w4a4")
    assert speed_up.predicted == fp16 / int4
    assert speed_up.difference == fp16 / int4 / 3 - 1
    wide, eight = speed_up.counterfactuals
    assert wide.predicted == fp16 / milliseconds("w4a4", **{"dram.read": "128 GB/s"})
    plan = {"policy": "w4a4", "rules": [{"match": "first.*", "policy": "w8a8"}]}
    mixed = hwsim.simulate(hwsim.load_chip("int4_array"), hwsim.load_workload({**_small(), "precision": plan}))
    assert eight.predicted == fp16 / mixed.summary.latency_ms != wide.predicted
    rapid = hwsim.load_chip("rapid")
    fast = dict(rapid.operating_points)["fast"].clock
    assert peak.predicted == pytest.approx(
        2 * 4 * fast * rapid.arrays * float(rapid.array.macs_per_cycle(Precision.INT4)) / 1e12
    )


def test_a_band_has_the_runs_as_they_are_each_axis_alone_and_drawn_corners(folder: Path) -> None:
    (band,) = outcome(folder).bands
    first, *alone = band.points[:4]
    assert first.ends == ()
    assert [point.ends for point in alone] == [
        (("DRAM", "32 GB/s"),),
        (("DRAM", "128 GB/s"),),
        (("lanes", "8"),),
    ]
    corners = band.points[4:]
    assert len(corners) == 6
    ends = Counter(dict(corner.ends)["DRAM"] for corner in corners)
    assert ends == {"32 GB/s": 3, "128 GB/s": 3}
    assert sum("lanes" in dict(corner.ends) for corner in corners) == 3
    for point in band.points:
        at = dict(point.ends)
        fields: dict[str, Any] = {"dram.read": at.get("DRAM", "64 GB/s"), "vector.lanes": int(at.get("lanes", 64))}
        assert point.y == milliseconds("w4a4", **fields)
        assert point.x == milliseconds("fp16", **fields) / point.y


def test_points_that_others_worked_out_give_the_same_band(folder: Path) -> None:
    study = open_study("small", folder)
    runs = StudiedRuns(study)
    points = {group: [runs.value(asked) for asked in group] for group in band_groups(study.file)[1:]}
    assert studied(study, points=points).outcome == outcome(folder)


def test_tables_are_of_runs_and_of_parts(folder: Path) -> None:
    runs, wider, parts = outcome(folder).tables
    fp16, int4 = milliseconds("fp16"), milliseconds("w4a4")
    assert [row.figures for row in runs.rows] == [(fp16, "fp16", fp16 / int4), (int4, "int4", 1.0)]
    assert wider.rows[0].figures == (int4 / milliseconds("w4a4", **{"dram.read": "128 GB/s"}),)
    assert [row.name for row in parts.rows] == ["first", "second"]
    assert sum(row.figures[0] for row in parts.rows) == pytest.approx(int4)  # type: ignore[misc]


def test_a_run_that_no_figure_asks_for_is_not_made(folder: Path) -> None:
    study = open_study("small", folder)
    runs = StudiedRuns(study)
    assert runs.value(Asked("int4.stored_fp32 / int4.stored")) > 7
    assert not runs.of("int4").has_run


BROKEN = [
    ("predicted: peak.peak_tops", "predicted: peek.peak_tops", "unknown run 'peek'; did you mean peak?"),
    ("predicted: peak.peak_tops", "predicted: peak.peek", "unknown figure 'peek'"),
    ("predicted: peak.peak_tops", "predicted: peak.latency", "workload = None: must be there, for a figure of a run"),
    ("predicted: peak.peak_tops", "predicted: int4.mode", "int4.mode = 'int4': is no number"),
    ("predicted: peak.peak_tops", "predicted: peak_tops", "must say of which run peak_tops is"),
    ("predicted: peak.peak_tops", "predicted: peak.peak_tops +", "ends where a number or a figure is wanted"),
    ("predicted: peak.peak_tops", 'predicted: "int4.latency[third]"', "unknown part of int4 'third'"),
    ("published: 102.4", "published: 0", "must not be zero: differences are relative to it"),
    ("rows: [int4]", "rows: [fp16]", "unknown run 'fp16_wide'"),
    ("parts_of: int4", "parts_of: int8", "unknown run 'int8'"),
    ("parts_of: int4", "parts_of: int4\n    rows: [int4]", "must name runs, unless parts_of names one, and not both"),
    ("columns: [latency, mode", "columns: [latency, mood", "is no figure; there are latency"),
    ("on: [int4]", "on: [int5]", "unknown run 'int5'"),
    ("chip: rapid", "chip: rapit", "unknown chip 'rapit'; did you mean rapid?"),
    ("point: fast", "point: slow", "unknown operating point 'slow'"),
    (
        "workload: small.yaml, precision: fp16",
        "workload: tiny.yaml, precision: fp16",
        "tiny.yaml: there is no such file",
    ),
    ("vector.lanes: 8}", "vector.lains: 8}", "unknown field 'vector.lains'; did you mean vector.lanes"),
    ("name: wider", "name: runs", "is there twice; each must have a name of its own"),
    ("figure: scatter", "figure: scater", "is no figure of a study; there are claims"),
    ("of: memory", "of: memories", "must name one of memory"),
    ("{figure: ratios, of: runs}", "{figure: beam, of: [int4]}", "must be a run that says decoding.beam"),
    ("corners: 6", "corners: -1", "must be at least 0"),
    ("title: Small products", "titel: Small products", "titel: unknown field; did you mean title?"),
]


@pytest.mark.parametrize(("part", "broken", "problem"), BROKEN)
def test_what_is_wrong_with_a_study_is_said_in_a_line_that_names_its_file(
    folder: Path, part: str, broken: str, problem: str
) -> None:
    from hwsim.report.study_files import study_files

    path = folder / "small" / "study.yaml"
    text = path.read_text()
    assert text.count(part) == 1
    path.write_text(text.replace(part, broken))
    with pytest.raises(HwsimError) as refused:
        study_files(studied(open_study("small", folder)))
    assert problem in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert "study.yaml" in str(refused.value)


def test_the_command_names_studies_that_there_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder.parent)
    assert "unknown study 'smal'; did you mean small?" in complaint(capsys, "report", "smal")
    assert "there is no such study" in complaint(capsys, "report", "reports/other")
    assert "names no folder" in complaint(capsys, "report", "small", "--out", "")
    monkeypatch.chdir(folder)
    assert "holds no studies" in complaint(capsys, "report", "all")


def test_shipped_studies_are_read() -> None:
    """Each is valid, and the band of the transducer is the one that was registered."""
    names = names_of_studies(ROOT / "reports")
    assert {"rnnt_int4", "conformer_4bit", "tdnn_mixed", "rapid_chip", "analog_rnnt", "int4_vs_fp16", "silicon"} <= {
        *names
    }
    files = {name: open_study(name, ROOT / "reports").file for name in names}
    (band,) = files["rnnt_int4"].bands
    assert [axis.name for axis in band.axes] == [
        "DRAM", "beam", "external language model", "steps of the search a second", "cores", "host in a step",
        "weights in FP16",
    ]  # fmt: skip
    assert len(list(ends_of(band))) == 1 + 13 + 16


def test_what_runs_read_lies_where_nothing_is_written_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one" / "tables").mkdir(parents=True)
    (tmp_path / "one" / "tables" / "small.yaml").write_text(SMALL)
    (tmp_path / "one" / "study.yaml").write_text(STUDY.replace("small.yaml", "tables/small.yaml"))
    with pytest.raises(HwsimError, match=r"lies where a study's output is written; move it beside study\.yaml"):
        studied(open_study(str(tmp_path / "one")))
    (tmp_path / "two" / "one").mkdir(parents=True)
    for place in ("one", "two/one"):
        (tmp_path / place / "small.yaml").write_text(SMALL)
        (tmp_path / place / "study.yaml").write_text(STUDY)
    out = str(tmp_path / "out")
    told = complaint(capsys, "report", str(tmp_path / "one"), str(tmp_path / "two" / "one"), "--out", out)
    assert told.endswith("would hold two studies of the name one; write each into its own folder")
    assert not (tmp_path / "out").exists()
