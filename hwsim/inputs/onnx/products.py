"""Products of matrices and convolutions: weights of the file, or values in their place."""

from collections.abc import Sequence
from math import prod

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.inputs.onnx.building import Builder
from hwsim.inputs.onnx.elementwise import emitted
from hwsim.inputs.onnx.parts import Chain, Held, Made, Operand
from hwsim.inputs.onnx.stored import Quant, Stored, Value
from hwsim.ir.ops import Conv, ConvAxis, Function, Gemm, Op
from hwsim.ir.tensor import Role
from hwsim.quantities.precision import Precision


@dataclass(slots=True, eq=False)
class Product(Made):
    """A product under construction: it may still take a bias, and what of the activations stands for zero."""

    bias: Value | None = None
    transposed: bool = False
    axes: tuple[ConvAxis, ...] = ()
    groups: int = 1
    act_zero: Value | None = None

    @property
    def columns(self) -> int:
        return self.reads[1].sizes[-2 if self.transposed else -1] * self.groups


def built_product(made: Made) -> Op:
    """The op of a product, when all axes are settled."""
    assert isinstance(made, Product)
    act, weight, *_ = made.reads
    (out,) = made.writes
    bias, zero = (None if one is None else one.view() for one in (made.bias, made.act_zero))
    if made.axes:
        return Conv(
            name=made.name, act=act.view(), weight=weight.view(), bias=bias, out=out.view(), axes=made.axes,
            groups=made.groups, act_zero=zero,
        )  # fmt: skip
    return Gemm(
        name=made.name, act=act.view(), weight=weight.view(), bias=bias, out=out.view(), transposed=made.transposed,
        act_zero=zero,
    )  # fmt: skip


def real(builder: Builder, operand: Operand) -> Value:
    """A value in floats: what integers stand for, where it is kept in integers."""
    value = builder.as_value(operand)
    if not value.real:
        return value
    with builder.part("real"):
        return emitted(builder, [value], lambda chain, args: args[0])


def _whole_integers(operand: Operand) -> Quant | None:
    """The scales of integers that a product can take as they are: one for all, or one for each column."""
    quant = operand.quant
    if quant is None or (isinstance(operand, Value) and not operand.real):
        return None
    return quant


def multiply(builder: Builder, act: Operand, weight: Operand, bias: Operand | None = None) -> Value:
    """act[…, m, k] times weight[…, k, n], and a bias for each column."""
    if len(act.shape) < 2 or len(weight.shape) < 2:
        return _vectors(builder, act, weight, bias)
    *leading, m, k = act.shape
    *batch, rows, n = weight.shape
    if k != rows:
        raise builder.refused(f"multiplies {list(act.shape)} by {list(weight.shape)}")
    several = prod(batch) > 1
    if several and (prod(leading) != prod(batch) or tuple(leading[-len(batch) :]) != tuple(batch[-len(leading) :])):
        raise builder.refused(
            f"repeats {list(act.shape)} for each matrix of {list(weight.shape)}; expand it beforehand"
        )
    act_value, weight_value, transposed = _operands(builder, act, weight, batch if several else [])
    shape = (*leading, m, n) if len(leading) >= len(batch) else (*batch, m, n)
    out = builder.stored(f"{builder.name}.out", shape)
    made = Product(builder.name, [act_value, weight_value], [out.whole(shape)], built_product, transposed=transposed)
    builder.parts.append(made)
    result = made.writes[0]
    if bias is None:
        return result
    if take_bias(builder, made, bias):
        return result
    with builder.part("add"):
        return emitted(builder, [result, bias], lambda chain, args: chain.apply(Function.ADD, *args))


def _vectors(builder: Builder, act: Operand, weight: Operand, bias: Operand | None) -> Value:
    """A product with a vector: a row as the first operand, a column as the second one, which the result lacks."""
    if not act.shape or not weight.shape or bias is not None:
        raise builder.refused(f"multiplies {list(act.shape)} by {list(weight.shape)}")
    row, column = len(act.shape) == 1, len(weight.shape) == 1
    if row and prod(weight.shape[:-2]) > 1:  # the same for each of several matrices: these are the rows then
        rank = len(weight.shape)
        perm = (*range(rank - 2), rank - 1, rank - 2)
        turned = builder.turned(builder.as_value(weight), perm)
        return _vectors(builder, turned, act, None)
    act = _seen_as(act, (1, *act.shape)) if row else act
    weight = _seen_as(weight, (*weight.shape, 1)) if column else weight
    if column and isinstance(weight, Value):
        weight = builder.exact(weight, lock=False)
    result = multiply(builder, act, weight)
    *leading, rows, columns = result.shape
    return result.other(shape=(*leading, *(() if row else (rows,)), *(() if column else (columns,))))


def _seen_as(operand: Operand, shape: tuple[int, ...]) -> Operand:
    """A vector as a matrix; integers with scales along it become what they stand for."""
    if isinstance(operand, Value):
        return operand.other(shape=shape)
    if operand.quant is not None and operand.quant.axis is not None:
        return Held(np.asarray(operand.real).reshape(shape), "float32")
    return Held(operand.values.reshape(shape), operand.kind, operand.quant)


