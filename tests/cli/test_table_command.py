"""`hwsim table` writes the same figures as text, Markdown, LaTeX, CSV and JSON, where it is told to."""

import json
from pathlib import Path

import pytest

from command import complaint, printed

RUN = ("table", "int4_array", "--workloads", "tdnnf_7q", "--precisions", "w8a8,w4a4")


@pytest.mark.slow
def test_a_format_is_what_out_ends_in_or_what_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shown, _ = printed(capsys, *RUN, "--columns", "rtf,energy")
    assert shown.startswith("tdnnf_7q on int4_array\n")
    for name, begins in (
        ("t.tex", "% needs"),
        ("t.md", "**tdnnf"),
        ("t.csv", "chip,workload,precision,rtf,energy (mJ)"),
    ):
        on_screen, told = printed(capsys, *RUN, "--columns", "rtf,energy", "--out", str(tmp_path / name))
        assert on_screen == shown
        assert told == f"hwsim: wrote {tmp_path / name}\n"
        assert (tmp_path / name).read_text().startswith(begins)
    piped, _ = printed(capsys, *RUN, "--columns", "rtf,energy", "--format", "latex")
    assert piped == (tmp_path / "t.tex").read_text()
    document, told = printed(capsys, *RUN, "--columns", "rtf,energy", "--json", "-")
    assert told == shown
    rows = json.loads(document)["rows"]
    assert [row["precision"] for row in rows] == ["w8a8", "w4a4"]
    assert f"{rows[1]['figures']['energy_mj']:.4g}" in shown


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--columns", "rft"), "columns = 'rft': is no column; there are latency, rtf"),
        (("--precisions", "w9"), "w9"),
        (("--out", "t.txt"), "--out = 't.txt': must end in .md, .tex, .csv, unless --format says what it is"),
        (("--out", "t.tex", "--format", "terminal"), "--format = 'terminal': is for the screen; a file has markdown"),
        (("--workloads", "rnt"), "rnt"),
        (("--columns", ","), "--columns = ',': must list at least one"),
        (("--precisions", ","), "--precisions = ',': must list at least one"),
        (("--workloads", ","), "--workloads = ',': must list at least one"),
    ],
)
def test_what_cannot_be_written_is_one_line(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], problem: str
) -> None:
    assert problem in complaint(capsys, *RUN, *options)


def test_an_output_that_is_an_input_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    work = tmp_path / "work.yaml"
    work.write_text("kind: gemms\nname: one\nproducts: [{name: a, m: 4, k: 4, n: 4}]\n")
    options = ("table", "int4_array", "--workloads", str(work), "--format", "csv", "--out", str(work))
    assert "is read, and would be written over for --out" in complaint(capsys, *options)
