"""`hwsim ops` lists what rules match, and the shell completes what there is."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from command import HWSIM, printed
from data import RNNT
from hwsim.errors import InvalidValue
from hwsim.inputs.files import Kind, all_names, names
from hwsim.inputs.load import load_workload
from hwsim.quantities.precision import POLICIES
from hwsim.study.listing import listing

RULES = "precision: {policy: w4a4, rules: [{match: 'joint.*', policy: w8a8}, {match: joint.output, policy: w4a8}]}"


def test_the_json_of_a_listing_holds_every_op(capsys: pytest.CaptureFixture[str]) -> None:
    out, text = printed(
        capsys, "ops", "rnnt", "--dim", "encoder.layers=2", "--precision", "w4a8", "--full", "--json", "-"
    )
    document = json.loads(out)
    assert list(document) == ["workload", "precision", "ops"]
    work = load_workload("rnnt", "w4a8", dims={"encoder.layers": 2})
    placed = list(work.program.placed())
    assert [op["name"] for op in document["ops"]] == [one.op.name for one in placed]
    assert [op["runs"] for op in document["ops"]] == [one.times for one in placed]
    assert sum(op["macs"] for op in document["ops"]) == work.program.macs
    first = document["ops"][0]
    assert list(first) == ["name", "part", "kind", "runs", "macs", "reads", "writes", "policy", "rule"]
    assert first["reads"][0] == {"tensor": "features", "shape": [500, 1, 340], "precision": "int8"}
    assert all(op["name"] in text for op in document["ops"])


def test_the_ops_with_a_policy_are_those_that_rules_match(tmp_path: Path) -> None:
    path = tmp_path / "work.yaml"
    path.write_text(RNNT.read_text().replace("precision: w4a4", RULES))
    found = {op.name: op for op in listing(load_workload(path)).ops}
    assert (found["joint.output"].policy, found["joint.output"].rule) == ("w4a8", "joint.output")
    ruled = [op for op in found.values() if op.rule == "joint.*"]
    assert ruled
    assert {op.policy for op in ruled} == {"w8a8"}
    text = RNNT.read_text()
    for op in (found["encoder.0.forward.input"], found["encoder.0.forward.gates"]):
        rule = f"precision: {{policy: w4a4, rules: [{{match: {op.name}, policy: w8a8}}]}}"
        path.write_text(text.replace("precision: w4a4", rule))
        if op.policy is not None:
            assert load_workload(path).precision.of(op.name).name == "w8a8"
        else:
            with pytest.raises(Exception, match="matches no op with weights") as caught:
                load_workload(path)
            assert isinstance(caught.value.__cause__, InvalidValue)


@pytest.mark.parametrize("name", names(Kind.WORKLOAD))
def test_a_listing_is_one_screen_that_counts_every_op(name: str) -> None:
    work = load_workload(name)
    page = work._repr_html_()
    assert page.count("\n") <= 40
    names_of_all = [placed.op.name for placed in work.program.placed()]
    counts = [int(count) for count in re.findall(r" × (\d+) ", page)]
    rows = re.findall(r"^[a-z_]+\.[a-z0-9_.*]+(?= )", page, re.MULTILINE)
    left_out = re.search(r"(\d+) ops without", " ".join(page.split()))
    listed = sum(counts) + len(rows) - len(counts)
    assert listed + int(left_out[1] if left_out else 0) == len(names_of_all)
    assert ("reads → writes" in page) != ("Left out: shapes" in page)


def test_a_full_listing_names_every_op_and_what_it_reads(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    out, _ = printed(capsys, "ops", "conformer_s", "--full")
    assert "reads → writes" in out
    assert all(placed.op.name in out for placed in load_workload("conformer_s").program.placed())


def completed(words: str, incomplete: str) -> list[str]:
    """What bash gets for a line of words and the word that is being written."""
    line = ["hwsim", *words.split(), incomplete]
    environment = {
        **os.environ,
        "_HWSIM_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(line),
        "COMP_CWORD": str(len(line) - 1),
    }
    done = subprocess.run([HWSIM], capture_output=True, text=True, check=True, env=environment)
    assert done.stderr == ""
    return [item.partition(",")[2] for item in done.stdout.splitlines() if item.startswith("plain,")]


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        ("run", "int", ["int4_array", "int8_array"]),
        ("run rapid rnnt --point", "", ["fast", "nominal"]),
        ("run int4_array", "conf", ["conformer_l", "conformer_m", "conformer_s"]),
        ("show", "", [name for kind in Kind for name in all_names(kind)]),
        ("run int4_array rnnt --precision", "w2", [name for name in sorted(POLICIES) if name.startswith("w2")]),
        ("compare int4_array rnnt --precisions", "fp16,w4a1", ["fp16,w4a16"]),
        ("run int4_array rnnt --explain", "joint.o", ["joint.output"]),
        ("trace rnnt --dim", "joint.", ["joint.size=", "joint.outputs="]),
        (
            "run int4_array rnnt --what-if",
            "scratchpad.",
            [f"scratchpad.{field}=" for field in ("size", "banks", "read", "write", "buffers")],
        ),
        ("run int4_array rnnt --point", "", []),
        ("run int4_array no_such --explain", "joint.o", []),
    ],
)
def test_the_shell_completes_what_there_is(words: str, incomplete: str, expected: list[str]) -> None:
    assert sorted(completed(words, incomplete)) == sorted(expected)


def test_the_shell_completes_operating_points(tmp_path: Path) -> None:
    chip = tmp_path / "chip.yaml"
    text = printed_file("int4_array")
    chip.write_text(text + "operating_points: {slow: {clock: 500 MHz, voltage: 0.6 V}}\n")
    assert completed(f"run {chip} rnnt --point", "s") == ["slow"]


def printed_file(name: str) -> str:
    return subprocess.run([HWSIM, "show", name], capture_output=True, text=True, check=True).stdout