def _operands(builder: Builder, act: Operand, weight: Operand, batch: Sequence[int]) -> tuple[Value, Value, bool]:
    """Both operands as a product takes them, and whether the weight comes turned."""
    weight_quant = _whole_integers(weight)
    value = builder.as_value(act)
    if value.real and (weight_quant is None or weight_quant.block or not _by_column(weight)):
        value = real(builder, value)
    if isinstance(weight, Held):
        return builder.grouped(value), _weight(builder, weight, batch), False
    if weight.real and (not value.real or weight.quant is None or weight.quant.axis is not None):
        weight = real(builder, weight)
        value = real(builder, value)
    turned, transposed = _matrices(builder, weight, batch)
    return builder.grouped(value), turned, transposed


def _by_column(weight: Operand) -> bool:
    quant = weight.quant
    return quant is not None and (
        quant.axis is None or quant.scale.size == 1 or quant.axis % len(weight.shape) == len(weight.shape) - 1
    )


def _weight(builder: Builder, held: Held, batch: Sequence[int]) -> Value:
    """A weight of the file: [k, n], or one for each of a batch."""
    shape = (*batch, *held.shape[-2:])
    quant, values = held.quant, held.values
    if quant is not None:
        columns = _by_column(held)
        groups = quant.block and quant.axis is not None and quant.axis % values.ndim == values.ndim - 2
        if batch or not (columns or groups):
            quant, values = None, held.real
    if quant is not None and quant.axis is not None and not quant.block:
        quant = Quant(quant.precision, quant.scale.reshape(1, -1), quant.zero.reshape(1, -1), 1)
    tensor = builder.parameter(
        f"{builder.name}.weight", values.reshape(shape), Role.WEIGHT, key=builder.key(held.values, shape), quant=quant
    )
    tensor.locked.update(range(len(tensor.sizes)))
    return tensor.whole(shape)


def _matrices(builder: Builder, weight: Value, batch: Sequence[int]) -> tuple[Value, bool]:
    """A value in the place of a weight: its last two axes are single ones of its tensor."""
    shape = (*batch, *weight.shape[-2:])
    weight = weight.other(shape=shape)
    k, n = weight.single(len(shape) - 2), weight.single(len(shape) - 1)
    if k is None or n is None or weight.groups() is None:
        weight = builder.exact(weight, lock=False)
        k, n = weight.order[-2:]
    rest = [axis for axis in weight.order if axis not in (k, n)]
    turned = n < k
    weight.stored.locked.update((k, n))
    return weight.other(order=[*rest, n, k] if turned else [*rest, k, n]), turned


def take_bias(builder: Builder, made: Product, bias: Operand) -> bool:
    """Give a product a bias of the file; says whether it is one."""
    if not isinstance(bias, Held) or made.bias is not None or bias.values.size not in (1, made.columns):
        return False
    values = np.asarray(bias.real)
    if prod(values.shape[:-1]) != 1:
        return False
    values = np.ascontiguousarray(np.broadcast_to(values.reshape(-1), (made.columns,)))
    if not np.isfinite(values).all():
        return False
    integers = made.reads[0].real and (made.reads[1].stored.quant is not None)
    tensor = builder.parameter(
        f"{made.name}.bias", values, Role.BIAS, key=builder.key(bias.values, ("bias", made.columns, integers))
    )
    if integers:
        tensor.precision = Precision.INT32
    made.bias = tensor.whole((made.columns,))
    return True


def matmul(builder: Builder) -> None:
    """`MatMul`."""
    builder.give(multiply(builder, builder.value(0), builder.value(1)))


def gemm(builder: Builder) -> None:
    """`Gemm`: both operands may come turned, the third is added to what they make."""
    act, weight, added = builder.value(0), builder.value(1), builder.operand(2)
    if builder.attribute("transA", 0):
        act = _turned(builder, act)
    if builder.attribute("transB", 0):
        weight = _turned(builder, weight)
    alpha, beta = float(builder.attribute("alpha", 1.0)), float(builder.attribute("beta", 1.0))
    if alpha == 1 and (beta == 1 or added is None):
        builder.give(multiply(builder, act, weight, added))
        return
    result = multiply(builder, act, weight)

    def body(chain: Chain, args: Sequence[str]) -> str:
        scaled = chain.apply(Function.MUL, args[0], chain.constant(alpha)) if alpha != 1 else args[0]
        if len(args) == 1:
            return scaled
        other = chain.apply(Function.MUL, args[1], chain.constant(beta)) if beta != 1 else args[1]
        return chain.apply(Function.ADD, scaled, other)

    with builder.part("scale"):
        builder.give(emitted(builder, [result] if added is None else [result, added], body))


def _turned(builder: Builder, operand: Operand) -> Operand:
    if isinstance(operand, Held):
        quant = operand.quant
        if quant is not None and quant.axis is not None:
            scale = quant.scale if not quant.block else quant.scale.T
            zero = quant.zero if not quant.block else quant.zero.T
            quant = Quant(quant.precision, scale, zero, 1 - quant.axis % 2, quant.block)
        return Held(operand.values.T, operand.kind, quant)
    return builder.turned(operand, (1, 0))


