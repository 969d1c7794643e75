"""Functions of whole rows that kernels compute as numpy does: layer norms, and softmaxes of integers of few bits."""

from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.ir.ops import Reduction
from hwsim.kernels import row_functions as kernels
from hwsim.kernels.cpu import compiles
from hwsim.tensor.quant_params import QuantParams
from hwsim.tensor.reduce import EPSILON, float_reduced

Singles = NDArray[np.float32]

_TABLE_BITS = 8
"""Integers of so many bits have few enough powers to keep."""


def singly_reduced(
    reduction: Reduction, rows: Singles, parameters: tuple[NDArray[np.float32], ...] = (), epsilon: float = EPSILON
) -> Singles:
    """`float_reduced`, rounded to single precision."""
    if reduction is Reduction.LAYER_NORM and compiles() and rows.dtype == np.float32:
        return _layer_normed(rows, parameters, epsilon)
    return float_reduced(reduction, rows, parameters, epsilon).astype(np.float32)


def _layer_normed(rows: Singles, parameters: tuple[NDArray[np.float32], ...], epsilon: float) -> Singles:
    n = rows.shape[1]
    gain, offset = parameters or (np.ones(n, np.float32), np.zeros(n, np.float32))
    leaves = order(n)
    out = np.empty(rows.shape, np.float32)
    wide, sums = np.empty((2, n)), np.empty(len(leaves))
    affine = gain.astype(np.float64), offset.astype(np.float64)
    kernels.layer_norms(np.ascontiguousarray(rows), leaves, *affine, epsilon, wide, sums, out)
    return out


def softmaxed(rows: NDArray[Any], params: QuantParams) -> Singles | None:
    """`float_reduced` of softmaxes of what integers stand for, rounded to single precision; None where there are too
    many integers to keep their powers, or kernels are not compiled."""
    precision = params.precision
    if not compiles() or precision.floating or precision.bits > _TABLE_BITS or params.scale.size != 1:
        return None
    table = _powers(params.single, params.offset, precision.lowest, precision.highest)
    narrow = np.ascontiguousarray(rows, np.int32)
    table.fill(narrow.max(axis=1) - precision.lowest)
    n = narrow.shape[1]
    leaves = order(n)
    out = np.empty(narrow.shape, np.float32)
    wide, sums = np.empty((1, n)), np.empty(len(leaves))
    kernels.softmaxes(narrow, precision.lowest, table.powers, leaves, wide, sums, out)
    return out


class _Powers:
    """e^(x - top) of what integers stand for: powers[top, x], rows made when they are first needed."""

    def __init__(self, reals: NDArray[np.float64]) -> None:
        self.reals, self.powers = reals, np.zeros((len(reals), len(reals)))
        self.known = np.zeros(len(reals), np.bool_)

    def fill(self, tops: NDArray[np.integer]) -> None:
        """Have the rows of these tops."""
        wanted = np.zeros_like(self.known)
        wanted[tops] = True
        for top in np.flatnonzero(wanted & ~self.known):
            # A thread that comes in between makes the same row once more.
            self.powers[top, : top + 1] = np.exp(self.reals[: top + 1] - self.reals[top])
            self.known[top] = True


@lru_cache(maxsize=64)
def _powers(scale: float, zero: int, lowest: int, highest: int) -> _Powers:
    integers = np.arange(lowest, highest + 1, dtype=np.int64) - zero
    return _Powers((integers.astype(np.float32) * np.float32(scale)).astype(np.float64))


@cache
def order(n: int) -> NDArray[np.int64]:
    """How n entries are added: leaves [first, entries, additions of two sums after it].

    >>> order(144).tolist()
    [[0, 72, 0], [72, 72, 1]]
    """
    leaves: list[list[int]] = []

    def add(first: int, entries: int) -> None:
        if entries <= kernels.LEAF:
            leaves.append([first, entries, 0])
            return
        half = entries // 2
        half -= half % 8
        add(first, half)
        add(first + half, entries - half)
        leaves[-1][2] += 1

    add(0, n)
    return np.array(leaves, np.int64)
