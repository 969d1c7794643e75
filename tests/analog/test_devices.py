"""Devices stray as measured, and every draw is a function of where it is drawn."""

import csv
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from data import ROOT
from hwsim.errors import InvalidValue
from hwsim.hardware.analog.conversion import Adc, Encoding, InputConversion, Range, Rounding
from hwsim.hardware.analog.curves import Curve, Piece, polynomial
from hwsim.hardware.analog.device import Device, DeviceModel, Preset, WhiteNoise
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.weights import WeightMapping
from hwsim.oracle.analog.draws import philox as slow_philox
from hwsim.tensor.analog.devices import drifted, evaluate, exponents, in_window, programmed
from hwsim.tensor.analog.draws import Purpose, of_cells
from hwsim.tensor.analog.product import AnalogProduct, multiply
from hwsim.tensor.analog.programmed import after, program

Array = NDArray[Any]

SAMPLES = (800, 1000)
STANDARD_ERRORS = 5


def _statistics() -> list[dict[str, str]]:
    with (ROOT / "tests" / "data" / "analog" / "pcm_statistics.csv").open() as lines:
        return list(csv.DictReader(lines))


def _close(ours: Array, mean: str, spread: str, row: dict[str, str]) -> None:
    """Mean and spread within 5 standard errors of the difference of two samples."""
    both = np.sqrt(1 / int(row["n_samples"]) + 1 / ours.size)
    sigma = float(ours.std())
    assert abs(ours.mean() - float(row[mean])) <= STANDARD_ERRORS * sigma * both + 1e-6, (mean, row)
    if sigma > 0:
        kurtosis = float(((ours - ours.mean()) ** 4).mean()) / sigma**4
        error = sigma * np.sqrt(max(kurtosis - 1, 0.1)) / 2 * both
        assert abs(sigma - float(row[spread])) <= STANDARD_ERRORS * error + 1e-6, (spread, row)


@pytest.mark.parametrize(
    ("name", "preset"), [("PCMLike_gmax25", Preset.PCM), ("Hermes_2dev_gmax20.7", Preset.HERMES_2)]
)
def test_statistics_are_those_of_the_measured_models(name: str, preset: Preset) -> None:
    rows = [row for row in _statistics() if row["model"] == name]
    g_max = float(rows[0]["g_max_uS"])
    model = Device(model=preset, g_max=Fraction(rows[0]["g_max_uS"]) / 10**6).strays
    assert model is not None
    assert len(rows) == 60
    for number, relative in enumerate(dict.fromkeys(row["g_rel"] for row in rows)):
        target = np.full(SAMPLES, float(relative))
        held = programmed(model, target, 1, number, 0)
        exponent = exponents(model, target, 1, number, 0)
        for row in (row for row in rows if row["g_rel"] == relative):
            assert float(row["t_0_s"]) * 1e12 == model.t0
            seconds = float(row["t_inference_s"])
            now = drifted(model, held, exponent, seconds)
            _close(held * g_max, "prog_mean_uS", "prog_std_uS", row)
            _close(exponent, "nu_mean", "nu_std", row)
            _close(now * g_max, "drift_only_mean_uS", "drift_only_std_uS", row)
            total = in_window(model, held, now, seconds, 1, number, 0, 0)
            _close(total * g_max, "total_mean_uS", "total_std_uS", row)


def test_words_are_those_of_the_publication() -> None:
    """The known answers of Random123 for Philox4x32-10."""
    assert slow_philox((0, 0, 0, 0), (0, 0)) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    ones = 2**32 - 1
    assert slow_philox((ones,) * 4, (ones, ones)) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)
    pi = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
    assert slow_philox(pi, (0xA4093822, 0x299F31D0)) == (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)


