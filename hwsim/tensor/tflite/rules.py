"""Rules of operators: frozen numbers that a file decides, and the integers that come of others by them."""

from enum import Enum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.tensor.fixed_point import fixed_point, one_factor
from hwsim.tensor.tflite.words import (
    Words,
    away_from_zero,
    exponential,
    high_product,
    one_over_one_plus,
    rescaled,
    rescaled_once,
    rescaled_wide,
    saturated,
    shifted_right,
)

Array = NDArray[Any]


class Rule(Protocol):
    """What an op makes of its operands, which come in the order in which it reads them."""

    @property
    def operands(self) -> int:
        """How many operands it takes."""

    @property
    def reals(self) -> bool:
        """Whether its operands are the numbers that integers stand for."""

    def __call__(self, *operands: Array) -> Array: ...


@dataclass(frozen=True, slots=True)
class Ends:
    """The integer for zero of a result, and the integers at which it is clipped."""

    zero: int
    low: int
    high: int

    def clipped(self, values: Words) -> Words:
        """With the zero point, within both ends."""
        return np.clip(values + self.zero, self.low, self.high)


class Rounding(Enum):
    """How sums of products are brought to the scale of a result."""

    TWO = "two roundings, of sums of 32 bits"  # convolutions
    ONCE = "one rounding, of sums of any width"  # fully connected layers
    WIDE = "a multiplier of 15 bits, one rounding, of sums of 64 bits"  # convolutions of 16 bits


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums of products, a column for each factor: with the bias, rescaled."""

    bias: Words
    multipliers: Words
    shifts: Words
    ends: Ends
    rounding: Rounding
    operands: int = 1
    reals: bool = False

    @classmethod
    def of(cls, factors: NDArray[np.float64], bias: Words, ends: Ends, rounding: Rounding) -> "Sums":
        """From sums of scale s to integers of scale t the factor is s / t."""
        multipliers, shifts = fixed_point(factors)
        most = {Rounding.TWO: 31, Rounding.ONCE: 15, Rounding.WIDE: 7}[rounding]
        if shifts.max(initial=0) > most:
            raise InvalidValue("factor", float(factors.max()), f"must be less than 2^{most}")
        return cls(bias, multipliers, shifts, ends, rounding)

    def __call__(self, *operands: Array) -> Array:
        sums = operands[0].astype(np.int64) + self.bias
        match self.rounding:
            case Rounding.TWO:
                return self.ends.clipped(rescaled(saturated(sums), self.multipliers, self.shifts))
            case Rounding.ONCE:
                return self.ends.clipped(rescaled_once(sums, self.multipliers, self.shifts))
            case Rounding.WIDE:
                return self.ends.clipped(rescaled_wide(sums, self.multipliers, self.shifts))


@dataclass(frozen=True, slots=True)
class Added:
    """A sum or a difference: both sides, some bits further left, brought to twice the larger scale, then to the
    result's."""

    zeros: tuple[int, int]
    factors: tuple[tuple[int, int], tuple[int, int]]
    back: tuple[int, int]
    left: int
    sign: int
    ends: Ends
    operands: int = 2
    reals: bool = False

    @classmethod
    def of(
        cls, scales: tuple[float, float, float], zeros: tuple[int, int], ends: Ends, *, left: int, sign: int = 1
    ) -> "Added":
        """Of the scales of both sides and of the result."""
        one, other, out = scales
        twice = 2 * max(one, other)
        factors = (one_factor(one / twice), one_factor(other / twice))
        return cls(zeros, factors, one_factor(twice / ((1 << left) * out)), left, sign, ends)

    def __call__(self, *operands: Array) -> Array:
        one, other = (
            rescaled((values.astype(np.int64) - zero) << self.left, *factor)
            for values, zero, factor in zip(operands, self.zeros, self.factors, strict=True)
        )
        return self.ends.clipped(rescaled(one + self.sign * other, *self.back))


@dataclass(frozen=True, slots=True)
class Multiplied:
    """A product, rescaled once."""

    zeros: tuple[int, int]
    factor: tuple[int, int]
    ends: Ends
    operands: int = 2
    reals: bool = False

    def __call__(self, *operands: Array) -> Array:
        one, other = (values.astype(np.int64) - zero for values, zero in zip(operands, self.zeros, strict=True))
        return self.ends.clipped(rescaled(one * other, *self.factor))


