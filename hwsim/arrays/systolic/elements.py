"""The choices that a systolic array's file makes: dataflow, loading of weights, drain, products of an element."""

from enum import Enum
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.quantities.noun import Noun, Whole

ArraySide = Annotated[int, Whole(low=1, high=65_536)]
MacsPerCycle = Whole(low=1, high=256)


class Dataflow(Enum):
    """What stays in the processing elements."""

    WS = "ws"  # weights; rows along K, columns along N
    IS = "is"  # activations: weight stationary with the operands exchanged
    OS = "os"  # results; rows along M, columns along N


class WeightLoad(Enum):
    """How stationary operands enter a WS or IS array."""

    BROADCAST = "broadcast"  # all rows and columns shift at once
    WAVEFRONT = "wavefront"  # column c starts c cycles later


class Drain(Enum):
    """How results leave an OS array."""

    SERIAL = "serial"  # after the last product, nothing else meanwhile
    SHARED = "shared"  # the accumulator doubles as the drain register
    SEPARATE = "separate"  # drain registers of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedMacs(Noun):
    """Products of one processing element per cycle: k consecutive along K, for n neighbouring columns."""

    k: Annotated[int, MacsPerCycle] = 1
    n: Annotated[int, MacsPerCycle] = 1
