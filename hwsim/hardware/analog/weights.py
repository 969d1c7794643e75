"""How weights stand on the cells of an analog tile."""

from enum import Enum
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Noun, Number, Whole


class Mapping(Enum):
    """What makes a weight negative."""

    DIFFERENTIAL = "differential"  # a pair of cells, G+ - G-
    OFFSET = "offset"  # one cell, above or below a middle


class Sides(Enum):
    """What the cells of a pair do."""

    ONE = "one"  # one stays at Gmin
    TWO = "two"  # they move in opposite directions


class Subtract(Enum):
    """Where G- is taken from G+."""

    ANALOG = "analog"  # as current, before the converter
    DIGITAL = "digital"  # after two conversions


class OffsetRemoval(Enum):
    """Where the middle is taken off."""

    DIGITAL = "digital"  # as a multiple of the sum of the inputs
    COLUMN = "column"  # as the reading of one more column, which holds the middle


class Beyond(Enum):
    """What becomes of weights of a larger magnitude than `limit`."""

    REFUSE = "refuse"
    CLIP = "clip"


class Stored(Enum):
    """The number format in which a target conductance is worked out."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"  # as CrossSim does for differential cells


class OffsetGain(Enum):
    """What quantised cells of an offset mapping do to its gain."""

    CORRECTED = "corrected"
    CROSSSIM = "crosssim"  # leaves the result (levels - 2) / (levels - 1) of what it should be, as CrossSim 3.2 does


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightMapping(Noun):
    """Weights of magnitude up to `limit` (null: the largest there is) on cells; larger ones are `beyond` it.

    With `bits` they are rounded to integers and cut into `slices` digits, each on cells and conversions of its own.
    With several entries in `significance` each digit stands on as many cells (or pairs), whose currents are added in
    that proportion.
    """

    mapping: Mapping = Mapping.DIFFERENTIAL
    sides: Sides = Sides.ONE
    subtract: Subtract = Subtract.ANALOG
    offset_removal: OffsetRemoval = OffsetRemoval.DIGITAL
    bits: Annotated[int, Whole(low=2, high=24)] | None = None
    slices: Annotated[int, Whole(low=1, high=24)] = 1
    significance: tuple[float, ...] = (1.0,)
    limit: Annotated[float, Number(low=1e-30, high=1e30)] | None = None
    beyond: Beyond = Beyond.REFUSE
    stored: Stored = Stored.FLOAT64
    offset_gain: OffsetGain = OffsetGain.CORRECTED

    def check(self) -> None:
        differential = self.mapping is Mapping.DIFFERENTIAL
        if self.slices > 1 and self.bits is None:
            raise InvalidValue("slices", self.slices, "needs bits: weights are cut into digits of integers")
        if self.bits is not None and self.slices > self.bits:
            raise InvalidValue("slices", self.slices, f"must be at most the {self.bits} bits of a weight")
        if self.sides is Sides.TWO and (self.bits is not None or not differential):
            raise InvalidValue("sides", self.sides.value, "is for pairs of cells without bits; leave one of them out")
        if self.subtract is Subtract.DIGITAL and not differential:
            raise InvalidValue("subtract", self.subtract.value, "is for the differential mapping")
        if self.offset_removal is OffsetRemoval.COLUMN and (differential or self.bits is not None):
            raise InvalidValue("offset_removal", self.offset_removal.value, "is for the offset mapping without bits")
        if not self.significance or any(not 0 < one <= 1e6 for one in self.significance):
            raise InvalidValue("significance", self.significance, "must be positive numbers, one a cell")

    @property
    def digit_bits(self) -> int:
        """Bits of each digit; of differential digits one bit may be the sign's."""
        assert self.bits is not None
        if self.bits % self.slices == 0:
            return self.bits // self.slices
        magnitude = self.bits - 1 if self.mapping is Mapping.DIFFERENTIAL else self.bits
        return -(-magnitude // self.slices)
