"""How figures show each kind of op: what its legend says, and its colour."""

from dataclasses import dataclass

from hwsim.ir.ops import Conv, Elementwise, Gemm, Lookup, Move, Quantise, Reduce, Skew
from hwsim.quantities.registry import KindTable


@dataclass(frozen=True, slots=True)
class OpStyle:
    """Label and colour of a kind; colours are those of matplotlib."""

    label: str
    colour: str


OP_STYLES = KindTable[OpStyle](
    "figures",
    {
        Gemm: OpStyle("gemm", "C0"),
        Conv: OpStyle("conv", "C1"),
        Elementwise: OpStyle("elementwise", "C2"),
        Reduce: OpStyle("reduce", "C3"),  # softmax, layer norm, the search for the largest
        Lookup: OpStyle("lookup", "C4"),
        Move: OpStyle("move", "C5"),
        Skew: OpStyle("skew", "C6"),
        Quantise: OpStyle("quantise", "C7"),
    },
)
