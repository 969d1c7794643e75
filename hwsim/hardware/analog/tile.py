"""The analog tile: a crossbar of cells that multiplies a vector by its weights at once."""

from enum import Enum
from typing import Annotated, Literal

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.analog.conversion import Accumulate, Adc, InputConversion, Range
from hwsim.hardware.analog.device import Device
from hwsim.hardware.analog.phases import Phases
from hwsim.hardware.analog.weights import Mapping, Subtract, WeightMapping
from hwsim.hardware.analog.wires import Circuit, ClosedForm, Pulses, Wires
from hwsim.quantities.noun import Noun, Whole


class Split(Enum):
    """How a matrix larger than a tile is cut."""

    EQUAL = "equal"  # into as few parts as there must be, about as large
    FULL = "full"  # into full tiles, and a rest


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalogTile(Noun):
    """A crossbar of rows, on which inputs stand, and columns, on which their products are added.

    A larger matrix takes several: rows are cut and their results added after conversion, columns stand side by side. A
    column that holds the middle of an offset mapping is not counted among `cols`. Without `adc` sums are read as they
    are. A tile without `phases` has no time and no energy.
    """

    kind: Literal["analog"] = "analog"
    rows: Annotated[int, Whole(low=1, high=65_536)] = 512
    cols: Annotated[int, Whole(low=1, high=65_536)] = 512
    split: Split = Split.EQUAL
    device: Device = Device()
    weights: WeightMapping = WeightMapping()
    input: InputConversion = InputConversion()
    adc: Adc | None = None
    wires: Wires | None = None
    phases: Phases | None = None

    @property
    def readings(self) -> int:
        """Conversions that a column takes in each pass: one a digit, two where signs are subtracted afterwards."""
        weights = self.weights
        apart = weights.mapping is Mapping.DIFFERENTIAL and weights.subtract is Subtract.DIGITAL
        return weights.slices * (2 if apart else 1)

    @property
    def cells(self) -> int:
        """Cells that a weight stands on."""
        weights = self.weights
        return weights.slices * len(weights.significance) * (2 if weights.mapping is Mapping.DIFFERENTIAL else 1)

    def check(self) -> None:
        weights, adc = self.weights, self.adc
        pairs = weights.mapping is Mapping.DIFFERENTIAL and weights.subtract is Subtract.ANALOG
        if adc is not None and len(adc.limits) not in (0, 1, weights.slices):
            law = f"must be one pair, or one for each of the {weights.slices} slices"
            raise InvalidValue("adc.limits", adc.limits, law)
        if adc is not None and adc.range is Range.GRANULAR and (weights.bits is None or self.input.bits is None):
            raise InvalidValue("adc.range", adc.range.value, "is for weights and inputs of whole bits")
        offset_bits = weights.bits is not None and weights.mapping is Mapping.OFFSET
        if adc is not None and adc.range is Range.MAX and offset_bits and self.input.bits is None:
            raise InvalidValue("adc.range", adc.range.value, "needs input.bits where weights have bits and an offset")
        if self.input.retries and adc is None:
            raise InvalidValue("input.retries", self.input.retries, "needs an adc, whose range outputs may leave")
        if self.wires is not None and len(weights.significance) > 1:
            raise InvalidValue("wires", self.wires.kind, "are not modelled under several cells a weight")
        if isinstance(self.wires, Pulses):
            if self.rows % self.wires.segments:
                raise InvalidValue("wires.segments", self.wires.segments, f"must divide the {self.rows} rows")
            if self.input.bits is None or not self.input.signed or self.input.accumulate is Accumulate.ANALOG:
                raise InvalidValue("wires.kind", "pulses", "is for inputs of bits with a sign, each pass converted")
        if isinstance(self.wires, (ClosedForm, Pulses)):
            if not pairs or weights.bits is not None:
                raise InvalidValue("wires.kind", self.wires.kind, "is for pairs subtracted as currents, without bits")
            if self.device.strays is not None and self.device.strays.white:
                raise InvalidValue("wires.kind", self.wires.kind, "is for cells without white noise; take a circuit")
        if isinstance(self.wires, Circuit) and self.wires.interleaved and not pairs:
            raise InvalidValue("wires.interleaved", True, "is for pairs subtracted as currents")
        if weights.mapping is Mapping.OFFSET and self.device.levels is not None and self.device.levels < 3:
            raise InvalidValue("device.levels", self.device.levels, "must be at least 3 around a middle")