def added(builder: Builder) -> bool:
    """Takes an addition of a row of the file into the product before it; says whether that could be."""
    if len(builder.node.inputs) != 2:
        return False
    one, other = builder.value(0), builder.value(1)
    if isinstance(one, Held):
        one, other = other, one
        name = builder.node.inputs[1]
    else:
        name = builder.node.inputs[0]
    if not isinstance(one, Value) or not isinstance(other, Held) or builder.readers.get(name) != 1:
        return False
    made = next((part for part in reversed(builder.parts) if isinstance(part, Product) and part.writes[0] is one), None)
    if made is None or made.axes or other.values.ndim > len(one.shape) or not other.values.ndim:
        return False
    if other.shape[-1] != one.shape[-1] or not take_bias(builder, made, other):
        return False
    made.inside.append(builder.name)
    builder.give(one)
    return True


def conv(builder: Builder) -> None:
    """`Conv`: channels come last in the tensors that it reads and makes."""
    builder.give(slide(builder, builder.value(0), builder.value(1), builder.operand(2)))


def slide(builder: Builder, act: Operand, weight: Operand, bias: Operand | None) -> Value:
    """A convolution of act[batch, channels, …] with weight[outputs, channels of a group, …]."""
    value = builder.as_value(act)
    if not isinstance(weight, Held):
        raise builder.refused("slides weights that depend on data; hwsim reads those of the file")
    channels, groups = value.shape[1], int(builder.attribute("group", 1))
    outputs, inside, *kernel = weight.shape
    axes = _axes(builder, value.shape[2:], kernel)
    if groups < 1 or channels != inside * groups or outputs % groups:
        raise builder.refused(f"slides {list(weight.shape)} over {channels} channels in {groups} groups")
    rank = len(value.shape)
    last = (0, *range(2, rank), 1)
    quant = weight.quant
    if value.real and (
        quant is None or quant.block or (quant.axis is not None and quant.axis != 0 and quant.scale.size > 1)
    ):
        value = real(builder, value)
        quant = None
    seen = builder.exact(builder.turned(value, last))
    values = weight.values if quant is not None else np.asarray(weight.real)
    laid = values.reshape(groups, outputs // groups, inside, *kernel)
    laid = laid.transpose(0, *range(3, 3 + len(kernel)), 2, 1).reshape(groups, prod(kernel) * inside, outputs // groups)
    if quant is not None and quant.scale.size > 1:
        quant = Quant(
            quant.precision, quant.scale.reshape(groups, 1, -1), quant.zero.reshape(groups, 1, -1), 2, 0
        )  # fmt: skip
    tensor = builder.parameter(
        f"{builder.name}.weight", laid, Role.WEIGHT, key=builder.key(weight.values, ("conv", groups)), quant=quant
    )
    tensor.locked.update(range(len(tensor.sizes)))
    sizes = [value.shape[0], *(axis.outputs for axis in axes), outputs]
    out: Stored = builder.stored(f"{builder.name}.out", sizes)
    out.locked.update(range(len(sizes)))
    order = [0, len(sizes) - 1, *range(1, len(sizes) - 1)]
    shape = (sizes[0], outputs, *sizes[1:-1])
    made = Product(
        builder.name,
        [seen, tensor.whole(laid.shape)],
        [out.whole(tuple(sizes))],
        built_product,
        axes=axes,
        groups=groups,
    )
    builder.parts.append(made)
    if bias is not None and not take_bias(builder, made, bias):
        raise builder.refused("adds a bias that is no row of the file")
    return Value(out, order, {}, shape)


def _axes(builder: Builder, sizes: Sequence[int], kernel: Sequence[int]) -> tuple[ConvAxis, ...]:
    count = len(sizes)
    if not count or len(kernel) != count:
        raise builder.refused(f"slides a kernel {list(kernel)} along {count} axes")
    strides = builder.attribute("strides", (1,) * count)
    dilations = builder.attribute("dilations", (1,) * count)
    pads = builder.attribute("pads", (0,) * (2 * count))
    mode = builder.attribute("auto_pad", "NOTSET")
    if len(strides) != count or len(dilations) != count or len(pads) != 2 * count:
        raise builder.refused("has strides, dilations or pads of another number of axes")
    axes = []
    for place, (size, taps) in enumerate(zip(sizes, kernel, strict=True)):
        before, after = pads[place], pads[count + place]
        if mode in ("SAME_UPPER", "SAME_LOWER"):
            reach = dilations[place] * (taps - 1) + 1
            both = max(0, (-(-size // strides[place]) - 1) * strides[place] + reach - size)
            before, after = (both // 2, both - both // 2) if mode == "SAME_UPPER" else (both - both // 2, both // 2)
        elif mode == "VALID":
            before, after = 0, 0
        axes.append(
            ConvAxis(
                size=size, kernel=taps, stride=strides[place], dilation=dilations[place], before=before, after=after
            )
        )
    return tuple(axes)