def test_deviates_are_normal() -> None:
    from scipy import stats

    drawn = of_cells(3, 0, Purpose.WHITE, 0, (500, 400)).ravel()
    assert stats.kstest(drawn, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.01


def _noisy(**device: Any) -> AnalogTile:
    return AnalogTile(
        rows=16,
        cols=12,
        device=Device(custom=DeviceModel(white=0.05, flicker=polynomial(0.02), window=3, **device)),
        weights=WeightMapping(bits=4, slices=2),
        input=InputConversion(bits=6, encoding=Encoding.SLICES, slice_bits=2),
        adc=Adc(bits=7, rounding=Rounding.STOCHASTIC),
    )


def _data() -> tuple[Array, Array]:
    rng = np.random.default_rng(8)
    return rng.normal(size=(40, 30)), rng.uniform(-1, 1, (600, 40))


def _same(one: AnalogProduct, other: AnalogProduct) -> None:
    np.testing.assert_array_equal(one.out, other.out)
    for ours, theirs in zip(one.adc_codes, other.adc_codes, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("clip", [False, True])
def test_codes_do_not_depend_on_the_batch(clip: bool) -> None:
    weight, x = _data()
    matrix = program(_noisy(clip=clip), weight, seed=4)
    whole = multiply(matrix, x[:4], seed=9, first=2)
    one, three = multiply(matrix, x[:1], seed=9, first=2), multiply(matrix, x[1:4], seed=9, first=3)
    _same(whole, AnalogProduct(
        np.concatenate([one.out, three.out]),
        tuple(np.concatenate(pair) for pair in zip(one.adc_codes, three.adc_codes, strict=True)),
        whole.clipped, whole.retries,
    ))  # fmt: skip


def test_codes_do_not_depend_on_threads() -> None:
    weight, x = _data()
    matrix = program(_noisy(), weight, seed=4)
    _same(multiply(matrix, x, seed=9), multiply(matrix, x, seed=9, threads=2))


def _elsewhere(part: slice) -> AnalogProduct:
    weight, x = _data()
    return multiply(program(_noisy(), weight, seed=4), x[part], seed=9, first=part.start)


_IN_A_PROCESS = """
import sys
import numpy
from analog.test_devices import _elsewhere
low, high, path = sys.argv[1:]
numpy.save(path, _elsewhere(slice(int(low), int(high))).out)
"""


def test_codes_do_not_depend_on_processes(tmp_path: Path) -> None:
    here, halves = _elsewhere(slice(0, 8)), []
    for low, high in ((0, 5), (5, 8)):
        path = tmp_path / f"{low}.npy"
        subprocess.run(
            [sys.executable, "-c", _IN_A_PROCESS, str(low), str(high), str(path)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            check=True,
        )
        halves.append(np.load(path))
    np.testing.assert_array_equal(here.out, np.concatenate(halves))


def test_another_seed_draws_others() -> None:
    weight, x = _data()
    matrix = program(_noisy(), weight, seed=4)
    assert (multiply(matrix, x, seed=9).out != multiply(matrix, x, seed=10).out).mean() > 0.5
    assert (multiply(matrix, x, seed=9).out != multiply(matrix, x, seed=9, first=1).out).mean() > 0.5


@pytest.mark.parametrize("kind", list(WhiteNoise))
def test_noise_of_an_output_has_the_distribution_of_that_of_its_cells(kind: WhiteNoise) -> None:
    """Kolmogorov and Smirnov's test of 20,000 outputs each way, which differ in scale otherwise than by chance if the
    variance of a single cell is left out."""
    from scipy import stats

    tile = AnalogTile(device=Device(custom=DeviceModel(white=0.1, white_is=kind)), input=InputConversion(bits=8))
    rng = np.random.default_rng(1)
    weight, x = rng.normal(size=(24, 1)), np.tile(rng.uniform(-1, 1, (1, 24)), (20_000, 1))
    matrix = program(tile, weight)
    lumped, cells = (multiply(matrix, x, seed=5, noise_per_cell=per).out[:, 0] for per in (False, True))
    assert stats.ks_2samp(lumped, cells).pvalue > 1e-3
    assert stats.ks_2samp(lumped, cells * 1.03).pvalue < 1e-3


def test_noise_that_is_clipped_is_drawn_a_cell() -> None:
    """A cell at 0 can only rise: its mean is that of a normal deviate cut at 0."""
    tile = AnalogTile(
        device=Device(custom=DeviceModel(white=0.1, white_is=WhiteNoise.OF_RANGE, clip=True)),
        weights=WeightMapping(limit=1.0),
        input=InputConversion(bits=None),
    )
    weight = np.array([[1.0, 0.5]])
    out = multiply(program(tile, weight), np.ones((20_000, 1))).out
    lifted = 0.1 / np.sqrt(2 * np.pi)  # of G-, which is subtracted
    np.testing.assert_allclose(out.mean(axis=0), [1 - lifted, 0.5 - lifted], atol=0.005)


def test_flicker_stays_for_a_window_and_white_noise_does_not() -> None:
    still = Device(custom=DeviceModel(flicker=polynomial(0.02), window=4))
    tile = AnalogTile(device=still, input=InputConversion(bits=None))
    out = multiply(program(tile, np.ones((3, 2))), np.ones((8, 3))).out
    assert (out[:4] == out[0]).all()
    assert (out[4:] == out[4]).all()
    assert (out[0] != out[4]).all()
    white = AnalogTile(device=Device(custom=DeviceModel(white=0.1)), input=InputConversion(bits=None))
    out = multiply(program(white, np.ones((3, 2))), np.ones((8, 3))).out
    assert len(np.unique(out)) == out.size


def test_compensation_brings_back_what_drift_took() -> None:
    tile = AnalogTile(rows=32, cols=32, device=Device(model=Preset.PCM))
    rng = np.random.default_rng(2)
    weight, x = rng.normal(size=(64, 48)), rng.uniform(-1, 1, (20, 64))
    fresh = program(tile, weight, seed=1)

    def error(kind: str) -> float:
        out = multiply(after(fresh, 3.15e7, compensation=kind), x, seed=1).out
        return float(np.abs(out - x @ weight).mean())

    assert error("global") < 0.5 * error("none")
    assert error("column") < 0.5 * error("none")


def test_compensation_of_columns_is_exact_where_cells_drift_alike() -> None:
    """With one exponent for all cells of a column a factor for each undoes drift entirely."""
    model = DeviceModel(drift_mean=polynomial(0.05))
    tile = AnalogTile(device=Device(custom=model), input=InputConversion(bits=None))
    rng = np.random.default_rng(2)
    weight, x = rng.normal(size=(9, 7)), rng.uniform(-1, 1, (5, 9))
    fresh = program(tile, weight)
    for kind in ("column", "global"):
        late = multiply(after(fresh, 1e6, compensation=kind), x).out
        np.testing.assert_allclose(late, multiply(fresh, x).out, rtol=1e-12, atol=1e-12)
    assert np.abs(multiply(after(fresh, 1e6), x).out).max() < 0.9 * np.abs(late).max()


def test_a_table_says_the_same_as_its_polynomial() -> None:
    g = np.linspace(0, 1, 101)
    straight = Curve(points=((0.0, 0.2), (1.0, 1.2)))
    np.testing.assert_allclose(evaluate(straight, g), evaluate(polynomial(0.2, 1.0), np.maximum(g, 1e-7)), atol=1e-6)


def test_pieces_meet_where_they_say() -> None:
    curve = Curve(pieces=(Piece(below=0.5, polynomial=(1.0,)), Piece(polynomial=(2.0,))))
    np.testing.assert_array_equal(evaluate(curve, np.array([0.1, 0.5, 0.9])), [1.0, 2.0, 2.0])


@pytest.mark.parametrize("seed", [-1, 2**64, True, 1.0])
def test_seeds_have_64_bits(seed: Any) -> None:
    with pytest.raises(InvalidValue, match="seed"):
        program(AnalogTile(), np.ones((1, 1)), seed=seed)


def test_a_range_is_no_part_of_a_draw() -> None:
    """The same deviates stand under another converter."""
    weight, x = _data()
    one = AnalogTile(device=Device(custom=DeviceModel(white=0.05)), adc=Adc(bits=24, range=Range.MAX))
    other = AnalogTile(device=Device(custom=DeviceModel(white=0.05)))
    a, b = multiply(program(one, weight), x[:3]), multiply(program(other, weight), x[:3])
    np.testing.assert_allclose(a.out, b.out, atol=1e-4)
