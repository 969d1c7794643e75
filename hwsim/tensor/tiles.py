"""Operands laid out for the kernel that multiplies tile by tile, and its work shared among threads."""

from typing import Any

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.kernels.cpu import ByteDot
from hwsim.kernels.lanes import BYTE_OPERANDS, COLUMNS, FEW_COLUMNS
from hwsim.kernels.products import ROWS, multiply
from hwsim.kernels.tile import KEEP
from hwsim.tensor.formats import Array
from hwsim.tensor.split import in_parallel, pieces
from hwsim.tensor.weights import Weights

_SMALL = 1 << 22
"""Products that one thread makes in less time than a second one takes to start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """As `kernels.products` numbers it. `group` counts products; without tiles all of K is one tile, of one chunk."""

    rule: int = KEEP
    group: int = 1
    tile_groups: int | None = None
    chunk_tiles: int = 0
    outer_wraps: bool = False

    def array(self, groups: int, steps_of_group: int, columns: int = COLUMNS) -> Array:
        places = (self.rule, steps_of_group, self.tile_groups or groups, self.chunk_tiles, self.outer_wraps, columns)
        return np.array(places, np.int64)


NO_LIMITS = np.zeros(4, np.int64)


def multiply_bytes(
    act: Array, weights: Weights, dot: ByteDot, order: Order, limits: Array, out: Array, threads: int
) -> int:
    """Products of integers of at most 8 bits, four a step; only with KEEP may weights be unsigned.

    Σ a·w = Σ (a + s)·(w - t) - s·Σ (w - t) + t·Σ a, where w - t is a signed byte, and a + s one with or without a sign,
    as the instruction takes it. All of it is modulo 2^32, so only the result must fit.
    """
    wanted = BYTE_OPERANDS[dot]
    packed = weights.bytes(wanted.columns)
    shift = 0 if (act.dtype == np.int8) is wanted.signed else -128 if wanted.signed else 128
    steps = order.group // 4 if order.group > 1 else 1
    panels = packed.panels
    short = -panels.shape[1] % steps
    if short:
        panels = np.pad(panels, ((0, 0), (0, short), (0, 0)))
    moved = np.uint8(abs(shift))  # up and down by 128 are the same to the bits of a byte
    padded = np.full((-(-act.shape[0] // ROWS) * ROWS, panels.shape[1] * 4), moved, np.uint8)
    np.bitwise_xor(act.view(np.uint8), moved, out=padded[: act.shape[0], : act.shape[1]])
    extra = packed.sums if order.rule == KEEP else packed.group_sums(steps)
    places = order.array(panels.shape[1] // steps, steps, wanted.columns)
    read = padded.view(wanted.act), panels.view(wanted.weight)
    clamped = _share(*read, extra * np.int32(-shift), places, limits, out, _worth(threads, out, weights))
    if packed.offset:
        out += act.sum(axis=1, dtype=np.int32)[:, None] * np.int32(packed.offset)
    return clamped


def multiply_pairs(act: Array, weights: Weights, out: Array, threads: int) -> None:
    """Exact products of integers of at most 8 bits, two a step: modulo 2^32, so only the result must fit."""
    panels = weights.pairs
    padded = _padded(act, panels.shape[1] * 2, np.int16)
    extra = np.zeros((panels.shape[0], FEW_COLUMNS), np.int32)
    places = Order().array(panels.shape[1], 1, FEW_COLUMNS)
    _share(padded, panels, extra, places, NO_LIMITS, out, _worth(threads, out, weights))


def multiply_steps(
    act: Array, weights: Weights, order: Order, limits: Array, sums: type[np.generic], out: Array, threads: int
) -> int:
    """Products of 16-bit integers with sums of 16 or 32 bits, or of float32, one a step."""
    kind: Any = np.float32 if sums is np.float32 else np.int16
    panels = weights.panels(kind)
    short = -panels.shape[1] % order.group
    if short:
        panels = np.pad(panels, ((0, 0), (0, short), (0, 0)))
    padded = _padded(act, panels.shape[1], kind)
    places = order.array(panels.shape[1] // order.group, order.group)
    extra = np.zeros((panels.shape[0], panels.shape[2]), sums)
    return _share(padded, panels, extra, places, limits, out, _worth(threads, out, weights))


def _padded(act: Array, columns: int, kind: Any) -> Array:
    """Activations in that type, with zeros up to whole tiles of rows and to that many columns."""
    padded = np.zeros((-(-act.shape[0] // ROWS) * ROWS, columns), kind)
    padded[: act.shape[0], : act.shape[1]] = act
    return padded


def _worth(threads: int, out: Array, weights: Weights) -> int:
    """As many threads as the work is worth."""
    return threads if out.size * weights.k > _SMALL else 1


def _share(act: Array, panels: Array, extra: Array, order: Array, limits: Array, out: Array, threads: int) -> int:
    """Whole panels, or rows of tiles where there are more rows, to each thread; how many additions were clamped."""
    m, count = out.shape[0], panels.shape[0]
    extra = extra.reshape(-1)

    def some_panels(first: int, last: int) -> int:
        return int(multiply(act, panels, extra, order, limits, first, last, out))

    def some_rows(first: int, last: int) -> int:
        return int(multiply(act[first:], panels, extra, order, limits, 0, count, out[first:last]))

    if count * ROWS >= m:
        return sum(in_parallel(some_panels, pieces(count, threads)))
    return sum(in_parallel(some_rows, pieces(m, threads, grain=ROWS)))
