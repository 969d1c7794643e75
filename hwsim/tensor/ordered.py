"""Products summed in the registers and the order of an array, saturation where it happens.

Where no sum can leave its register (`docs/model.md` proves the certificate), or where registers only wrap, the order
does not matter, and the exact product does the work.
"""

from typing import Self

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.summation import Overflow, Register, Summation
from hwsim.kernels.cpu import byte_dot, compiles
from hwsim.kernels.sums import sum_in_order
from hwsim.kernels.tile import KEEP, SETTLE, TIGHT
from hwsim.quantities.precision import Precision
from hwsim.tensor.exact import bounds, exact_sums
from hwsim.tensor.formats import Array, extreme, fits_byte
from hwsim.tensor.split import in_parallel, pieces
from hwsim.tensor.tiles import Order, multiply_bytes, multiply_steps
from hwsim.tensor.weights import Weights

_INT16, _INT32, _INT64 = 2**15 - 1, 2**31 - 1, 2**63 - 1


def ordered_sums(
    act: Array, precision: Precision, weights: Weights, summation: Summation, threads: int = 1
) -> tuple[Array, int]:
    """act[m, k] @ weights, both checked, as an array sums it up, and how many additions were clamped."""
    if precision.floating:
        return _floating(act, weights, summation, threads), 0
    inner, outer = summation.register, summation.outer or summation.register
    kind = np.int32 if outer.bits <= 32 else np.int64
    safe = certified(act, weights, min(inner.highest, outer.highest))
    if safe.all():
        return exact_sums(act, precision, weights, threads).astype(kind, copy=False), 0
    out = np.empty((act.shape[0], weights.n), kind)
    if not safe.any():
        return out, _uncertain(act, precision, weights, summation, out, threads)
    out[safe] = exact_sums(act[safe], precision, weights, threads)
    unsafe_sums = np.empty((int((~safe).sum()), weights.n), kind)
    clamped = _uncertain(act[~safe], precision, weights, summation, unsafe_sums, threads)
    out[~safe] = unsafe_sums
    return out, clamped


def certified(act: Array, weights: Weights, highest: int) -> Array:
    """For which rows no sum of any of the products, in any order, can exceed `highest` in magnitude.

    By Cauchy and Schwarz Σ ǀa·wǀ ≤ √(Σ a²)·√(Σ w²), and Σ ǀa·wǀ ≤ max ǀaǀ · Σ ǀwǀ; all in exact integers. Where K
    products of the largest numbers of the types fit, nobody need look at the numbers.
    """
    limits = np.iinfo(act.dtype)
    if max(-int(limits.min), int(limits.max)) * extreme(weights.precision) * weights.k <= highest:
        return np.ones(act.shape[0], np.bool_)
    measures = weights.measures
    largest = np.maximum(-act.min(axis=1).astype(np.int64), act.max(axis=1))
    safe = largest <= highest // max(measures.magnitudes, 1)
    if act.itemsize <= 2 and weights.values.itemsize <= 2 and not safe.all():
        wide = act.astype(np.int64)
        limit = highest * highest // max(measures.squares, 1)
        safe |= np.einsum("mk,mk->m", wide, wide) <= min(limit, _INT64)
    return np.asarray(safe)


def _uncertain(
    act: Array, precision: Precision, weights: Weights, summation: Summation, out: Array, threads: int
) -> int:
    """The product where sums may leave their registers."""
    if summation.register.overflow is Overflow.WRAP:
        return _wrapping(act, precision, weights, summation, out, threads)
    room, product = _room(act, weights, summation)
    limits, order = _limits(summation), _Order.of(summation)
    bytes_only = fits_byte(precision) and weights.values.dtype == np.int8
    dot = byte_dot() if bytes_only and summation.packed % 4 == 0 and room <= _INT32 else None
    if dot is not None:
        return multiply_bytes(act, weights, dot, order.tiles(SETTLE), limits, out, threads)
    halves = max(-int(act.min()), int(act.max()), weights.measures.largest) <= _INT16
    if compiles() and halves:
        single = summation.packed == 1
        bits = summation.register.bits
        if room <= _INT16:
            return multiply_steps(act, weights, order.tiles(SETTLE), limits, np.int16, out, threads)
        if single and bits <= 16 and product <= _INT16:
            return multiply_steps(act, weights, order.tiles(TIGHT), limits, np.int16, out, threads)
        if room <= _INT32:
            return multiply_steps(act, weights, order.tiles(SETTLE), limits, np.int32, out, threads)
        if single and bits <= 32:
            return multiply_steps(act, weights, order.tiles(TIGHT), limits, np.int32, out, threads)
    return _by_loops(act, weights.values, order, limits, out, threads)


def must_fit(act: Array, weights: Weights, summation: Summation) -> None:
    """Refuses integers whose sums in these registers are beyond 64 bits."""
    inner, outer = summation.register, summation.outer or summation.register
    if weights.precision.floating or certified(act, weights, min(inner.highest, outer.highest)).all():
        return
    if inner.overflow is Overflow.WRAP:
        bounds(act, weights)
    else:
        _room(act, weights, summation)