@dataclass(frozen=True, slots=True)
class Rescaled:
    """The same number by other scales."""

    zero: int
    factor: tuple[int, int]
    ends: Ends
    operands: int = 1
    reals: bool = False

    def __call__(self, *operands: Array) -> Array:
        return self.ends.clipped(rescaled(operands[0].astype(np.int64) - self.zero, *self.factor))


@dataclass(frozen=True, slots=True)
class FromReals:
    """The integer next to a real number, ties away from zero."""

    scale: float
    ends: Ends
    operands: int = 1
    reals: bool = True

    def __call__(self, *operands: Array) -> Array:
        nearest = away_from_zero(operands[0].astype(np.float32) / np.float32(self.scale))
        return self.ends.clipped(np.clip(nearest, -(2.0**31), 2.0**31).astype(np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """A function of one number of 8 bits, as a table from the lowest integer on."""

    table: Words
    operands: int = 1
    reals: bool = False

    def __call__(self, *operands: Array) -> Array:
        return self.table[operands[0].astype(np.int64) + 128]


@dataclass(frozen=True, slots=True)
class Pooled:
    """The largest of some numbers, or their mean, ties away from zero."""

    operands: int
    mean: bool
    ends: Ends
    reals: bool = False

    def __call__(self, *operands: Array) -> Array:
        wide = [values.astype(np.int64) for values in operands]
        result = _mean(np.sum(wide, axis=0), self.operands) if self.mean else np.max(wide, axis=0)
        return np.clip(result, self.ends.low, self.ends.high)


def _mean(sums: Words, count: int) -> Words:
    """A quotient, ties away from zero."""
    return np.asarray(np.sign(sums) * ((np.abs(sums) + count // 2) // count), np.int64)


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of a row: of the factor to the result's scale and of the row's length one multiplier is made."""

    zero: int
    factor: tuple[int, int]
    ends: Ends
    operands: int = 1
    reals: bool = False

    def __call__(self, *operands: Array) -> Array:
        rows = operands[0].astype(np.int64)
        multiplier, shift = self.factor
        length = rows.shape[-1]
        more = min(length.bit_length() - 1, 32, 31 + shift)
        sums = saturated((rows - self.zero).sum(axis=-1))
        return self.ends.clipped(rescaled(sums, (multiplier << more) // length, shift - more))


@dataclass(frozen=True, slots=True)
class Softmax:
    """Shares of rows of 8 bits, in 256ths: exponentials of differences with 26 bits behind the point, their sum's
    reciprocal."""

    factor: tuple[int, int]
    operands: int = 1
    reals: bool = False

    @classmethod
    def of(cls, scale: float) -> "Softmax":
        return cls(one_factor(min(scale * (1 << 26), 2.0**31 - 1)))

    @property
    def least(self) -> int:
        """Differences below it are no part of the sum."""
        return -(31 * (1 << 26) >> self.factor[1])

    def __call__(self, *operands: Array) -> Array:
        rows = operands[0].astype(np.int64)
        below = rows - rows.max(axis=-1, keepdims=True)
        inside = below >= self.least
        multiplier, shift = self.factor
        powers = exponential(high_product(np.maximum(below, self.least) << shift, multiplier))
        total = np.where(inside, shifted_right(powers, 12), 0).sum(axis=-1, keepdims=True)
        leading = 31 - np.floor(np.log2(total)).astype(np.int64)
        reciprocal = one_over_one_plus((total << leading) - (1 << 31))
        shares = shifted_right(high_product(reciprocal, powers), 12 - leading + 31 - 8)
        return np.where(inside, np.clip(shares - 128, -128, 127), -128)


def table_of(reals: NDArray[np.floating], scale: float, ends: Ends) -> Words:
    """Results of a function as integers: times the reciprocal of the scale in single precision, ties away from zero."""
    nearest = away_from_zero(np.asarray(reals, np.float32) * (np.float32(1) / np.float32(scale)))
    return ends.clipped(nearest.astype(np.int64))
