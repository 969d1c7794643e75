"""Model files whose outputs are scores of CTC: each utterance at its own length, and words by a search of ours."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper

from command import complaint, printed
from hwsim.errors import FileProblem, InvalidValue, Unsupported
from hwsim.results.recognition import Searching, SearchKind
from hwsim.study.recognise.run import Request, recognise
from hwsim.study.recognise.session import Asked, open_session
from inputs.test_model_input import wav
from onnx_models import model

SYMBOLS = ["a", "b", "c", "<wb>", "<blank>"]
LEXICON = {"ab": ["a", "b"], "c": ["c"], "see": ["c"], "aa": ["a", "a"]}
SAID = {"one": ("ab c", "aabb_c"), "two": ("aa ab", "a_a|abb"), "three": ("c", "__cc__")}
"""Of each utterance what was said, and what its frames sound like, one letter each: _ a blank, | between words."""

_LETTERS = "abc|_"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A network that says in each frame what it reads, four features of which each stand for a symbol."""
    rng = np.random.default_rng(5)
    weight = np.eye(5, dtype=np.float32) * 6 + rng.normal(size=(5, 5)).astype(np.float32) / 4
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"], "product"),
        helper.make_node("LogSoftmax", ["y"], ["z"], "scores", axis=-1),
    ]
    made = model(nodes, {"x": [1, "frames", 5]}, ["z"], {"w": weight})
    onnx.save(made, tmp_path / "model.onnx")
    np.savez(tmp_path / "in.npz", **{name: sounds(letters) for name, (_, letters) in SAID.items()})  # type: ignore[arg-type]
    rows = [f"{name}\t{said}" for name, (said, _) in SAID.items()]
    (tmp_path / "transcripts.tsv").write_text("\n".join(["file\ttranscript", *rows]) + "\n")
    (tmp_path / "tokens.json").write_text(json.dumps(SYMBOLS))
    return tmp_path


def sounds(letters: str) -> NDArray[np.float32]:
    return np.eye(5, dtype=np.float32)[[_LETTERS.index(letter) for letter in letters]][None]


def asked(folder: Path, **changes: Any) -> Asked:
    return Asked(arch="int4_array", workload=str(folder / "model.onnx"), data=folder, **changes)


def heard(folder: Path, **changes: Any) -> dict[str, tuple[str, int]]:
    """Of each utterance what was heard, and how many errors that has."""
    (run,) = recognise(asked(folder, **changes), Request(precisions=("w8a8",), buckets=1)).runs
    assert run.cost is not None
    assert run.cost.rtf > 0
    return {one.name: (one.heard, one.errors) for one in run.utterances}


@pytest.mark.parametrize("search", [None, SearchKind.GREEDY, SearchKind.BEAM])
def test_without_a_lexicon_symbols_are_heard(folder: Path, search: SearchKind | None) -> None:
    found = heard(folder, search=search)
    assert {name: text for name, (text, _) in found.items()} == {"one": "a b c", "two": "a a a b", "three": "c"}


def test_with_a_lexicon_words_are_heard_and_those_that_sound_alike_are_one(folder: Path) -> None:
    (folder / "lexicon.json").write_text(json.dumps(LEXICON))
    assert heard(folder) == {"one": ("ab c", 0), "two": ("aa ab", 0), "three": ("c", 0)}
    table = (folder / "transcripts.tsv").read_text()
    (folder / "transcripts.tsv").write_text(table.replace("three\tc", "three\tsee"))
    assert heard(folder)["three"] == ("c", 0)


def test_symbols_are_held_against_those_of_the_words_that_were_said(folder: Path) -> None:
    (folder / "lexicon.json").write_text(json.dumps(LEXICON))
    found = heard(folder, search=SearchKind.GREEDY)
    assert found == {"one": ("a b c", 0), "two": ("a a a b", 0), "three": ("c", 0)}


def test_a_word_that_the_lexicon_lacks_has_no_symbols(folder: Path) -> None:
    (folder / "lexicon.json").write_text(json.dumps({"ab": ["a", "b"], "c": ["c"]}))
    with pytest.raises(FileProblem, match=r"transcripts\.tsv:3: the lexicon lacks 'aa'"):
        heard(folder, search=SearchKind.GREEDY)


