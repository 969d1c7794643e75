"""Tensors: shape, format, scales and role; never the numbers themselves."""

from dataclasses import dataclass
from enum import Enum
from math import prod

from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Name, Noun
from hwsim.quantities.precision import Precision, Purpose
from hwsim.quantities.scaling import Granularity as Granularity
from hwsim.quantities.scaling import Scaling as Scaling


class Role(Enum):
    """What a tensor is for."""

    INPUT = "input"  # comes from outside
    WEIGHT = "weight"  # a matrix that Gemms read
    BIAS = "bias"
    TABLE = "table"  # rows that Lookups read
    STATE = "state"  # carried from one iteration of a loop to the next, zero at first
    ACTIVATION = "activation"  # made by one op, read by others
    OUTPUT = "output"  # made by one op, wanted outside

    @property
    def parameter(self) -> bool:
        """Whether training made its values, so that the model's size counts it."""
        return self in (Role.WEIGHT, Role.BIAS, Role.TABLE)

    @property
    def given(self) -> bool:
        """Whether its values are there before the first op, and stay as they are."""
        return self.parameter or self is Role.INPUT


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatOf(Noun):
    """Whose policy decides a tensor's format, and which of that policy's formats it is.

    `op` is the name that rules match, usually that of an op.
    """

    op: Name
    purpose: Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor(Noun):
    """A named array. Its elements are packed along one axis, and each such row is rounded up to bytes once.

    Weights of shape (..., K, N) pack along K, so that a column is addressable; everything else along its last axis.
    `format_of` says who decides the format where no product asks for one and the graph does not tell; a `positional`
    input holds encodings of positions.

    >>> weight = Tensor(name="w", shape=(5, 3), precision=Precision.INT4, role=Role.WEIGHT)
    >>> weight.rows, weight.row_elements, weight.packed_bytes
    (3, 5, 9)
    """

    name: Name
    shape: tuple[int, ...]
    precision: Precision
    role: Role
    scaling: Scaling = Scaling()
    format_of: FormatOf | None = None
    positional: bool = False

    def check(self) -> None:
        if not self.shape or any(not isinstance(size, int) or size < 1 for size in self.shape):
            raise InvalidValue(f"{self.name}.shape", self.shape, "must have at least one axis, each of at least 1")
        if self.role is Role.WEIGHT and len(self.shape) < 2:
            raise InvalidValue(f"{self.name}.shape", self.shape, "a weight has the axes K and N")
        if self.precision.floating and self.scaling.granularity is not Granularity.NONE:
            raise InvalidValue(f"{self.name}.scaling", self.scaling.granularity.value, "float tensors have no scales")

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def packed_axis(self) -> int:
        return len(self.shape) - (2 if self.role is Role.WEIGHT else 1)

    @property
    def row_elements(self) -> int:
        return self.shape[self.packed_axis]

    @property
    def rows(self) -> int:
        return self.elements // self.row_elements

    @property
    def packed_bytes(self) -> int:
        """Bytes of the elements as stored and moved, scales apart."""
        return self.rows * self.precision.row_bytes(self.row_elements)

    @property
    def stored_bytes(self) -> int:
        """Bytes of the elements and of their scales."""
        return self.packed_bytes + self.scaling.stored_bytes(rows=self.rows, elements=self.row_elements)
