"""What Python sees: short names of nouns, their pages in notebooks, and values by dotted path as files have them."""

import subprocess
import sys
from fractions import Fraction
from html import unescape
from pathlib import Path
from typing import Any

import pytest

import hwsim
from command import printed
from hwsim.arrays.systolic.elements import PackedMacs
from hwsim.errors import UserError
from hwsim.hardware.chip import Chip
from hwsim.hardware.prices import PriceTable
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.ir.ops import Function
from hwsim.models.conformer import Conformer
from hwsim.quantities.precision import Precision

CHIP = load_chip("int4_array")


def page(noun: Any) -> str:
    text: str = noun._repr_html_()
    assert text.startswith("<pre>")
    assert text.endswith("</pre>")
    assert "<" not in text[5:-6]
    return unescape(text[5:-6])


@pytest.mark.slow
def test_nouns_are_one_short_line_each() -> None:
    work = load_workload("lstm_lm")
    result = hwsim.simulate(CHIP, work)
    comparison = hwsim.compare(CHIP, work, ["fp16", "w4a4"])
    for noun, begins in (
        (CHIP, "<Chip int4_array: 64 × 64 ws, 1 GHz, 2 MiB, lpddr4 "),
        (work, "<Workload lstm_lm: lstm_lm in w4a4, "),
        (result, f"<Result lstm_lm in w4a4 on int4_array: {result.summary.cycles:,} cycles, "),
        (comparison, "<Comparison lstm_lm on int4_array: fp16 "),
    ):
        assert repr(noun).startswith(begins)
        assert repr(noun).endswith(">")
        assert len(repr(noun)) <= 120


@pytest.mark.slow
def test_a_notebook_shows_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    work = load_workload("lstm_lm")
    for noun, args in (
        (hwsim.simulate(CHIP, work), ("run", "int4_array", "lstm_lm")),
        (hwsim.compare(CHIP, work, ["fp16", "w4a4"]), ("compare", "int4_array", "lstm_lm")),
        (work, ("ops", "lstm_lm")),
    ):
        assert page(noun).splitlines() == printed(capsys, *args)[0].splitlines()
    words = " ".join(page(CHIP).split())
    assert "64 × 64, ws; products a cycle: 4,096 in fp16, 32,768 in int4, 16,384 in int8" in words
    assert "8.19 TOPS in fp16; 65.5 TOPS in int4; 32.8 TOPS in int8" in words


