"""Functions of rows and windows: softmax, means, the largest of a window."""

from collections.abc import Sequence
from math import prod

from hwsim.inputs.onnx.elementwise import emitted
from hwsim.inputs.onnx.layout import part_of
from hwsim.inputs.onnx.parts import Chain
from hwsim.inputs.onnx.reductions import Rows, reduced
from hwsim.inputs.onnx.shapes import place
from hwsim.inputs.onnx.stored import Quant, Value
from hwsim.inputs.tflite.building import TfliteBuilder
from hwsim.inputs.tflite.elementwise import ruled
from hwsim.inputs.tflite.products import conv_axis, fused
from hwsim.ir.ops import ConvAxis, Function, Reduction
from hwsim.tensor.fixed_point import one_factor
from hwsim.tensor.tflite.rules import Mean, Pooled, Rule, Softmax

_MOST_TAPS = 256
"""Entries of a pooling window: each is a view of its own."""


def softmax(builder: TfliteBuilder) -> None:
    """`SOFTMAX` along the last axis."""
    value = builder.as_value(builder.value(0))
    if builder.attribute("beta") != 1.0:
        raise builder.refused(f"sharpens by beta = {builder.attribute('beta'):g}; hwsim reads 1")
    axis = len(value.shape) - 1
    if not builder.quantised():
        builder.give(reduced(builder, Reduction.SOFTMAX, value, axis))
        return
    if builder.made().kind != "int8":
        raise builder.refused("works on int16 by a kernel of its own; hwsim reads int8 and float32")
    source, quant = builder.like_result(builder.entry(0)), builder.result()
    if float(quant.scale) != 1 / 256 or int(quant.zero) != -128:
        raise builder.refused("has shares of another scale than 1/256 from -128 on, which its format has")
    builder.give(_rows(builder, Reduction.SOFTMAX, value, axis, Softmax.of(float(source.scale)), quant))


def _rows(
    builder: TfliteBuilder, reduction: Reduction, value: Value, axis: int, rule: Rule, quant: Quant
) -> Value:  # fmt: skip
    """A reduction along one axis that writes integers by a rule."""
    out = reduced(builder, reduction, value, axis, precision=quant.precision, quant=quant)
    rows = builder.parts[-1]
    assert isinstance(rows, Rows)
    builder.rules[rows.name] = rule
    out.real = rows.writes[0].real = True
    return out


def mean(builder: TfliteBuilder) -> None:
    """`MEAN` along some axes: in integers all of them at once, so that one rounding follows one sum."""
    value = builder.as_value(builder.value(0))
    rank = len(value.shape)
    axes = sorted({place(axis, rank) for axis in builder.whole_numbers(1, "axes")})
    keep = builder.attribute("keep_dims")
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(value.shape) if axis not in axes or keep)
    long = [axis for axis in axes if value.shape[axis] > 1] or axes[:1]
    if not long:
        raise builder.refused("takes the mean along no axis")
    quantised = builder.quantised()
    if len(long) > 1:
        if long != list(range(long[0], long[-1] + 1)):
            raise builder.refused(f"takes the mean along axes {long}; hwsim reads neighbours")
        joined = (*value.shape[: long[0]], prod(value.shape[axis] for axis in long), *value.shape[long[-1] + 1 :])
        value = value.other(shape=joined)
        if value.single(long[0]) is None:
            value = builder.copied(value, joined)
    if not quantised:
        builder.give(reduced(builder, Reduction.MEAN, value, long[0]).other(shape=shape))
        return
    source, quant = builder.like_result(builder.entry(0)), builder.result()
    factor = one_factor(float(source.scale) / float(quant.scale))
    rule = Mean(int(source.zero), factor, builder.ends(quant))
    builder.give(_rows(builder, Reduction.MEAN, value, long[0], rule, quant).other(shape=shape))


def pooled(builder: TfliteBuilder) -> None:
    """`AVERAGE_POOL_2D` and `MAX_POOL_2D`: a chain over one view for each place in the window."""
    value = builder.as_value(builder.value(0))
    if len(value.shape) != 4:
        raise builder.refused(f"slides over {list(value.shape)}; hwsim reads batch, height, width and channels")
    height, width = (
        conv_axis(builder, value.shape[1 + number], int(builder.attribute(name)), which)
        for number, (name, which) in enumerate((("filter_height", "h"), ("filter_width", "w")))
    )
    if any(axis.before or axis.after for axis in (height, width)):
        raise builder.refused("has windows that hang over the edge; hwsim reads those that lie inside")
    taps = height.kernel * width.kernel
    if taps > _MOST_TAPS:
        raise builder.refused(f"has a window of {taps} entries; hwsim reads {_MOST_TAPS} at most")
    means = builder.node.op == "AVERAGE_POOL_2D"
    views = [_tap(builder, value, height, width, row, column)
             for row in range(height.kernel) for column in range(width.kernel)]  # fmt: skip

    def body(chain: Chain, args: Sequence[str]) -> str:
        result = args[0]
        for other in args[1:]:
            result = chain.apply(Function.ADD if means else Function.MAX, result, other)
        return chain.apply(Function.MUL, result, chain.constant(1 / taps)) if means and taps > 1 else result

    if not builder.quantised():
        builder.give(emitted(builder, views, lambda chain, args: fused(builder, chain, body(chain, args))))
        return
    source, quant = builder.like_result(builder.entry(0)), builder.result()
    if not source.same(quant):
        raise builder.refused("makes other scales than it reads, which its format does not allow")
    ends = builder.ends(quant)
    rule = Pooled(taps, means, ends)
    builder.give(ruled(builder, [one.other(real=False) for one in views], body, rule, builder.result(ends)))


def _tap(builder: TfliteBuilder, value: Value, height: ConvAxis, width: ConvAxis, row: int, column: int) -> Value:
    """What all windows have at one place."""
    value = part_of(builder, value, 1, row, height.outputs, height.stride)
    return part_of(builder, value, 2, column, width.outputs, width.stride)
