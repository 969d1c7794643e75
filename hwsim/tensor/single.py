"""Matrix products in single precision that come out alike for any number of rows and threads.

A library's products do not: it adds in another order for one row than for many, and for two threads than for one.
"""

import numpy as np
from numpy.typing import NDArray

from hwsim.core.precision import Precision
from hwsim.kernels.cpu import compiles
from hwsim.kernels.single import add_rows
from hwsim.kernels.tile import KEEP
from hwsim.tensor.split import in_parallel, pieces
from hwsim.tensor.tiles import Order, multiply_steps
from hwsim.tensor.weights import Weights

Floats = NDArray[np.float32]

_FEW = 16
"""Rows for which laying out the weights costs more than it saves."""
_SMALL = 1 << 21
"""Products that one thread makes in less time than a second one takes to start."""
_GRAIN = 64
_NO_LIMITS = np.zeros(4, np.float32)


def single_products(act: NDArray[np.floating], weight: NDArray[np.floating], threads: int = 1) -> Floats:
    """act[b, m, k] @ weight[b, k, n]: k ascending, each product and each addition rounded to single precision.

    >>> single_products(np.array([[[1.0, 1.0, -1.0]]]), np.array([[[2.0**24], [1.0], [2.0**24]]])).item()
    0.0
    """
    batch, m, _ = act.shape
    out = np.empty((batch, m, weight.shape[2]), np.float32)
    for rows, matrix, target in zip(act, weight, out, strict=True):
        _product(np.ascontiguousarray(rows, np.float32), np.ascontiguousarray(matrix, np.float32), target, threads)
    return out


def _product(act: Floats, weight: Floats, out: Floats, threads: int) -> None:
    if not compiles():
        out[:] = 0
        for k in range(len(weight)):
            out += act[:, k, None] * weight[k]
        return
    if len(act) > _FEW:
        multiply_steps(act, Weights(weight, Precision.FP32), Order(rule=KEEP), _NO_LIMITS, np.float32, out, threads)
        return

    def some_columns(first: int, last: int) -> int:
        add_rows(act, weight, first, last, out)
        return 0

    shares = threads if len(act) * weight.size > _SMALL else 1
    in_parallel(some_columns, pieces(weight.shape[1], shares, grain=_GRAIN))
