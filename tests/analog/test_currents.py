"""The energy of currents is that of every cell and of every tick, of each vector on its own."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hwsim.errors import InvalidValue
from hwsim.hardware.analog.conversion import Adc, Encoding, InputConversion, Range, Scaling
from hwsim.hardware.analog.device import Device, Preset
from hwsim.hardware.analog.phases import Phases
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.weights import WeightMapping
from hwsim.tensor.analog.currents import cell_energy
from hwsim.tensor.analog.inputs import drive, passes
from hwsim.tensor.analog.programmed import Programmed, after, program, transposed
from hwsim.tensor.analog.room import Room
from strategies.analog_tiles import tiles

Array = NDArray[Any]

PHASES = Phases(voltage=Fraction(3, 10), tick=2000, convert=0)


def _slowly(matrix: Programmed, x: Array, halvings: int = 0) -> list[float]:
    """Joules of each vector: V · I · t of every cell in every pass."""
    tile, energies = matrix.tile, []
    assert tile.phases is not None
    volts, seconds, siemens = float(tile.phases.voltage), tile.phases.tick * 1e-12, float(tile.device.g_max)
    for vector in x:
        driven, energy = drive(tile.input, vector[None], Room(), halvings), 0.0
        for part in matrix.parts:
            for one in passes(tile.input, driven.on(part.rows)):
                for array in part.now:
                    for row, cells in enumerate(array):
                        for cell in cells:
                            current = volts * siemens * float(cell)
                            energy += volts * current * abs(one.values[0, row]) * seconds
        energies.append(energy)
    return energies


@given(tile=tiles(), shape=st.tuples(*[st.integers(1, 6)] * 3), seed=st.integers(0, 99))
@settings(max_examples=80, deadline=None)
def test_energy_is_the_sum_over_all_cells(tile: AnalogTile, shape: tuple[int, int, int], seed: int) -> None:
    m, k, n = shape
    rng = np.random.default_rng(seed)
    matrix = program(tile, rng.normal(0, 0.5, (k, n)), seed=seed)
    x = rng.uniform(-1.1, 1.1, (m, k))
    np.testing.assert_allclose(cell_energy(matrix, x), np.array(_slowly(matrix, x)) * 1e18, rtol=1e-12)


@pytest.mark.parametrize("encoding", [Encoding.PULSE_WIDTH, Encoding.BIT_SERIAL])
def test_energy_is_the_integral_of_power_over_all_ticks(encoding: Encoding) -> None:
    """In each tick those rows conduct whose pulses have not ended."""
    inputs = InputConversion(bits=5, encoding=encoding)
    tile = AnalogTile(rows=7, cols=4, input=inputs, phases=PHASES)
    rng = np.random.default_rng(0)
    matrix, x = program(tile, rng.normal(size=(11, 6))), rng.uniform(-1, 1, (5, 11))
    total = np.zeros(len(x))
    for part in matrix.parts:
        for one, longest in zip(passes(inputs, drive(inputs, x, Room()).on(part.rows)), inputs.ticks, strict=True):
            conductance = sum(array.sum(axis=1) for array in part.now) * float(tile.device.g_max)
            for tick in range(longest):
                power = float(PHASES.voltage) ** 2 * ((np.abs(one.values) > tick) @ conductance)
                total += power * PHASES.tick * 1e-12
    np.testing.assert_allclose(cell_energy(matrix, x), total * 1e18, rtol=1e-12)


def _noisy() -> tuple[Programmed, Array]:
    tile = AnalogTile(rows=50, cols=40, device=Device(model=Preset.PCM), phases=PHASES)
    rng = np.random.default_rng(1)
    return program(tile, rng.normal(size=(120, 70)), seed=3), rng.uniform(-1, 1, (300, 120))


def test_the_energy_of_a_vector_does_not_depend_on_the_batch() -> None:
    matrix, x = _noisy()
    together = cell_energy(matrix, x)
    for cut in (1, 7, 128, 129):
        np.testing.assert_array_equal(
            np.concatenate([cell_energy(matrix, x[:cut]), cell_energy(matrix, x[cut:])]), together
        )


def test_cells_that_have_drifted_take_less() -> None:
    matrix, x = _noisy()
    assert (cell_energy(after(matrix, 1e6), x) < 0.95 * cell_energy(matrix, x)).all()


def test_cells_driven_from_their_columns_take_the_same_in_all() -> None:
    """With one-hot vectors on all rows, or on all columns, each cell conducts once."""
    matrix, _ = _noisy()
    by_rows = cell_energy(matrix, np.eye(120)).sum()
    by_cols = cell_energy(transposed(matrix), np.eye(70)).sum()
    np.testing.assert_allclose(by_rows, by_cols, rtol=1e-12)


def test_repeats_take_turns_with_signs_so_that_they_cost_cells_nothing() -> None:
    matrix, x = _noisy()
    signed = cell_energy(matrix, x)
    np.testing.assert_allclose(
        cell_energy(matrix, np.maximum(x, 0)) + cell_energy(matrix, np.minimum(x, 0)), signed, rtol=1e-12
    )
    twice = replace(matrix, tile=replace(matrix.tile, phases=replace(PHASES, repeats=2)))
    np.testing.assert_array_equal(cell_energy(twice, x), signed)


def test_each_try_of_a_vector_is_driven_with_half_the_input() -> None:
    tile = AnalogTile(
        weights=WeightMapping(limit=1.0),
        input=InputConversion(bits=8, scaling=Scaling.LARGEST, retries=4),
        adc=Adc(bits=8, range=Range.LIMITS, limits=((-3.0, 3.0),)),
        phases=PHASES,
    )
    matrix = program(tile, np.ones((16, 1)))
    x = np.random.default_rng(0).uniform(0, 1, (4, 16))
    retries = np.array([0, 1, 3, 0])
    expected = [
        sum(_slowly(matrix, vector[None], halvings)[0] for halvings in range(again + 1))
        for vector, again in zip(x, retries, strict=True)
    ]
    np.testing.assert_allclose(cell_energy(matrix, x, retries), np.array(expected) * 1e18, rtol=1e-12)


def test_no_energy_without_phases() -> None:
    with pytest.raises(InvalidValue, match="phases = None: must be given, where a tile has an energy"):
        cell_energy(program(AnalogTile(), np.ones((2, 2))), np.ones((1, 2)))
