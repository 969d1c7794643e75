"""A matrix of weights as products need it: checked once, measured and packed when first needed, for all products."""

from functools import cached_property
from typing import Any, Self

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.kernels.lanes import COLUMNS, FEW_COLUMNS
from hwsim.kernels.measures import measure_columns
from hwsim.kernels.pack import pack_bytes, pack_pairs, pack_steps, sum_groups
from hwsim.quantities.precision import Precision
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

    def rows(self, first: int, last: int) -> Self:
        """The weights first..last - 1 along K."""
        return self if (first, last) == (0, self.k) else type(self)(self.values[first:last], self.precision)

    @cached_property
    def measures(self) -> "Measures":
        """Of integers: what bounds every sum with them."""
        columns = np.zeros((2, self.n), np.int64)
        return Measures(int(measure_columns(self.values, columns)), int(columns[0].max()), int(columns[1].max()))

    def bytes(self, columns: int) -> "ByteWeights":
        """Of integers of at most 8 bits: signed bytes in panels of so many columns."""
        return self._bytes if columns == COLUMNS else self._bytes_of_few

    @cached_property
    def _bytes(self) -> "ByteWeights":
        return ByteWeights.of(self.values, COLUMNS)

    @cached_property
    def _bytes_of_few(self) -> "ByteWeights":
        return ByteWeights.of(self.values, FEW_COLUMNS)

    @cached_property
    def pairs(self) -> Array:
        """Of integers of at most 8 bits: bytes in panels, two products a step."""
        panels = np.empty((-(-self.n // FEW_COLUMNS), -(-self.k // 2), 2 * FEW_COLUMNS), self.values.dtype)
        pack_pairs(self.values.view(np.uint8), panels.view(np.uint16))
        return panels

    @cached_property
    def float32(self) -> Array:
        return self.values.astype(np.float32)

    @cached_property
    def float64(self) -> Array:
        return self.values.astype(np.float64)

    def panels(self, kind: type[np.generic]) -> Array:
        """In panels of that type, one product a step."""
        return self._steps_int16 if kind is np.int16 else self._steps_float32

    @cached_property
    def _steps_int16(self) -> Array:
        return _in_steps(self.values, np.int16)

    @cached_property
    def _steps_float32(self) -> Array:
        return _in_steps(self.values, np.float32)


@dataclass(frozen=True, slots=True)
class Measures:
    """The largest magnitude; of all columns the largest sum of magnitudes, and of squares (0 beyond 16 bits)."""

    largest: int
    magnitudes: int
    squares: int


@dataclass(frozen=True, slots=True, eq=False)
class ByteWeights:
    """Signed bytes in panels, four products a step; unsigned ones were moved down by `offset`.

    `sums[panel, column]` are the sums of the signed bytes.
    """

    panels: Array
    sums: Array
    offset: int

    @classmethod
    def of(cls, values: Array, columns: int) -> Self:
        offset = 128 if values.dtype == np.uint8 else 0
        signed = values ^ np.uint8(128) if offset else values.view(np.uint8)
        panels = np.empty((-(-values.shape[1] // columns), -(-values.shape[0] // 4), 4 * columns), np.int8)
        sums = np.empty((panels.shape[0], columns), np.int32)
        pack_bytes(signed, panels.view(np.uint32), sums)
        return cls(panels, sums, offset)

    def group_sums(self, steps: int) -> Array:
        """[panel, group, column]: the sums of the signed bytes of that many steps each."""
        panels, columns = self.sums.shape
        sums = np.empty((panels, -(-self.panels.shape[1] // steps), columns), np.int32)
        sum_groups(self.panels, steps, sums)
        return sums


def _in_steps(values: Array, kind: Any) -> Array:
    panels = np.empty((-(-values.shape[1] // COLUMNS), values.shape[0], COLUMNS), kind)
    pack_steps(values.astype(kind, copy=False), panels)
    return panels