def test_a_notebook_needs_the_terminal_only_when_it_shows_something() -> None:
    script = (
        "import sys, hwsim; chip = hwsim.load_chip('int4_array'); repr(chip); print('rich' in sys.modules); "
        "chip._repr_html_(); print('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_the_package_runs_as_a_module_and_knows_its_version(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hwsim", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == f"hwsim, version {hwsim.__version__}\n"


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ({"array.rows": 32, "dram.read": "128 GB/s"}, lambda c: (c.array.rows, c.dram.read) == (32, 128 * 10**9)),
        ({"clock": 2e9}, lambda c: c.clock == 2 * 10**9),
        ({"voltage": "0.8 V"}, lambda c: c.voltage == Fraction(4, 5)),
        ({"voltage": Fraction(4, 5)}, lambda c: c.voltage == Fraction(4, 5)),
        ({"dram.latency": "1 us"}, lambda c: c.dram.latency == 10**6),
        ({"scratchpad.banks": 7, "scratchpad.size": "7 KiB"}, lambda c: c.scratchpad.banks == 7),
        ({"array.macs_per_pe.int8": {"n": 2}}, lambda c: c.array.packed(Precision.INT8) == PackedMacs(k=1, n=2)),
        ({"array.macs_per_pe.int2": 16}, lambda c: dict(c.array.macs_per_pe).get(Precision.INT2) == 16),
        ({"vector.cycles.exp": 9}, lambda c: dict(c.vector.cycles)[Function.EXP] == 9),
        ({"operating_points.slow": {"clock": "1 MHz", "voltage": "0.6 V"}}, lambda c: len(c.operating_points) == 1),
        ({"energy": "horowitz_45nm"}, lambda c: isinstance(c.energy, PriceTable) and c.energy.name == "horowitz_45nm"),
        ({"array.accumulator": {"int8": {"bits": 24}}}, lambda c: c.array.accumulator_of(Precision.INT8).bits == 24),
    ],
)  # fmt: skip
def test_a_chip_takes_values_as_its_file_would_say_them(values: dict[str, Any], read: Any) -> None:
    changed = CHIP.with_(**values)
    assert isinstance(changed, Chip)
    assert read(changed)
    assert not read(CHIP)
    for name, value in values.items():
        assert f"caller: with_ {name} = {value!r}" in dict(changed.sources).values()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"array.row": 32}, "array.row: unknown field; did you mean rows? known: kind, rows, "),
        ({"array.rows": 0}, "array.rows = 0: must be at least 1"),
        ({"array.rows": "x"}, "array.rows = 'x': must be a whole number"),
        ({"array.rows.x": 1}, "array.rows = 64: has no parts; give all of it"),
        ({"array": {"rows": 4}}, "array.cols: is missing"),
        ({"array": 1, "array.rows": 3}, "array.rows = 3: is also given as a part of something else"),
        ({"array.rows": 3, "array": 1}, "array = 1: is also given in parts"),
        ({"dram.read": "128 GB"}, "dram.read = '128 GB': unknown unit 'GB'; known: B/s, "),
        ({"dram.latency": 100}, "dram.latency = 100: must be a number with a unit, such as '1 h'"),
        ({"voltage": "9 V"}, "voltage = '9 V': must be at most 5 V"),
        ({"clock": float("nan")}, "mapping = nan: must be a finite number"),
        ({"array.dataflow": "oss"}, "array.dataflow = 'oss': did you mean os? known: ws, is, os"),
        ({"array.macs_per_pe.int5": 8}, "array.macs_per_pe.int5: unknown name; did you mean int8? known: int2, "),
        ({"array.macs_per_pe.int8": 800}, "array.macs_per_pe.int8 = 800: must be at most 256"),
        ({"vector.cycles.expo": 2}, "vector.cycles.expo: unknown name; did you mean exp? known: add, "),
        ({"scratchpad.banks": 7}, "scratchpad.banks = 7: must divide the size of 2097152 bytes"),
        ({"operating_points.slow.clock": "1 GHz"}, "operating_points.slow = None: has no parts; give all of it"),
        ({"energy": "horowitz"}, "unknown price table 'horowitz'; did you mean horowitz_45nm? known: "),
        ({"sources": {"clok": "x"}}, "sources = 'clok': names no field; did you mean clock?"),
    ],
)
def test_what_is_wrong_with_such_a_value_is_told_as_of_a_file(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        CHIP.with_(**values)
    assert str(caught.value).startswith(f"int4_array: {message}")


def test_a_chip_with_nothing_changed_is_the_same() -> None:
    assert CHIP.with_() is CHIP
    assert hash(CHIP.with_(**{"array.rows": 64})) != hash(CHIP)  # it says where the number is from
    assert CHIP.with_(**{"array.rows": 64}).array == CHIP.array


def test_a_workload_takes_dimensions_all_at_once() -> None:
    work = load_workload("conformer_s", dims={"encoder.size": 150, "encoder.heads": 5})
    recipe = work.recipe
    assert isinstance(recipe, Conformer)
    assert (recipe.encoder.size, recipe.encoder.heads) == (150, 5)
    assert dict(recipe.sources)["encoder.size"] == "caller: dims encoder.size=150"
    assert load_workload("conformer_s", dims={}) == load_workload("conformer_s")


@pytest.mark.parametrize(
    ("dims", "message"),
    [
        ({"encoder.layer": 4}, "unknown dimension 'encoder.layer'; did you mean encoder.layers? known: "),
        ({"encoder.layers": 0}, "encoder.layers = 0: must be at least 1"),
        ({"encoder.layers": "4"}, "dims.encoder.layers = '4': must be a whole number"),
        ({"encoder.heads": 5}, "encoder.heads = 5: must divide the size of 144"),
        ({"encoder.size": 150}, "encoder.heads = 4: must divide the size of 150, with encoder.size=150"),
        (3, "dims = 3: must be a mapping"),
    ],
)
def test_dimensions_that_cannot_be_name_the_field_that_breaks_the_law(dims: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        load_workload("conformer_s", dims=dims)
    assert str(caught.value).startswith(message)
