"""Refusals name the file and the field, of two files both, and numbers of weights by their tensor."""

import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.table import Table
from rich.text import Text

import hwsim
from command import complaint, printed
from data import ARCH, PRICES, TINY
from hwsim.cli.main import main
from hwsim.errors import InvalidValue, UserError
from hwsim.models.catalogue import at_length
from hwsim.report.tables import Screen, new_table, render
from strategies.broken_files import POLICIES, broken


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work.yaml").write_text(TINY)
    (tmp_path / "own.yaml").write_text(PRICES.read_text())
    return tmp_path


LOW = "operating_points: {slow: {clock: 100 MHz, voltage: 0.1 V}}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "energy: generic_7nm",
            "energy: generic_7nm\nvoltage: 0.1 V",
            "chip.yaml:23: voltage: 0.1 V at 7 nm is below the 0.256 V under which the published scaling no longer "
            "falls; give a higher voltage, or a price table for that voltage",
        ),
        (
            "energy: generic_7nm",
            f"energy: generic_7nm\n{LOW}",
            "chip.yaml:23: operating_points.slow: 0.1 V at 7 nm is below the 0.256 V under which the published scaling "
            "no longer falls; give a higher voltage, or a price table for that voltage",
        ),
    ],
)
def test_a_chip_on_which_nothing_runs_is_refused_by_check_and_run_alike(
    old: str, new: str, message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "chip.yaml").write_text(broken(ARCH.read_text(), old, new))
    for args in (("check", "chip.yaml"), ("run", "chip.yaml", "work.yaml"), ("compare", "chip.yaml", "work.yaml")):
        assert complaint(capsys, *args) == message


