"""Functions of quantised numbers by table: one entry for each number that the format has."""

import math
from collections.abc import Callable
from typing import Self

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.precision import Precision
from hwsim.tensor.formats import Array, storage


def sigmoid(x: float) -> float:
    """1 / (1 + e^-x), without overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else 1 - 1 / (1 + math.exp(x))


def swish(x: float) -> float:
    return x * sigmoid(x)


@dataclass(frozen=True, slots=True)
class Scale:
    """How numbers of a format stand for real ones: scale · (number - zero)."""

    precision: Precision
    scale: float
    zero: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise InvalidValue("scale", self.scale, "must be greater than zero")


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The quantised values of a function, from the lowest number of the input's format to its highest."""

    entries: Array
    lowest: int

    @classmethod
    def of(cls, function: Callable[[float], float], source: Scale, target: Scale) -> Self:
        """Each value computed in float64, divided by the scale, rounded half to even, and brought into the format."""
        if source.precision.bits > 16:
            raise InvalidValue("precision", source.precision.value, "must have at most 16 bits to index a table")
        low, high = target.precision.lowest, target.precision.highest
        numbers = range(source.precision.lowest, source.precision.highest + 1)
        values = (function(source.scale * (number - source.zero)) / target.scale for number in numbers)
        entries = [round(max(low - target.zero, min(high - target.zero, value))) + target.zero for value in values]
        return cls(np.array(entries, storage(target.precision)), source.precision.lowest)

    def look_up(self, numbers: Array) -> Array:
        """The value of each number.

        >>> tanh = Table.of(math.tanh, Scale(Precision.INT4, 0.5), Scale(Precision.INT8, 1 / 128))
        >>> tanh.look_up(np.array([-1, 0, 7]))
        array([-59,   0, 127], dtype=int8)
        """
        return self.entries[numbers.astype(np.int64) - self.lowest]
