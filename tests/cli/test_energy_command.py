"""What `--explain-energy`, `--point` and `--power-cap` print, and that it is what the JSON says."""

import json
import re
from pathlib import Path

import pytest

from command import printed
from data import ARCH
from hwsim.cli.main import main


@pytest.mark.slow
def test_the_explanation_is_that_of_the_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    out, text = printed(capsys, "run", "int4_array", "tdnnf_7q", "--explain-energy", "--json", "-")
    document = json.loads(out)
    lines = document["energy_lines"]
    assert all(line["count"] * line["unit_aj"] == line["energy_aj"] for line in lines)
    assert sum(line["energy_aj"] for line in lines) == document["summary"]["energy_aj"]
    for component, spent in document["energy_by_component_aj"].items():
        assert sum(line["energy_aj"] for line in lines if line["component"] == component) == spent
    shown = text[text.index("The energy, action by action") :]
    for line in lines:
        if line["count"]:
            price = f"{line['unit_aj'] / 10**6:,.6f}"
            assert re.search(rf"{re.escape(line['action'])} +{line['count']:,} +{price} ", shown)
            assert line["sources"]
            assert all("".join(source.split()) in "".join(shown.split()) for source in line["sources"])
    assert "dram.lpddr4: 14 pJ for 1 bit: a thesis's simulation" in shown
    assert max(len(row) for row in text.splitlines()) <= 120


@pytest.mark.slow
def test_without_the_option_nothing_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert "action by action" not in printed(capsys, "run", "int4_array", "tdnnf_7q")[0]


@pytest.mark.slow
def test_an_override_shows(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    chip = tmp_path / "chip.yaml"
    own = "energy_override: {multiply: {int4: {energy: 9 fJ, source: our synthesis, sure: read}}}"
    points = "operating_points: {low: {clock: 500 MHz, voltage: 0.55 V, memory_voltage: 0.7 V}}"
    chip.write_text(f"{ARCH.read_text()}{own}\n{points}\n")
    options = ("--precision", "w4a4", "--full", "--explain-energy", "--point", "low")
    out, _ = printed(capsys, "run", str(chip), "tdnnf_7q", *options)
    assert re.search(r"\nmac int4 +int4_array:multiply.int4 · 0\.5016 \+.* recalled, overridden +1, 2\n", out)
    assert "our synthesis" in out
    assert "at 500 MHz" in out
    assert "in 7 nm at 0.55 V" in out


@pytest.mark.slow
def test_a_cap_says_that_it_lowered_the_clock(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "run", "int4_array", "tdnnf_7q", "--power-cap", "250 mW")
    assert re.search(r"cap +0.250 W +clock lowered from 1 GHz, 0\.2\d+ W on average", out)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--power-cap", "250 mV"], "--power-cap = '250 mV': unknown unit 'mV'; known: nW, uW, mW, W"),
        (["--power-cap", "0 W"], "--power-cap = '0 W': must be above 0 W"),
        (["--power-cap", "-3 W"], "--power-cap = '-3 W': must be at least 0 W"),
        (["--point", "low"], "int4_array: has no operating points, so none is called 'low'"),
    ],
)
def test_what_cannot_be_is_one_line(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "int4_array", "tdnnf_7q", *options]) == 2
    assert capsys.readouterr().err == f"hwsim: {message}\n"


@pytest.mark.slow
def test_a_comparison_says_where_the_savings_come_from(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--precisions", "fp16,w4a4", "--full", "--json", "-")
    out, text = printed(capsys, "compare", "int4_array", "lstm_lm", *options)
    document = json.loads(out)
    first, last = document["rows"]
    split = document["energy_split"][1]
    assert sum(split["saved_aj"].values()) == first["energy_aj"] - last["energy_aj"]
    assert sum(split["energy_aj"].values()) == last["energy_aj"]
    assert "fp16 to w4a4" in text
    assert max(len(row) for row in text.splitlines()) <= 80
