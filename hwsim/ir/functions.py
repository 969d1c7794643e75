"""What the lanes of a vector unit can do, and how work is counted in it."""

from collections.abc import Mapping
from enum import Enum


class Function(Enum):
    """What a lane can do to an element."""

    ADD = "add"
    SUB = "sub"
    MAX = "max"
    EQUAL = "equal"
    MUL = "mul"
    SIGMOID = "sigmoid"
    TANH = "tanh"
    EXP = "exp"
    LOG = "log"
    RECIPROCAL = "reciprocal"
    RSQRT = "rsqrt"
    REQUANTIZE = "requantize"
    DEQUANTIZE = "dequantize"

    @property
    def counts_as(self) -> "Function":
        """The function whose circuit does it.

        Differences and comparisons are additions, both conversions are alike, and a logarithm is as much work as an
        exponential (assumed).
        """
        return _SAME_CIRCUIT.get(self, self)


_SAME_CIRCUIT = {
    Function.SUB: Function.ADD,
    Function.MAX: Function.ADD,
    Function.EQUAL: Function.ADD,
    Function.LOG: Function.EXP,
    Function.DEQUANTIZE: Function.REQUANTIZE,
}

VectorWork = Mapping[Function, int]
"""Elements to which each function is applied."""
