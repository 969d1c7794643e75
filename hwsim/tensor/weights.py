"""A matrix of weights as products need it: checked once, measured and packed when first needed, for all products."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from hwsim.core.precision import Precision
from hwsim.kernels.measures import column_measures
from hwsim.kernels.products import pack_bytes
from hwsim.kernels.tile import COLUMNS
from hwsim.tensor.formats import Array
from hwsim.tensor.operands import checked_matrix


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights of one format, row by row in memory, in the type that the format is kept in."""

    values: Array
    precision: Precision

    @classmethod
    def of(cls, weight: object, precision: Precision) -> Self:
        return cls(checked_matrix("weight", weight, precision), precision)

    @property
    def k(self) -> int:
        return int(self.values.shape[0])

    @property
    def n(self) -> int:
        return int(self.values.shape[1])

    @cached_property
    def measures(self) -> "Measures":
        """Of integers: what bounds every sum with them."""
        largest, columns = column_measures(self.values)
        return Measures(int(largest), columns)

    @cached_property
    def as_float32(self) -> Array:
        return self.values.astype(np.float32)

    @cached_property
    def as_float64(self) -> Array:
        return self.values.astype(np.float64)

    @cached_property
    def bytes(self) -> "ByteWeights":
        """Of integers of at most 8 bits: signed bytes in panels for `multiply_bytes`."""
        return ByteWeights.of(self.values)


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """The largest magnitude; of each column the sum of magnitudes and the sum of squares (0 where beyond 16 bits)."""

    largest: int
    columns: Array

    @property
    def column(self) -> int:
        """The largest sum of magnitudes of a column."""
        return int(self.columns[0].max())


@dataclass(frozen=True, slots=True, eq=False)
class ByteWeights:
    """Signed bytes in panels; unsigned ones are moved down by `offset`. `sums` are those of the columns, as packed."""

    panels: Array
    sums: Array
    offset: int

    @classmethod
    def of(cls, values: Array) -> Self:
        offset = 128 if values.dtype == np.uint8 else 0
        signed = (values ^ np.uint8(128)).view(np.int8) if offset else values
        panels = np.empty((-(-values.shape[1] // COLUMNS), -(-values.shape[0] // 4), 4 * COLUMNS), np.int8)
        sums = np.empty((panels.shape[0], COLUMNS), np.int32)
        pack_bytes(signed, 0, panels.shape[0], panels, sums)
        return cls(panels, sums, offset)
