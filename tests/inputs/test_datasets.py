"""A data set is a folder with a table; what is wrong with it is told in one line."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hwsim.errors import FileProblem
from hwsim.inputs.datasets import Use, open_data
from inputs.test_model_input import wav


def folder_of(folder: Path, table: str, **arrays: NDArray[np.float32]) -> Path:
    (folder / "transcripts.tsv").write_text(table)
    if arrays:
        np.savez(folder / "in.npz", **arrays)  # type: ignore[arg-type]  # its stubs know no mapping of arrays
    return folder


def ramp(frames: int, size: int = 2) -> NDArray[np.float32]:
    return np.arange(frames * size, dtype=np.float32).reshape(frames, size)


def test_utterances_are_recordings_or_arrays(tmp_path: Path) -> None:
    (tmp_path / "b.wav").write_bytes(wav(bytes(320)))
    table = "file\tvoice\ttranscript\na\tx\tgo left\nb.wav\ty\t\nother.npz:c.d\tz\tup\n"
    np.savez(tmp_path / "other.npz", **{"c.d": ramp(3)})  # type: ignore[arg-type]
    data = open_data(folder_of(tmp_path, table, a=ramp(2)))
    assert [(one.name, one.said, one.use) for one in data.utterances] == [
        ("a", ("go", "left"), Use.TEST), ("b", (), Use.TEST), ("c.d", ("up",), Use.TEST),
    ]  # fmt: skip
    first, second, third = map(data.heard, data.utterances)
    assert first.arrays is not None
    np.testing.assert_array_equal(first.arrays.read(""), ramp(2))
    assert second.recording is not None
    assert len(second.recording.samples) == 160
    assert third.shapes == {"": (3, 2)}
    assert set(data.files()) == {str(tmp_path / name) for name in ("transcripts.tsv", "in.npz", "other.npz")}


@pytest.mark.parametrize("key", ["a.{}", "{}.a"])
def test_inputs_of_an_utterance_have_their_names_before_or_behind_its_own(tmp_path: Path, key: str) -> None:
    arrays = {key.format("features"): ramp(3), key.format("ivector"): ramp(1), "b.features": ramp(9)}
    data = open_data(folder_of(tmp_path, "file\ttranscript\na\tgo\n", **arrays))
    assert data.heard(data.utterances[0]).shapes == {"features": (3, 2), "ivector": (1, 2)}


def test_columns_say_what_utterances_are_for_and_how_long_they_are(tmp_path: Path) -> None:
    table = "use\tfile\tseconds\ttranscript\tgroup\nboth\ta\t2.5\tgo\twomen\n\ncalibrate\tb\t\tup\t\n"
    data = open_data(folder_of(tmp_path, table, a=ramp(1), b=ramp(1)))
    first, second = data.utterances
    assert (first.use, first.audio, first.group) == (Use.BOTH, 2_500_000_000_000, "women")
    assert (second.use, second.audio, second.group) == (Use.CALIBRATE, None, "")
    assert data.of(Use.TEST, Use.BOTH) == (first,)


def test_a_table_may_have_another_name(tmp_path: Path) -> None:
    folder_of(tmp_path, "file\ttranscript\na\tgo\n", a=ramp(1))
    (tmp_path / "transcripts.tsv").rename(tmp_path / "test.tsv")
    assert len(open_data(tmp_path / "test.tsv").utterances) == 1


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("", "is empty; it needs a line that names the columns file, transcript"),
        ("file\ttext\na\tgo\n", ":1: has no column 'transcript'; known: file, text"),
        ("transcript\tflie\na\tgo\n", ":1: has no column 'file'; did you mean flie? known: transcript, flie"),
        ("file\ttranscript\tuze\na\tgo\t\n", ":1: column 'uze' is not read; did you mean use?"),
        ("file\ttranscript\tfile\n", ":1: column 'file' is there twice"),
        ("file\ttranscript\n", "has no utterances: a line for each stands below the names of the columns"),
        ("file\ttranscript\na\n", ":2: has 1 cells in 2 columns; tabs part them"),
        ("file\ttranscript\na\tgo\na\tup\n", ":3: 'a' is there twice, first on line 2"),
        ("file\ttranscript\n\tgo\n", ":2: file = '': must name a file, or arrays of in.npz"),
        ("file\ttranscript\nx.wav\tgo\n", ":2: file = 'x.wav': there is no such file, beside the table"),
        ("file\ttranscript\tuse\na\tgo\ttrain\n", ":2: use = 'train': must be one of test, calibrate, both"),
        ("file\ttranscript\tseconds\na\tgo\t-1\n", ":2: seconds = '-1': "),
    ],
)
def test_what_is_wrong_with_a_table_is_told(tmp_path: Path, table: str, problem: str) -> None:
    with pytest.raises(FileProblem) as raised:
        open_data(folder_of(tmp_path, table, a=ramp(1)))
    assert problem in str(raised.value)


def test_a_folder_without_a_table_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"has no transcripts\.tsv; a data set is a folder with a table"):
        open_data(tmp_path)
    with pytest.raises(FileProblem, match="there is no such folder"):
        open_data(tmp_path / "no")


def test_arrays_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"in\.npz, which could have its arrays, neither"):
        open_data(folder_of(tmp_path, "file\ttranscript\na\tgo\n"))
    data = open_data(folder_of(tmp_path, "file\ttranscript\na\tgo\n", ab=ramp(1)))
    with pytest.raises(FileProblem, match=r"has no arrays of 'a'; did you mean ab\? known: ab"):
        data.heard(data.utterances[0])
