"""Analog tiles of all kinds, small enough that edges come up all the time."""

from fractions import Fraction
from typing import Any

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
from hwsim.hardware.analog.device import Device, DeviceModel, WhiteNoise
from hwsim.hardware.analog.phases import Phases
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
def phases(draw: st.DrawFn) -> Phases:
    return Phases(
        voltage=draw(st.sampled_from([Fraction(1, 5), Fraction(3, 10)])),
        tick=draw(st.integers(1, 2000)),
        settle=draw(st.integers(0, 5000)),
        convert=draw(st.integers(0, 300_000)),
        repeats=draw(st.integers(1, 4)),
        overlap=draw(st.booleans()),
        step=draw(st.sampled_from([None, 300_000])),
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
        shared_by=draw(st.integers(1, 3)),
    )
    device = Device(
        on_off_ratio=draw(st.sampled_from([None, 10.0])), levels=draw(st.sampled_from([None, 4, 15])),
        custom=draw(models()),
    )  # fmt: skip
    return AnalogTile(
        rows=draw(st.integers(1, 5)), cols=draw(st.integers(1, 5)), split=draw(st.sampled_from(Split)), device=device,
        weights=weights, input=conversion, adc=draw(st.sampled_from([adc, adc, None])), phases=draw(phases()),
    )  # fmt: skip
