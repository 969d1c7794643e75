"""Single elements of quantised programs, by the oracle: steps of chains, scales, numbers of formats."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.ir.ops import Function
from hwsim.oracle import vector
from hwsim.oracle.quantise import quantise
from hwsim.quantities.precision import Precision
from hwsim.tensor.quant_params import QuantParams

Array = NDArray[Any]


def element(function: Function, args: list[tuple[int, float]], target: float, low: int, high: int) -> int:
    """One element of one step."""
    (a, sa), (b, sb) = args[0], args[-1]
    if function.value in vector.FUNCTIONS:
        return vector.tabled(function.value, a, sa, target, low, high)
    if len(args) == 1:
        return vector.rescale(a, sa / target, 0, low, high)
    if function is Function.MUL:
        return vector.rescale(a * b, sa * sb / target, 0, low, high)
    if function is Function.EQUAL:
        return int(a == vector.rescale(b, sb / sa))
    x, y = vector.rescale(a, sa / target), vector.rescale(b, sb / target)
    return vector.clamp({Function.ADD: x + y, Function.SUB: x - y, Function.MAX: max(x, y)}[function], low, high)


def float_step(function: Function, args: list[Array]) -> Array:
    """One step in single precision."""
    first, last = args[0], args[-1]
    if function.value in vector.FUNCTIONS:
        return np.array([vector.FUNCTIONS[function.value](float(x)) for x in first], np.float32)
    if len(args) == 1:
        return first
    match function:
        case Function.ADD:
            return np.asarray(first + last)
        case Function.SUB:
            return np.asarray(first - last)
        case Function.MUL:
            return np.asarray(first * last)
        case Function.MAX:
            return np.where(first > last, first, last)
        case _:
            return np.asarray(first == last, np.float32)


def counts(grid: QuantParams) -> bool:
    return grid.precision is Precision.INT32 and not grid.symmetric


def zero_of(grid: QuantParams | None) -> int:
    return 0 if grid is None else int(grid.zero.ravel()[0])


def spread(grid: QuantParams, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Scale and zero point of each element."""
    scale, zero = grid.scale, grid.zero
    if grid.group is not None:
        places = np.arange(shape[-2]) // grid.group
        scale, zero = scale[..., places, :], zero[..., places, :]
    return np.broadcast_to(scale, shape), np.broadcast_to(zero, shape)


def per_group(grid: QuantParams, batch: int, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Scales and zero points of one matrix: a row for each group of K."""
    k, n = shape
    groups = -(-k // (grid.group or k))
    scale, zero = grid.scale.astype(np.float64), grid.zero.astype(np.int64)
    if scale.ndim == 3:
        scale, zero = scale[batch], zero[batch]
    return np.broadcast_to(scale, (groups, n)), np.broadcast_to(zero, (groups, n))


def quantised(values: Array, grid: QuantParams) -> Array:
    """Each number on its own."""
    whole = np.asarray(values)
    scale, zero = spread(grid, whole.shape)
    each = zip(whole.ravel(), scale.ravel(), zero.ravel(), strict=True)
    return np.array([quantise(v, s, int(z), grid.lowest, grid.highest) for v, s, z in each]).reshape(whole.shape)


def nearest(values: Array, precision: Precision) -> Array:
    """The nearest numbers of a format, found among all of them."""
    single = np.asarray(values, np.float32)
    if precision is Precision.FP32:
        return single
    assert precision is Precision.FP16
    return single.astype(np.float16).astype(np.float32)
