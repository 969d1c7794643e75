"""Integers of few bits side by side in bytes: the lowest bit first, each row rounded up to bytes once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def packed(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Rows along the last axis, packed.

    >>> packed(np.array([[1, -1, 7]]), 4).tolist()
    [[241, 7]]
    """
    rows = values.astype(np.int64)
    if bits == 4:
        low = (rows & 15).astype(np.uint8)
        even = low if low.shape[-1] % 2 == 0 else np.concatenate([low, np.zeros((*low.shape[:-1], 1), np.uint8)], -1)
        return np.asarray(even[..., 0::2] | even[..., 1::2] << np.uint8(4))
    stream = (rows[..., None] >> np.arange(bits)) & 1
    return np.packbits(stream.astype(np.uint8).reshape(*rows.shape[:-1], -1), axis=-1, bitorder="little")


def unpacked(data: NDArray[np.uint8], bits: int, elements: int, *, signed: bool = True) -> NDArray[np.int8]:
    """The rows of so many elements that were packed.

    >>> unpacked(np.array([[241, 7]], np.uint8), 4, 3).tolist()
    [[1, -1, 7]]
    """
    stream = np.unpackbits(data, axis=-1, count=bits * elements, bitorder="little")
    weights = 1 << np.arange(bits)
    weights[-1] *= -1 if signed else 1
    return np.asarray(stream.reshape(*data.shape[:-1], elements, bits).astype(np.int64) @ weights, np.int8)
