"""What a program computes: the functions of the vector unit, and the kinds of ops.

Elements are counted in the order of the view: its last axis fastest, whatever the order of the axes in memory. Where
shapes differ, the elements of one view pair with those of another one by one in that order.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.ir.place import Place
from hwsim.ir.view import View
from hwsim.quantities.noun import Name, Noun, Number, UnlessDefault, Whole


class Function(Enum):
    """What a lane can do to an element."""

    ADD = "add"
    SUB = "sub"
    MAX = "max"
    MIN = "min"
    EQUAL = "equal"
    MUL = "mul"
    SIGMOID = "sigmoid"
    TANH = "tanh"
    EXP = "exp"
    LOG = "log"
    RECIPROCAL = "reciprocal"
    RSQRT = "rsqrt"
    SQRT = "sqrt"
    ERF = "erf"
    SIN = "sin"
    COS = "cos"
    DIV = "div"
    ROUND = "round"
    REQUANTIZE = "requantize"
    DEQUANTIZE = "dequantize"

    @property
    def counts_as(self) -> "Function":
        """The function whose circuit does it.

        Differences and comparisons are additions, both conversions are alike. Assumed: a logarithm, a sine and a cosine
        are as much work as an exponential, an error function as a hyperbolic tangent, a square root as its reciprocal,
        a quotient as a reciprocal.
        """
        return _SAME_CIRCUIT.get(self, self)


_SAME_CIRCUIT = {
    Function.SUB: Function.ADD,
    Function.MAX: Function.ADD,
    Function.MIN: Function.ADD,
    Function.EQUAL: Function.ADD,
    Function.LOG: Function.EXP,
    Function.SIN: Function.EXP,
    Function.COS: Function.EXP,
    Function.ERF: Function.TANH,
    Function.SQRT: Function.RSQRT,
    Function.DIV: Function.RECIPROCAL,
    Function.ROUND: Function.REQUANTIZE,
    Function.DEQUANTIZE: Function.REQUANTIZE,
}

VectorWork = Mapping[Function, int]
"""Elements to which each function is applied."""


Size = Annotated[int, Whole(low=1, high=2**40)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Op(Noun):
    """What every op is: a noun with a name of its own in its program. Its class is its kind."""

    name: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Gemm(Op):
    """out[b, m, n] = act[b, m, k] @ weight[b, k, n] + bias[n], brought to the format of `out`.

    The sizes are those of the views: b from the leading axes of `weight`, k and n from its last two (n and k, if it is
    `transposed`), m from what is left of `act`. A row of `act` (k) and one of `out` (n) may lie over several last axes,
    as heads do. A weight that is an integer below floating-point activations is brought to their format first.

    The integer in `act_zero`, if there is one, stands for zero: it is taken off all activations.

    With `row_scales`, one for each row (b, m) of integer activations, the sums become floats: times the scale of their
    row and that of their column.

    The array does it or, if it is `on_vector`, the vector unit; networks leave that to the planner, as they leave to it
    over how many cores it is split, unless `place` says so.
    """

    act: View
    weight: View
    out: View
    bias: View | None = None
    transposed: bool = False
    row_scales: View | None = None
    on_vector: bool = False
    place: Annotated[Place | None, UnlessDefault()] = None
    act_zero: Annotated[View | None, UnlessDefault()] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvAxis(Noun):
    """One axis along which a convolution slides, zeros before and after what is there.

    >>> ConvAxis(size=80, kernel=3, stride=2).outputs
    39
    """

    size: Size
    kernel: Size
    stride: Size = 1
    dilation: Size = 1
    before: Annotated[int, Whole(high=2**30)] = 0
    after: Annotated[int, Whole(high=2**30)] = 0

    def check(self) -> None:
        if self.outputs < 1:
            raise InvalidValue("size", self.size, f"is shorter than the {self.reach} entries that the kernel spans")

    @property
    def reach(self) -> int:
        """Entries that the kernel spans."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def outputs(self) -> int:
        """Positions at which the whole kernel lies on the axis."""
        return (self.size + self.before + self.after - self.reach) // self.stride + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv(Op):
    """A convolution of act[batch, *axes, channels] with weight[groups, *kernels · channels / groups, outputs / groups].

    With one channel a group it is depthwise, and works on the vector unit; otherwise it is the Gemm of its windows. The
    integer in `act_zero`, if there is one, stands for zero, in the activations and around them.
    """

    act: View
    weight: View
    out: View
    bias: View | None = None
    axes: tuple[ConvAxis, ...]
    groups: Size = 1
    act_zero: Annotated[View | None, UnlessDefault()] = None

    def check(self) -> None:
        if not self.axes:
            raise InvalidValue(f"{self.name}.axes", self.axes, "must slide along at least one axis")


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply(Noun):
    """One function applied to local values of a chain, element by element."""

    function: Function
    args: tuple[str, ...]
    result: str

    def check(self) -> None:
        if not self.args:
            raise InvalidValue("args", self.args, "a function needs at least one argument")


