"""Products: convolutions with channels last, depthwise ones, and fully connected layers, in integers or in floats."""

from math import prod

import numpy as np

from hwsim.inputs.onnx.elementwise import emitted
from hwsim.inputs.onnx.parts import Chain, Held
from hwsim.inputs.onnx.products import Product, built_product, take_bias
from hwsim.inputs.onnx.stored import Quant, Stored, Value
from hwsim.inputs.tflite.building import TfliteBuilder, activation
from hwsim.inputs.tflite.model import Array
from hwsim.inputs.tflite.schema import PADDINGS, TYPES
from hwsim.ir.ops import ConvAxis, Function
from hwsim.ir.tensor import Role
from hwsim.quantities.precision import Precision
from hwsim.tensor.tflite.rules import Rounding, Sums


def conv_2d(builder: TfliteBuilder) -> None:
    """`CONV_2D`: act[batch, height, width, channels], weight[outputs, height, width, channels of a group]."""
    weight = _weight(builder, 4)
    outputs, height, width, inside = weight.shape
    channels = _image(builder)[3]
    groups = channels // inside
    if channels != inside * groups or outputs % max(1, groups):
        raise builder.refused(f"slides {list(weight.shape)} over {channels} channels")
    laid = weight.values.reshape(groups, outputs // groups, height * width * inside).transpose(0, 2, 1)
    _slide(builder, weight, laid, (height, width), groups, 0)


def depthwise(builder: TfliteBuilder) -> None:
    """`DEPTHWISE_CONV_2D`: weight[1, height, width, channels · multiplier]."""
    weight = _weight(builder, 4)
    one, height, width, outputs = weight.shape
    channels = _image(builder)[3]
    if one != 1 or outputs % channels:
        raise builder.refused(f"slides {list(weight.shape)} over {channels} channels")
    laid = weight.values.reshape(height * width, channels, outputs // channels).transpose(1, 0, 2)
    _slide(builder, weight, laid, (height, width), channels, 3)


def fully_connected(builder: TfliteBuilder) -> None:
    """`FULLY_CONNECTED`: rows of activations times weight[outputs, inputs]."""
    weight = _weight(builder, 2)
    outputs, inputs = weight.shape
    value = builder.as_value(builder.value(0))
    if prod(value.shape) % inputs:
        raise builder.refused(f"multiplies {list(value.shape)} by {list(weight.shape)}")
    if builder.attribute("weights_format", 0):
        raise builder.refused("has shuffled weights, which hwsim does not read")
    rows = prod(value.shape) // inputs
    shape: tuple[int, ...] = (rows, outputs)
    if builder.attribute("keep_num_dims", 0):
        if value.shape[-1] != inputs:
            raise builder.refused(f"multiplies {list(value.shape)} by {list(weight.shape)}")
        shape = (*value.shape[:-1], outputs)
    seen = builder.grouped(value.other(shape=(rows, inputs)))
    laid = np.ascontiguousarray(weight.values.T)
    quant = _columns(weight, (1, -1), 0, 1)
    tensor = builder.parameter(
        f"{builder.name}.weight", laid, Role.WEIGHT, key=builder.key(weight.values, "rows"), quant=quant
    )
    tensor.locked.update((0, 1))
    out = builder.stored(f"{builder.name}.out", (rows, outputs))
    made = Product(builder.name, [seen, tensor.whole((inputs, outputs))], [out.whole((rows, outputs))], built_product)
    _finish(builder, made, weight, out, out.whole(shape))


def _image(builder: TfliteBuilder) -> tuple[int, int, int, int]:
    shape = builder.value(0).shape
    if len(shape) != 4:
        raise builder.refused(f"slides over {list(shape)}; hwsim reads batch, height, width and channels")
    return shape[0], shape[1], shape[2], shape[3]


def _weight(builder: TfliteBuilder, axes: int) -> Held:
    """The weight, checked against what the node reads and makes."""
    held = builder.value(1)
    if not isinstance(held, Held):
        raise builder.refused("has weights that depend on data; hwsim reads those of the file")
    if len(held.shape) != axes:
        raise builder.refused(f"has weights {list(held.shape)}, expected {axes} axes")
    if not builder.quantised():
        return Held(np.asarray(held.real, np.float32), "float32")
    builder.like_result(builder.entry(0))
    if held.kind not in ("int8", "int4") or held.quant is None or held.quant.zero.any():
        law = f"has weights of {held.kind}" if held.quant is not None else "has weights without scales"
        raise builder.refused(f"{law}; hwsim reads int8 or int4 around zero below {builder.made().kind}")
    return held


def _columns(weight: Held, shape: tuple[int, ...], axis: int, at: int) -> Quant | None:
    """The scales of a weight in its new layout; they stand along one axis of the old one."""
    quant = weight.quant
    if quant is None or quant.scale.size == 1:
        return quant
    if quant.axis != axis:
        raise ValueError(f"scales along axis {quant.axis} of weights, expected {axis}")
    return Quant(quant.precision, quant.scale.reshape(shape), quant.zero.reshape(shape), at)


def _slide(builder: TfliteBuilder, weight: Held, laid: Array, kernel: tuple[int, int], groups: int, axis: int) -> None:
    batch, height, width, _ = _image(builder)
    axes = tuple(
        conv_axis(builder, size, taps, which) for size, taps, which in zip((height, width), kernel, "hw", strict=True)
    )
    value = builder.exact(builder.as_value(builder.value(0)))
    quant = _columns(weight, (groups, 1, -1), axis, 2)
    tensor = builder.parameter(
        f"{builder.name}.weight", laid, Role.WEIGHT, key=builder.key(weight.values, ("slid", groups)), quant=quant
    )
    tensor.locked.update(range(3))
    sizes = (batch, *(one.outputs for one in axes), groups * laid.shape[2])
    out = builder.stored(f"{builder.name}.out", sizes)
    out.locked.update(range(4))
    made = Product(
        builder.name, [value, tensor.whole(laid.shape)], [out.whole(sizes)], built_product, axes=axes, groups=groups
    )
    _finish(builder, made, weight, out, out.whole(sizes))


def conv_axis(builder: TfliteBuilder, size: int, taps: int, which: str) -> ConvAxis:
    """How a window of so many taps slides along an axis, `h` or `w`."""
    stride = int(builder.attribute(f"stride_{which}"))
    dilation = int(builder.attribute(f"dilation_{which}_factor", 1))
    number = int(builder.attribute("padding"))
    if stride < 1 or dilation < 1 or taps < 1 or not 0 <= number < len(PADDINGS):
        raise builder.refused(f"slides {taps} taps by {stride}, {dilation} apart, padded as {number}")
    reach, before, after = dilation * (taps - 1) + 1, 0, 0
    if PADDINGS[number] == "SAME":
        both = max(0, (-(-size // stride) - 1) * stride + reach - size)
        before, after = both // 2, both - both // 2
    if size + before + after < reach:
        raise builder.refused(f"slides a window of {reach} entries over {size}")
    return ConvAxis(size=size, kernel=taps, stride=stride, dilation=dilation, before=before, after=after)


def _finish(
    builder: TfliteBuilder, made: Product, weight: Held, out: Stored, result: Value
) -> None:  # fmt: skip
    """Bias, format and rule of a product; in floats the activation behind it is a chain."""
    builder.parts.append(made)
    bias = builder.constant(2, "bias")
    if bias is not None and (bias.values.size != made.columns or bias.kind not in ("float32", "int32", "int64")):
        raise builder.refused(f"adds a bias of {bias.values.size} numbers of {bias.kind} to {made.columns} columns")
    if weight.quant is None:
        if bias is not None and not take_bias(builder, made, bias):
            raise builder.refused("adds a bias that is no row of finite numbers")
        builder.give(_activated(builder, result))
        return
    act, ends = builder.scaled(builder.entry(0)), builder.ends(builder.result())
    target = builder.result(ends)
    scale = np.broadcast_to(weight.quant.scale.reshape(-1), (made.columns,))
    if bias is not None:
        real = Quant(Precision.INT32, act.scale * scale, np.zeros(made.columns, np.int32), 0)
        if not take_bias(builder, made, Held(bias.values.reshape(-1), bias.kind, real)):
            raise builder.refused("adds a bias that is no row of the file")
    factors = float(act.scale) * scale.astype(np.float64) / float(target.scale)
    integers = np.zeros(made.columns, np.int64) if bias is None else bias.values.reshape(-1).astype(np.int64)
    builder.rules[builder.name] = Sums.of(factors, integers, ends, _rounding(builder, bias))
    out.precision, out.quant = target.precision, target
    result.real = True
    made.writes[0].real = True
    builder.give(result)


def _rounding(builder: TfliteBuilder, bias: Held | None) -> Rounding:
    """How the kernel of the node at hand rounds; of 16 bits it adds in 64 bits, unless the file says 32."""
    said, kind = TYPES.get(int(builder.attribute("quantized_bias_type", 0)), ("", ""))[0], builder.entry(0).kind
    width = "int32" if kind == "int8" or said == "int32" else "int64"
    if bias is not None and bias.kind != width:
        raise builder.refused(f"adds a bias of {bias.kind} to sums of {kind}, which are of {width}")
    if builder.node.op == "FULLY_CONNECTED":
        return Rounding.ONCE
    return Rounding.TWO if width == "int32" else Rounding.WIDE


_FLOATS = {"RELU": (0.0, None), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}


def _activated(builder: TfliteBuilder, value: Value) -> Value:
    name = activation(builder)
    if name == "NONE":
        return value
    with builder.part("activation"):
        return emitted(builder, [value], lambda chain, args: between(chain, args[0], *_FLOATS[name]))


def between(chain: Chain, local: str, low: float | None, high: float | None) -> str:
    """A value of a chain, clipped."""
    if low is not None:
        local = chain.apply(Function.MAX, local, chain.constant(low))
    if high is not None:
        local = chain.apply(Function.MIN, local, chain.constant(high))
    return local


def fused(builder: TfliteBuilder, chain: Chain, local: str) -> str:
    """A result of a chain with the activation that is fused with the node at hand."""
    return between(chain, local, *_FLOATS.get(activation(builder), (None, None)))
