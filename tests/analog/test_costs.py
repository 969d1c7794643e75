"""A product on analog tiles says what it took: in Python, on the command line, and in the JSON."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import hwsim
from command import complaint, printed
from hwsim.engine.mvm import figures, program
from hwsim.errors import InvalidValue
from hwsim.hardware.analog.conversion import Adc, InputConversion, Range, Scaling
from hwsim.hardware.analog.phases import Phases
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.weights import Beyond, WeightMapping
from hwsim.hardware.analog.work import matrix_work
from hwsim.price.book import PriceBook
from hwsim.price.tile_prices import AnalogTariff, spent
from hwsim.timing.tile import batch_time, vector_time
from strategies.analog_tiles import tiles
from strategies.broken_files import ANALOG_CHIP, broken

CHIP = hwsim.load_analog_chip(yaml.safe_load(ANALOG_CHIP))
PHASES = Phases(voltage=Fraction(1, 5), tick=1000, convert=10_000)


def arrays() -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 50)), rng.uniform(-1, 1, (7, 200))


def files(folder: Path, text: str = ANALOG_CHIP) -> tuple[str, ...]:
    chip, weight, x = folder / "chip.yaml", folder / "weight.npy", folder / "input.npy"
    chip.write_text(text)
    for file, array in zip((weight, x), arrays(), strict=True):
        np.save(file, array)
    return ("mvm", str(chip), "--weight", str(weight), "--input", str(x))


def test_energy_is_that_of_the_counts_and_of_the_currents() -> None:
    weight, x = arrays()
    made = hwsim.mvm(CHIP, weight, x)
    work = matrix_work(CHIP.array, *weight.shape) * len(x)
    assert not isinstance(CHIP.energy, str)
    tariff = AnalogTariff.of(PriceBook(CHIP, CHIP.energy))
    assert made.energy is not None
    assert made.energy_aj == made.energy.total
    assert made.energy == spent(tariff.charges(work, cells_aj=made.energy.mac))
    assert work.conversions == sum(codes.size for codes in made.adc_codes)


def test_values_on_a_chip_are_those_on_its_tile() -> None:
    weight, x = arrays()
    on_chip, on_tile = hwsim.mvm(CHIP, weight, x), hwsim.mvm(CHIP.array, weight, x)
    np.testing.assert_array_equal(on_chip.out, on_tile.out)
    assert on_tile.energy_aj is None
    assert on_tile.latency_ns == on_chip.latency_ns
    assert hwsim.mvm(AnalogTile(), weight, x).latency_ns is None


@pytest.mark.parametrize("cut", [1, 3, 6])
def test_energy_does_not_depend_on_the_batch(cut: int) -> None:
    weight, x = arrays()
    matrix = program(CHIP, weight)
    whole, first, rest = (hwsim.mvm(matrix, None, part).energy for part in (x, x[:cut], x[cut:]))
    assert whole is not None
    assert first is not None
    assert rest is not None
    assert first + rest == whole


def test_a_vector_that_is_computed_again_takes_time_and_energy_again() -> None:
    array = replace(
        CHIP.array,
        weights=WeightMapping(limit=1.0),
        input=InputConversion(bits=8, scaling=Scaling.LARGEST, retries=4),
        adc=Adc(bits=8, range=Range.LIMITS, limits=((-3.0, 3.0),)),
    )
    chip = replace(CHIP, array=array)
    x = np.zeros((4, 16))
    x[0, 0], x[1, :4], x[2, :8], x[3] = 1.0, 1.0, 1.0, 1.0
    made = hwsim.mvm(chip, np.ones((16, 1)), x)
    assert made.retries.tolist() == [0, 1, 2, 3]
    one = vector_time(array)
    assert made.latency_ns == 10 * one.latency / 1e3
    assert made.energy is not None
    assert not isinstance(CHIP.energy, str)
    tariff = AnalogTariff.of(PriceBook(chip, CHIP.energy))
    assert made.energy.converters == 10 * (16 * tariff.drive.attojoules + tariff.conversion.attojoules)


@given(tile=tiles(), tries=st.lists(st.integers(1, 4), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_the_time_of_a_batch_is_that_of_its_vectors_in_turn(tile: AnalogTile, tries: list[int]) -> None:
    one = vector_time(tile)
    assert batch_time(tile, [1]) == one.latency
    assert batch_time(tile, tries) == one.latency + (sum(tries) - 1) * one.interval
    assert tile.phases is not None
    careful = replace(tile, adc=Adc(bits=4), input=replace(tile.input, bits=4, retries=1), weights=WeightMapping())
    times = [batch_time(careful, [1] * count) for count in (1, 2, 3)]
    wait = times[1] - times[0]
    assert times[2] - times[1] == wait
    assert wait >= times[0]  # results are there before the next vector is driven
    assert wait < times[0] + (tile.phases.step or 1)


def test_the_command_gives_what_the_function_gives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weight, x = arrays()
    text, _ = printed(capsys, *files(tmp_path), "--codes", "--json", "-")
    found, made = json.loads(text), hwsim.mvm(CHIP, weight, x)
    assert found["latency_ns"] == made.latency_ns
    assert found["energy_aj"] == made.energy_aj == sum(found["energy"].values())
    operations = 2 * 7 * 200 * 50
    assert found["tops_per_watt"] == pytest.approx(operations / (found["energy_aj"] * 1e-18) / 1e12)
    assert found["tops"] == pytest.approx(operations / (found["latency_ns"] * 1e-9) / 1e12)
    assert found["area"]["total_mm2"] > found["area"]["converters_mm2"] > 0
    for written, codes in zip(found["codes"], made.adc_codes, strict=True):
        np.testing.assert_array_equal(written, codes)


def test_the_command_prints_time_energy_and_where_it_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, _ = printed(capsys, *files(tmp_path))
    text = " ".join(text.split())
    for words in ("latency", "of all vectors", "TOPS/W", "drivers and converters", "mm²"):
        assert words in text


def test_a_shipped_chip_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, *rest = files(tmp_path)
    weight, x = arrays()
    text, _ = printed(capsys, "mvm", "hermes", *rest, "--calibrate", rest[-1], "--json", "-")
    chip = hwsim.load_analog_chip("hermes")
    made = hwsim.mvm(chip, weight, x, ranges=hwsim.calibrate(chip, weight, x))
    assert json.loads(text)["energy_aj"] == made.energy_aj


def test_codes_need_a_json_to_stand_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--codes" in complaint(capsys, *files(tmp_path), "--codes")


def test_a_matrix_larger_than_the_chip_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = complaint(capsys, *files(tmp_path, broken(ANALOG_CHIP, "tiles: 8", "tiles: 1")))
    assert line == "weight.shape = (200, 50): takes 2 tiles of 128×128; crossbars has 1"


def test_a_digital_chip_has_no_tiles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, *rest = files(tmp_path)
    assert "array.kind: must be analog, where an analog tile is wanted" in complaint(capsys, "mvm", "int4_array", *rest)


def test_a_chip_whose_prices_were_not_read_is_refused() -> None:
    weight, x = arrays()
    with pytest.raises(InvalidValue, match=r"energy = 'pcm_14nm': must be a price table; hwsim\.load_prices reads"):
        hwsim.mvm(replace(CHIP, energy="pcm_14nm"), weight, x)


def test_a_weight_beyond_the_limit_is_refused_or_clipped() -> None:
    weight = np.array([[0.25, -0.5], [0.75, -2.0]])
    refusing = AnalogTile(weights=WeightMapping(limit=0.75), input=InputConversion(bits=None))
    with pytest.raises(InvalidValue, match=r"weight\[1, 1\] = -2\.0: must be at most 0\.75 in magnitude, the tile's"):
        hwsim.mvm(refusing, weight, np.eye(2))
    clipping = replace(refusing, weights=replace(refusing.weights, beyond=Beyond.CLIP))
    np.testing.assert_array_equal(hwsim.mvm(clipping, weight, np.eye(2)).out, weight.clip(-0.75, 0.75))
    np.testing.assert_array_equal(
        hwsim.mvm(refusing, weight.clip(-0.75, 0.75), np.eye(2)).out, weight.clip(-0.75, 0.75)
    )


def test_a_transposed_product_has_an_energy_too() -> None:
    weight, _ = arrays()
    made = hwsim.mvm(CHIP, weight, np.ones((2, 50)), transpose=True)
    assert made.energy is not None
    assert made.energy.converters > 0


def test_figures_of_a_tile_alone_have_no_energy() -> None:
    weight, x = arrays()
    matrix = program(AnalogTile(phases=PHASES), weight)
    found = figures(matrix, hwsim.mvm(matrix, None, x))
    assert (found.energy_aj, found.energy, found.area, found.tops_per_watt, found.codes) == (None,) * 5
    assert found.latency_ns == 6 * found.interval_ns + found.vector_latency_ns  # type: ignore[operator]
