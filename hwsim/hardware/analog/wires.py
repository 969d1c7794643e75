"""The wires of an analog tile, along which voltage is lost."""

from enum import Enum
from fractions import Fraction
from typing import Annotated, Literal

from hwsim.dataclass import dataclass
from hwsim.quantities.fields import Ohms, Volts
from hwsim.quantities.noun import ByKind, Noun, Number, Whole


class Sense(Enum):
    """At which end of its columns a tile is read."""

    FAR = "far"  # below the last row
    NEAR = "near"  # above the first


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit(Noun):
    """A resistor between neighbouring cells of a row and of a column, and one more at the driver and at the reader.

    `interleaved`: the cells of a pair hang on two row wires, driven in opposite directions, and on one column wire;
    otherwise each sign is a circuit of its own. Currents are worked out to `tolerance` of the largest.
    """

    kind: Literal["circuit"] = "circuit"
    row: Ohms = Fraction(0)
    col: Ohms = Fraction(0)
    row_terminal: Ohms = Fraction(0)
    col_terminal: Ohms = Fraction(0)
    interleaved: bool = False
    sense: Sense = Sense.FAR
    tolerance: Annotated[float, Number(low=1e-13, high=0.1)] = 1e-6
    sweeps: Annotated[int, Whole(low=1, high=100_000)] = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedForm(Noun):
    """The equation of aihwkit 1.2: columns alone lose voltage, `strength` times as much as with cells of 5 µS and 0.35
    Ohm between two rows, which `ratio` stands for."""

    kind: Literal["closed_form"] = "closed_form"
    strength: Annotated[float, Number(low=0, high=1e6)] = 1.0
    ratio: Annotated[float, Number(low=1, high=1e12)] = 1 / 0.35 / 5e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulses(Noun):
    """aihwkit 1.2's tile in time: rows at rest but for a pulse of as many steps as the input says, `swing` above rest
    or below it; columns of `segments` in series, of which even ones are read below the last row and odd ones above
    the first; an oscillator that counts the charge.

    The reader lies `offset` swings above rest. Charge is the trapezoidal integral over steps, the first value twice;
    `count` is what one cycle of the oscillator takes, in µA · steps (null: charge is known as it is). A matrix of fewer
    rows than the tile stands in its middle.
    """

    kind: Literal["pulses"] = "pulses"
    col: Ohms = Fraction(15, 100)
    segments: Annotated[int, Whole(low=1, high=65_536)] = 8
    swing: Volts = Fraction(1, 5)
    offset: Annotated[float, Number(low=-1, high=1)] = 0.0025
    count: Annotated[float, Number(low=1e-9, high=1e9)] | None = 100 / 6.24


Wires = Annotated[Circuit | ClosedForm | Pulses, ByKind()]
