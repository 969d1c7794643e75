"""Sums of numbers that have a zero point, from the sums of the numbers as they are."""

import numpy as np

from hwsim.tensor.formats import Array


def centred(sums: Array, act: Array, weight: Array, act_zero: int, weight_zero: int | Array) -> Array:
    """Σ (a - za)(w - zw) = Σ a·w - zw · Σ a - za · Σ w + K · za · zw, in int64; `weight_zero` may be one per column.

    Exact if the sums are, that is if none of them was clamped; of wrapped sums it is right modulo 2^bits.

    >>> act, weight = np.array([[3, 5]]), np.array([[2], [4]])
    >>> centred(act @ weight, act, weight, act_zero=1, weight_zero=2)
    array([[8]])
    """
    rows = act.sum(axis=1, dtype=np.int64)[:, None]
    columns = weight.sum(axis=0, dtype=np.int64)
    zero = np.asarray(weight_zero, np.int64)
    return np.asarray(sums.astype(np.int64) - zero * rows - act_zero * columns + act.shape[1] * act_zero * zero)
