"""Weights that were trained for a policy: which runs take them, which files are read, what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from command import complaint, printed
from data import ROOT
from hwsim.quantities.precision import POLICIES
from hwsim.study.recognise.trained import MARK, precisions_beside, trained_file
from study.test_recognise import WORDS, some

FEW = ("held_248", "human_cards_001", "held_360")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A network of one's own, with weights for w4a8 that hear other things than those for all others."""
    some(tmp_path, FEW)
    for name in ("words_rnnt.yaml", "symbols.json", "weights.safetensors"):
        (tmp_path / name).write_bytes((WORDS / name).read_bytes())
    trained = load_file(WORDS / "weights.safetensors")
    trained["joint.output.bias"] += np.eye(47, dtype=np.float32)[3] * 100
    save_file(trained, tmp_path / trained_file("w4a8"))
    return tmp_path


def heard(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[dict[str, list[str]], set[str]]:
    document = json.loads(printed(capsys, "recognise", *arguments, "--buckets", "0", "--json", "-")[0])
    found = {run["precision"]: [one["heard"] for one in run["utterances"]] for run in document["runs"]}
    return found, {Path(name).name for name in document["files"]}


def test_a_marked_run_hears_with_its_own_weights_and_others_do_not(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    asked = ("int4_array", str(folder / "words_rnnt.yaml"))
    both, files = heard(capsys, *asked, "--precisions", "w4a8,w4a8:trained")
    alone, fewer = heard(capsys, *asked, "--precisions", "w4a8")
    named, _ = heard(capsys, *asked, "--precisions", "w4a8", "--weights", str(folder / trained_file("w4a8")))
    assert both["w4a8"] == alone["w4a8"]
    assert both["w4a8:trained"] == named["w4a8"]
    assert both["w4a8"] != both["w4a8:trained"]
    assert files - fewer == {trained_file("w4a8")}


def test_workers_hear_with_them_too(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    asked = ("int4_array", str(folder / "words_rnnt.yaml"), "--precisions", "w8a8,w4a8:trained")
    assert heard(capsys, *asked, "--workers", "2") == heard(capsys, *asked)


def test_where_nothing_is_said_they_are_heard_beside_rounded_ones(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    path = str(folder / "words_rnnt.yaml")
    found, _ = heard(capsys, "int4_array", path)
    assert tuple(found) == precisions_beside(path) == ("fp32", "w8a8", "w4a8", "w4a8:trained")
    one, _ = heard(capsys, "int4_array", path, "--weights", str(folder / "weights.safetensors"))
    assert len(one) == 1
    (folder / trained_file("w4a8")).unlink()
    assert precisions_beside(path) == ()
    assert heard(capsys, "int4_array", path)[0] == one


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--precisions", "w2a8:trained"), "w2a8:trained: {path} has no weights.w2a8.safetensors beside it; ask for"),
        (("--precisions", "fp32:trained"), "'fp32:trained': is a policy of floats, whose weights are those of fp32"),
        (("--precisions", "w4a8:trained,w4a8:trained"), "'w4a8:trained': is there twice"),
        (("--precisions", "w9:trained"), "unknown precision policy 'w9'"),
        (
            ("--precisions", "w4a8:trained", "--weights", "{folder}/weights.safetensors"),
            "is read for all runs; leave it out, or w4a8:trained",
        ),
    ],
)
def test_what_cannot_be_is_one_line(
    capsys: pytest.CaptureFixture[str], folder: Path, options: tuple[str, ...], problem: str
) -> None:
    path = folder / "words_rnnt.yaml"
    given = [option.format(folder=folder) for option in options]
    assert problem.format(path=path) in complaint(capsys, "recognise", "int4_array", str(path), *given)


def test_weights_of_another_shape_name_their_file(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    save_file({"joint.output.bias": np.zeros(3, np.float32)}, folder / trained_file("w4a8"))
    asked = ("recognise", "int4_array", str(folder / "words_rnnt.yaml"), "--precisions", "w4a8:trained")
    assert trained_file("w4a8") in complaint(capsys, *asked)


def test_no_shipped_file_is_trained_for_a_policy_that_is_none() -> None:
    for path in (ROOT / "workloads").glob("**/weights.*.safetensors"):
        assert path.name in {trained_file(name) for name in POLICIES}
        assert precisions_beside(path.parent.name)[-1].endswith(MARK)
