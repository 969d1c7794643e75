"""The files of the shipped studies are what their runs say, the same bytes each time; their pages stand alone."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from data import ROOT
from hwsim.inputs.studies import names_of_studies, open_study
from hwsim.report.study_files import study_files, write_study
from hwsim.report.study_processes import made
from hwsim.report.study_tables import claims_table, difference
from hwsim.report.written_table import Head, WrittenTable
from hwsim.results.study_file import Claim
from hwsim.results.study_outcome import ClaimOutcome
from hwsim.study.studies import studied

REPORTS = ROOT / "reports"
NEAR = 0.25
NAMES = names_of_studies(REPORTS)
FOLDERS = {**{name: REPORTS / name for name in NAMES}, "arrays": ROOT / "examples" / "arrays"}


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLDERS)
def test_a_shipped_study_says_what_its_runs_say(name: str) -> None:
    """Pages and tables to the byte, figures by the columns behind them: how matplotlib draws them is its own."""
    folder = FOLDERS[name]
    ((outcome, files),) = made([open_study(str(folder))])
    for path, text in files.items():
        if not path.endswith((".svg", ".html")):
            assert (folder / path).read_text() == text, f"{path}: run hwsim report {name}"
    generated = {path.relative_to(folder).as_posix() for path in folder.glob("*/*")}
    assert generated == {path for path in files if "/" in path}
    for one in outcome.claims:
        if abs(one.difference) > NEAR:
            nearest = min(abs(tried.predicted / one.claim.published - 1) for tried in one.counterfactuals)
            assert nearest < NEAR, f"{one.claim.what}: nothing closes the miss"
            assert one.claim.why is not None or one.claim.assumed is not None


@pytest.mark.slow
def test_a_study_is_the_same_bytes_twice() -> None:
    study = open_study("silicon", REPORTS)
    assert study_files(studied(study)) == study_files(studied(study))


@pytest.mark.parametrize("name", NAMES)
def test_a_page_names_its_figures_and_stands_alone(name: str) -> None:
    page, html = (REPORTS / name / "README.md").read_text(), (REPORTS / name / "index.html").read_text()
    for path in (REPORTS / name / "figures").glob("*.svg"):
        ElementTree.fromstring(path.read_text())
        assert f"(figures/{path.name})" in page
    assert "<img" not in html
    assert "http-equiv" in html
    assert len(html) < 3 << 20


def test_what_a_study_no_longer_has_is_taken_away_and_nothing_else(tmp_path: Path) -> None:
    for kept in ("study.yaml", "notes.txt"):
        (tmp_path / kept).write_text("kept")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "old.csv").write_text("old")
    write_study(tmp_path, {"README.md": "page", "index.html": "page", "tables/new.csv": "new"})
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert found == ["README.md", "index.html", "notes.txt", "study.yaml", "tables/new.csv"]


def test_a_table_is_the_same_in_all_formats() -> None:
    table = WrittenTable(
        "A & B",
        (Head("Run", words=True), Head("Latency", "ms"), Head("Gain", "×")),
        [("a_b|c", 1.23456, 2.0)],
        ["x < y"],
    )
    assert table.markdown() == (
        "| Run | Latency (ms) | Gain |\n|---|---:|---:|\n| a\\_b\\|c | 1.235 | 2.000 × |\n\nx &lt; y\n"
    )
    assert table.csv() == "Run,Latency (ms),Gain (×)\na_b|c,1.23456,2.0\n"
    latex = table.latex()
    assert r"\caption{A \& B}" in latex
    assert r"a\_b|c & 1.235 & 2.000 $\times$ \\" in latex
    assert r"x \textless{} y" in latex


def test_differences_are_relative_to_what_was_published() -> None:
    assert difference(3.0, 2.0) == "+50 %"
    assert difference(1.0, 2.0) == "−50 %"
    assert difference(1.999, 2.0) == difference(2.001, 2.0) == "0 %"
    assert claims_table(()).rows == []


def test_published_and_predicted_figures_are_written_in_one_way() -> None:
    claim = Claim(what="RTF", published=8e-5, source="nobody", predicted="a.rtf")
    assert claims_table([ClaimOutcome(claim=claim, predicted=9.1426e-5)]).cells == [
        ["RTF", "0.00008", "0.00009143", "+14 %", "nobody"]
    ]
