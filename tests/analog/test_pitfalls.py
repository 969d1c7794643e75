"""What went wrong in other simulators of analog tiles, one law each."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from analog_cases import cases, tile_of
from hwsim.errors import InvalidValue
from hwsim.hardware.analog.conversion import Adc, Axis, Encoding, InputConversion, Range, Rounding, Scaling
from hwsim.hardware.analog.device import Device, DeviceModel, Preset
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.weights import Mapping, OffsetGain, OffsetRemoval, Stored, WeightMapping
from hwsim.hardware.analog.wires import Circuit
from hwsim.tensor.analog.circuit import currents, network
from hwsim.tensor.analog.inputs import drive
from hwsim.tensor.analog.layout import targets
from hwsim.tensor.analog.product import calibrate, multiply
from hwsim.tensor.analog.programmed import after, program, transposed
from hwsim.tensor.analog.room import Room
from nodal import nodal_currents

Array = NDArray[Any]

UNCONVERTED = InputConversion(bits=None)


def _out(tile: AnalogTile, weight: Array, x: Array) -> Array:
    return multiply(program(tile, weight), x).out


def _noise_db(tile: AnalogTile, weight: Array, x: Array, ranges: Array | None = None) -> float:
    out, exact = multiply(program(tile, weight), x, ranges=ranges).out, x @ weight
    return float(10 * np.log10((exact**2).sum() / ((out - exact) ** 2).sum()))


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_signed_inputs_have_one_level_less_than_unsigned_ones(bits: int) -> None:
    x = np.linspace(-1, 1, 5001)[:, None]
    signed = drive(InputConversion(bits=bits), x, Room()).steps
    unsigned = drive(InputConversion(bits=bits, signed=False, range=(0.0, 1.0)), x, Room()).steps
    assert len(np.unique(signed)) == 2**bits - 1
    assert len(np.unique(unsigned)) == 2**bits
    assert signed.min() == -signed.max()


@pytest.mark.parametrize(("centred", "levels"), [(True, 15), (False, 16)])
def test_a_converter_with_a_middle_has_one_level_less(centred: bool, levels: int) -> None:
    tile = AnalogTile(input=UNCONVERTED, adc=Adc(bits=4, range=Range.LIMITS, limits=((-1.0, 1.0),), centred=centred))
    made = multiply(program(tile, np.ones((1, 1))), np.linspace(-1, 1, 2001)[:, None])
    assert len(np.unique(made.adc_codes[0])) == levels
    assert (0.0 in made.out) == centred


def test_rounding_before_clipping_gives_no_code_beyond_the_range() -> None:
    """Half a step above the last code is still that code, whichever comes first; an input beyond full scale is it."""
    tile = AnalogTile(input=UNCONVERTED, adc=Adc(bits=3, range=Range.LIMITS, limits=((-3.0, 3.0),)),
                      weights=WeightMapping(limit=1.0))  # fmt: skip
    x = np.array([[2.4], [2.6], [3.4], [3.6], [9.0], [-3.4], [-9.0]])
    made = multiply(program(tile, np.ones((1, 1))), x)
    assert made.adc_codes[0][:, 0].tolist() == [5, 6, 6, 6, 6, 0, 0]
    assert made.clipped.tolist() == [0, 0, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("rule", "codes"),
    [
        (Rounding.HALF_EVEN, [2, 4, 4, 1, 2, 6]),
        (Rounding.HALF_AWAY, [2, 4, 5, 1, 1, 6]),
        (Rounding.TOWARD_ZERO, [3, 3, 4, 2, 2, 5]),
        (Rounding.FLOOR, [2, 3, 4, 1, 1, 5]),
    ],
)
def test_ties_fall_as_the_rule_says(rule: Rounding, codes: list[int]) -> None:
    """Places 2.5, 3.5, 4.5, 1.4, 1.5, 5.6 among codes 0..6, whose middle is 3."""
    tile = AnalogTile(input=UNCONVERTED, weights=WeightMapping(limit=1.0),
                      adc=Adc(bits=3, range=Range.LIMITS, limits=((-3.0, 3.0),), rounding=rule))  # fmt: skip
    x = np.array([[-0.5], [0.5], [1.5], [-1.6], [-1.5], [2.6]])
    assert multiply(program(tile, np.ones((1, 1))), x).adc_codes[0][:, 0].tolist() == codes


def test_an_oscillator_counts_whole_cycles() -> None:
    """trunc(q / 100 · 6.24) · 100 / 6.24, as aihwkit writes it, is a converter that rounds toward zero."""
    step = 100 / 6.24
    bound = 127 * step
    counter = Adc(bits=8, range=Range.LIMITS, limits=((-bound, bound),), rounding=Rounding.TOWARD_ZERO)
    tile = AnalogTile(input=UNCONVERTED, weights=WeightMapping(limit=1.0), adc=counter)
    charge = np.random.default_rng(0).uniform(-1900, 1900, (500, 1))
    counted = np.trunc(charge / 100 * 6.24) * 100 / 6.24
    np.testing.assert_allclose(_out(tile, np.ones((1, 1)), charge), counted, rtol=0, atol=1e-9)


def test_conductances_in_single_precision_are_a_choice() -> None:
    weight = np.random.default_rng(0).normal(size=(20, 10))
    single, double = (AnalogTile(weights=WeightMapping(stored=kind)) for kind in (Stored.FLOAT32, Stored.FLOAT64))
    a, b = (targets(tile, weight, 3.0)[0] for tile in (single, double))
    assert a.dtype == np.float32
    assert b.dtype == np.float64
    np.testing.assert_array_equal(a, b.astype(np.float32))
    assert (a != b).any()


def test_passes_need_ranges_of_their_own() -> None:
    """A range for the whole input leaves nothing of single bits; one for each pass loses little."""
    rng = np.random.default_rng(3)
    weight, x = rng.normal(size=(64, 32)), rng.uniform(-1, 1, (200, 64)) ** 3
    serial = InputConversion(bits=8, encoding=Encoding.BIT_SERIAL)

    def error(*axes: Axis) -> float:
        tile = AnalogTile(input=serial, adc=Adc(bits=6, range=Range.CALIBRATED, per=axes, quantile=0.999))
        ranges = calibrate(program(tile, weight), x)
        assert ranges.shape[1] == (7 if Axis.PASS in axes else 1)
        return _noise_db(tile, weight, x, ranges)

    full_scale = AnalogTile(input=serial, adc=Adc(bits=6, range=Range.MAX))
    assert error(Axis.PASS) > error() + 1
    assert error(Axis.PASS) > _noise_db(full_scale, weight, x) + 10
    assert error(Axis.PASS, Axis.COLUMN) > error(Axis.PASS)


def test_ranges_of_tiles_slices_and_columns_are_kept_apart() -> None:
    rng = np.random.default_rng(3)
    weight, x = rng.normal(size=(9, 5)) * np.array([1, 2, 4, 8, 16]), rng.uniform(-1, 1, (50, 9))
    tile = AnalogTile(
        rows=3,
        cols=2,
        weights=WeightMapping(bits=6, slices=3),
        adc=Adc(bits=8, range=Range.CALIBRATED, per=tuple(Axis)),
    )
    matrix = program(tile, weight)
    ranges = calibrate(matrix, x)
    assert ranges.shape == (9, 1, 3, 5, 2)
    assert multiply(matrix, x, ranges=ranges).out.shape == (50, 5)
    with pytest.raises(InvalidValue, match="ranges"):
        multiply(matrix, x)
    with pytest.raises(InvalidValue, match=r"ranges\.shape"):
        multiply(matrix, x, ranges=ranges[:2])


def test_cells_of_a_pair_drift_apart() -> None:
    """Pairs are never put together and split again: each cell keeps its own programming noise and exponent."""
    tile = AnalogTile(device=Device(model=Preset.PCM))
    weight = np.random.default_rng(0).normal(size=(30, 30))
    fresh = program(tile, weight, seed=2)
    late, later = after(fresh, 1e4), after(after(fresh, 1e4), 1e7)
    for array in (0, 1):
        held, now = fresh.parts[0].held[array], late.parts[0].now[array]
        moved = held > 0
        exponents = -np.log(now[moved] / held[moved]) / np.log((1e4 + 20) / 20)
        assert len(np.unique(exponents.round(12))) > 0.9 * moved.sum()
        assert (exponents >= 0).all()
        # The same exponents hold at any time, and time counts from programming.
        np.testing.assert_allclose(
            later.parts[0].now[array][moved], held[moved] * ((1e7 + 20) / 20) ** -exponents, rtol=1e-9
        )
    # The cell that holds nothing still has noise of its own.
    target = fresh.parts[0].target
    idle = (target[1] == 0) & (target[0] > 0)
    assert (fresh.parts[0].held[1][idle] > 0).mean() > 0.3


def test_the_terminal_of_rows_stands_before_the_first_cell_of_every_row() -> None:
    """Against nodal analysis; in every segment of the first row, as a peer has it, it is percents off."""
    rng = np.random.default_rng(1)
    g, x = np.clip(rng.normal(0.2, 0.3, (16, 16)), 0, 1), rng.uniform(-1, 1, (4, 16))
    wires = Circuit(row=Fraction(5), col=Fraction(5), row_terminal=Fraction(100), tolerance=1e-12)
    ours = currents(network(wires, 1e-4, [g]), wires, x)
    theirs = nodal_currents([g], x, row=5e-4, col=5e-4, row_end=1e-2)
    without = nodal_currents([g], x, row=5e-4, col=5e-4)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9 * np.abs(theirs).max())
    assert np.abs(without - theirs).max() > 1e-2 * np.abs(theirs).max()


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4)])
@pytest.mark.parametrize("wires", [None, Circuit(row=Fraction(1, 100), col=Fraction(1, 100))])
def test_transposed_products_take_matrices_of_any_shape(shape: tuple[int, int], wires: Circuit | None) -> None:
    rng = np.random.default_rng(1)
    weight, x = rng.normal(size=shape), rng.uniform(-1, 1, (3, shape[1]))
    tile = AnalogTile(rows=5, cols=5, input=UNCONVERTED, wires=wires)
    out = multiply(transposed(program(tile, weight)), x).out
    np.testing.assert_allclose(out, x @ weight.T, rtol=0, atol=1e-12 if wires is None else 1e-3)


@pytest.mark.parametrize("levels", [4, 8, 32, 128])
@pytest.mark.parametrize("removal", list(OffsetRemoval))
def test_quantised_cells_of_an_offset_mapping_keep_the_gain(levels: int, removal: OffsetRemoval) -> None:
    """Weights that stand on levels come back as they are; a peer gives (levels - 2) / (levels - 1) of them."""
    weight = np.arange(-(levels - 2), levels - 1, 2)[None, :] / (levels - 2.0)
    for gain, expected in ((OffsetGain.CORRECTED, 1.0), (OffsetGain.CROSSSIM, (levels - 2) / (levels - 1))):
        tile = AnalogTile(
            device=Device(levels=levels),
            input=UNCONVERTED,
            weights=WeightMapping(mapping=Mapping.OFFSET, offset_removal=removal, offset_gain=gain),
        )
        out = _out(tile, weight, np.ones((1, 1)))
        np.testing.assert_allclose(out, expected * weight, rtol=0, atol=1e-12)


def test_one_golden_is_held_by_the_peers_gain_and_by_ours_it_is_off() -> None:
    (case,) = (case for case in cases() if case.name.startswith("15_offset"))
    assert tile_of(case).weights.offset_gain is OffsetGain.CROSSSIM
    exact = case.inputs @ case.weight
    slope = float((case.out * exact).sum() / (exact * exact).sum())
    assert abs(slope / (30 / 31) - 1) < 0.03


def test_inputs_that_are_halved_again_and_again_are_counted() -> None:
    """Managing bounds costs passes: each vector says how often it was computed again."""
    tile = AnalogTile(
        weights=WeightMapping(limit=1.0),
        input=InputConversion(bits=8, scaling=Scaling.LARGEST, retries=4),
        adc=Adc(bits=8, range=Range.LIMITS, limits=((-3.0, 3.0),)),
    )
    x = np.zeros((4, 16))
    x[0, 0], x[1, :4], x[2, :8], x[3] = 1.0, 1.0, 1.0, 1.0
    made = multiply(program(tile, np.ones((16, 1))), x)
    assert made.retries.tolist() == [0, 1, 2, 3]
    assert made.clipped.tolist() == [0, 0, 0, 0]
    np.testing.assert_allclose(made.out[:, 0], [1, 4, 8, 16], rtol=0.03)


def test_scales_of_vectors_are_their_own() -> None:
    rng = np.random.default_rng(0)
    weight, x = rng.normal(size=(8, 4)), rng.uniform(-1, 1, (2, 8)) * np.array([[1e-3], [1e3]])
    tile = AnalogTile(input=InputConversion(bits=12, scaling=Scaling.LARGEST))
    wrong = np.abs(_out(tile, weight, x) - x @ weight).max(axis=1)
    assert (wrong < 1e-2 * np.abs(x).max(axis=1)).all()


def test_a_vector_of_zeros_has_a_scale() -> None:
    tile = AnalogTile(input=InputConversion(scaling=Scaling.LARGEST))
    np.testing.assert_array_equal(_out(tile, np.ones((3, 2)), np.zeros((2, 3))), np.zeros((2, 2)))


def test_white_noise_differs_from_vector_to_vector() -> None:
    """It is not frozen when cells drift: equal vectors give different results."""
    tile = AnalogTile(device=Device(custom=DeviceModel(white=0.05)), input=UNCONVERTED)
    out = multiply(after(program(tile, np.ones((4, 1))), 100.0), np.ones((50, 4))).out
    assert len(np.unique(out)) == 50
