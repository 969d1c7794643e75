"""Sums of integers as the nearest integers of another scale, by what they stand for."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.kernels.given_sums import to_integers
from hwsim.tensor.quant_params import Ints, QuantParams

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Settler:
    """Sums to the integers of a target: times a factor, in single precision, with a bias for each column.

    `factors` are those of columns of each matrix, [b, n].
    """

    factors: NDArray[np.float64]
    bias: NDArray[np.float32]
    target: QuantParams

    @classmethod
    def of(cls, factor: Array, bias: NDArray[np.float32], target: QuantParams, columns: int) -> Self:
        """Factors are those of columns, [n], or of columns of each matrix, [b, 1, n]. The target has one scale."""
        batch = len(factor) if factor.ndim == 3 else 1
        factors = np.broadcast_to(factor.reshape(batch, -1), (batch, columns))
        return cls(np.ascontiguousarray(factors, np.float64), np.ascontiguousarray(bias), target)

    def __call__(self, sums: NDArray[np.int32]) -> Ints:
        """`target.quantised` of what sums stand for, in their shape."""
        target = self.target
        flat = np.ascontiguousarray(sums).reshape(len(self.factors), -1, sums.shape[-1])
        out = np.empty(flat.shape, np.int32)
        scale = np.float32(target.single)
        to_integers(flat, self.factors, self.bias, scale, target.offset, target.lowest, target.highest, out)
        return out.reshape(sums.shape)


def settled(sums: NDArray[np.int32], factor: Array, bias: NDArray[np.float32], target: QuantParams) -> Ints:
    """The same for sums that come once.

    >>> from hwsim.quantities.precision import Precision
    >>> from hwsim.tensor.quant_params import even
    >>> sums, bias = np.array([[10, -7]], np.int32), np.zeros(2, np.float32)
    >>> settled(sums, np.array([0.5]), bias, even(Precision.INT8, 1.0)).tolist()
    [[5, -4]]
    """
    return Settler.of(factor, bias, target, sums.shape[-1])(sums)