def test_a_chip_without_a_price_is_refused_by_check_and_run_alike(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = PRICES.read_text().replace("filled_from:", "# ")
    (here / "own.yaml").write_text(prices)
    (here / "chip.yaml").write_text(broken(ARCH.read_text(), "energy: generic_7nm", "energy: own.yaml"))
    said = {complaint(capsys, *args) for args in (("check", "chip.yaml"), ("run", "chip.yaml", "work.yaml"))}
    (message,) = said
    assert message.startswith("chip.yaml:22: energy: price table generic_7nm: ")


def test_what_one_file_asks_of_another_is_refused_with_both(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vector = ARCH.read_text()[ARCH.read_text().index("vector:") :].split("scratchpad:")[0]
    chip = broken(ARCH.read_text(), vector, "vector: {lanes: 64, cycles: {mul: 1}}\n")
    (here / "chip.yaml").write_text(chip)
    lacking = (
        "encoder.0.forward.input on int4_array: the vector unit has no requantize, add, sigmoid, tanh, exp; it has mul"
    )
    for args in (("run", "chip.yaml", "rnnt"), ("check", "rnnt", "chip.yaml"), ("compare", "chip.yaml", "rnnt")):
        out = main(args)
        err = capsys.readouterr().err
        assert (out, err) == (2, f"hwsim: chip.yaml, rnnt: {lacking}\n")
    (here / "chip.yaml").write_text(broken(ARCH.read_text(), "{fp16: 1, int8: 4, int4: 8}", "{fp16: 1}"))
    assert complaint(capsys, "run", "chip.yaml", "work.yaml").startswith("chip.yaml, work.yaml: one on int4_array: ")
    np.savez(here / "t.npz", one=np.zeros(1))
    assert complaint(capsys, "run", "int4_array", "work.yaml", "--zero-gating", "t.npz").startswith("t.npz: one/act = ")


def test_check_says_that_a_workload_runs_on_a_chip(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "check", "int4_array", "work.yaml", "own.yaml")
    assert out.splitlines() == [
        "int4_array: chip int4_array: valid",
        "int4_array makes at most 8.19 TOPS in fp16; 65.5 TOPS in int4; 32.8 TOPS in int8",
        "int4_array: its DRAM port asks for 64.0 GB/s, 62.5 % of the 102 GB/s of 16 channels of lpddr4, 256 bits at "
        "3200 MT/s",
        "work.yaml: workload tiny: valid",
        "own.yaml: price table generic_7nm: valid",
        "tiny runs on int4_array",
    ]


def weights(**values: Any) -> None:
    np.savez("w.npz", **{name.replace("__", "."): value for name, value in values.items()})


@pytest.mark.parametrize(
    ("precision", "value", "message"),
    [
        ("w8a8", 1e-44, "w.npz: one.weight: holds numbers up to 9.81e-45; they are out of proportion to what the op"),
        ("fp16", 1e38, "w.npz: 'one.weight' holds 1e+38, which is infinite in fp16; smaller weights or a wider format"),
        ("w4a16", 1e38, "w.npz: one.weight: holds numbers up to 1e+38; must be a number of fp16; scale them"),
    ],
)
def test_weights_that_no_format_holds_are_refused_by_tensor_and_file(
    precision: str, value: float, message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights(one__weight=np.full((3, 4), value, np.float32))
    said = complaint(capsys, "trace", "work.yaml", "--weights", "w.npz", "--precision", precision)
    assert said.startswith(message)
    assert "factor" not in said


def test_a_time_is_refused_with_its_unit() -> None:
    with pytest.raises(InvalidValue, match=r"^audio = '62500 ns': must be at least 1 ms$"):
        at_length(hwsim.load_workload("rnnt"), 62_500_000)
    chip = hwsim.load_chip("int4_array")
    with pytest.raises(InvalidValue, match=r"^clock = '0 GHz': must be at least 1 Hz$"):
        replace(chip, clock=0)
    with pytest.raises(InvalidValue, match=r"^voltage = '9 V': must be at most 5 V$"):
        replace(chip, voltage=Fraction(9))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"power_cap": float("nan")}, "power_cap = nan: must be a finite number of watts"),
        ({"power_cap": float("inf")}, "power_cap = inf: must be a finite number of watts"),
        ({"power_cap": "500 mV"}, "power_cap = '500 mV': unknown unit 'mV'; known: nW, uW, mW, W"),
        ({"power_cap": "500"}, "power_cap = '500': must be a number with a unit, such as '1 W'"),
        ({"power_cap": True}, "power_cap = True: must be a number with a unit, such as '1 W'"),
        ({"power_cap": 0}, "power_cap = 0: must be above 0 W"),
        ({"power_cap": Fraction(-1, 2)}, "power_cap = -0.5: must be at least 0 W"),
        ({"explained": 1}, "explained = 1: must be a text"),
        ({"point": b"slow"}, "point = b'slow': must be a text"),
        ({"files": 1}, "files = 1: must be a mapping"),
        ({"files": {1: "x"}}, "files = 1: must have texts as its keys"),
        ({"files": {"x": 1}}, "files.x = 1: must be a text"),
        ({"measured": {"x": 1}}, "measured = {'x': 1}: must be what hwsim.Measured.of makes"),
        ({"objective": 1}, "unknown objective '1'; "),
    ],
)
def test_what_callers_get_wrong_is_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        hwsim.simulate(hwsim.load_chip("int4_array"), hwsim.load_workload("rnnt"), **given)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": 0.5}, "zero_products.x = 0.5: must be a whole number"),
        ({1: 5}, "zero_products = 1: must have texts as its keys"),
        ([("x", 1)], "zero_products = [('x', 1)]: must be a mapping"),
    ],
)
def test_zeros_are_whole_numbers_by_op(given: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        hwsim.Measured.of(zero_products=given)
    assert str(caught.value) == message


def test_precisions_that_are_none_are_one_line() -> None:
    chip, work = hwsim.load_chip("int4_array"), hwsim.load_workload("rnnt")
    for given, message in (
        (1, "precisions = 1: must list"),
        (["w4a4", "fp16", "w4a4"], "precisions = 'w4a4': is there twice"),
        ([1], "precision = 1: must be a text"),
    ):
        with pytest.raises(InvalidValue, match=f"^{message}"):
            hwsim.compare(chip, work, given)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=POLICIES):
        hwsim.compare(chip, work, ["w9a9"])


@pytest.mark.slow
def test_a_cap_in_watts_is_the_same_in_any_writing() -> None:
    chip, work = hwsim.load_chip("int4_array"), hwsim.load_workload("tdnnf_7q")
    results = {hwsim.simulate(chip, work, power_cap=cap) for cap in ("250 mW", "0.25 W", 0.25, Fraction(1, 4))}
    (result,) = results
    assert result.operation.power_cap == Fraction(1, 4)
    assert result.operation.clock < chip.clock


def test_words_of_tables_are_letters_and_their_colours_are_ours() -> None:
    table = new_table("op", "cycles")
    table.add_row("\x1b[31mred\x1b[0m\x9b2J", "1")
    blocks: list[Text | Table] = [Text("a\x1bb", style="bold"), table]
    plain = render(blocks, Screen())
    assert "a\\x1bb" in plain
    assert "\\x1b[31mred\\x1b[0m\\x9b2J" in plain
    assert all(line.isprintable() for line in plain.split("\n"))
    coloured = render(blocks, Screen(colours=True))
    assert coloured.count("\x1b[1m") == 1
    assert "\x1b[31m" not in coloured


def test_a_recording_of_a_length_that_a_workload_does_not_take_is_refused_by_name(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with wave.open(str(here / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(2))
    said = complaint(capsys, "trace", "mlperf_rnnt", "--input", "a.wav")
    assert said == "a.wav: audio = '62500 ns': must be at least 1 ms (mlperf_rnnt)"
