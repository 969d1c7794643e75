"""Chips for tests: small ones whose edges come up all the time, and strategies that draw them."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.elements import Dataflow, Drain, PackedMacs, WeightLoad
from hwsim.hardware.analog.chip import AnalogChip, Typical
from hwsim.hardware.analog.phases import Phases
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.chip import Chip, Dram, Scratchpad, VectorUnit, WeightLayout
from hwsim.hardware.summation import Accumulator
from hwsim.ir.ops import Function
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.precision import Precision

_MACS: dict[Precision, int | PackedMacs] = {Precision.INT4: PackedMacs(k=2, n=2), Precision.INT8: 2, Precision.FP16: 1}
MODES = sorted_pairs(_MACS)
VECTOR = VectorUnit(lanes=4, cycles=sorted_pairs(dict.fromkeys(Function, 2)))


def chip(**changes: Any) -> Chip:
    """A chip of 4 × 4 processing elements, with changes."""
    base = Chip(
        name="small",
        clock=10**9,
        array=SystolicArray(rows=4, cols=4, macs_per_pe=MODES),
        vector=VECTOR,
        scratchpad=Scratchpad(size=4096, read=16, write=16),
        dram=Dram(read=8 * 10**9, write=8 * 10**9, latency=5000),
        energy="generic_7nm",
    )
    return replace(base, **changes)


def analog_chip(tile: AnalogTile, **changes: Any) -> AnalogChip:
    """A chip of such tiles, with changes; its vector unit multiplies integers."""
    products = sorted_pairs({Precision.INT8: 1, Precision.INT4: 1})
    base = AnalogChip(
        name="tiles",
        clock=10**9,
        array=replace(tile, phases=Phases(voltage=Fraction(1, 5), tick=1000, convert=1000)),
        tiles=2**16,
        typical=Typical(input=0.2, conductance=0.1),
        vector=replace(VECTOR, macs_per_lane=products),
        scratchpad=Scratchpad(size=4096, read=16, write=16),
        dram=Dram(read=8 * 10**9, write=8 * 10**9, latency=5000),
        energy="generic_7nm",
    )
    return replace(base, **changes)


def systolic(on: Chip) -> SystolicArray:
    """The array of a chip that has a systolic one."""
    assert isinstance(on.array, SystolicArray)
    return on.array


def arrays() -> st.SearchStrategy[SystolicArray]:
    return st.builds(
        SystolicArray,
        rows=st.integers(1, 5),
        cols=st.integers(1, 5),
        dataflow=st.sampled_from(Dataflow),
        weight_load=st.sampled_from(WeightLoad),
        shadow_weights=st.booleans(),
        drain=st.sampled_from(Drain),
        m_chunk=st.none() | st.integers(1, 9),
        macs_per_pe=st.just(MODES),
        accumulator=st.builds(Accumulator, entries=st.none() | st.integers(1, 12)),
    )


def chips() -> st.SearchStrategy[Chip]:
    return st.builds(
        chip,
        array=arrays(),
        scratchpad=st.builds(
            Scratchpad,
            size=st.integers(200, 4000),
            read=st.integers(1, 64),
            write=st.integers(1, 64),
            buffers=st.integers(1, 3),
            shared_port=st.booleans(),
        ),
        dram=st.builds(
            Dram,
            read=st.integers(10**8, 10**11),
            write=st.integers(10**8, 10**11),
            latency=st.integers(0, 50_000),
            shared_port=st.booleans(),
            weight_layout=st.sampled_from(WeightLayout),
        ),
    )
