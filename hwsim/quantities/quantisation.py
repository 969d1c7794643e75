"""How values become integers: scales and their granularity, quantisers of weights and activations."""

from enum import Enum
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.noun import Noun, UnlessDefault, Whole

SCALE_BYTES = 4
"""A scale is stored in single precision."""


class Granularity(Enum):
    """How many elements share one scale."""

    NONE = "none"  # float: no scales
    TENSOR = "tensor"
    CHANNEL = "channel"  # one scale per packed row: per output column of a weight
    GROUP = "group"  # one scale per `group` elements of a packed row


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling(Noun):
    """The scale and zero-point rule of a quantised tensor; scales are stored as fp32.

    >>> Scaling(granularity=Granularity.GROUP, group=32).stored_bytes(rows=2, elements=100)
    32
    """

    granularity: Granularity = Granularity.NONE
    group: int | None = None

    def check(self) -> None:
        if (self.group is not None) != (self.granularity is Granularity.GROUP):
            raise InvalidValue("group", self.group, "is given exactly where the granularity is 'group'")
        if self.group is not None and self.group < 1:
            raise InvalidValue("group", self.group, "must be at least 1")

    def stored_bytes(self, *, rows: int, elements: int) -> int:
        """Bytes of the scales of a tensor with that many packed rows of that many elements."""
        match self.granularity:
            case Granularity.NONE:
                scales = 0
            case Granularity.TENSOR:
                scales = 1
            case Granularity.CHANNEL:
                scales = rows
            case Granularity.GROUP:
                assert self.group is not None
                scales = rows * -(-elements // self.group)
        return scales * SCALE_BYTES


class Clip(Enum):
    """Where the range of a quantiser ends; what lies outside is clipped."""

    MAX = "max"  # at the largest magnitude: nothing is clipped
    PERCENTILE = "percentile"  # at a stated percentile of the magnitudes
    MSE = "mse"  # where the mean square error is least
    STATISTICS = "statistics"  # at a linear function of the root mean square and the mean magnitude


class Rounding(Enum):
    """Which of the integers around a weight stands for it."""

    NEAREST = "nearest"
    LEAST_SQUARES = "least_squares"  # the one after which those that follow can make up for most of the error


class Mode(Enum):
    """When the scales of activations are decided."""

    STATIC = "static"  # beforehand, on the values that they have in floats
    DYNAMIC = "dynamic"  # anew for each row that a product reads, while the model runs


_NARROW_BITS = 4


def _check_percentile(percentile: float) -> None:
    if not 50 <= percentile <= 100:
        raise InvalidValue("percentile", percentile, "must lie between 50 and 100")


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightQuantiser(Noun):
    """The quantiser of weights. Without a `clip`: by statistics up to 4 bits, at the largest magnitude above.

    Without a `granularity` scales are shared as the precision policy says. `correct_bias` adds to each bias what
    rounding the weights takes from the mean of the results. That, and `rounding: least_squares`, look at what products
    read while scales are found.

    >>> WeightQuantiser().clip_for(4), WeightQuantiser().clip_for(8)
    (<Clip.STATISTICS: 'statistics'>, <Clip.MAX: 'max'>)
    """

    clip: Clip | None = None
    percentile: float = 99.9
    symmetric: bool = True
    granularity: Granularity | None = None
    group: Annotated[int, Whole(low=1, high=2**20)] | None = None
    rounding: Annotated[Rounding, UnlessDefault()] = Rounding.NEAREST
    correct_bias: Annotated[bool, UnlessDefault()] = False

    def check(self) -> None:
        _check_percentile(self.percentile)
        if self.granularity is Granularity.NONE:
            raise InvalidValue("granularity", "none", "is for floats; integers need tensor, channel or group")
        if self.clip is Clip.STATISTICS and not self.symmetric:
            raise InvalidValue("clip", "statistics", "is for symmetric quantisers; use max, percentile or mse")
        if self.granularity is not None or self.group is not None:
            Scaling(granularity=self.granularity or Granularity.CHANNEL, group=self.group)

    @property
    def looks_at_operands(self) -> bool:
        """Whether it needs to know what products read."""
        return self.correct_bias or self.rounding is not Rounding.NEAREST

    @property
    def scaling(self) -> Scaling | None:
        """How scales are shared; None: as the precision policy says."""
        return None if self.granularity is None else Scaling(granularity=self.granularity, group=self.group)

    def clip_for(self, bits: int) -> Clip:
        """Where integers of that many bits are clipped."""
        if self.clip is not None:
            return self.clip
        narrow = bits <= _NARROW_BITS
        return (Clip.STATISTICS if self.symmetric else Clip.MSE) if narrow else Clip.MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationQuantiser(Noun):
    """The quantiser of what layers read: one scale a tensor, found beforehand on the values that it has in floats.

    Without a `clip`: where the mean square error is least up to 4 bits, at the largest magnitude above. If it is
    `dynamic`, each row that a product reads gets a scale of its own from its largest magnitude; what lies between
    products stays in floats.
    """

    mode: Mode = Mode.STATIC
    clip: Clip | None = None
    percentile: float = 99.9
    symmetric: bool = True

    def check(self) -> None:
        _check_percentile(self.percentile)
        if self.mode is Mode.DYNAMIC:
            if self.clip not in (None, Clip.MAX):
                raise InvalidValue("clip", self.clip.value, "needs values seen beforehand; dynamic scales clip nothing")
            if not self.symmetric:
                raise InvalidValue("symmetric", self.symmetric, "dynamic scales have no zero points; leave it out")
        if self.clip is Clip.STATISTICS and not self.symmetric:
            raise InvalidValue("clip", "statistics", "is for symmetric quantisers; use max, percentile or mse")

    def clip_for(self, bits: int) -> Clip:
        """Where integers of that many bits are clipped."""
        if self.clip is not None:
            return self.clip
        return Clip.MSE if bits <= _NARROW_BITS else Clip.MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantisation(Noun):
    """The quantisers of a model, or of the ops that a rule names."""

    weights: WeightQuantiser = WeightQuantiser()
    activations: ActivationQuantiser = ActivationQuantiser()
