"""Two ways, one truth: the kernels' codes are those of the slow tile, on tiles drawn from all that a tile can be."""

from fractions import Fraction
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hwsim.hardware.analog.conversion import (
    Accumulate,
    Adc,
    Encoding,
    Imperfection,
    InputConversion,
    Range,
    Rounding,
    Scaling,
)
from hwsim.hardware.analog.curves import polynomial
from hwsim.hardware.analog.device import Device, DeviceModel, Preset, WhiteNoise
from hwsim.hardware.analog.tile import AnalogTile, Split
from hwsim.hardware.analog.weights import (
    Beyond,
    Mapping,
    OffsetGain,
    OffsetRemoval,
    Sides,
    Stored,
    Subtract,
    WeightMapping,
)
from hwsim.hardware.analog.wires import Pulses
from hwsim.oracle.analog.tile import multiply as slowly
from hwsim.tensor.analog.product import multiply
from hwsim.tensor.analog.programmed import after, program
from hwsim.tensor.analog.reading import Reader


@st.composite
def mappings(draw: st.DrawFn) -> WeightMapping:
    bits = draw(st.sampled_from([None, None, 2, 3, 5, 8]))
    mapping = draw(st.sampled_from(Mapping))
    pairs = mapping is Mapping.DIFFERENTIAL
    return WeightMapping(
        mapping=mapping,
        sides=draw(st.sampled_from(Sides)) if pairs and bits is None else Sides.ONE,
        subtract=draw(st.sampled_from(Subtract)) if pairs else Subtract.ANALOG,
        offset_removal=draw(st.sampled_from(OffsetRemoval)) if not pairs and bits is None else OffsetRemoval.DIGITAL,
        bits=bits,
        slices=1 if bits is None else draw(st.integers(1, min(bits, 4))),
        significance=draw(st.sampled_from([(1.0,), (1.0,), (1.0, 4.0)])),
        limit=draw(st.sampled_from([None, 0.5, 2.0])),
        beyond=Beyond.CLIP,
        stored=draw(st.sampled_from(Stored)),
        offset_gain=draw(st.sampled_from(OffsetGain)),
    )


@st.composite
def inputs(draw: st.DrawFn) -> InputConversion:
    signed, encoding = draw(st.booleans()), draw(st.sampled_from(Encoding))
    plain = encoding is Encoding.PULSE_WIDTH
    bits: Any = draw(st.sampled_from([None, 2, 4, 8, 10] if plain else [2, 4, 8, 10]))
    return InputConversion(
        bits=bits,
        signed=signed,
        range=(-1.0, 1.0) if signed else (0.0, 1.0),
        scaling=draw(st.sampled_from(Scaling)),
        encoding=encoding,
        slice_bits=draw(st.integers(1, 3)) if encoding is Encoding.SLICES else 1,
        first_bits=draw(st.sampled_from([None, 1, 2])) if encoding is Encoding.SLICES and bits > 3 else None,
        accumulate=Accumulate.DIGITAL if plain else draw(st.sampled_from(Accumulate)),
    )


@st.composite
def models(draw: st.DrawFn) -> DeviceModel | None:
    if draw(st.booleans()):
        return None
    return DeviceModel(
        programming=draw(st.sampled_from([None, polynomial(1.0, 0.5)])),
        characterised_at=Fraction(25, 10**6),
        flicker=draw(st.sampled_from([None, polynomial(0.01)])),
        window=draw(st.sampled_from([1, 2, 2**31])),
        white=draw(st.sampled_from([0.0, 0.1])),
        white_is=draw(st.sampled_from(WhiteNoise)),
        clip=draw(st.booleans()),
    )


@st.composite
def tiles(draw: st.DrawFn) -> AnalogTile:
    weights, conversion = draw(mappings()), draw(inputs())
    ranges = [Range.LIMITS] + ([Range.MAX] if weights.bits is None or conversion.bits else [])
    ranges += [Range.GRANULAR] if weights.bits and conversion.bits else []
    chosen = draw(st.sampled_from(ranges))
    imperfect = draw(st.sampled_from([None, None, Imperfection(gain=0.05, offset=0.5, inl=0.4, dnl=0.2)]))
    adc = Adc(
        bits=draw(st.integers(2, 7) if imperfect else st.sampled_from([2, 3, 5, 7, 16, 20])),
        range=chosen,
        limits=draw(st.sampled_from([((-1.5, 1.5),), ((-0.25, 2.0),)])) if chosen is Range.LIMITS else (),
        centred=draw(st.booleans()),
        rounding=Rounding.HALF_EVEN if imperfect else draw(st.sampled_from(Rounding)),
        imperfect=imperfect,
    )
    device = Device(
        on_off_ratio=draw(st.sampled_from([None, 10.0])), levels=draw(st.sampled_from([None, 4, 15])),
        custom=draw(models()),
    )  # fmt: skip
    return AnalogTile(
        rows=draw(st.integers(1, 5)), cols=draw(st.integers(1, 5)), split=draw(st.sampled_from(Split)), device=device,
        weights=weights, input=conversion, adc=draw(st.sampled_from([adc, adc, None])),
    )  # fmt: skip


