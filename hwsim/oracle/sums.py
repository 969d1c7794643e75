"""What the three dataflows make of a matrix product: integers in registers, addition by addition."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass
class Width:
    """Registers of one width, and how many additions they have clamped."""

    bits: int
    saturate: bool = True
    clamped: int = 0

    def keep(self, total: Integers) -> Integers:
        """What stands in the registers after additions with these exact results.

        >>> Width(8).keep(np.array([300, -300])).tolist(), Width(8, saturate=False).keep(np.array([300])).tolist()
        ([127, -128], [44])
        """
        half = 2 ** (self.bits - 1)
        if not self.saturate:
            return np.asarray(np.mod(total + half, 2 * half) - half)
        kept = np.clip(total, -half, half - 1)
        self.clamped += int(np.count_nonzero(kept != total))
        return kept


def exact(act: NDArray[Any], weight: NDArray[Any]) -> NDArray[Any]:
    """act[m, k] @ weight[k, n] in integers without bounds."""
    return np.asarray(act.astype(object) @ weight.astype(object))


def weight_stationary(
    act: NDArray[Any],
    weight: NDArray[Any],
    inner: Width,
    *,
    rows: int,
    packed: int = 1,
    tiles_of_chunk: int | None = None,
    outer: Width | None = None,
) -> Integers:
    """Sums run down the rows of a tile; the buffer under the array adds tiles; the outer register adds chunks."""
    a, w = act.astype(np.int64), weight.astype(np.int64)
    k_size, deep = a.shape[1], rows * packed
    result = np.zeros((a.shape[0], w.shape[1]), np.int64)
    buffer = np.zeros_like(result)
    tiles = range(0, k_size, deep)
    for number, tile in enumerate(tiles):
        running = np.zeros_like(result)
        for row in range(rows):
            k = tile + row * packed
            running = inner.keep(running + a[:, k : k + packed] @ w[k : k + packed])
        buffer = inner.keep(buffer + running)
        if outer is None or tiles_of_chunk is None:
            result = buffer
        elif (number + 1) % tiles_of_chunk == 0 or number == len(tiles) - 1:
            result, buffer = outer.keep(result + buffer), np.zeros_like(result)
    return result


def input_stationary(act: NDArray[Any], weight: NDArray[Any], inner: Width, **options: Any) -> Integers:
    """Weight stationary with the roles exchanged."""
    return weight_stationary(weight.T, act.T, inner, **options).T


def output_stationary(
    act: NDArray[Any],
    weight: NDArray[Any],
    inner: Width,
    *,
    packed: int = 1,
    chunk: int | None = None,
    outer: Width | None = None,
) -> Integers:
    """Each cycle adds its packed products to the sum in the processing element."""
    a, w = act.astype(np.int64), weight.astype(np.int64)
    k_size = a.shape[1]
    running = np.zeros((a.shape[0], w.shape[1]), np.int64)
    result = np.zeros_like(running)
    for k in range(0, k_size, packed):
        running = inner.keep(running + a[:, k : k + packed] @ w[k : k + packed])
        ends = k + packed >= k_size or (chunk is not None and (k + packed) % chunk == 0)
        if outer is not None and ends:
            result, running = outer.keep(result + running), np.zeros_like(running)
    return running if outer is None else result


def floating(act: NDArray[Any], weight: NDArray[Any], tile: int | None) -> NDArray[np.float32]:
    """Products in fp32, rounded at each addition: k ascending in a tile, then tile onto tile; one NaN for all."""
    a, w = act.astype(np.float32), weight.astype(np.float32)
    tile = tile or a.shape[1]
    buffer = np.zeros((a.shape[0], w.shape[1]), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, a.shape[1], tile):
            running = np.zeros_like(buffer)
            for k in range(start, min(start + tile, a.shape[1])):
                running = running + np.multiply.outer(a[:, k], w[k])
            buffer = buffer + running
    buffer[np.isnan(buffer)] = np.nan
    return buffer
