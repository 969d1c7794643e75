"""The kinds of op: what each is called, reads and writes. What they obey and cost stands in `core/laws.py`."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from hwsim.core.functions import Function
from hwsim.core.noun import Name, Noun, Whole
from hwsim.core.view import View
from hwsim.errors import InvalidValue

Size = Annotated[int, Whole(low=1, high=2**40)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gemm(Noun):
    """out[b, m, n] = act[b, m, k] @ weight[b, k, n] + bias[n], brought to the format of `out`.

    The sizes are those of the views: b from the leading axes of `weight`, k and n from its last two (n and k, if it is
    stored transposed), m from what is left of `act`.
    """

    name: Name
    act: View
    weight: View
    out: View
    bias: View | None = None
    transposed: bool = False


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
class Conv(Noun):
    """A convolution of act[batch, *axes, channels] with weight[groups, *kernels · channels / groups, outputs / groups].

    With one channel a group it is depthwise, and works on the vector unit; otherwise it is the Gemm of its windows.
    """

    name: Name
    act: View
    weight: View
    out: View
    bias: View | None = None
    axes: tuple[ConvAxis, ...]
    groups: Size = 1

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
class Elementwise(Noun):
    """A chain of functions over local values that are read from views, or constant, and written to views.

    All values have the same number of elements, but those of one row, which are repeated for each row.
    """

    name: Name
    reads: tuple[tuple[str, View], ...]
    chain: tuple[Apply, ...]
    writes: tuple[tuple[str, View], ...]
    constants: tuple[tuple[str, float], ...] = ()

    def check(self) -> None:
        known = {local for local, _ in (*self.reads, *self.constants)}
        for step in self.chain:
            for arg in step.args:
                if arg not in known:
                    raise InvalidValue(f"{self.name}.chain", arg, "is used before it is made")
            known.add(step.result)
        for local, _ in self.writes:
            if local not in known:
                raise InvalidValue(f"{self.name}.writes", local, "is made by no step of the chain")


class Reduction(Enum):
    """A function of whole rows."""

    SOFTMAX = "softmax"
    LAYER_NORM = "layer_norm"
    ARGMAX = "argmax"
    MEAN = "mean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduce(Noun):
    """A function of whole rows: one axis is reduced, or normalised; a layer norm also has a gain and an offset."""

    name: Name
    reduction: Reduction
    read: View
    write: View
    parameters: tuple[View, ...] = ()
    axis: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup(Noun):
    """One row of a table for each index."""

    name: Name
    table: View
    index: View
    out: View


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Noun):
    """A copy to another place or layout, element for element."""

    name: Name
    read: View
    write: View


Op = Gemm | Conv | Elementwise | Reduce | Lookup | Move
