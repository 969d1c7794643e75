"""`hwsim.recognise` says what `hwsim recognise` says, of names and of nouns."""

import json
from pathlib import Path
from typing import Any

import pytest

import hwsim
from command import printed
from hwsim.errors import InvalidValue, Unsupported, UserError
from hwsim.quantities.plain_data import plain
from hwsim.results.recognition import Recognitions
from study.test_recognise import WORDS, some

SHORT = ("held_208", "human_cards_001")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return some(tmp_path_factory.mktemp("some"), SHORT)


@pytest.fixture(scope="module")
def called(folder: Path) -> Recognitions:
    return hwsim.recognise(
        "int4_array",
        "words_rnnt",
        precisions=("fp32", "w8a8"),
        data=folder,
        axes={"array.accumulator.bits": [16, 20]},
        quantise={"weights.clip": "mse"},
        seed=3,
    )


def test_the_call_gives_what_the_command_prints(
    capsys: pytest.CaptureFixture[str], folder: Path, called: Recognitions
) -> None:
    arguments = ("--precisions", "fp32,w8a8", "--data", str(folder), "--set", "array.accumulator.bits=16,20")
    more = ("--quantise", "weights.clip=mse", "--seed", "3", "--json", "-")
    document, _ = printed(capsys, "recognise", "int4_array", "words_rnnt", *arguments, *more)
    assert json.loads(document) == plain(called)


def test_nouns_hear_what_their_names_hear(folder: Path, called: Recognitions) -> None:
    found = hwsim.recognise(
        hwsim.load_chip("int4_array"),
        hwsim.load_workload("words_rnnt"),
        precisions=("fp32", "w8a8"),
        data=folder,
        weights=WORDS / "weights.safetensors",
        symbols=WORDS / "symbols.json",
        axes={"array.accumulator.bits": [16, 20]},
        quantise={"weights.clip": "mse"},
        seed=3,
    )
    assert found.runs == called.runs
    assert found.changes == called.changes


def test_a_frame_has_a_row_for_each_run(called: Recognitions) -> None:
    frame = hwsim.to_frame(called)
    assert list(frame["precision"]) == ["fp32", "w8a8", "w8a8"]
    assert list(frame["array.accumulator.bits"])[1:] == ["16", "20"]
    assert list(frame["rate"]) == [run.rate.rate for run in called.runs]
    assert list(frame["errors"] / frame["tokens"]) == list(frame["rate"])
    energies = [run.cost and run.cost.energy_aj for run in called.runs]
    assert list(frame["energy_aj"])[1:] == energies[1:]
    assert frame["energy_aj"].isna()[0]


def test_a_changed_chip_is_heard_as_it_is(folder: Path, called: Recognitions) -> None:
    chip = hwsim.load_chip("int4_array").with_(**{"array.accumulator.bits": 16})
    found = hwsim.recognise(chip, "words_rnnt", precisions=["w8a8"], data=folder, quantise={"weights.clip": "mse"})
    assert found.runs[0].utterances == called.runs[1].utterances


def test_where_nothing_is_said_all_is_heard_for_which_there_are_weights(folder: Path) -> None:
    found = hwsim.recognise("int4_array", "words_rnnt", data=folder, buckets=0)
    assert [run.precision for run in found.runs] == ["fp32", "w8a8", "w4a4", "w4a4:trained"]
    alone = hwsim.recognise("int4_array", "words_rnnt", precisions=["w4a4:trained"], data=folder, buckets=0)
    assert alone.runs[0].utterances == found.runs[3].utterances


@pytest.mark.parametrize(
    ("changes", "error", "problem"),
    [
        ({"precisions": "w8a8"}, InvalidValue, "precisions = 'w8a8': must be a list of texts"),
        ({"precisions": ["w8a8", "w8a8"]}, InvalidValue, "precisions = 'w8a8, w8a8': must name each once"),
        ({"chip": 3}, InvalidValue, "chip = 'int': must be a shipped name, a path or a noun"),
        ({"search": "best"}, InvalidValue, "search = 'best': must be one of greedy, beam, lexicon, none"),
        ({"at": ["soon"], "chip": "analog_pcm"}, InvalidValue, "at = 'soon': must be"),
        ({"axes": ["array.rows"]}, InvalidValue, "axes = ['array.rows']: must map fields to values or to a range"),
        ({"buckets": -1}, InvalidValue, "buckets = -1: must be a whole number from 0 on"),
        ({"quantise": "mse"}, InvalidValue, "quantise = 'mse': must map fields to values"),
        ({"workload": "noun"}, Unsupported, "words_rnnt has no recordings beside it; give --data DIR"),
        ({"workload": "noun", "dims": {"encoder.layers": 2}}, InvalidValue, "are of a workload that is read from its"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], error: type[UserError], problem: str) -> None:
    given = {"chip": "int4_array", "workload": "words_rnnt", **changes}
    if given["workload"] == "noun":
        given["workload"] = hwsim.load_workload("words_rnnt")
    with pytest.raises(error) as refused:
        hwsim.recognise(**given)
    assert problem in str(refused.value)
