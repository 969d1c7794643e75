"""Functions of whole rows: norms, softmax, means, sums, largest entries."""

from collections.abc import Sequence
from math import prod

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.inputs.onnx import shapes
from hwsim.inputs.onnx.building import Builder
from hwsim.inputs.onnx.elementwise import emitted
from hwsim.inputs.onnx.parts import Chain, Held, Made, Operand
from hwsim.inputs.onnx.stored import Quant, Value
from hwsim.ir.ops import Function, Op, Reduce, Reduction
from hwsim.ir.tensor import Role
from hwsim.quantities.precision import Precision


@dataclass(slots=True, eq=False)
class Rows(Made):
    """A reduction under construction."""

    reduction: Reduction = Reduction.MEAN
    axis: int = 0
    """The axis of the tensor that it reads."""
    epsilon: float = 1e-5


def built_rows(made: Made) -> Op:
    """The op of a reduction, when all axes are settled."""
    assert isinstance(made, Rows)
    value, *parameters = made.reads
    return Reduce(
        name=made.name,
        reduction=made.reduction,
        read=value.view(),
        write=made.writes[0].view(),
        parameters=tuple(one.view() for one in parameters),
        axis=value.order.index(made.axis),
        epsilon=made.epsilon,
    )


def reduced(
    builder: Builder,
    reduction: Reduction,
    value: Value,
    axis: int,
    parameters: Sequence[Value] = (),
    epsilon: float = 1e-5,
    precision: Precision = Precision.FP32,
    quant: Quant | None = None,
) -> Value:
    """A function of the rows along an axis; what it narrows loses that axis. Integers that it makes have a `quant`."""
    at = value.single(axis)
    if at is None:
        value = builder.exact(value)
        at = value.single(axis)
        assert at is not None
    value.stored.locked.add(at)
    narrows = reduction.narrows
    kept = [place for place in value.order if place != at or not narrows]
    tensor = builder.stored(f"{builder.name}.out", [value.size_of(place) for place in kept], precision, quant=quant)
    written = tensor.whole(tuple(tensor.sizes))
    made = Rows(builder.name, [value, *parameters], [written], built_rows, reduction, at, epsilon)
    builder.parts.append(made)
    shape = tuple(size for place, size in enumerate(value.shape) if place != axis or not narrows)
    return tensor.whole(shape)


def _row(builder: Builder, held: Held | None, what: str, size: int, default: float) -> Value:
    values = np.full(size, default, np.float32) if held is None else np.asarray(held.real).reshape(-1)
    if values.size != size:
        raise builder.refused(f"has a {what} of {values.size} numbers for rows of {size}")
    key = ("row", default, size) if held is None else builder.key(held.values, "row")
    return builder.parameter(f"{builder.name}.{what}", values, Role.BIAS, key=key).whole((size,))


def layer_norm(builder: Builder) -> None:
    """`LayerNormalization` over the last axes."""
    value = builder.as_value(builder.value(0))
    gain, offset = builder.constant(1, "gain"), builder.constant(2, "offset")
    axis, rank = shapes.place(builder.attribute("axis", -1), len(value.shape)), len(value.shape)
    shape, size = value.shape, prod(value.shape[axis:])
    rows = value.other(shape=(*shape[:axis], size)) if axis < rank - 1 else value
    if axis < rank - 1 and rows.single(axis) is None:
        rows = builder.copied(rows)
    parameters = [_row(builder, gain, "gain", size, 1.0), _row(builder, offset, "offset", size, 0.0)]
    epsilon = float(builder.attribute("epsilon", 1e-5))
    out = reduced(builder, Reduction.LAYER_NORM, rows, axis, parameters, epsilon)
    builder.give(out.other(shape=shape))
    if any(builder.node.outputs[1:]):
        _statistics(builder, rows, axis, epsilon, (*shape[:axis], *(1,) * (rank - axis)))


def _statistics(builder: Builder, rows: Value, axis: int, epsilon: float, shape: tuple[int, ...]) -> None:
    """The second and third result of a norm: the mean of each row, and one over its deviation."""
    with builder.part("mean"):
        mean = reduced(builder, Reduction.MEAN, rows, axis)
    wide = mean.other(shape=(*rows.shape[:axis], 1))
    builder.give(wide.other(shape=shape), 1)
    if not any(builder.node.outputs[2:]):
        return

    def squared(chain: Chain, args: Sequence[str]) -> str:
        apart = chain.apply(Function.SUB, *args)
        return chain.apply(Function.MUL, apart, apart)

    def inverse(chain: Chain, args: Sequence[str]) -> str:
        return chain.apply(Function.RSQRT, chain.apply(Function.ADD, args[0], chain.constant(epsilon)))

    with builder.part("squares"):
        squares = emitted(builder, [rows, wide], squared)
    with builder.part("variance"):
        variance = reduced(builder, Reduction.MEAN, squares, axis)
    with builder.part("inverse"):
        builder.give(emitted(builder, [variance.other(shape=shape)], inverse), 2)


