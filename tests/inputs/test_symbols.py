"""Symbols of outputs, and the words of a lexicon, from files that people write."""

import json
from pathlib import Path
from typing import Any

import pytest

from hwsim.errors import FileProblem, UnknownName
from hwsim.inputs.symbols import Symbols, open_lexicon, open_symbols


def written(folder: Path, document: Any) -> Path:
    (folder / "file.json").write_text(document if isinstance(document, str) else json.dumps(document))
    return folder / "file.json"


@pytest.mark.parametrize(
    ("names", "blank", "between"),
    [
        (["", "a"], 0, None), (["a", "<wb>", "<blank>"], 2, 1), (["a", "b"], 0, None), (["<eps>", "|", "a"], 0, 1),
    ],
)  # fmt: skip
def test_blank_and_boundary_are_known_by_their_names(
    tmp_path: Path, names: list[str], blank: int, between: int | None
) -> None:
    symbols, _ = open_symbols(written(tmp_path, names))
    assert symbols == Symbols(tuple(names), blank, between)


def test_others_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, ["a", "nil", "pau"])
    assert open_symbols(path, blank="nil", between="pau")[0] == Symbols(("a", "nil", "pau"), 1, 2)
    with pytest.raises(UnknownName, match="unknown blank 'nill'; did you mean nil"):
        open_symbols(path, blank="nill")


def test_boundaries_and_blanks_are_not_spelled() -> None:
    assert Symbols(("a", "<wb>", "<blank>"), 2, 1).spelled((0, 1, 2, 0)) == ("a", "a")


def test_words_that_sound_alike_are_one(tmp_path: Path) -> None:
    symbols = Symbols(("", "f", "ɔ", "ɹ"))
    lexicon, _ = open_lexicon(
        written(tmp_path, {"four": ["f", "ɔ", "ɹ"], "for": ["f", "ɔ", "ɹ"], "or": ["ɔ"]}), symbols
    )
    assert lexicon.alike() == {"four": "four", "for": "four", "or": "or"}
    assert lexicon.sounds[2] == (2,)


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("[", "is not JSON"),
        ({"a": 1}, "must be a list of texts: the symbol of each output, in their order"),
        ([], "must be a list of texts"),
        (["a", 3], "must be a list of texts"),
    ],
)
def test_what_is_no_list_of_symbols_is_refused(tmp_path: Path, document: Any, problem: str) -> None:
    with pytest.raises(FileProblem, match=problem):
        open_symbols(written(tmp_path, document))


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (["a"], "must map each word to the list of its symbols"),
        ({"a": []}, "'a' must have a list of symbols"),
        ({"a": "f"}, "'a' must have a list of symbols"),
        ({"a": ["g"]}, "'a' has 'g', which is no symbol of the network"),
    ],
)
def test_what_is_no_lexicon_is_refused(tmp_path: Path, document: Any, problem: str) -> None:
    with pytest.raises(FileProblem, match=problem):
        open_lexicon(written(tmp_path, document), Symbols(("", "f")))
