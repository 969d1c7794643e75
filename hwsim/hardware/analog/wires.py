"""The wires of an analog tile, along which voltage is lost."""

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Annotated, Literal

from hwsim.quantities.fields import Ohms
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


Wires = Annotated[Circuit | ClosedForm, ByKind()]