@given(tile=tiles(), shape=st.tuples(*[st.integers(1, 7)] * 3), seed=st.integers(0, 2**64 - 1), per_cell=st.booleans())
@settings(max_examples=150, deadline=None)
def test_codes_are_those_of_the_slow_tile(
    tile: AnalogTile, shape: tuple[int, int, int], seed: int, per_cell: bool
) -> None:
    m, k, n = shape
    rng = np.random.default_rng(seed % 1000)
    weight, x = rng.normal(0, 0.5, (k, n)), rng.uniform(-1.1, 1.1, (m, k))
    fast = multiply(program(tile, weight, seed=seed), x, seed=seed, first=5, noise_per_cell=per_cell)
    slow = slowly(tile, weight, x, seed=seed, first=5, per_cell=per_cell)
    assert len(fast.adc_codes) == len(slow.codes)
    for ours, theirs in zip(fast.adc_codes, slow.codes, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(fast.out, slow.out, rtol=0, atol=1e-12 * max(1.0, float(np.abs(slow.out).max())))


@pytest.mark.parametrize("white", [0.0, 0.3])
@pytest.mark.parametrize("levels", [None, 128])
@pytest.mark.parametrize(("signed", "passes"), [(True, 1), (False, 1), (True, 3)])
def test_sums_by_bytes_tell_the_codes_of_sums_in_order(
    white: float, levels: int | None, signed: bool, passes: int
) -> None:
    """With 20 bits a step is less than what bytes leave out, or single precision of the variance of noise where cells
    have levels, so that codes are wrong where a bound is too small."""
    encoding = InputConversion(
        signed=signed, range=(-1.0, 1.0) if signed else (0.0, 1.0),
        encoding=Encoding.PULSE_WIDTH if passes == 1 else Encoding.SLICES, slice_bits=1 if passes == 1 else 3,
    )  # fmt: skip
    tile = AnalogTile(
        rows=150, device=Device(levels=levels, custom=DeviceModel(white=white)), input=encoding,
        adc=Adc(bits=20, range=Range.LIMITS, limits=((-8.0, 8.0),)),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    matrix, x = program(tile, rng.normal(size=(300, 40))), rng.uniform(-1, 1, (200, 300))
    fast = multiply(matrix, x, seed=2)
    with patch.object(Reader, "_plain", lambda self, reading: False):
        slow = multiply(matrix, x, seed=2)
    for ours, theirs in zip(fast.adc_codes, slow.adc_codes, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(fast.out, slow.out)
    np.testing.assert_array_equal(fast.clipped, slow.clipped)


@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 13), st.integers(1, 5)), segments=st.sampled_from([1, 2, 6]),
    count=st.sampled_from([None, 3.0]), conversion=inputs(), seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
def test_charges_of_pulses_are_those_of_the_circuit_step_by_step(
    shape: tuple[int, int, int], segments: int, count: float | None, conversion: InputConversion, seed: int
) -> None:
    """In equivalents of segments, put in series at each moment, as the peer works them out."""
    assume(conversion.bits and conversion.bits < 9 and conversion.signed)
    assume(conversion.accumulate is Accumulate.DIGITAL)
    m, k, n = shape
    rng = np.random.default_rng(seed)
    weight, x = rng.normal(0, 0.5, (k, n)), rng.uniform(-1.1, 1.1, (m, k))
    wires = Pulses(col=Fraction(200), segments=segments, offset=0.01, count=count)
    weights = WeightMapping(limit=1.0, beyond=Beyond.CLIP)
    tile = AnalogTile(rows=6, cols=3, weights=weights, input=conversion, wires=wires)
    fast, slow = multiply(program(tile, weight), x), slowly(tile, weight, x)
    np.testing.assert_allclose(fast.out, slow.out, rtol=0, atol=1e-10)


@given(seed=st.integers(0, 2**64 - 1), preset=st.sampled_from(Preset), seconds=st.sampled_from([0.0, 3600.0, 3e7]))
@settings(max_examples=10, deadline=None)
def test_measured_devices_stray_as_the_slow_cells(seed: int, preset: Preset, seconds: float) -> None:
    tile = AnalogTile(rows=4, cols=4, device=Device(model=preset))
    rng = np.random.default_rng(seed % 1000)
    weight, x = rng.normal(0, 0.5, (6, 5)), rng.uniform(-1, 1, (2, 6))
    fast = multiply(after(program(tile, weight, seed=seed), seconds), x, seed=seed)
    slow = slowly(tile, weight, x, seed=seed, seconds=seconds)
    np.testing.assert_allclose(fast.out, slow.out, rtol=0, atol=1e-12)
