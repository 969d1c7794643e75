"""The operands of a matrix product as streams of addresses: how rows and K lie in tensors stored row by row."""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from hwsim.dataclass import dataclass
from hwsim.ir.op_table import matrix_size
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.view import View
from hwsim.mapping.lower import SizedOp


class Axis(NamedTuple):
    """So many entries, each so many bits behind the one before it."""

    size: int
    stride: int


@dataclass(frozen=True, slots=True)
class Stream:
    """An operand of one product: entries of so many bits, in rows of K each; the outermost axis comes first.

    Its first entry lies at the beginning of a word. Zeros around the input of a convolution count as if they were
    stored there.
    """

    bits: int
    rows: tuple[Axis, ...]
    ks: tuple[Axis, ...]

    @property
    def bytes(self) -> int:
        """Bytes of all rows, each packed without gaps, as they enter the array."""
        return size_of(self.rows) * -(-size_of(self.ks) * self.bits // 8)


def size_of(axes: Sequence[Axis]) -> int:
    """The entries along all of these axes."""
    return prod(axis.size for axis in axes)


class Streams(NamedTuple):
    """Those of the activations and of what takes the place of a weight. Weights themselves have none: they do not
    change, and lie in the order in which the array takes them."""

    act: Stream | None = None
    weight: Stream | None = None


def streams_of(sized: SizedOp, program: Program) -> Streams:
    """The streams of a product."""
    op = sized.op
    assert isinstance(op, (Gemm, Conv))
    if isinstance(op, Conv):
        return Streams(_windows(op, sized, program))
    size, weight = matrix_size(op, sized.shape), program.tensor(op.weight.tensor)
    axes = _axes(op.act, sized, program)
    ks, rest = _innermost(axes, size.k)
    act = Stream(program.tensor(op.act.tensor).precision.bits, _merged(_innermost(rest, size.m)[0]), _merged(ks))
    if weight.role is Role.WEIGHT:
        return Streams(act)
    first, second = _axes(op.weight, sized, program)[-2:]
    k, n = (second, first) if op.transposed else (first, second)
    return Streams(act, Stream(weight.precision.bits, _merged([n]), _merged([k])))


def _windows(op: Conv, sized: SizedOp, program: Program) -> Stream:
    """The windows of a convolution, of its first group: a row for each position of the kernel."""
    batch, *slid, channels = _axes(op.act, sized, program)
    pairs = list(zip(op.axes, slid, strict=True))
    rows = [batch, *(Axis(along.outputs, along.stride * axis.stride) for along, axis in pairs)]
    kernel = [Axis(along.kernel, along.dilation * axis.stride) for along, axis in pairs]
    ks = [*kernel, Axis(channels.size // op.groups, channels.stride)]
    return Stream(program.tensor(op.act.tensor).precision.bits, _merged(rows), _merged(ks))


def _axes(view: View, sized: SizedOp, program: Program) -> list[Axis]:
    """The axes of a view, in its order."""
    tensor = program.tensor(view.tensor)
    strides = _strides(tensor)
    for window in view.windows:
        strides[window.axis] *= window.every
    order = range(len(strides)) if view.order is None else view.order
    return [Axis(count, strides[axis]) for count, axis in zip(sized.shape(view), order, strict=True)]


def _strides(tensor: Tensor) -> list[int]:
    """Bits from one entry of each axis to the next one: rows are packed, and begin at whole bytes."""
    strides, behind = [0] * len(tensor.shape), 8 * tensor.precision.row_bytes(tensor.row_elements)
    strides[tensor.packed_axis] = tensor.precision.bits
    for axis in reversed(range(len(tensor.shape))):
        if axis != tensor.packed_axis:
            strides[axis] = behind
            behind *= tensor.shape[axis]
    return strides


def _innermost(axes: Sequence[Axis], count: int) -> tuple[list[Axis], list[Axis]]:
    """The last axes that make up so many entries, and those before; an axis that reaches beyond is taken in part."""
    taken, rest = list[Axis](), list(axes)
    while count > 1 and rest:
        axis = rest.pop()
        part = min(axis.size, count)
        taken.insert(0, Axis(part, axis.stride))
        if part < axis.size:
            rest.append(Axis(axis.size // part, part * axis.stride))
        count = -(-count // part)
    return taken, rest


def _merged(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """The same places along as few axes as possible.

    >>> _merged([Axis(4, 800), Axis(1, 32), Axis(10, 80), Axis(16, 4)])
    (Axis(size=40, stride=80), Axis(size=16, stride=4))
    """
    merged = list[Axis]()
    for axis in axes:
        if axis.size == 1:
            continue
        if merged and merged[-1].stride == axis.size * axis.stride:
            axis = Axis(merged.pop().size * axis.size, axis.stride)
        merged.append(axis)
    return tuple(merged) or (Axis(1, 0),)
