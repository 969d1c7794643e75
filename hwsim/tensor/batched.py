"""Exact products of several matrices at once, whose weights are used a single time: those of attention's heads."""

import numpy as np

from hwsim.kernels.cpu import byte_dot, has_pair_dot
from hwsim.kernels.lanes import FEW_COLUMNS
from hwsim.kernels.pack import pack_pairs
from hwsim.kernels.products import ROWS, multiply
from hwsim.quantities.precision import Precision
from hwsim.tensor.formats import Array
from hwsim.tensor.tiles import NO_LIMITS, Order

_INT32 = (1 << 31) - 1
_LARGEST = 1 << 7
_SMALL = 1 << 22
"""Products of a matrix that are worth a second thread, which each matrix by itself may have."""


def batched_sums(act: Array, weight: Array, threads: int = 1) -> Array | None:
    """act[b, m, k] @ weight[b, k, n] of signed bytes, in int32; None where the processor has better than pairs of
    products, or worse, or where sums may not fit, or several threads are worth their start.

    >>> batched_sums(np.ones((0, 1, 1), np.int8), np.ones((0, 1, 1), np.int8)) is None
    True
    """
    batch, rows, k = act.shape
    columns = weight.shape[2]
    worth = threads > 1 and rows * columns * k > _SMALL
    if not act.size * weight.size or worth or k * _LARGEST**2 > _INT32 or byte_dot() or not has_pair_dot():
        return None
    steps = -(-k // 2)
    panels = np.empty((batch, -(-columns // FEW_COLUMNS), steps, 2 * FEW_COLUMNS), np.int8)
    padded = np.zeros((batch, -(-rows // ROWS) * ROWS, 2 * steps), np.int16)
    padded[:, :rows, :k] = act
    bytes_of_weight = np.ascontiguousarray(weight, np.int8).view(np.uint8)
    extra = np.zeros(panels.shape[1] * FEW_COLUMNS, np.int32)
    out, order = np.empty((batch, rows, columns), np.int32), Order().array(steps, 1, FEW_COLUMNS)
    for a, w, p, o in zip(padded, bytes_of_weight, panels, out, strict=True):
        pack_pairs(w, p.view(np.uint16))
        multiply(a, p, extra, order, NO_LIMITS, 0, len(p), o)
    return out


def signed_bytes(*precisions: Precision) -> bool:
    """Whether formats have all signed bytes, so that nobody need look whether numbers are in them."""
    return all(precision is Precision.INT8 for precision in precisions)
