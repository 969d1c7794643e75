"""Matrix products between quantised tensors: exact sums, zero points taken off, bias, requantisation."""

from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.quantities.precision import Precision
from hwsim.tensor.fixed_point import Longs, fixed_point
from hwsim.tensor.gemm import Sums
from hwsim.tensor.quant_params import Ints, QuantParams
from hwsim.tensor.requantiser import Requantiser
from hwsim.tensor.weights import Weights

_INT32 = np.iinfo(np.int32)
_SPARE_BITS = 30

Multiply = Callable[[NDArray[np.integer], Precision, Weights], Sums]
"""What makes one product: rows of activations, their format, weights."""


@dataclass(frozen=True, slots=True, eq=False)
class AccumulatorSums:
    """One matrix product: what stood in the accumulators, and the additions on the way that saturated."""

    acc: NDArray[np.integer]
    saturations: int


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """A quantised weight[k, n] ready for products: one block of K, or one for each group that shares its scales."""

    blocks: tuple[Weights, ...]
    scales: NDArray[np.float64]  # [groups, n]
    zeros: Longs  # [groups, n]

    @classmethod
    def of(cls, integers: Ints, params: QuantParams) -> Self:
        """A weight that has one scale, one a column, or one a group of K and column."""
        k, n = integers.shape
        group = params.group or k
        scales = np.broadcast_to(params.scale.astype(np.float64), (-(-k // group), n))
        zeros = np.broadcast_to(params.zero.astype(np.int64), scales.shape)
        narrow = integers.astype(np.int8 if params.precision.signed else np.uint8, copy=False)
        blocks = tuple(Weights.of(narrow[start : start + group], params.precision) for start in range(0, k, group))
        return cls(blocks, scales, zeros)

    @property
    def k(self) -> int:
        return sum(block.k for block in self.blocks)

    @property
    def column_scales(self) -> NDArray[np.float64]:
        """Of each column the scale at which its sums are: the largest one, finer by some bits where groups differ."""
        return np.asarray(self.scales.max(axis=0) * 2.0**-self._spare_bits)

    @property
    def _spare_bits(self) -> int:
        """By how many bits sums of groups are made finer before they are added, so that no sum leaves 32 bits."""
        if len(self.blocks) == 1:
            return 0
        bound = max(sum(block.measures.magnitudes for block in self.blocks), 1)
        return max(0, _SPARE_BITS - 8 - bound.bit_length())

    def offsets(self, act_zero: int, bias: Longs | None) -> Longs:
        """What is added to the sums of each column: the bias, and a correction for the activations' zero point."""
        total = np.zeros(self.scales.shape[1], np.int64) if bias is None else bias.copy()
        if act_zero and len(self.blocks) == 1:
            (block,) = self.blocks
            sums = block.values.sum(axis=0, dtype=np.int64)
            total -= act_zero * (sums - block.k * self.zeros[0])
        return total

    def sums(self, act: NDArray[np.integer], params: QuantParams, multiply: Multiply) -> AccumulatorSums:
        """Σ over k of act[m, k] · weight[k, n], as the accumulators hold them: [m, n], or [m, groups, n]."""
        parts, saturations, start = [], 0, 0
        for block in self.blocks:
            rows = act[:, start : start + block.k]
            product = multiply(rows, params.precision, block)
            parts.append(product.out)
            saturations, start = saturations + product.saturations, start + block.k
        return AccumulatorSums(parts[0] if len(parts) == 1 else np.stack(parts, axis=1), saturations)

    def combined(self, act: NDArray[np.integer], params: QuantParams, acc: NDArray[np.integer]) -> NDArray[np.integer]:
        """The sums of whole columns at `column_scales`, zero points of the weights taken off."""
        if len(self.blocks) == 1:
            if not self.zeros.any():
                return acc
            rows = act.astype(np.int64).sum(axis=1, keepdims=True)
            return np.asarray(acc.astype(np.int64) - rows * self.zeros[0])
        total, start = np.zeros((acc.shape[0], acc.shape[2]), np.int64), 0
        for g, block in enumerate(self.blocks):
            rows = act[:, start : start + block.k].astype(np.int64) - params.offset
            zero_sums = params.offset * block.values.sum(axis=0, dtype=np.int64) + self.zeros[g] * rows.sum(
                axis=1, keepdims=True
            )
            group_sums = np.clip(acc[:, g] - zero_sums, _INT32.min, _INT32.max).astype(np.int32)
            total += _rescaled(group_sums, self.scales[g] / self.column_scales)
            start += block.k
        return total


def _rescaled(sums: NDArray[np.int32], factors: NDArray[np.float64]) -> Longs:
    limits = np.array([0, _INT32.min, _INT32.max], np.int64)
    out, _ = Requantiser(np.zeros(len(factors), np.int64), *fixed_point(factors), limits)(sums)
    return out.astype(np.int64)


def requantisers(
    matrices: Sequence[Matrix], act: QuantParams, bias: NDArray[np.float32] | None, target: QuantParams
) -> tuple[Requantiser, ...]:
    """How the sums of each matrix become integers of the target."""
    per_matrix = []
    for matrix in matrices:
        scales = act.single * matrix.column_scales
        integers = None if bias is None else bias_integers(bias, scales)
        per_matrix.append(Requantiser.of(scales / target.single, target, matrix.offsets(act.offset, integers)))
    return tuple(per_matrix)


def bias_integers(bias: NDArray[np.float32], scales: NDArray[np.float64]) -> Longs:
    """A bias as it is added to the accumulator: 32 bits, at the scale of the products of its column."""
    return np.clip(np.rint(bias / scales), _INT32.min, _INT32.max).astype(np.int64)
