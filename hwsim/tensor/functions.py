"""The functions of one number that a vector unit has: in double precision, and as tables over 16-bit integers."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import erf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.ir.ops import Function
from hwsim.kernels.sigmoids import sigmoids
from hwsim.tensor.quant_params import QuantParams

TABLE_ENTRIES = 1 << 16
TABLE_ZERO = 1 << 15
"""Where in a table the entry of 0 stands."""

_LEAST = 1e-200  # so that its reciprocal can still be divided by a scale
_LARGEST_EXPONENT = 600.0  # far below the 709 at which a double overflows, so that it can still be divided by a scale


_FEW = 64
"""Values for which it is not worth to call a kernel."""

_ERF = np.vectorize(erf, otypes=[np.float64])


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def _reciprocal(x: NDArray[np.float64]) -> NDArray[np.float64]:
    # Division by zero gives the largest number that the result's format has.
    return np.asarray(np.copysign(1.0, x) / np.maximum(np.abs(x), _LEAST))


UNARY: Mapping[Function, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    Function.SIGMOID: _sigmoid,
    Function.TANH: lambda x: np.asarray(np.tanh(x)),
    Function.EXP: lambda x: np.asarray(np.exp(np.minimum(x, _LARGEST_EXPONENT))),
    Function.RECIPROCAL: _reciprocal,
    Function.RSQRT: lambda x: np.asarray(1.0 / np.sqrt(np.maximum(x, _LEAST))),
    Function.SQRT: lambda x: np.asarray(np.sqrt(np.maximum(x, 0.0))),
    Function.LOG: lambda x: np.asarray(np.log(np.maximum(x, _LEAST))),
    Function.ERF: lambda x: np.asarray(_ERF(x)),
    Function.SIN: lambda x: np.asarray(np.sin(x)),
    Function.COS: lambda x: np.asarray(np.cos(x)),
    Function.ROUND: lambda x: np.asarray(np.rint(x)),
}


DOUBT = 1e-15
"""How far the sigmoid above and that of the kernel may lie from the sigmoid: 2 · 10^-16 is the most that was found."""


def singles(function: Function, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The function of each value in double precision, rounded to single.

    Sigmoids are those of a kernel, which comes as close, where that leaves no doubt of how they are rounded.
    """
    if function is not Function.SIGMOID or values.size < _FEW:
        return evaluated(function, values).astype(np.float32)
    flat = np.ascontiguousarray(values, np.float32).reshape(-1)
    results, unsure = np.empty_like(flat), np.empty(flat.size, np.bool_)
    if sigmoids(flat, DOUBT, results, unsure):
        results[unsure] = evaluated(function, flat[unsure])
    return results.reshape(values.shape)


def evaluated(function: Function, values: NDArray[Any]) -> NDArray[np.float64]:
    """The function of each value, in double precision."""
    return UNARY[function](np.ascontiguousarray(values, np.float64))


def table(function: Function, source: QuantParams, target: QuantParams) -> NDArray[np.int16]:
    """The function of each 16-bit integer at one scale, as the nearest integer at another, without zero points."""
    low, high = target.lowest - target.offset, target.highest - target.offset
    return _table(function, source.single, target.single, low, high)


@lru_cache(maxsize=256)
def _table(function: Function, source: float, target: float, low: int, high: int) -> NDArray[np.int16]:
    inputs = np.arange(-TABLE_ZERO, TABLE_ZERO, dtype=np.float64) * source
    entries = np.clip(np.rint(evaluated(function, inputs) / target), low, high).astype(np.int16)
    entries.flags.writeable = False
    return entries


KNOWN_RANGES: Mapping[Function, float] = dict.fromkeys(
    (Function.SIGMOID, Function.TANH, Function.ERF, Function.SIN, Function.COS), 1.0
)
"""The largest magnitude of functions that have one: their results need no calibration."""
