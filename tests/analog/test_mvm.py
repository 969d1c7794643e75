"""The front door of analog tiles: files, results and refusals."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import hwsim
from command import complaint, printed
from data import ROOT
from hwsim.errors import FileProblem, InvalidValue, UserError
from hwsim.hardware.analog.conversion import Adc, Imperfection, InputConversion
from hwsim.hardware.analog.curves import Curve, Piece
from hwsim.hardware.analog.device import Device, DeviceModel
from hwsim.hardware.analog.phases import Phases
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.weights import WeightMapping
from hwsim.hardware.analog.wires import Circuit

NOT_SHOWN = {
    "limit",
    "limits",
    "stored",
    "offset_gain",
    "offset_removal",
    "slice_bits",
    "first_bits",
    "quantile",
    "centred",
    "tolerance",
    "sweeps",
}
"""Fields of which the page speaks in words."""

COSTS = (
    "latency_ns", "vector_latency_ns", "interval_ns", "tops", "energy_aj", "energy", "tops_per_watt", "area", "codes",
)  # fmt: skip
"""Null for a tile alone, without phases."""

TILE = """
kind: analog
rows: 64
cols: 48
device: {g_max: 25 uS, model: pcm}
weights: {mapping: differential, bits: 8, slices: 2}
input: {bits: 8, encoding: bit_serial}
adc: {bits: 8, range: max}
"""


def _files(folder: Path) -> tuple[Path, Path, Path]:
    rng = np.random.default_rng(0)
    tile, weight, x = folder / "tile.yaml", folder / "weight.npy", folder / "input.npy"
    tile.write_text(TILE)
    np.save(weight, rng.normal(size=(100, 50)))
    np.save(x, rng.uniform(-1, 1, (7, 100)))
    return tile, weight, x


def test_the_command_gives_what_the_function_gives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tile, weight, x = _files(tmp_path)
    out = tmp_path / "out.npy"
    text, _ = printed(
        capsys, "mvm", str(tile), "--weight", str(weight), "--input", str(x), "--seed", "3", "--out", str(out),
        "--seconds", "3600", "--compensation", "column", "--json", "-",
    )  # fmt: skip
    made = hwsim.mvm(hwsim.load_tile(tile), np.load(weight), np.load(x), seed=3, seconds=3600.0, compensation="column")
    np.testing.assert_array_equal(np.load(out), made.out)
    counts = json.loads(text)
    assert counts == {
        "vectors": 7, "tiles": 4, "passes": 7, "cells": 100 * 50 * 4, "conversions": 7 * 50 * 2 * 7 * 2,
        "clipped": int(made.clipped.sum()), "retries": 0, **dict.fromkeys(COSTS),
    }  # fmt: skip


def test_the_command_prints_its_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tile, weight, x = _files(tmp_path)
    text, _ = printed(capsys, "mvm", str(tile), "--weight", str(weight), "--input", str(x))
    assert "conversions" in text
    assert "9,800" in text


def test_the_tiles_in_the_documentation_are_tiles_and_show_every_field() -> None:
    page = (ROOT / "docs" / "analog.md").read_text()
    examples = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        hwsim.load_tile(yaml.safe_load(example))
    written = "\n".join(examples)
    for noun in (
        AnalogTile,
        Device,
        DeviceModel,
        Piece,
        Curve,
        WeightMapping,
        InputConversion,
        Adc,
        Imperfection,
        Circuit,
        Phases,
    ):
        lacking = {f.name for f in fields(noun)} - set(re.findall(r"\b(\w+):", written))
        assert not lacking - NOT_SHOWN, noun.__name__


def test_ranges_are_calibrated_on_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tile, weight, x = _files(tmp_path)
    tile.write_text(TILE.replace("range: max", "range: calibrated, per: [pass, column]"))
    args = ("mvm", str(tile), "--weight", str(weight), "--input", str(x))
    assert "hwsim.calibrate measures them" in complaint(capsys, *args)
    out = tmp_path / "out.npy"
    printed(capsys, *args, "--calibrate", str(x), "--out", str(out))
    noun, w, vectors = hwsim.load_tile(tile), np.load(weight), np.load(x)
    ranges = hwsim.calibrate(noun, w, vectors)
    np.testing.assert_array_equal(np.load(out), hwsim.mvm(noun, w, vectors, ranges=ranges).out)


def test_a_tile_may_stand_as_the_array_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "chip.yaml"
    file.write_text("name: some\narray:\n" + "".join(f"  {line}\n" for line in TILE.strip().splitlines()))
    assert hwsim.load_tile(file) == hwsim.load_tile(_files(tmp_path)[0])
    with pytest.raises(FileProblem, match="must be analog"):
        hwsim.load_tile(ROOT / "arch" / "int4_array.yaml")


def test_the_product_with_the_transposed_matrix() -> None:
    rng = np.random.default_rng(0)
    weight, x = rng.normal(size=(30, 20)), rng.uniform(-1, 1, (4, 20))
    out = hwsim.mvm(AnalogTile(), weight, x, transpose=True).out
    assert np.abs(out - x @ weight.T).max() < 0.1


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("rowz: 4", "rowz: unknown field"),
        ("rows: 0", "rows = 0: must be at least 1"),
        ("input: {bits: null, encoding: bit_serial}", "must be given for encoding: bit_serial"),
        ("input: {bits: 1}", "input.bits = 1: must be at least 2 where one bit is the sign"),
        ("input: {range: [-1, 2]}", "must be as wide on both sides of 0, or set signed: false"),
        ("input: {slice_bits: 2}", "input.slice_bits = 2: is for encoding: slices"),
        ("input: {retries: 1}", "input.retries = 1: needs an adc"),
        ("weights: {slices: 2}", "weights.slices = 2: needs bits"),
        ("weights: {mapping: offset, sides: two}", "is for pairs of cells without bits"),
        ("weights: {mapping: offset, subtract: digital}", "is for the differential mapping"),
        ("weights: {offset_removal: column}", "is for the offset mapping without bits"),
        ("weights: {significance: []}", "must be positive numbers, one a cell"),
        ("adc: {bits: 8, range: limits}", "must be given for range: limits"),
        ("adc: {bits: 8, limits: [[0, 1]]}", "are for range: limits"),
        ("adc: {bits: 8, range: limits, limits: [[1, 0]]}", "must be a lower and a higher number"),
        ("adc: {bits: 8, range: granular}", "is for weights and inputs of whole bits"),
        ("adc: {bits: 8, per: [column]}", "is for range: calibrated"),
        ("adc: {bits: 8, rounding: floor, imperfect: {gain: 0.1}}", "must be half_even where steps are imperfect"),
        ("device: {model: pcm, custom: {white: 0.1}}", "is given beside model pcm; give one of them"),
        ("device: {custom: {programming: {points: [[0, 1]]}}}", "must say at which Gmax"),
        ("device: {custom: {flicker: {}}}", "must be given, or points, and not both"),
        ("device: {g_max: 25}", "must be a number with a unit"),
        ("device: {levels: 2}\nweights: {mapping: offset}", "device.levels = 2: must be at least 3 around a middle"),
        ("weights: {significance: [1, 2]}\nwires: {kind: circuit}", "are not modelled under several cells a weight"),
        ("device: {custom: {white: 0.1}}\nwires: {kind: closed_form}", "is for cells without white noise"),
        ("weights: {mapping: offset}\nwires: {kind: closed_form}", "is for pairs subtracted as currents"),
        (
            "weights: {mapping: offset}\nwires: {kind: circuit, interleaved: true}",
            "is for pairs subtracted as currents",
        ),
        ("wires: {kind: pulses, segments: 7}", "wires.segments = 7: must divide the 512 rows"),
        ("input: {bits: null}\nwires: {kind: pulses}", "is for inputs of bits with a sign, each pass converted"),
        ("input: {first_bits: 3}", "input.first_bits = 3: is for encoding: slices"),
        ("input: {encoding: slices, first_bits: 7}", "must leave some of the 7 bits of a magnitude"),
        ("wires: {kind: circuit, row: -1 Ohm}", "must be at least 0"),
    ],
)
def test_a_broken_tile_is_refused_in_one_line(
    written: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, weight, x = _files(tmp_path)
    broken = tmp_path / "broken.yaml"
    broken.write_text(written + "\n")
    line = complaint(capsys, "mvm", str(broken), "--weight", str(weight), "--input", str(x))
    assert message in line
    assert "broken.yaml" in line


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weight": np.ones(3)}, "weight.shape"),
        ({"weight": np.array([[1.0, np.nan]])}, "weight\\[0, 1\\] = nan: must be a finite number"),
        ({"weight": np.array([["a"]])}, "weight.dtype"),
        ({"inputs": np.ones((2, 3))}, "input.shape"),
        ({"inputs": np.ones((0, 2))}, "must have at least one row"),
        ({"seed": -1}, "seed = -1"),
        ({"first": 2**32}, "first"),
        ({"threads": 0}, "threads = 0"),
        ({"seconds": -1.0}, "seconds = -1"),
        ({"compensation": "some"}, "compensation = 'some': must be none, global or column"),
        ({"ranges": np.ones((1, 1, 1, 1, 2))}, "are for a tile whose adc.range is calibrated"),
        ({"tile": "tile.yaml"}, "hwsim.load_tile reads one"),
    ],
)
def test_what_no_tile_can_do_is_refused(given: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {"tile": AnalogTile(), "weight": np.ones((2, 2)), "inputs": np.ones((1, 2)), **given}
    with pytest.raises(UserError, match=message) as refusal:
        hwsim.mvm(**values)
    assert isinstance(refusal.value, InvalidValue)
