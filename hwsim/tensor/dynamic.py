"""Scales that are decided while a model runs: one for each row that a product reads, from its largest magnitude.

The rules are those of LLM.int8() (Dettmers et al., NeurIPS 2022) for its vector-wise products: a scale for each row of
the activations and each column of the weight, and sums times the product of both.
"""

import numpy as np
from numpy.typing import NDArray

from hwsim.quantities.precision import Precision
from hwsim.tensor.quant_params import Floats, Ints

_LIMIT = np.finfo(np.float32)


def quantised_rows(rows: NDArray[np.float32], precision: Precision) -> tuple[Ints, Floats]:
    """Rows[m, k] as integers, and the scale of each: its largest magnitude over the largest integer.

    All in single precision, halves to even. A row of zeros has the scale 1; what is infinite counts as the largest
    finite number.

    >>> [array.tolist() for array in quantised_rows(np.array([[2.0, -4.0, 1.0]], np.float32), Precision.INT3)]
    [[[2, -3, 1]], [1.3333333730697632]]
    """
    finite = np.clip(np.asarray(rows, np.float32), _LIMIT.min, _LIMIT.max)
    largest = np.abs(finite).max(axis=1)
    scales = np.maximum(largest / np.float32(precision.highest), _LIMIT.tiny)
    scales = np.where(largest > 0, scales, np.float32(1))
    integers = np.clip(np.rint(finite / scales[:, None]), -precision.highest, precision.highest)
    return integers.astype(np.int32), scales


def real_sums(sums: NDArray[np.integer], row_scales: NDArray[np.float32], column_scales: NDArray[np.float64]) -> Floats:
    """What sums[m, n] stand for: rounded to single precision, then times the rounded product of both scales."""
    scales = row_scales[:, None] * column_scales.astype(np.float32)[None, :]
    return np.asarray(sums.astype(np.float32) * scales, np.float32)
