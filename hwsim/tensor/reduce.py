"""Functions of whole rows: in integers with exact sums, divisions and roots, and in floats."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.ir.ops import Function, Reduction
from hwsim.kernels import integer_rows as kernels
from hwsim.kernels.cpu import compiles
from hwsim.quantities.precision import Precision
from hwsim.tensor.functions import TABLE_ZERO, table
from hwsim.tensor.quant_params import Ints, QuantParams, even
from hwsim.tensor.requantiser import Requantiser

Longs = NDArray[np.int64]

EPSILON = 1e-5
"""What a layer norm adds to the variance (the default of PyTorch's LayerNorm)."""

Q15 = 2.0**-15
NORM_SCALE = 2.0**-10
"""Normalised values have 16 bits, ten of them behind the point, as in TensorFlow Lite's integer layer norm."""

_INT16 = np.iinfo(np.int16)
_INT32 = np.iinfo(np.int32)
_ROOT_BITS = 62


@dataclass(frozen=True, slots=True, eq=False)
class Reduced:
    """The results of a reduction, and how many of them were clipped."""

    out: Ints
    clipped: int = 0


def places(reduction: Reduction, rows: NDArray[Any], count: int) -> Ints:
    """The places of the largest entries of each row, the largest first, of equals the first."""
    if reduction is Reduction.ARGMAX:
        return np.asarray(rows.argmax(axis=1)[:, None], np.int32)
    return np.argsort(-rows, axis=1, kind="stable")[:, :count].astype(np.int32)


def reduced(reduction: Reduction, rows: Ints, source: QuantParams, target: QuantParams) -> Reduced:
    """A reduction of rows[m, n] without their zero point, as integers of the target; layer norms have their own."""
    wide = rows.astype(np.int64)
    match reduction:
        case Reduction.SOFTMAX:
            return _requantised(_shares(rows, source), Q15, target)
        case Reduction.LOG_SOFTMAX:
            _, total = _powers(wide, source)
            logarithm = np.rint(np.log(total * Q15) / source.single).astype(np.int64)
            return _requantised(wide - wide.max(axis=1, keepdims=True) - logarithm, source.single, target)
        case Reduction.MEAN:
            return _requantised(wide.sum(axis=1, keepdims=True), source.single / rows.shape[1], target)
        case Reduction.SUM:
            return _requantised(wide.sum(axis=1, keepdims=True), source.single, target)
        case Reduction.MIN:
            return _requantised(wide.min(axis=1, keepdims=True), source.single, target)
        case _:
            assert reduction is Reduction.MAX
            return _requantised(wide.max(axis=1, keepdims=True), source.single, target)


def _shares(rows: Ints, source: QuantParams) -> NDArray[np.integer]:
    """The powers over their sum, in 15 bits behind the point, halves up."""
    if not compiles():
        powers, total = _powers(rows.astype(np.int64), source)
        return np.asarray(((powers << 16) + total) // (2 * total))
    out = np.empty(rows.shape, np.int32)
    kernels.shares(np.ascontiguousarray(rows, np.int32), _exponentials(source), TABLE_ZERO, out)
    return out


def _exponentials(source: QuantParams) -> NDArray[np.int16]:
    return table(Function.EXP, source, even(Precision.INT16, Q15))


def _powers(rows: Longs, source: QuantParams) -> tuple[Longs, Longs]:
    """exp(x - max) in 15 bits behind the point, by a table, and the sum of each row."""
    exponents = np.maximum(rows - rows.max(axis=1, keepdims=True), _INT16.min)
    powers = _exponentials(source)[exponents + TABLE_ZERO].astype(np.int64)
    return powers, powers.sum(axis=1, keepdims=True)


def normalised(
    rows: Ints,
    source: QuantParams,
    gain: Ints,
    offset: Longs,
    gain_scale: float,
    target: QuantParams,
    epsilon: float = EPSILON,
) -> Reduced:
    """Layer norm of rows[m, n]: gains of a scale, offsets of that scale times that of normalised values.

    With S = Σx and Q = Σx², n·x - S is n times the distance from the mean, and n·Q - S² is n² times the variance: both
    are exact. Their quotient is rounded once, halves up; the root is rounded down from 31 bits.
    """
    n = rows.shape[1]
    added = max(1, round(epsilon * n * n / source.single**2))
    sums = np.empty(rows.shape, np.int32)
    if compiles():
        kernels.normalise(np.ascontiguousarray(rows, np.int32), added, np.ascontiguousarray(gain, np.int64), sums)
    else:
        sums = _normalised(rows.astype(np.int64), added, gain)
    factor = np.full(n, NORM_SCALE * gain_scale / target.single)
    out, clipped = Requantiser.of(factor, target, offset)(sums)
    return Reduced(out, clipped)


def _normalised(rows: Longs, added: int, gain: Ints) -> Ints:
    """What `kernels.normalise` makes, in numpy."""
    n = rows.shape[1]
    total, squares = rows.sum(axis=1, keepdims=True), (rows * rows).sum(axis=1, keepdims=True)
    spread = n * squares - total * total + added
    doublings = (_ROOT_BITS - bit_lengths(spread)) // 2
    root = whole_root(spread << (2 * doublings))
    scaled = (n * rows - total) << (doublings + 10)
    units = np.clip((2 * scaled + root) // (2 * root), _INT16.min, _INT16.max)
    return np.asarray(np.clip(units * gain, _INT32.min, _INT32.max), np.int32)


def bit_lengths(values: Longs) -> Longs:
    """Bits of positive integers.

    >>> bit_lengths(np.array([1, 255, 256, 2**53 - 1, 2**60 - 1])).tolist()
    [1, 8, 9, 53, 60]
    """
    bits = np.frexp(values.astype(np.float64))[1].astype(np.int64)
    return bits - (values < np.int64(1) << (bits - 1))  # the conversion may have rounded up


def whole_root(values: Longs) -> Longs:
    """The largest integers whose squares are not larger; for values below 2^62."""
    root = np.sqrt(values.astype(np.float64)).astype(np.int64)
    root -= root * root > values
    return np.asarray(root + ((root + 1) * (root + 1) <= values))


def _requantised(values: NDArray[np.integer], scale: float, target: QuantParams) -> Reduced:
    factor = np.full(values.shape[1], scale / target.single)
    out, clipped = Requantiser.of(factor, target)(values)
    return Reduced(out, clipped)


def float_reduced(
    reduction: Reduction,
    rows: NDArray[np.float32],
    parameters: tuple[NDArray[np.float32], ...] = (),
    epsilon: float = EPSILON,
) -> NDArray[np.float64]:
    """A reduction in double precision."""
    wide = rows.astype(np.float64)
    match reduction:
        case Reduction.SOFTMAX:
            wide -= wide.max(axis=1, keepdims=True)
            powers = np.exp(wide, out=wide)
            powers /= powers.sum(axis=1, keepdims=True)
            return powers
        case Reduction.LOG_SOFTMAX:
            lower = wide - wide.max(axis=1, keepdims=True)
            return np.asarray(lower - np.log(np.exp(lower).sum(axis=1, keepdims=True)))
        case Reduction.LAYER_NORM:
            gain, offset = parameters or (1.0, 0.0)
            # In place: new memory takes longer than the arithmetic.
            wide -= wide.mean(axis=1, keepdims=True)
            spread = (wide * wide).mean(axis=1, keepdims=True) + epsilon
            wide /= np.sqrt(spread)
            wide *= gain
            wide += offset
            return wide
        case Reduction.MEAN:
            return np.asarray(wide.mean(axis=1, keepdims=True))
        case Reduction.SUM:
            return np.asarray(wide.sum(axis=1, keepdims=True))
        case Reduction.MIN:
            return np.asarray(wide.min(axis=1, keepdims=True))
        case _:
            assert reduction is Reduction.MAX
            return np.asarray(wide.max(axis=1, keepdims=True))
