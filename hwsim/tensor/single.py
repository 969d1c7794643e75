"""Matrix products in single precision that come out alike for any number of rows and threads.

A library's products do not: it adds in another order for one row than for many, and for two threads than for one.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.cpu import compiles
from hwsim.kernels.single import add_rows
from hwsim.kernels.tile import KEEP
from hwsim.quantities.precision import Precision
from hwsim.tensor.split import in_parallel, pieces
from hwsim.tensor.tiles import Order, multiply_steps
from hwsim.tensor.weights import Weights

Floats = NDArray[np.float32]

_FEW, _FEW_OFTEN = 16, 3
"""Rows for which laying out a matrix costs more than it saves: used once, and used often."""
_SMALL = 1 << 21
"""Products that one thread makes in less time than a second one takes to start."""
_GRAIN = 64
_NO_LIMITS = np.zeros(4, np.float32)


def single_weights(weight: NDArray[np.floating]) -> tuple[Weights, ...]:
    """The matrices of weight[b, k, n]."""
    return tuple(Weights(np.ascontiguousarray(matrix, np.float32), Precision.FP32) for matrix in weight)


def single_products(
    act: NDArray[np.floating], weights: Sequence[Weights], threads: int = 1, *, often: bool = False
) -> Floats:
    """act[b, m, k] @ weights[b]: k ascending, each product and each addition rounded to single precision.

    `often` says that the same weights come again, so that it pays to lay them out.

    >>> weights = single_weights(np.array([[[2.0**24], [1.0], [2.0**24]]]))
    >>> single_products(np.array([[[1.0, 1.0, -1.0]]]), weights).item()
    0.0
    """
    out = np.empty((len(weights), act.shape[1], weights[0].n), np.float32)
    for rows, matrix, target in zip(act, weights, out, strict=True):
        _product(np.ascontiguousarray(rows, np.float32), matrix, target, threads, often)
    return out


def _product(act: Floats, weights: Weights, out: Floats, threads: int, often: bool) -> None:
    values = weights.values
    if not compiles():
        out[:] = 0
        for k in range(weights.k):
            out += act[:, k, None] * values[k]
        return
    if len(act) > (_FEW_OFTEN if often else _FEW):
        multiply_steps(act, weights, Order(rule=KEEP), _NO_LIMITS, np.float32, out, threads)
        return

    def some_columns(first: int, last: int) -> int:
        add_rows(act, values, first, last, out)
        return 0

    shares = threads if len(act) * values.size > _SMALL else 1
    in_parallel(some_columns, pieces(weights.n, shares, grain=_GRAIN))