def instance_norm(builder: Builder) -> None:
    """`InstanceNormalization`: rows of a channel are normalised, each channel has a gain and an offset."""
    value = builder.as_value(builder.value(0))
    gain, offset = builder.constant(1, "gain"), builder.constant(2, "offset")
    if len(value.shape) < 3:
        raise builder.refused(f"normalises {list(value.shape)}; hwsim reads batch, channels and more")
    shape = value.shape
    rows = value.other(shape=(*shape[:2], prod(shape[2:])))
    if rows.single(2) is None:
        rows = builder.copied(rows)
    with builder.part("rows"):
        out = reduced(builder, Reduction.LAYER_NORM, rows, 2, epsilon=float(builder.attribute("epsilon", 1e-5))).other(
            shape=shape
        )
    assert gain is not None
    assert offset is not None
    gains, offsets = (np.asarray(one.real, np.float32) for one in (gain, offset))
    if (gains == 1).all() and (offsets == 0).all():
        builder.give(out)
        return
    sizes = (-1, *(1,) * (len(shape) - 2))
    operands: list[Operand] = [out, *(Held(one.reshape(sizes), "float32") for one in (gains, offsets))]

    def body(chain: Chain, args: Sequence[str]) -> str:
        return chain.apply(Function.ADD, chain.apply(Function.MUL, args[0], args[1]), args[2])

    builder.give(emitted(builder, operands, body))


def softmax(builder: Builder) -> None:
    """`Softmax` and `LogSoftmax` along one axis."""
    value = builder.as_value(builder.value(0))
    reduction = Reduction.SOFTMAX if builder.node.op == "Softmax" else Reduction.LOG_SOFTMAX
    axis = shapes.place(builder.attribute("axis", -1), len(value.shape))
    builder.give(reduced(builder, reduction, value, axis))


_ALONG = {
    "ReduceMean": Reduction.MEAN,
    "ReduceSum": Reduction.SUM,
    "ReduceMax": Reduction.MAX,
    "ReduceMin": Reduction.MIN,
}


def along(builder: Builder) -> None:
    """Means, sums and largest entries along some axes."""
    builder.give(_along(builder, builder.as_value(builder.value(0)), _ALONG[builder.node.op]))


def _along(builder: Builder, value: Value, reduction: Reduction) -> Value:
    """A reduction along the axes that the node names."""
    given = builder.numbers(1, "axes")
    axes = shapes.axes_of(builder.node, given, len(value.shape))
    if not axes:
        if builder.attribute("noop_with_empty_axes", 0):
            return value
        axes = tuple(range(len(value.shape)))
    return _over(builder, value, reduction, axes, keep=bool(builder.attribute("keepdims", 1)))


def _over(builder: Builder, value: Value, reduction: Reduction, axes: Sequence[int], *, keep: bool) -> Value:
    """A reduction along these axes, one after another."""
    shape = tuple(1 if place in axes else size for place, size in enumerate(value.shape) if place not in axes or keep)
    for number, axis in enumerate(sorted(axes, reverse=True)):
        if value.shape[axis] == 1:
            value = value.other(shape=(*value.shape[:axis], *value.shape[axis + 1 :]))
            continue
        if number:
            with builder.part(f"axis{axis}"):
                value = reduced(builder, reduction, value, axis)
        else:
            value = reduced(builder, reduction, value, axis)
    return value.other(shape=shape)


def norm(builder: Builder) -> None:
    """`ReduceL1`, `ReduceL2` and `ReduceSumSquare`: sums of sizes, or of squares."""
    op = builder.node.op

    def sized(chain: Chain, args: Sequence[str]) -> str:
        if op != "ReduceL1":
            return chain.apply(Function.MUL, args[0], args[0])
        return chain.apply(Function.MAX, args[0], chain.apply(Function.SUB, chain.constant(0.0), args[0]))

    with builder.part("sizes"):
        sizes = emitted(builder, [builder.value(0)], sized)
    sums = _along(builder, sizes, Reduction.SUM)
    if op != "ReduceL2":
        builder.give(sums)
        return
    with builder.part("root"):
        builder.give(emitted(builder, [sums], lambda chain, args: chain.apply(Function.SQRT, args[0])))


def pooled(builder: Builder) -> None:
    """`GlobalAveragePool` and `GlobalMaxPool`: all but batch and channels become one entry."""
    value = builder.as_value(builder.value(0))
    reduction = Reduction.MEAN if builder.node.op == "GlobalAveragePool" else Reduction.MAX
    builder.give(_over(builder, value, reduction, range(2, len(value.shape)), keep=True))


def argmax(builder: Builder) -> None:
    """The place of the largest entry."""
    value = builder.as_value(builder.value(0))
    axis = shapes.place(builder.attribute("axis", 0), len(value.shape))
    if builder.attribute("select_last_index", 0):
        raise builder.refused("takes the last of equal entries; hwsim takes the first")
    out = reduced(builder, Reduction.ARGMAX, value, axis, precision=Precision.INT32)
    if builder.attribute("keepdims", 1):
        out = out.other(shape=(*value.shape[:axis], 1, *value.shape[axis + 1 :]))
    builder.give(out)
