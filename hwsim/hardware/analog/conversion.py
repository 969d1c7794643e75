"""How numbers become voltages on the rows of an analog tile, and sums of currents become numbers."""

from enum import Enum
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Noun, Number, Whole


class Encoding(Enum):
    """How an input stands on its row."""

    PULSE_WIDTH = "pulse_width"  # in one pass, as the length of a pulse or as a level
    BIT_SERIAL = "bit_serial"  # a bit a pass, the sign apart
    SLICES = "slices"  # `slice_bits` a pass; the lowest has `first_bits` if that is given


class Accumulate(Enum):
    """Where the passes of one input are added."""

    DIGITAL = "digital"  # each is converted
    ANALOG = "analog"  # as charge, converted once


class Scaling(Enum):
    """What an input's full scale is."""

    RANGE = "range"
    LARGEST = "largest"  # the largest magnitude of each vector, multiplied back afterwards


@dataclass(frozen=True, slots=True, kw_only=True)
class InputConversion(Noun):
    """Numbers of `range` to 2^bits - 1 levels with a sign, 2^bits without; `bits: null` converts nothing.

    With `retries` a vector of which an output leaves the converter's range is computed again with half the input, that
    many times at most.
    """

    bits: Annotated[int, Whole(low=1, high=24)] | None = 8
    signed: bool = True
    range: tuple[float, float] = (-1.0, 1.0)
    scaling: Scaling = Scaling.RANGE
    encoding: Encoding = Encoding.PULSE_WIDTH
    slice_bits: Annotated[int, Whole(low=1, high=16)] = 1
    first_bits: Annotated[int, Whole(low=1, high=16)] | None = None
    accumulate: Accumulate = Accumulate.DIGITAL
    retries: Annotated[int, Whole(low=0, high=20)] = 0

    def check(self) -> None:
        low, high = self.range
        if not -1e30 < low < high < 1e30:
            raise InvalidValue("range", self.range, "must be a lower and a higher number")
        if self.signed and low != -high:
            raise InvalidValue("range", self.range, "must be as wide on both sides of 0, or set signed: false")
        if not self.signed and low != 0:
            raise InvalidValue("range", self.range, "must begin at 0, or set signed: true")
        if self.signed and self.bits == 1:
            raise InvalidValue("bits", 1, "must be at least 2 where one bit is the sign")
        if self.first_bits is not None and self.encoding is not Encoding.SLICES:
            raise InvalidValue("first_bits", self.first_bits, "is for encoding: slices")
        if self.encoding is Encoding.PULSE_WIDTH:
            if self.slice_bits != 1:
                raise InvalidValue("slice_bits", self.slice_bits, "is for encoding: slices")
            if self.accumulate is Accumulate.ANALOG:
                raise InvalidValue("accumulate", self.accumulate.value, "is for inputs of several passes")
            return
        if self.bits is None:
            raise InvalidValue("bits", None, f"must be given for encoding: {self.encoding.value}")
        if self.encoding is Encoding.BIT_SERIAL and self.slice_bits != 1:
            raise InvalidValue("slice_bits", self.slice_bits, "is 1 for encoding: bit_serial; set encoding: slices")
        if self.first_bits is not None and self.first_bits >= self.magnitude_bits:
            law = f"must leave some of the {self.magnitude_bits} bits of a magnitude"
            raise InvalidValue("first_bits", self.first_bits, law)

    @property
    def magnitude_bits(self) -> int:
        """Bits of a magnitude."""
        assert self.bits is not None
        return self.bits - 1 if self.signed else self.bits

    @property
    def passes(self) -> int:
        """How often rows are driven for one vector."""
        return 1 if self.encoding is Encoding.PULSE_WIDTH else len(self.widths)

    @property
    def widths(self) -> tuple[int, ...]:
        """Bits of each slice, the lowest first; the highest may have some to spare."""
        first = self.slice_bits if self.first_bits is None else self.first_bits
        return (first, *(self.slice_bits for _ in range(first, self.magnitude_bits, self.slice_bits)))

    @property
    def ticks(self) -> tuple[int, ...]:
        """The longest pulse of each pass, in steps; a voltage that is not converted stands for one."""
        if self.bits is None:
            return (1,)
        if self.encoding is Encoding.PULSE_WIDTH:
            return (2**self.magnitude_bits - 1,)
        return tuple(2**bits - 1 for bits in self.widths)

    @property
    def scale(self) -> float:
        """What an input is multiplied by to have a full scale of 1."""
        low, high = self.range
        return (2 if self.signed else 1) / (high - low)


