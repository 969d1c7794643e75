"""Exact integer products, by the fastest arithmetic in which every partial sum is exact.

| operands | arithmetic | exact because |
|---|---|---|
| at most 8 bits each | `vpdpbusd` or `sdot`, if the processor has it | int32 wraps, and the sum of a block of K fits |
| the same | `vpmaddwd`, if it has that alone | the same; a pair of products fits int32 |
| any | float32 BLAS on blocks of K | max ǀaǀ · max over columns of Σ ǀwǀ ≤ 2^24: float32 has all integers up to it |
| any | float64 BLAS on blocks of K | the same with 2^53 |
| any | int64 | the same with 2^63 - 1 |
"""

from collections.abc import Iterator

import numpy as np

from hwsim.errors import InvalidValue
from hwsim.kernels.cpu import byte_dot, has_pair_dot
from hwsim.quantities.precision import Precision
from hwsim.tensor.formats import Array, extreme, fits_byte
from hwsim.tensor.tiles import NO_LIMITS, Order, multiply_bytes, multiply_pairs
from hwsim.tensor.weights import Weights

_INT32, _INT64 = 2**31 - 1, 2**63 - 1
_FLOAT32, _FLOAT64 = 2**24, 2**53  # all integers up to it


def exact_sums(
    act: Array, precision: Precision, weights: Weights, threads: int = 1, *, out: Array | None = None
) -> Array:
    """act[m, k] @ weights, both checked: int32 where the formats and K say that every sum fits, else int64.

    Sums of int32 stand in `out`, if it is given: memory that was touched before is cheaper than new memory.
    """
    block = _INT32 // (extreme(precision) * extreme(weights.precision))
    narrow = weights.k <= block
    if not (fits_byte(precision) and fits_byte(weights.precision) and (byte_dot() or has_pair_dot())):
        return _by_floats(act, weights).astype(np.int32 if narrow else np.int64, copy=False)
    if narrow:
        return _by_bytes(act, weights, threads, out)
    out = np.zeros((act.shape[0], weights.n), np.int64)
    for first, last in _blocks(weights.k, block):
        out += _by_bytes(np.ascontiguousarray(act[:, first:last]), weights.rows(first, last), threads)
    return out


def bounds(act: Array, weights: Weights) -> tuple[int, int]:
    """Bounds of the magnitudes of all sums of products, and of all products; refuses sums beyond 64 bits."""
    largest = max(-int(act.min()), int(act.max()))
    bound = largest * weights.measures.magnitudes
    if bound > _INT64:
        law = f"must be smaller: sums up to {bound} are beyond the 64 bits in which they are computed"
        raise InvalidValue("act", f"up to {largest}", law)
    return bound, largest * weights.measures.largest


def _blocks(size: int, length: int) -> Iterator[tuple[int, int]]:
    for start in range(0, size, length):
        yield start, min(start + length, size)


def _by_bytes(act: Array, weights: Weights, threads: int, out: Array | None = None) -> Array:
    if out is None:
        out = np.empty((act.shape[0], weights.n), np.int32)
    dot = byte_dot()
    if dot is None:
        multiply_pairs(act, weights, out, threads)
    else:
        multiply_bytes(act, weights, dot, Order(), NO_LIMITS, out, threads)
    return out


def _by_floats(act: Array, weights: Weights) -> Array:
    """By BLAS, in as few blocks of K as the bound allows; by int64 where blocks would be too short."""
    bound, product = bounds(act, weights)
    if bound <= _FLOAT32 or product * 64 <= _FLOAT32:
        return _blas(act.astype(np.float32), weights.float32, bound, product, _FLOAT32)
    if bound <= _FLOAT64 or product * 64 <= _FLOAT64:
        return _blas(act.astype(np.float64), weights.float64, bound, product, _FLOAT64)
    return np.asarray(act.astype(np.int64) @ weights.values.astype(np.int64))


def _blas(act: Array, weight: Array, bound: int, product: int, limit: int) -> Array:
    if bound <= limit:
        return np.asarray((act @ weight).astype(np.int64))
    blocks = _blocks(act.shape[1], limit // product)
    return np.asarray(sum((act[:, a:b] @ weight[a:b]).astype(np.int64) for a, b in blocks))
