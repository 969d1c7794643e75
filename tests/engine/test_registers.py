"""The register-level engine gives the integers of the definition in the cycles of the closed forms."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.closed_form import gemm_cycles
from hwsim.arrays.systolic.elements import Dataflow, Drain, PackedMacs, WeightLoad
from hwsim.engine.register_run import Array
from hwsim.engine.registers import run_registers
from hwsim.hardware.summation import Accumulator, Overflow, Register
from hwsim.quantities.precision import Precision
from rtl.case import MODE
from witnesses.rtl_vectors import Vector, digest, plain_vectors


@dataclass(frozen=True)
class Case:
    """A Gemm on an array."""

    array: SystolicArray
    mode: Precision
    act: Array
    weight: Array
    chunk: int


@st.composite
def accumulators(draw: st.DrawFn, unit: int) -> Accumulator:
    bits = draw(st.integers(8, 34))
    overflow = draw(st.sampled_from(Overflow))
    if draw(st.booleans()):
        return Accumulator(bits=bits, overflow=overflow)
    outer = Register(bits=draw(st.integers(bits, 48)), overflow=draw(st.sampled_from(Overflow)))
    return Accumulator(bits=bits, overflow=overflow, chunk=unit * draw(st.integers(1, 3)), outer=outer)


@st.composite
def arrays(draw: st.DrawFn, mode: Precision, sides: int = 5) -> SystolicArray:
    rows, packed = draw(st.integers(1, sides)), draw(st.builds(PackedMacs, k=st.integers(1, 3), n=st.integers(1, 2)))
    dataflow = draw(st.sampled_from(Dataflow))
    return SystolicArray(
        rows=rows,
        cols=draw(st.integers(1, sides)),
        dataflow=dataflow,
        weight_load=draw(st.sampled_from(WeightLoad)),
        shadow_weights=draw(st.booleans()),
        drain=draw(st.sampled_from(Drain)),
        macs_per_pe=((mode, packed),),
        accumulator=draw(accumulators(packed.k * (1 if dataflow is Dataflow.OS else rows))),
    )


def operands(draw: st.DrawFn, rows: int, cols: int, precision: Precision) -> Array:
    """Values of a format, its extremes above all."""
    low, high = precision.lowest, precision.highest
    value = st.sampled_from([low, high]) | st.integers(low, high)
    return np.array(draw(st.lists(value, min_size=rows * cols, max_size=rows * cols))).reshape(rows, cols)


INTEGERS = [Precision.INT2, Precision.INT3, Precision.INT4, Precision.INT8]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    array = draw(arrays(Precision.INT8))
    m, k, n = (draw(st.integers(1, 12)) for _ in range(3))
    act = operands(draw, m, k, draw(st.sampled_from(INTEGERS)))
    weight = operands(draw, k, n, draw(st.sampled_from(INTEGERS)))
    chunk = draw(st.integers(1, n if array.dataflow is Dataflow.IS else m))
    return Case(array, Precision.INT8, act, weight, chunk)


def definition(case: Case) -> Array:
    """Every result by `Summation.total`."""
    total = case.array.summation(case.mode).total
    rows = [[total((row * column).tolist()) for column in case.weight.T] for row in case.act.astype(int)]
    return np.array(rows)


@pytest.mark.slow
@settings(max_examples=600)
@given(cases())
def test_registers_give_the_values_and_cycles_of_the_definition(case: Case) -> None:
    run = run_registers(case.array, case.mode, case.act, case.weight, case.chunk)
    assert (run.out == definition(case)).all()
    m, k = case.act.shape
    assert run.cycles == gemm_cycles(case.array, case.mode, m, k, case.weight.shape[1], case.chunk)


@pytest.mark.parametrize(
    "vector", plain_vectors(), ids=lambda vector: f"{vector.case.dataflow.value}-{vector.case.seed}"
)
def test_registers_give_what_the_rtl_arrays_gave(vector: Vector) -> None:
    array, (act, weight) = vector.case.array, (np.array(operand) for operand in vector.case.operands())
    streamed = vector.case.n if array.dataflow is Dataflow.IS else vector.case.m
    chunk = min(vector.case.m_chunk or streamed, streamed)
    run = run_registers(array, MODE, act, weight, chunk)
    assert (run.cycles.mac, run.cycles.out) == (vector.mac_cycles, vector.out_cycles)
    assert digest(run.out) == vector.digest


@pytest.mark.slow
@pytest.mark.parametrize("dataflow", Dataflow)
def test_wide_sums_are_exact(dataflow: Dataflow) -> None:
    """Sums that leave 32 bits, in a register that holds them."""
    array = SystolicArray(
        rows=2, cols=2, dataflow=dataflow, macs_per_pe=((Precision.INT8, 2),), accumulator=Accumulator(bits=40)
    )
    act, weight = np.full((3, 2**18), -128), np.full((2**18, 2), -128)
    out = run_registers(array, Precision.INT8, act, weight, 3).out
    assert (out == 2**18 * 2**14).all()
    assert out.dtype == np.int64


@pytest.mark.parametrize("precision", [Precision.INT16, Precision.INT8])
def test_operands_of_sixteen_bits_are_exact(precision: Precision) -> None:
    array = SystolicArray(rows=3, cols=2, macs_per_pe=((precision, 1),), accumulator=Accumulator(bits=48))
    act = np.array([[precision.lowest, precision.highest, -1]] * 2)
    weight = act.T.copy()
    out = run_registers(array, precision, act, weight, 2).out
    assert (out == act @ weight).all()


@given(st.data(), st.sampled_from(Dataflow))
def test_floats_are_rounded_at_each_addition_in_the_order_of_the_array(data: st.DataObject, dataflow: Dataflow) -> None:
    mode = Precision.FP16
    packed, rows = data.draw(st.integers(1, 2)), data.draw(st.integers(1, 3))
    array = SystolicArray(rows=rows, cols=2, dataflow=dataflow, macs_per_pe=((mode, packed),))
    m, k, n = (data.draw(st.integers(1, 7)) for _ in range(3))
    number = st.floats(-1000, 1000, width=16)

    def matrix(a: int, b: int) -> Array:
        return np.array(data.draw(st.lists(number, min_size=a * b, max_size=a * b)), np.float16).reshape(a, b)

    act, weight = matrix(m, k), matrix(k, n)
    out = run_registers(array, mode, act, weight, n if dataflow is Dataflow.IS else m).out
    tile = k if dataflow is Dataflow.OS else rows * packed
    for i in range(m):
        for j in range(n):
            buffer = np.float32(0)
            for start in range(0, k, tile):
                running = np.float32(0)
                for x in range(start, min(start + tile, k)):
                    running += np.float32(act[i, x]) * np.float32(weight[x, j])
                buffer = buffer + running if start else running
            assert out[i, j] == buffer