class Range(Enum):
    """Where the range of a converter comes from."""

    LIMITS = "limits"  # as `limits` say
    MAX = "max"  # what the rows can give at most
    GRANULAR = "granular"  # a step is the smallest current of a cell
    CALIBRATED = "calibrated"  # measured on sample inputs, and handed over beside the tile


class Rounding(Enum):
    """What becomes of a value between two codes."""

    HALF_EVEN = "half_even"  # to the nearest code, counted from the lowest; ties to the even one
    HALF_AWAY = "half_away"  # to the nearest, ties away from the middle of the range
    TOWARD_ZERO = "toward_zero"  # toward the middle of the range, as an oscillator counts whole cycles
    FLOOR = "floor"  # downwards, as a ramp's counter does
    STOCHASTIC = "stochastic"  # up with the probability of the rest


class Axis(Enum):
    """What may have a range of its own when ranges are calibrated."""

    TILE = "tile"
    PASS = "pass"
    SLICE = "slice"
    COLUMN = "column"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imperfection(Noun):
    """How a converter strays from a straight line, each column its own way: spreads of gain (relative) and offset
    (steps), a bow of at most `inl` steps in the middle, and a spread `dnl` (steps) of every step."""

    gain: Annotated[float, Number(low=0, high=1)] = 0.0
    offset: Annotated[float, Number(low=0, high=1e6)] = 0.0
    inl: Annotated[float, Number(low=-1e6, high=1e6)] = 0.0
    dnl: Annotated[float, Number(low=0, high=10)] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Adc(Noun):
    """A converter of `bits`: 2^bits - 1 levels, one of them the middle, or 2^bits if not `centred`.

    Currents are in units of one cell at Gmax under full-scale input; `limits` are one pair for all, or one a slice.
    Calibrated ranges may differ along the axes in `per`.
    """

    bits: Annotated[int, Whole(low=2, high=24)]
    range: Range = Range.MAX
    limits: tuple[tuple[float, float], ...] = ()
    per: tuple[Axis, ...] = ()
    quantile: Annotated[float, Number(low=0.5, high=1)] = 0.9999
    """Of calibration: the share of magnitudes within the range."""
    shared_by: Annotated[int, Whole(low=1, high=65_536)] = 1
    """Columns that one converter reads, one after another."""
    centred: bool = True
    rounding: Rounding = Rounding.HALF_EVEN
    imperfect: Imperfection | None = None

    def check(self) -> None:
        if (self.range is Range.LIMITS) != bool(self.limits):
            law = "must be given for range: limits" if not self.limits else "are for range: limits"
            raise InvalidValue("limits", self.limits, law)
        for place, (low, high) in enumerate(self.limits):
            if not -1e30 < low < high < 1e30:
                raise InvalidValue(f"limits[{place}]", (low, high), "must be a lower and a higher number")
        if self.per and self.range is not Range.CALIBRATED:
            raise InvalidValue("per", tuple(axis.value for axis in self.per), "is for range: calibrated")
        if self.imperfect is not None and self.rounding is not Rounding.HALF_EVEN:
            raise InvalidValue("rounding", self.rounding.value, "must be half_even where steps are imperfect")
        if self.imperfect is not None and self.bits > 12:
            raise InvalidValue("bits", self.bits, "must be at most 12 where steps are imperfect: each has a place")

    @property
    def steps(self) -> int:
        """From the lowest code, 0, to the highest."""
        return (1 << self.bits) - (2 if self.centred else 1)
