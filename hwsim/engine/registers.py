"""One Gemm on a systolic array, by every register at every clock edge: values and cycles from the same run."""

from dataclasses import replace
from typing import Self

import numpy as np

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.elements import Dataflow, Drain, WeightLoad
from hwsim.dataclass import dataclass
from hwsim.engine.register_run import Array, RegisterRun
from hwsim.hardware.array import GemmCycles
from hwsim.hardware.summation import Overflow, Summation
from hwsim.kernels.cpu import compiles
from hwsim.kernels.outputs import run_outputs
from hwsim.kernels.stationary import run_stationary
from hwsim.quantities.precision import Precision
from hwsim.tensor.ordered import one_nan

_DRAINS = (Drain.SERIAL, Drain.SHARED, Drain.SEPARATE)  # as kernels.outputs numbers them


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The types in which operands and sums are kept, and what the registers do to a sum.

    The narrower the types, the faster the kernels. A sum needs room for what is added to it, and to be shifted by its
    lowest value; where no sum of these operands can leave 30 bits, wider registers never act. Uncompiled, products have
    the type of the operands and must fit it.
    """

    operand: type[np.generic]
    total: type[np.generic]
    limits: Array
    wraps: tuple[bool, bool]
    chunk: int
    settles: bool

    @classmethod
    def of(cls, summation: Summation, mode: Precision, act: Array, weight: Array) -> Self:
        inner, outer = summation.register, summation.outer or summation.register
        wraps = (inner.overflow is Overflow.WRAP, outer.overflow is Overflow.WRAP)
        chunk = summation.chunk or 0
        if mode.floating:
            return cls(np.float32, np.float32, np.zeros(4, np.float32), wraps, chunk, settles=False)
        largest = [max(-int(operand.min()), int(operand.max()), 1) for operand in (act, weight)]
        bound = largest[0] * largest[1] * act.shape[1]
        settles = bound > inner.highest
        if bound < 1 << 29:
            inner, outer = (replace(register, bits=min(register.bits, 30)) for register in (inner, outer))
        room = max(inner.highest, outer.highest) + summation.packed * largest[0] * largest[1]
        total: type[np.generic] = np.int32 if room < 1 << 30 else np.int64
        operand = total
        if compiles() and max(largest) < 1 << 31:
            operand = np.int16 if total is np.int32 and max(largest) < 1 << 15 else np.int32
        limits = [inner.lowest, inner.highest, outer.lowest, outer.highest]
        return cls(operand, total, np.array(limits, total), wraps, chunk, settles)


def run_registers(
    array: SystolicArray, mode: Precision, act: Array, weight: Array, chunk: int | None = None
) -> RegisterRun:
    """act[m, k] @ weight[k, n], the streamed dimension in chunks (None: as the array says): the result with its
    cycles and saturations."""
    streamed = weight.shape[1] if array.dataflow is Dataflow.IS else act.shape[0]
    chunk = chunk or min(array.m_chunk or streamed, streamed)
    numbers = _Numbers.of(array.summation(mode), mode, act, weight)
    with np.errstate(over="ignore", invalid="ignore"):  # an interpreted kernel would warn of infinite sums
        match array.dataflow:
            case Dataflow.WS:
                run = _run_stationary(array, mode, numbers, act, weight, chunk)
            case Dataflow.IS:
                turned = _run_stationary(array, mode, numbers, weight.T, act.T, chunk)
                run = replace(turned, out=np.ascontiguousarray(turned.out.T))
            case Dataflow.OS:
                run = _run_outputs(array, mode, numbers, act, weight)
    return replace(run, out=one_nan(run.out)) if mode.floating else run


def _run_stationary(
    array: SystolicArray, mode: Precision, numbers: _Numbers, act: Array, weight: Array, chunk: int
) -> RegisterRun:
    packed = array.packed(mode)
    streamed, k_size = act.shape
    across, deep = array.cols * packed.n, array.rows * packed.k
    tiles = [
        (start, min(chunk, streamed - start), column, k)
        for start in range(0, streamed, chunk)
        for column in range(0, weight.shape[1], across)
        for k in range(0, k_size, deep)
    ]
    out = np.zeros((streamed, weight.shape[1]), numbers.total)
    wavefront = array.weight_load is WeightLoad.WAVEFRONT
    mac, last, clamped = run_stationary(
        np.ascontiguousarray(act, numbers.operand),
        np.ascontiguousarray(weight, numbers.operand),
        np.array(tiles, np.int64),
        np.array([array.rows, array.cols, packed.k, packed.n], np.int64),
        np.array([array.shadow_weights, wavefront, *numbers.wraps, numbers.chunk // deep, numbers.settles], np.int64),
        numbers.limits,
        out,
        np.zeros((min(chunk, streamed), across), numbers.total),
    )
    return RegisterRun(out, GemmCycles(int(mac), int(last), len(tiles)), int(clamped))


def _run_outputs(array: SystolicArray, mode: Precision, numbers: _Numbers, act: Array, weight: Array) -> RegisterRun:
    packed = array.packed(mode)
    across = array.cols * packed.n
    tiles = [
        (row, column) for row in range(0, act.shape[0], array.rows) for column in range(0, weight.shape[1], across)
    ]
    out = np.zeros((act.shape[0], weight.shape[1]), numbers.total)
    mac, last, clamped = run_outputs(
        np.ascontiguousarray(act, numbers.operand),
        np.ascontiguousarray(weight, numbers.operand),
        np.array(tiles, np.int64),
        np.array([array.rows, array.cols, packed.k, packed.n], np.int64),
        np.array([_DRAINS.index(array.drain), *numbers.wraps, numbers.chunk // packed.k, numbers.settles], np.int64),
        numbers.limits,
        out,
    )
    return RegisterRun(out, GemmCycles(int(mac), int(last), len(tiles)), int(clamped))