def _room(act: Array, weights: Weights, summation: Summation) -> tuple[int, int]:
    """The largest magnitude that a sum has before it settles, and that of a product."""
    _, product = bounds(act, weights)
    outer = summation.outer or summation.register
    room = summation.register.highest + 1 + summation.packed * product
    room = max(room, outer.highest + 1 + summation.register.highest + 1)
    if room > _INT64:
        law = f"must have fewer bits, or operands smaller values: sums up to {room} are beyond 64 bits"
        raise InvalidValue("register.bits", outer.bits, law)
    return room, product


def _limits(summation: Summation) -> Array:
    """Lowest and highest sums, as kernels take them."""
    inner, outer = summation.register, summation.outer or summation.register
    return np.array([inner.lowest, inner.highest, outer.lowest, outer.highest], np.int64)


def _wrapping(
    act: Array, precision: Precision, weights: Weights, summation: Summation, out: Array, threads: int
) -> int:
    """Wrapped sums do not depend on the order, so only chunks matter; how many additions the outer register clamped."""
    if summation.outer is None or summation.chunk is None:
        out[:] = wrapped(exact_sums(act, precision, weights, threads), summation.register)
        return 0
    outer, clamped = summation.outer, 0
    total = np.zeros(out.shape, np.int64)
    for first in range(0, weights.k, summation.chunk):
        last = min(first + summation.chunk, weights.k)
        part = exact_sums(np.ascontiguousarray(act[:, first:last]), precision, weights.rows(first, last), threads)
        total += wrapped(part, summation.register)
        if outer.overflow is Overflow.WRAP:
            total = wrapped(total, outer)
        else:
            clamped += int(((total < outer.lowest) | (total > outer.highest)).sum())
            np.clip(total, outer.lowest, outer.highest, out=total)
    out[:] = total
    return clamped


def wrapped(total: Array, register: Register) -> Array:
    """What a wrapping register keeps of exact sums.

    >>> wrapped(np.array([127, 128, -129]), Register(bits=8)).tolist()
    [127, -128, 127]
    """
    wide = total.astype(np.int64)
    if register.bits == 64:
        return wide
    half = np.int64(1 << (register.bits - 1))
    return np.asarray(((wide & np.int64((1 << register.bits) - 1)) ^ half) - half)


@dataclass(frozen=True, slots=True)
class _Order:
    """The order of additions in whole groups and tiles."""

    group: int
    tile_groups: int | None
    chunk_tiles: int
    outer_wraps: bool

    @classmethod
    def of(cls, summation: Summation) -> Self:
        # Without tiles of K a chunk is one: the running sum goes to a buffer that is empty.
        tile = summation.tile or summation.chunk
        chunk_tiles = summation.chunk // tile if summation.chunk and tile else 0
        wraps = summation.outer is not None and summation.outer.overflow is Overflow.WRAP
        return cls(summation.packed, tile // summation.packed if tile else None, chunk_tiles, wraps)

    def tiles(self, rule: int) -> Order:
        return Order(
            rule=rule,
            group=self.group,
            tile_groups=self.tile_groups,
            chunk_tiles=self.chunk_tiles,
            outer_wraps=self.outer_wraps,
        )

    def array(self, k: int) -> Array:
        """As `kernels.sums` numbers it."""
        return np.array(
            [self.group, self.tile_groups or -(-k // self.group), self.chunk_tiles, self.outer_wraps], np.int64
        )


def _by_loops(act: Array, weight: Array, order: _Order, limits: Array, out: Array, threads: int) -> int:
    places = order.array(weight.shape[0])
    # Uncompiled, a product has the type of its operands.
    act, weight = act.astype(limits.dtype), weight.astype(limits.dtype)

    def rows(first: int, last: int) -> int:
        return int(sum_in_order(act, weight, places, limits, first, last, out))

    return sum(in_parallel(rows, pieces(act.shape[0], threads)))


def _floating(act: Array, weights: Weights, summation: Summation, threads: int) -> Array:
    """Each product in fp32, each addition rounded to it; packed products are added one after another."""
    out = np.empty((act.shape[0], weights.n), np.float32)
    limits = np.zeros(4, np.float32)
    order = _Order(1, summation.tile, 0, False)
    if compiles():
        multiply_steps(act, weights, order.tiles(KEEP), limits, np.float32, out, threads)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            _by_loops(act, weights.values, order, limits, out, threads)
    return one_nan(out)


def one_nan(sums: Array) -> Array:
    """The same sums, with the quiet NaN whose sign and payload are zero for every NaN, in place.

    Which NaN an addition gives depends on the processor, the order of its operands and what the compiler did ahead of
    time; RISC-V, and ARM where it is told to, give this one.

    >>> hex(one_nan(np.array([0xFFC00001], np.uint32).view(np.float32)).view(np.uint32).item())
    '0x7fc00000'
    """
    sums[np.isnan(sums)] = np.float32(np.nan)
    return sums
