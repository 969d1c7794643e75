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
    RECIPROCAL = "reciprocal"
    RSQRT = "rsqrt"
    REQUANTIZE = "requantize"
    DEQUANTIZE = "dequantize"

    @property
    def counts_as(self) -> "Function":
        """The function whose circuit does it: differences and comparisons are additions, both conversions are alike."""
        return _SAME_CIRCUIT.get(self, self)


_SAME_CIRCUIT = {
    Function.SUB: Function.ADD,
    Function.MAX: Function.ADD,
    Function.EQUAL: Function.ADD,
    Function.DEQUANTIZE: Function.REQUANTIZE,
}

VectorWork = Mapping[Function, int]
"""Elements to which each function is applied."""
