"""A study that recognises says what the command says, on a page that opens each of its runs."""

import csv
import json
import shlex
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

import hwsim
from command import printed
from hwsim.errors import HwsimError, InvalidValue
from hwsim.inputs.files import Kind, shipped_file
from hwsim.inputs.studies import open_study
from hwsim.quantities.plain_data import plain
from hwsim.report.study_files import study_files
from hwsim.report.study_processes import made
from hwsim.results.recognition import Recognitions
from hwsim.results.study_file import StudyFile, StudyRecognition, StudyRun, StudyTable
from hwsim.study.studies import Asked, StudiedRuns, studied

STUDY = """
title: Heard
question: What is heard?
recognitions:
  - name: words
    title: Words on two chips
    chip: int4_array
    beside: [analog_pcm, own.yaml]
    workload: words_rnnt
    precisions: [fp32, fp16, w8a8]
    take: 2
    draws: 2
  - name: widths
    title: Words over widths
    chip: own.yaml
    workload: words_rnnt
    precisions: [w8a8]
    axes: [{fields: array.accumulator.bits, values: [8, 20]}]
    quantise: {weights.clip: mse}
    take: 2
    buckets: 0
claims:
  - what: More errors in few bits
    published: 1
    source: nobody
    predicted: widths.errors[w8a8, 8] - words.errors[fp32]
figures:
  - {figure: recognition_front, of: words}
  - {figure: recognition_curve, of: widths}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports") / "heard"
    folder.mkdir()
    own = shipped_file(Kind.ARCH, "int4_array").read_text()
    (folder / "own.yaml").write_text(own.replace("name: int4_array", "name: own", 1))
    (folder / "study.yaml").write_text(STUDY)
    return folder


@pytest.fixture(scope="module")
def heard(folder: Path) -> dict[str, Recognitions]:
    runs = StudiedRuns(open_study(str(folder)))
    return {name: runs.recognised(name) for name in ("words", "widths")}


def test_the_command_of_a_page_hears_what_the_study_heard(
    folder: Path, heard: dict[str, Recognitions], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = studied(open_study(str(folder)), heard=heard).outcome
    monkeypatch.chdir(folder.parent.parent)
    for one in found.recognitions:
        program, *words = shlex.split(one.command)
        assert program == "hwsim"
        document, _ = printed(capsys, *words, "--json", "-")
        again = json.loads(document)
        assert (again["runs"], again["changes"]) == (plain(one.found.runs), plain(one.found.changes))


def test_a_page_has_each_run_with_its_number(folder: Path, heard: dict[str, Recognitions]) -> None:
    files = study_files(studied(open_study(str(folder)), heard=heard))
    rows = list(csv.DictReader(StringIO(files["tables/words.csv"])))
    runs = heard["words"].runs
    assert [row["Run"] for row in rows] == [run.label for run in runs]
    assert [row["N"] for row in rows] == [str(number) for number in range(1, len(runs) + 1)]
    assert [float(row["Word errors (%)"]) for row in rows] == [100 * run.rate.rate for run in runs]
    assert [float(row["95 % from (%)"]) for row in rows] == [100 * run.rate.low for run in runs]
    assert [float(row["95 % to (%)"]) for row in rows] == [100 * run.rate.high for run in runs]
    on_devices = [run for run in runs if run.draws]
    assert on_devices
    ends = [(row["Devices from (%)"], row["Devices to (%)"]) for row in rows if row["Devices to (%)"]]
    rates = [[100 * draw.rate for draw in run.draws] for run in on_devices]
    assert [(float(low), float(high)) for low, high in ends] == [(min(each), max(each)) for each in rates]
    assert "hwsim recognise int4_array words_rnnt --beside analog_pcm,reports" in files["README.md"]
    assert "--open N" in files["README.md"]
    assert {"figures/recognition_front_words.svg", "figures/recognition_curve_widths.svg"} < set(files)


def test_chips_without_a_format_leave_it_out_and_chips_that_add_alike_hear_alike(
    heard: dict[str, Recognitions],
) -> None:
    runs = {run.label: run for run in heard["words"].runs}
    assert list(runs) == [
        "fp32", "fp16, int4_array", "w8a8, int4_array", "w8a8, analog_pcm", "fp16, own", "w8a8, own",
    ]  # fmt: skip
    alone = hwsim.recognise("int4_array", "words_rnnt", precisions=["w8a8"], take=2)
    for label in ("w8a8, int4_array", "w8a8, own"):
        assert runs[label].utterances == alone.runs[0].utterances
    assert len(runs["w8a8, analog_pcm"].draws) == 2


def test_formulas_name_runs_that_were_heard(folder: Path, heard: dict[str, Recognitions]) -> None:
    runs = StudiedRuns(open_study(str(folder)), heard=heard)
    by_label = {run.label: run for run in heard["words"].runs}
    eight = by_label["w8a8, own"]
    assert eight.cost is not None
    assert runs.value(Asked("words.errors[w8a8, own] / 2")) == 50 * eight.rate.rate
    assert runs.value(Asked("words.energy_per_second[w8a8, own]")) == eight.cost.energy_per_audio_second_mj
    for formula, problem in (
        ("words.errors[w8a8]", "unknown run of a recognition 'w8a8'"),
        ("words.latency[fp32]", "unknown figure of a recognition 'latency'"),
        ("words.rtf[fp32]", "was not timed"),
    ):
        with pytest.raises(HwsimError, match=r"study\.yaml") as refused:
            runs.value(Asked(formula))
        assert problem in str(refused.value)


@pytest.mark.slow
def test_processes_hear_what_one_process_hears(folder: Path, heard: dict[str, Recognitions]) -> None:
    ((outcome, files),) = made([open_study(str(folder))])
    here = studied(open_study(str(folder)), heard=heard)
    assert outcome == here.outcome
    assert files == study_files(here)


@pytest.mark.parametrize(
    ("part", "broken", "problem"),
    [
        ("workload: words_rnnt\n    precisions: [w8a8]", "workload: words_rnn\n    precisions: [w8a8]", "words_rnn"),
        ("of: widths", "of: width", "must name one of words, widths"),
        ("name: widths", "name: width", "unknown run 'widths'"),
        ("draws: 2", "draws: 0", "draws = 0: must be"),
        ("    draws: 2", "    search: none", "search = 'none': leaves nothing to count errors of"),
        ("words.errors[fp32]", "words.errors", "must name a run in brackets, one of fp32, "),
    ],
)
def test_what_is_wrong_is_a_line_that_names_the_file(
    folder: Path, heard: dict[str, Recognitions], tmp_path: Path, part: str, broken: str, problem: str
) -> None:
    assert STUDY.count(part) == 1
    (tmp_path / "own.yaml").write_text((folder / "own.yaml").read_text())
    (tmp_path / "study.yaml").write_text(STUDY.replace(part, broken))
    known = {"words": heard["words"]} if problem == "words_rnn" else heard
    with pytest.raises(HwsimError, match=r"study\.yaml") as refused:
        study_files(studied(open_study(str(tmp_path)), heard=known))
    assert problem in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_names_of_recognitions_are_apart_from_all_others() -> None:
    one = StudyRecognition(name="words", title="t", chip="int4_array", workload="words_rnnt", precisions=("w8a8",))
    with pytest.raises(InvalidValue, match=r"recognitions = 'words': is there twice"):
        StudyFile(title="t", question="q", recognitions=(one, one))
    with pytest.raises(InvalidValue, match=r"recognitions = 'words': is the name of a run, too"):
        StudyFile(title="t", question="q", recognitions=(one,), runs=(("words", StudyRun(chip="int4_array")),))
    table = StudyTable(name="t", title="t", rows=("words",), columns=("rtf",))
    with pytest.raises(InvalidValue, match=r"tables\.t = 'words': has a table of its own; rows are runs"):
        StudyFile(title="t", question="q", recognitions=(one,), tables=(table,))
    with pytest.raises(InvalidValue, match=r"precisions = \(\): must be at least one"):
        replace(one, precisions=())
