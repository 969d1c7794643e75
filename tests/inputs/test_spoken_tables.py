"""Tables of lengths and of arrivals say what they say, in commas or tabs, and each broken one gives its line."""

from pathlib import Path

import pytest

import hwsim
from hwsim.errors import FileProblem
from hwsim.ir.lengths import Lengths, Share
from hwsim.results.streams import SECOND
from strategies.broken_files import ARRIVALS, BROKEN_ARRIVALS, BROKEN_LENGTHS, LENGTHS, broken


@pytest.mark.parametrize("between", [",", "\t"])
def test_a_table_says_how_many_utterances_have_which_length(between: str, tmp_path: Path) -> None:
    table = tmp_path / "spoken"
    table.write_text(LENGTHS.replace(",", between))
    assert hwsim.load_lengths(table) == Lengths(
        shares=(Share(length=5 * SECOND // 2, utterances=3), Share(length=4 * SECOND, utterances=1))
    )


def test_without_counts_each_line_is_one_utterance(tmp_path: Path) -> None:
    table = tmp_path / "spoken.csv"
    table.write_bytes(b"\xef\xbb\xbflength\r\n4\r\n\r\n2500 ms\r\n4.0\r\n")
    assert [(share.length, share.utterances) for share in hwsim.load_lengths(table).shares] == [
        (5 * SECOND // 2, 1),
        (4 * SECOND, 2),
    ]


def test_a_table_says_when_utterances_come(tmp_path: Path) -> None:
    (tmp_path / "arrivals.csv").write_text(ARRIVALS)
    times = hwsim.load_arrivals(str(tmp_path / "arrivals.csv"))
    assert times == (0, 3 * SECOND // 2, 3 * SECOND // 2, 2 * SECOND)


@pytest.mark.parametrize(("old", "new", "message"), BROKEN_LENGTHS)
def test_each_broken_table_of_lengths_is_refused_with_its_line(
    old: str, new: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spoken.csv").write_text(broken(LENGTHS, old, new))
    with pytest.raises(FileProblem) as found:
        hwsim.load_lengths("spoken.csv")
    assert str(found.value) == f"spoken.csv:{message}" or str(found.value) == f"spoken.csv: {message}"


@pytest.mark.parametrize(("old", "new", "message"), BROKEN_ARRIVALS)
def test_each_broken_table_of_arrivals_is_refused_with_its_line(
    old: str, new: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "arrivals.csv").write_text(broken(ARRIVALS, old, new))
    with pytest.raises(FileProblem) as found:
        hwsim.load_arrivals("arrivals.csv")
    assert str(found.value) == f"arrivals.csv:{message}"


def test_what_is_no_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileProblem, match=r"^noise: is no text in UTF-8; it must be a CSV or TSV file$"):
        hwsim.load_lengths("noise")
    with pytest.raises(FileProblem, match=r"^nothing: cannot be read: No such file or directory$"):
        hwsim.load_arrivals("nothing")