def test_words_cost_their_penalty(folder: Path) -> None:
    (folder / "lexicon.json").write_text(json.dumps(LEXICON))
    assert heard(folder, searching=Searching(word_penalty=-200.0))["two"][0] != "aa ab"


def test_a_model_has_as_many_outputs_as_symbols(folder: Path) -> None:
    (folder / "tokens.json").write_text(json.dumps(SYMBOLS[:4]))
    with pytest.raises(Unsupported, match="4 symbols are named, and the network has 5 outputs"):
        heard(folder)


def test_a_search_for_words_needs_a_lexicon(folder: Path) -> None:
    with pytest.raises(InvalidValue, match="needs the words and their symbols; give --lexicon FILE"):
        open_session(asked(folder, search=SearchKind.LEXICON))


def test_the_table_says_how_long_utterances_are(folder: Path) -> None:
    (run,) = recognise(asked(folder), Request(precisions=("fp32",))).runs
    assert run.audio_seconds == pytest.approx(0.01 * sum(len(letters) for _, letters in SAID.values()))
    rows = [f"{name}\t{said}\t2" for name, (said, _) in SAID.items()]
    (folder / "transcripts.tsv").write_text("\n".join(["file\ttranscript\tseconds", *rows]) + "\n")
    (run,) = recognise(asked(folder), Request(precisions=("fp32",))).runs
    assert run.audio_seconds == 6.0


def test_scores_are_handed_out_as_arrays_and_as_matrices_of_kaldi(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("recognise", "int4_array", str(folder / "model.onnx"), "--data", str(folder), "--search", "none")
    for name in ("scores.npz", "scores.ark"):
        shown, told = printed(capsys, *arguments, "--precisions", "fp32", "--scores", str(folder / name))
        assert "none, scores alone" in shown
        assert "errors" not in shown
        assert name in told
    with np.load(folder / "scores.npz") as arrays:
        found = dict(arrays)
    assert list(found) == sorted(SAID)
    for name, (_, letters) in SAID.items():
        assert found[name].argmax(axis=1).tolist() == [_LETTERS.index(letter) for letter in letters]
        np.testing.assert_allclose(np.exp(found[name]).sum(axis=1), 1, rtol=1e-5)
    assert matrices((folder / "scores.ark").read_bytes()) == {name: values.tolist() for name, values in found.items()}


def matrices(data: bytes) -> dict[str, list[list[float]]]:
    """The matrices of an archive of Kaldi's, as its documentation has them."""
    found, place = {}, 0
    while place < len(data):
        end = data.index(b" ", place)
        name, place = data[place:end].decode(), end + 1
        assert data[place : place + 5] == b"\0BFM "
        (four, rows), (again, columns) = (struct.unpack_from("<bi", data, place + at) for at in (5, 10))
        assert (four, again) == (4, 4)
        start = place + 15
        found[name] = np.frombuffer(data, "<f4", rows * columns, start).reshape(rows, columns).tolist()
        place = start + 4 * rows * columns
    return found


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--scores", "s.txt"), "--scores = 's.txt': must end in .npz (numpy) or .ark (Kaldi)"),
        (("--scores", "s.npz", "--precisions", "w8a8,w4a4"), "is of one run in one precision, from its beginning"),
    ],
)
def test_scores_that_cannot_be_handed_out_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], problem: str
) -> None:
    arguments = ("recognise", "int4_array", str(folder / "model.onnx"), "--data", str(folder))
    assert problem in complaint(capsys, *arguments, *options)


def test_a_transducer_has_no_scores(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    problem = complaint(capsys, "recognise", "int4_array", "words_rnnt", "--scores", str(tmp_path / "s.npz"))
    assert problem == "words_rnnt searches by itself and leaves no scores that could be handed out"


def test_a_model_file_reads_features_and_no_recordings(folder: Path) -> None:
    (folder / "a.wav").write_bytes(wav(bytes(3200)))
    (folder / "transcripts.tsv").write_text("file\ttranscript\na.wav\tc\n")
    with pytest.raises(FileProblem, match=r"a\.wav: is a recording, and hwsim does not know what features"):
        open_session(asked(folder))
