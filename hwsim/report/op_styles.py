"""How figures show each kind of op: what its legend says, and its colour."""

from hwsim.dataclass import dataclass
from hwsim.ir.ops import Conv, Elementwise, Gemm, Lookup, Move, Quantise, Reduce, Skew
from hwsim.quantities.registry import KindTable


@dataclass(frozen=True, slots=True)
class OpStyle:
    """Label and colour of a kind; colours are those of matplotlib, here those of Okabe and Ito's palette."""

    label: str
    colour: str


OP_STYLES = KindTable[OpStyle](
    "figures",
    {
        Gemm: OpStyle("gemm", "#0072B2"),
        Conv: OpStyle("conv", "#E69F00"),
        Elementwise: OpStyle("elementwise", "#009E73"),
        Reduce: OpStyle("reduce", "#D55E00"),  # softmax, layer norm, the search for the largest
        Lookup: OpStyle("lookup", "#CC79A7"),
        Move: OpStyle("move", "#56B4E9"),
        Skew: OpStyle("skew", "#F0E442"),
        Quantise: OpStyle("quantise", "#000000"),
    },
)
