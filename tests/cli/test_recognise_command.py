"""`hwsim recognise`: what is shipped is heard as it was heard in training, and every output says the same."""

import csv
import json
from pathlib import Path

import pytest

from command import complaint, printed
from data import ROOT
from hwsim.cli.main import main
from study.test_recognise import some

RECORDED = ROOT / "tests" / "data" / "words_rnnt" / "torch_heard.json"


def test_single_precision_hears_in_every_shipped_utterance_what_the_trained_network_heard(
    capsys: pytest.CaptureFixture[str],
) -> None:
    document, _ = printed(capsys, "recognise", "int4_array", "words_rnnt", "--precisions", "fp32", "--json", "-")
    found = json.loads(document)
    (run,) = found["runs"]
    shipped = ["in.npz", "symbols.json", "transcripts.tsv", "weights.safetensors"]
    named = [f"workload/words_rnnt/{name} (shipped)" for name in shipped] + ["workload/words_rnnt (shipped)"]
    assert set(named) < set(found["files"])
    assert all(name.endswith("(shipped)") for name in found["files"])
    assert {one["name"]: one["heard"] for one in run["utterances"]} == json.loads(RECORDED.read_text())
    assert run["cost"] is None


def test_every_output_says_the_same(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder, out = some(tmp_path), tmp_path / "out"
    arguments = ("recognise", "int4_array", "words_rnnt", "--data", str(folder), "--precisions", "w8a8,w4a4")
    shown, told = printed(capsys, *arguments, "--out", str(out), "--json", str(tmp_path / "r.json"))
    document = json.loads((tmp_path / "r.json").read_text())
    assert json.loads((out / "recognition.json").read_text()) == document
    eight, four = document["runs"]
    rate = eight["rates"][0]
    errors = rate["substitutions"] + rate["deletions"] + rate["insertions"]
    assert f"{errors}/{rate['tokens']} {100 * rate['rate']:.1f} %" in shown
    assert [change["run"] for change in document["changes"]] == ["w4a4"]
    with (out / "utterances.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["heard"] for row in rows] == [one["heard"] for run in (eight, four) for one in run["utterances"]]
    with (out / "recognition.csv").open() as file:
        assert [float(row["rate"]) for row in csv.DictReader(file)] == [
            run["rates"][0]["rate"] for run in (eight, four)
        ]
    assert "recognition.svg" in told
    assert eight["cost"]["model_bytes"] > four["cost"]["model_bytes"]
    assert eight["cost"]["rtf"] > 0


def test_names_of_trained_networks_are_shipped_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("show", "words_rnnt")) == 0
    assert capsys.readouterr().out == (ROOT / "workloads" / "trained" / "words_rnnt" / "words_rnnt.yaml").read_text()
    assert "words_rnnt" in printed(capsys, "list")[0]
    assert printed(capsys, "check", "words_rnnt")[0].startswith("words_rnnt")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--precisions", "w8a8,w8a8"), "--precisions = 'w8a8': is there twice"),
        (("--precisions", "w9"), "w9"),
        (("--resume",), "--resume = True: goes on with what lies in --out; give --out DIR"),
        (("--data", "nowhere"), "nowhere: there is no such folder"),
        (("--utterance", "held_208"), "is the one of a run that is opened; give --open N"),
        (("--at", "1d"), "are of analog tiles, of which this chip has none"),
        (("--quantise", "in_turn=yes"), "--quantise = 'in_turn=yes': must be true or false"),
        (("--precisions", "w4a8", "--quantise", "in_turn=true"), "in_turn = True: is how weights are rounded"),
        (("--search", "greedy"), "words_rnnt searches by itself (greedy, as its field decoding says)"),
        (("--word-penalty", "nan"), "word_penalty"),
    ],
)
def test_what_cannot_be_is_one_line(capsys: pytest.CaptureFixture[str], options: tuple[str, ...], problem: str) -> None:
    assert problem in complaint(capsys, "recognise", "int4_array", "words_rnnt", *options)


