"""Exact integer products, by the fastest arithmetic in which every partial sum is exact.

| operands | arithmetic | exact because |
|---|---|---|
| at most 8 bits each | `vpdpbusd`, where the processor has it | int32 wraps, and the sum of a block of K fits |
| any | float32 BLAS on blocks of K | max abs(a) · max over columns of Σ abs(w) ≤ 2^24, so every partial sum is an integer that float32 has |
| any | float64 BLAS on blocks of K | the same with 2^53 |
| any | int64 | the same with 2^63 - 1 |
"""  # noqa: E501

from collections.abc import Iterator

import numpy as np

from hwsim.core.precision import Precision
from hwsim.errors import InvalidValue
from hwsim.kernels.cpu import has_byte_dot
from hwsim.kernels.products import ROWS, multiply_bytes
from hwsim.tensor.formats import Array
from hwsim.tensor.split import in_parallel, pieces
from hwsim.tensor.weights import ByteWeights, Weights

_INT32, _INT64 = 2**31 - 1, 2**63 - 1
_FLOAT32, _FLOAT64 = 2**24, 2**53  # all integers up to it

_SMALL = 1 << 22
"""Products that one thread makes in less time than a second one takes to start."""


def exact_sums(act: Array, precision: Precision, weights: Weights, threads: int = 1) -> Array:
    """act[m, k] @ weights, both checked: int32 where the formats and K say that every sum fits, else int64."""
    k_block = _INT32 // (_extreme(precision) * _extreme(weights.precision))
    narrow = weights.k <= k_block
    if max(precision.bits, weights.precision.bits) <= 8 and has_byte_dot():
        if narrow:
            return _by_bytes(act, weights.bytes, weights.n, threads)
        return sum(
            (
                _by_bytes(np.ascontiguousarray(act[:, a:b]), ByteWeights.of(weights.values[a:b]), weights.n, threads)
                for a, b in _blocks(weights.k, k_block)
            ),
            np.zeros((act.shape[0], weights.n), np.int64),
        )
    return _by_floats(act, weights).astype(np.int32 if narrow else np.int64, copy=False)


def _extreme(precision: Precision) -> int:
    return max(-precision.lowest, precision.highest)


def _blocks(size: int, length: int) -> Iterator[tuple[int, int]]:
    for start in range(0, size, length):
        yield start, min(start + length, size)


def _by_bytes(act: Array, weights: ByteWeights, n: int, threads: int) -> Array:
    """Σ a·w = Σ (a + s)(w - t) - s·Σ (w - t) + t·Σ a, where a + s is an unsigned byte, w - t a signed one.

    Everything is modulo 2^32, so only the result must fit.
    """
    m, k = act.shape
    shift = 0 if act.dtype == np.uint8 else 128
    moved = np.zeros((-(-m // ROWS) * ROWS, weights.panels.shape[1] * 4), np.uint8)
    np.bitwise_xor(act.view(np.uint8), np.uint8(shift), out=moved[:m, :k])
    start = weights.sums * np.int32(-shift)
    out = np.empty((m, n), np.int32)
    count = threads if m * k * n > _SMALL else 1
    panels = weights.panels.shape[0]
    if panels * ROWS >= m:  # more panels than rows of tiles

        def columns(first: int, last: int) -> None:
            multiply_bytes(moved, weights.panels, start, first, last, out)

        in_parallel(columns, pieces(panels, count))
    else:

        def rows(first: int, last: int) -> None:
            multiply_bytes(moved[first:], weights.panels, start, 0, panels, out[first:last])

        in_parallel(rows, pieces(m, count, grain=ROWS))
    if weights.offset:
        out += act.sum(axis=1, dtype=np.int32)[:, None] * np.int32(weights.offset)
    return out


def _by_floats(act: Array, weights: Weights) -> Array:
    """By BLAS, in as few blocks of K as the bound allows; int64 where a single product is beyond float64."""
    largest = max(-int(act.min()), int(act.max()))
    bound, product = largest * weights.measures.column, largest * weights.measures.largest
    if bound > _INT64:
        law = f"must be smaller: sums up to {bound} are beyond the 64 bits in which they are computed"
        raise InvalidValue("act", f"up to {largest}", law)
    if bound <= _FLOAT32 or product * 64 <= _FLOAT32:
        return _blas(act.astype(np.float32), weights.as_float32, bound, product, _FLOAT32)
    if bound <= _FLOAT64 or product * 64 <= _FLOAT64:
        return _blas(act.astype(np.float64), weights.as_float64, bound, product, _FLOAT64)
    return np.asarray(act.astype(np.int64) @ weights.values.astype(np.int64))


def _blas(act: Array, weight: Array, bound: int, product: int, limit: int) -> Array:
    if bound <= limit:
        return np.asarray((act @ weight).astype(np.int64))
    blocks = _blocks(act.shape[1], limit // product)
    return np.asarray(sum((act[:, a:b] @ weight[a:b]).astype(np.int64) for a, b in blocks))
