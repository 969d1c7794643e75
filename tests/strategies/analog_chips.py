"""Small chips of analog tiles, and strategies that draw them; programs whose products lanes can add."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from hwsim.hardware.analog.chip import AnalogChip, Link, Typical
from hwsim.hardware.analog.conversion import Adc, InputConversion
from hwsim.hardware.analog.phases import Phases
from hwsim.hardware.analog.tile import AnalogTile, Split
from hwsim.hardware.analog.weights import WeightMapping
from hwsim.hardware.chip import Dram, Scratchpad, VectorUnit
from hwsim.ir.ops import Function
from hwsim.ir.program import Program
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.precision import Precision

MACS = sorted_pairs({Precision.INT4: 2, Precision.INT8: 2, Precision.INT16: 1})
VECTOR = VectorUnit(lanes=4, cycles=sorted_pairs(dict.fromkeys(Function, 1)), macs_per_lane=MACS)
PHASES = Phases(voltage=Fraction(1, 5), tick=1000, settle=2000, convert=3000)


def analog_chip(**changes: Any) -> AnalogChip:
    """Two chips of 8 tiles of 4 × 4, with changes."""
    base = AnalogChip(
        name="small",
        clock=10**9,
        array=AnalogTile(rows=4, cols=4, input=InputConversion(bits=3), adc=Adc(bits=8), phases=PHASES),
        tiles=8,
        chips=2,
        link=Link(within=2000, between=5000),
        typical=Typical(input=0.2, conductance=0.1),
        vector=VECTOR,
        scratchpad=Scratchpad(size=4096, read=16, write=16),
        dram=Dram(read=8 * 10**9, write=8 * 10**9, latency=5000),
        energy="pcm_14nm",
    )
    return replace(base, **changes)


@st.composite
def analog_chips(draw: st.DrawFn) -> AnalogChip:
    cells = draw(st.sampled_from([(1.0,), (1.0, 1.0)]))
    phases = st.builds(
        Phases,
        voltage=st.just(PHASES.voltage),
        tick=st.integers(1, 1500),
        settle=st.integers(0, 3000),
        convert=st.integers(0, 4000),
        overlap=st.booleans(),
        step=st.none() | st.integers(1, 9000),
    )
    tile = AnalogTile(
        rows=draw(st.integers(1, 6)),
        cols=draw(st.integers(1, 6)),
        split=draw(st.sampled_from(Split)),
        weights=WeightMapping(significance=cells),
        input=InputConversion(bits=draw(st.integers(2, 4))),
        adc=Adc(bits=8),
        phases=draw(phases),
    )
    names = st.sampled_from(["*", "*.0.*", "encoder.*", "gemm", "op1*"])
    return analog_chip(
        array=tile,
        tiles=draw(st.integers(1, 30)),
        chips=draw(st.integers(1, 3)),
        link=Link(within=draw(st.integers(0, 3000)), between=draw(st.integers(0, 9000))),
        dense=tuple(draw(st.lists(names, max_size=1))) if len(cells) > 1 else (),
        copies=sorted_pairs(draw(st.dictionaries(names, st.integers(1, 3), max_size=1))),
        digital=tuple(draw(st.lists(names, max_size=1))) if draw(st.booleans()) else (),
        vector=replace(VECTOR, lanes=draw(st.integers(1, 8))),
        scratchpad=Scratchpad(
            size=draw(st.integers(1, 400)), read=draw(st.integers(1, 16)), write=draw(st.integers(1, 16))
        ),
        dram=Dram(
            read=draw(st.integers(10**9, 10**11)),
            write=draw(st.integers(10**9, 10**11)),
            latency=draw(st.integers(0, 9000)),
            shared_port=draw(st.booleans()),
        ),
    )


def in_integers(program: Program) -> Program:
    """The program with bytes instead of floats, which no lane multiplies."""
    tensors = tuple(
        replace(tensor, precision=Precision.INT8) if tensor.precision.floating else tensor for tensor in program.tensors
    )
    return replace(program, tensors=tensors)
