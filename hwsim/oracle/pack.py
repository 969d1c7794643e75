"""Integers really packed into bytes, bit by bit."""

import numpy as np
from numpy.typing import NDArray


def pack_row(values: NDArray[np.int64], bits: int) -> NDArray[np.uint8]:
    """One row, lowest bit first, without gaps; the last byte is filled up with zeros.

    >>> pack_row(np.array([1, -1, 7]), 4)
    array([241,   7], dtype=uint8)
    """
    stream = (values[:, None] >> np.arange(bits)) & 1
    return np.packbits(stream.astype(np.uint8).ravel(), bitorder="little")


def unpack_row(packed: NDArray[np.uint8], bits: int, elements: int, signed: bool) -> NDArray[np.int64]:
    """The row that was packed.

    >>> unpack_row(np.array([241, 7], np.uint8), bits=4, elements=3, signed=True)
    array([ 1, -1,  7])
    """
    stream = np.unpackbits(packed, count=bits * elements, bitorder="little").reshape(elements, bits).astype(np.int64)
    weights = 1 << np.arange(bits)
    weights[-1] *= -1 if signed else 1
    return np.asarray(stream @ weights)