def test_several_devices_are_told_as_their_mean_and_one_by_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder, out = some(tmp_path, ("held_208", "held_360")), tmp_path / "out"
    arguments = ("--data", str(folder), "--precisions", "w8a8", "--at", "1y", "--draws", "3", "--buckets", "0")
    shown, _ = printed(capsys, "recognise", "analog_pcm", "words_rnnt", *arguments, "--out", str(out))
    (run,) = json.loads((out / "recognition.json").read_text())["runs"]
    with (out / "draws.csv").open() as file:
        drawn = [float(row["rate"]) for row in csv.DictReader(file)]
    assert drawn == [draw["rate"] for draw in run["draws"]]
    assert len(set(drawn)) > 1
    assert run["rates"][0]["rate"] == pytest.approx(sum(drawn) / 3)
    assert "2 utterances" in shown
    assert "means of 3 drawn devices" in shown
    assert f"{100 * min(drawn):.1f} {100 * max(drawn):.1f}" in shown
    assert ", devices 2" in shown
    with (out / "recognition_curve.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (float(row["devices_low"]), float(row["devices_high"])) == (min(drawn), max(drawn))


def test_a_field_of_the_chip_gives_a_curve(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder, out = some(tmp_path), tmp_path / "out"
    arguments = ("recognise", "int4_array", "words_rnnt", "--data", str(folder), "--precisions", "w8a8")
    shown, told = printed(capsys, *arguments, "--set", "array.accumulator.bits=16,20", "--out", str(out))
    assert "recognition_curve.svg" in told
    assert "array.accumulator.bits." in shown
    with (out / "recognition_curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["field"], row["value"], row["line"]) for row in rows] == [
        ("array.accumulator.bits", "16.0", "w8a8"), ("array.accumulator.bits", "20.0", "w8a8"),
    ]  # fmt: skip
    runs = json.loads((out / "recognition.json").read_text())["runs"]
    assert [float(row["rate"]) for row in rows] == [run["rates"][0]["rate"] for run in runs]
    assert float(rows[0]["area_mm2"]) == runs[0]["cost"]["area_mm2"]


def test_chips_beside_each_other_make_a_front_and_a_page(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder, out, page = some(tmp_path, ("held_208",)), tmp_path / "out", tmp_path / "r.html"
    arguments = ("recognise", "int4_array", "words_rnnt", "--data", str(folder), "--precisions", "fp32,w8a8,w4a8")
    shown, told = printed(
        capsys, *arguments, "--beside", "analog_pcm", "--buckets", "1", "--out", str(out), "--html", str(page)
    )
    assert "recognition_front.svg" in told
    runs = json.loads((out / "recognition.json").read_text())["runs"]
    with (out / "recognition_front.csv").open() as file:
        rows = list(csv.DictReader(file))
    timed = [run for run in runs if run["cost"] is not None]
    assert [row["chip"] for row in rows] == [run["chip"] for run in timed] == 2 * ["int4_array"] + 2 * ["analog_pcm"]
    assert [float(row["energy_per_audio_second_mj"]) for row in rows] == [
        run["cost"]["energy_per_audio_second_mj"] for run in timed
    ]
    best = [row["label"] for row in rows if row["on_front"] == "True"]
    assert f"Beaten by no other in errors and energy: {best[0]}" in shown
    html = page.read_text()
    assert all(row["label"] in html for row in rows)
    assert "recognition_front" in html


def test_a_run_is_opened_in_full(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = some(tmp_path, ("held_208", "held_248"))
    arguments = ("recognise", "int4_array", "words_rnnt", "--data", str(folder), "--precisions", "w8a8", "--open", "1")
    shown, told = printed(capsys, *arguments, "--utterance", "held_248", "--json", str(tmp_path / "run.json"))
    assert shown.startswith("words_rnnt in w8a8 on int4_array")
    assert "w8a8: held_248, said " in told
    assert json.loads((tmp_path / "run.json").read_text())["summary"]["precision"] == "w8a8"


@pytest.mark.slow
def test_the_run_that_the_documentation_shows_is_a_true_one(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "recognise.md").read_text()
    block = page.partition("```\n$ hwsim ")[2].partition("\n…\n```")[0]
    command, _, output = block.partition("\n")
    shown, _ = printed(capsys, *command.split())
    assert shown.startswith(output)
