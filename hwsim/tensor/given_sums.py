"""Sums of integers as the nearest integers of another scale, by what they stand for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.given_sums import to_integers
from hwsim.tensor.quant_params import Ints, QuantParams

Array = NDArray[Any]


def settled(sums: NDArray[np.int32], factor: Array, bias: NDArray[np.float32], target: QuantParams) -> Ints:
    """`target.quantised` of sums times a factor, in single precision, with a bias for each column; factors are those of
    columns, [n], or of columns of each matrix, [b, 1, n]. The target has one scale.

    >>> from hwsim.quantities.precision import Precision
    >>> from hwsim.tensor.quant_params import even
    >>> sums, bias = np.array([[10, -7]], np.int32), np.zeros(2, np.float32)
    >>> settled(sums, np.array([0.5]), bias, even(Precision.INT8, 1.0)).tolist()
    [[5, -4]]
    """
    batch, columns = (len(factor) if factor.ndim == 3 else 1), sums.shape[-1]
    factors = np.ascontiguousarray(np.broadcast_to(factor.reshape(batch, -1), (batch, columns)), np.float64)
    flat = np.ascontiguousarray(sums).reshape(batch, -1, columns)
    out = np.empty(flat.shape, np.int32)
    scale, zero = np.float32(target.single), target.offset
    to_integers(flat, factors, np.ascontiguousarray(bias), scale, zero, target.lowest, target.highest, out)
    return out.reshape(sums.shape)