@dataclass(frozen=True, slots=True, kw_only=True)
class Elementwise(Op):
    """A chain of functions over local values that are read from views, or constant, and written to views.

    All values have the same number of elements, but those of one row, which are repeated for each row. A row is what
    one or several last axes of the largest view make up. A view that has as many axes as the largest one, each of them
    as long or of one entry, is repeated along those of one entry.
    """

    reads: tuple[tuple[str, View], ...]
    chain: tuple[Apply, ...]
    writes: tuple[tuple[str, View], ...]
    constants: tuple[tuple[str, float], ...] = ()

    def check(self) -> None:
        defined = {local for local, _ in (*self.reads, *self.constants)}
        for step in self.chain:
            for arg in step.args:
                if arg not in defined:
                    raise InvalidValue(f"{self.name}.chain", arg, "is used before it is made")
            defined.add(step.result)
        for local, _ in self.writes:
            if local not in defined:
                raise InvalidValue(f"{self.name}.writes", local, "is made by no step of the chain")


class Reduction(Enum):
    """A function of whole rows."""

    SOFTMAX = "softmax"  # exp(x - max) / sum of these
    LOG_SOFTMAX = "log_softmax"  # x - max - log of the sum of exp(x - max)
    LAYER_NORM = "layer_norm"  # (x - mean) / sqrt(variance + epsilon), and · gain + offset if it has them
    ARGMAX = "argmax"  # the place of the largest, of equals the first
    TOP = "top"  # the places of the `count` largest, the largest first, of equals the first
    MAX = "max"
    MIN = "min"
    MEAN = "mean"
    SUM = "sum"

    @property
    def narrows(self) -> bool:
        """Whether the reduced axis is gone in the result, or `count` entries long."""
        return self not in (Reduction.SOFTMAX, Reduction.LOG_SOFTMAX, Reduction.LAYER_NORM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduce(Op):
    """A function of whole rows: one axis is reduced, or normalised; a layer norm may have a gain and an offset.

    What a reduction narrows it writes in the order of the other axes; `count` is how many places `top` finds, `epsilon`
    what a layer norm adds to the variance (by default that of PyTorch's LayerNorm).
    """

    reduction: Reduction
    read: View
    write: View
    parameters: tuple[View, ...] = ()
    axis: int = -1
    count: Size = 1
    epsilon: Annotated[float, Number(low=0, high=1), UnlessDefault()] = 1e-5

    def check(self) -> None:
        if self.count != 1 and self.reduction is not Reduction.TOP:
            raise InvalidValue(f"{self.name}.count", self.count, "is for the reduction 'top' only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup(Op):
    """One row of a table for each index: out[i] = table[index[i]], the table's leading axes taken as one.

    An index beyond the last row means the last row.
    """

    table: View
    index: View
    out: View


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Op):
    """A copy to another place or layout, element for element."""

    read: View
    write: View


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew(Op):
    """write[…, i, j] = read[…, i, j + rows - 1 - i]: each row begins one entry before the one above it.

    It turns products with relative positions, the largest distance first, into those of queries with keys: `read` has
    rows - 1 more columns than `write`, and the first row loses as many at its left, the last one at its right.
    """

    read: View
    write: View


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantise(Op):
    """Rows of floats as integers, each by a scale of its own: its largest magnitude over the largest integer.

    There are as many rows as `scales` has elements; a row may lie over several last axes.
    """

    read: View
    write: View
    scales: View
