"""Quantisers of a graph: integers stay integers between them, whatever lies between a pair of them is floats."""

from collections.abc import Sequence

import numpy as np

from hwsim.inputs.onnx import folding, shapes
from hwsim.inputs.onnx.building import Builder
from hwsim.inputs.onnx.elementwise import emitted
from hwsim.inputs.onnx.graph import Array
from hwsim.inputs.onnx.parts import Chain, Held, Made, Operand, along
from hwsim.inputs.onnx.products import multiply, slide
from hwsim.inputs.onnx.stored import Quant, Value
from hwsim.ir.ops import Function
from hwsim.quantities.precision import Precision

_INTEGERS = {"int4", "uint4", "int8", "uint8", "int16", "uint16", "int32", "int2", "uint2"}


def scales(
    builder: Builder, scale: Held | None, zero: Held | None, shape: tuple[int, ...], kind: str, axis: int | None = None
) -> Quant:
    """The scales that a quantiser names; without zero points, zero."""
    if scale is None:
        raise builder.refused("has no scale")
    entries = np.asarray(scale.real, np.float32)
    zeros = np.zeros(entries.shape, np.int32) if zero is None else np.asarray(zero.values).astype(np.int32)
    if kind not in _INTEGERS:
        raise builder.refused(f"makes numbers of the type {kind}; hwsim reads integers of 2 to 32 bits")
    if zeros.size != entries.size and zeros.size == 1:
        zeros = np.broadcast_to(zeros.reshape(()), entries.shape)
    if zeros.size != entries.size:
        raise builder.refused(f"has {entries.size} scales and {zeros.size} zero points")
    if not np.isfinite(entries).all() or (entries == 0).any():
        raise builder.refused("has a scale that is zero, or no finite number")
    precision = Precision(kind)
    if entries.size == 1:
        return Quant(precision, entries.reshape(()), zeros.reshape(()))
    at = shapes.place(builder.attribute("axis", 1) if axis is None else axis, len(shape))
    block = int(builder.attribute("block_size", 0))
    if entries.ndim == len(shape) > 1 and (block or builder.node.domain == ""):
        if block < 1 or entries.shape[at] != -(-shape[at] // block):
            raise builder.refused(f"has scales {list(entries.shape)} for blocks of {block} of {list(shape)}")
        return Quant(precision, entries, zeros, at, block)
    if entries.ndim != 1 or entries.size != shape[at]:
        raise builder.refused(f"has {entries.size} scales for axis {at} of {list(shape)}")
    return Quant(precision, entries, zeros, at)


def quantised(values: Array, quant: Quant) -> Array:
    """The nearest integers, halves to even, within the format."""
    scale, zero = (along(entries, quant, values.shape) for entries in (quant.scale, quant.zero))
    integers = np.rint(np.asarray(values, np.float32) / scale) + zero
    low = quant.precision.lowest if quant.lowest is None else quant.lowest
    high = quant.precision.highest if quant.highest is None else quant.highest
    kind = folding.array_type(quant.precision.value)
    return np.asarray(np.clip(integers, low, high).astype(kind))


def quantize_linear(builder: Builder) -> None:
    """`QuantizeLinear`: floats as integers of scales that the file holds."""
    value = builder.value(0)
    scale, zero = builder.constant(1, "scale"), builder.constant(2, "zero point")
    kind = "uint8" if zero is None else zero.kind
    named = builder.attribute("output_dtype", 0)
    if zero is None and named:
        kind = folding.TYPES.get(named, {21: "uint4", 22: "int4"}.get(named, "unknown"))
    quant = scales(builder, scale, zero, value.shape, kind)
    builder.give(to_integers(builder, value, quant))


def to_integers(builder: Builder, value: Operand, quant: Quant) -> Operand:
    """A value as integers of these scales."""
    if isinstance(value, Held):
        return Held(quantised(value.real, quant), quant.precision.value)
    if value.real and quant.same(value.quant) and _inside(value.quant, quant):
        return value.other(real=False)  # the same integers again
    if quant.scale.size > 1:
        raise builder.refused("quantises data with several scales; hwsim reads one for all")
    return emitted(builder, [value], lambda chain, args: args[0], quant)


def _inside(inner: Quant | None, outer: Quant) -> bool:
    return inner is not None and inner.precision is outer.precision


def dequantize_linear(builder: Builder) -> None:
    """`DequantizeLinear`: what integers stand for; they stay integers until something needs floats."""
    value = builder.value(0)
    scale, zero = builder.constant(1, "scale"), builder.constant(2, "zero point")
    if isinstance(value, Held):
        quant = scales(builder, scale, zero, value.shape, value.kind)
        low, high = int(value.values.min(initial=0)), int(value.values.max(initial=0))
        if low < quant.precision.lowest or high > quant.precision.highest:
            raise builder.refused(f"holds {low} to {high} as {quant.precision.value}")
        builder.give(Held(value.values, value.kind, quant))
        return
    if value.quant is None:
        builder.give(_unscaled(builder, value, scale, zero))
        return
    quant = scales(builder, scale, zero, value.shape, value.stored.precision.value)
    if value.real or not quant.same(value.quant):
        raise builder.refused("takes other scales than those by which its integers were made")
    builder.give(value.other(real=True))


def _unscaled(builder: Builder, value: Value, scale: Held | None, zero: Held | None) -> Value:
    """Integers of a table or a sum, which had no scales so far."""
    stored = value.stored
    if stored.precision.floating or scale is None:
        raise builder.refused("dequantises floats")
    quant = scales(builder, scale, zero, value.shape, stored.precision.value)
    if quant.scale.size > 1:
        raise builder.refused("dequantises data with several scales; hwsim reads one for all")
    _stamp(builder, stored.name, quant)
    return value.other(real=True)


def _stamp(builder: Builder, name: str, quant: Quant) -> None:
    """Give scales to a tensor and to those that integers came from."""
    for tensor in builder.tensors:
        if tensor.name == name and tensor.quant is None:
            tensor.quant = quant
    for part in builder.parts:
        if isinstance(part, Made) and part.writes[0].stored.name == name:
            source = part.reads[0].stored
            if source.quant is None and not source.precision.floating:
                _stamp(builder, source.name, quant)


def clip_integers(builder: Builder) -> bool:
    """A `Clip` of integers narrows their format, as it does between quantisers; says whether it was one."""
    value = builder.value(0)
    integers = (
        value.stored.quant is not None and not value.real if isinstance(value, Value) else value.kind in _INTEGERS
    )
    if not integers:
        return False
    low, high = (builder.constant(place, "bounds") for place in (1, 2))
    kind = value.kind if isinstance(value, Held) else value.stored.precision.value
    whole = Precision(kind)
    lowest = whole.lowest if low is None else max(whole.lowest, int(low.values.reshape(-1)[0]))
    highest = whole.highest if high is None else min(whole.highest, int(high.values.reshape(-1)[0]))
    narrow = _narrowest(lowest, highest, whole)
    if isinstance(value, Held):
        builder.give(Held(np.clip(value.values, lowest, highest), narrow.value))
        return True
    quant = value.quant
    assert quant is not None
    if builder.readers.get(builder.node.inputs[0], 0) != 1 or not value.whole:
        raise builder.refused("clips integers that something else reads unclipped")
    value.stored.quant = Quant(narrow, quant.scale, quant.zero, quant.axis, quant.block, lowest, highest)
    value.stored.precision = narrow
    builder.give(value)
    return True


def _narrowest(lowest: int, highest: int, whole: Precision) -> Precision:
    """The narrowest format that has all these integers."""
    kinds = [Precision(f"{'int' if lowest < 0 or whole.signed else 'uint'}{bits}") for bits in (2, 4, 8)]
    return next((kind for kind in kinds if kind.lowest <= lowest and highest <= kind.highest), whole)


def quant(builder: Builder) -> None:
    """QONNX's `Quant`: floats that lie on the grid of integers."""
    value = builder.value(0)
    scale, zero, bits = (
        builder.constant(place, what) for place, what in ((1, "scale"), (2, "zero point"), (3, "bits"))
    )
    if scale is None or zero is None or bits is None:
        raise builder.refused("has no scale, zero point or number of bits")
    if builder.attribute("rounding_mode", "ROUND") != "ROUND":
        raise builder.refused(f"rounds by {builder.attribute('rounding_mode')}; hwsim rounds to the nearest")
    width, signed, narrow = (
        int(bits.values.reshape(-1)[0]),
        builder.attribute("signed", 1),
        builder.attribute("narrow", 0),
    )
    lowest = -(1 << (width - 1)) + bool(narrow) if signed else 0
    highest = (1 << (width - 1)) - 1 if signed else (1 << width) - 1 - bool(narrow)
    kinds = [Precision(f"{'int' if signed else 'uint'}{one}") for one in (2, 3, 4, 8, 16, 32)]
    precision = next((kind for kind in kinds if kind.bits >= width), None)
    if precision is None:
        raise builder.refused(f"has {width} bits; hwsim reads 2 to 32")
    entries = np.asarray(scale.real, np.float32)
    axes = [axis for axis, size in enumerate(entries.shape) if size > 1]
    if len(axes) > 1 or not np.isfinite(entries).all() or (entries <= 0).any():
        raise builder.refused("has scales along several axes, or one that is not greater than zero")
    zeros = np.broadcast_to(np.asarray(zero.real).astype(np.int32), entries.shape)
    axis = axes[0] if axes else None
    shape = (-1,) if axes else ()
    known = Quant(precision, entries.reshape(shape), zeros.reshape(shape), axis, 0, lowest, highest)
    if isinstance(value, Held):
        builder.give(Held(quantised(value.real, known), precision.value, known))
        return
    result = to_integers(builder, value, known)
    assert isinstance(result, Value)
    builder.give(result.other(real=True))


def linear_conv(builder: Builder) -> None:
    """`QLinearConv`: a convolution of integers whose results are integers again."""
    act, act_quant = _given(builder, 0)
    weight = builder.constant(3, "weight")
    weight_scale, weight_zero = builder.constant(4, "scale"), builder.constant(5, "zero point")
    out_scale, out_zero = builder.constant(6, "scale"), builder.constant(7, "zero point")
    bias = builder.constant(8, "bias")
    if weight is None:
        raise builder.refused("has no weight")
    weight_quant = scales(builder, weight_scale, weight_zero, weight.shape, weight.kind, 0)
    held = Held(weight.values, weight.kind, weight_quant)
    if bias is not None:
        scale = np.asarray(act_quant.scale * weight_quant.scale, np.float32)
        zeros = np.zeros(scale.shape, np.int32)
        bias = Held(bias.values, bias.kind, Quant(Precision.INT32, scale, zeros, 0 if scale.size > 1 else None))
    with builder.part("product"):
        sums = slide(builder, act, held, bias)
    quant = scales(builder, out_scale, out_zero, sums.shape, "uint8" if out_zero is None else out_zero.kind)
    builder.give(to_integers(builder, sums, quant))


def _given(builder: Builder, first: int) -> tuple[Operand, Quant]:
    """An operand with the scales that stand behind it."""
    value = builder.value(first)
    scale, zero = builder.constant(first + 1, "scale"), builder.constant(first + 2, "zero point")
    kind = value.kind if isinstance(value, Held) else value.stored.precision.value
    quant = scales(builder, scale, zero, value.shape, kind)
    if isinstance(value, Held):
        return Held(value.values, value.kind, quant), quant
    if not quant.same(value.quant):
        raise builder.refused("takes other scales than those by which its integers were made")
    return value.other(real=True), quant


def linear_leaky(builder: Builder) -> None:
    """`QLinearLeakyRelu`, of onnxruntime: integers in, integers out."""
    value, _ = _given(builder, 0)
    scale, zero = builder.constant(3, "scale"), builder.constant(4, "zero point")
    quant = scales(builder, scale, zero, value.shape, "uint8" if zero is None else zero.kind)
    alpha = float(builder.attribute("alpha", 0.01))

    def body(chain: Chain, args: Sequence[str]) -> str:
        return chain.apply(Function.MAX, args[0], chain.apply(Function.MUL, args[0], chain.constant(alpha)))

    builder.give(emitted(builder, [value], body, quant))


def nbits(builder: Builder) -> None:
    """`MatMulNBits`, of onnxruntime: a weight in blocks of 2, 4 or 8 bits, packed, low bits first."""
    packed, scale, zero = (
        builder.constant(place, what) for place, what in ((1, "weight"), (2, "scale"), (3, "zero point"))
    )
    if packed is None or scale is None:
        raise builder.refused("has no weight or no scale")
    k, n, bits, block = (int(builder.attribute(name, 4)) for name in ("K", "N", "bits", "block_size"))
    if builder.operand(4) is not None:
        raise builder.refused("orders its groups by an index, which hwsim does not read")
    if bits not in (2, 4, 8) or block < 16 or k < 1 or n < 1:
        raise builder.refused(f"has blocks of {block} numbers of {bits} bits")
    blocks = -(-k // block)
    if packed.values.size * 8 != n * blocks * block * bits or scale.values.size != n * blocks:
        raise builder.refused(f"holds {packed.values.size} bytes and {scale.values.size} scales for {k} × {n}")
    integers = _unpacked(packed.values.reshape(n, -1), bits, blocks * block)[:, :k]
    if zero is None:
        zeros = np.full((n, blocks), 1 << (bits - 1), np.int32)
    elif zero.kind == "uint8":
        zeros = _unpacked(zero.values.reshape(n, -1), bits, blocks).astype(np.int32)
    else:
        raise builder.refused(f"has zero points of the type {zero.kind}; hwsim reads packed integers")
    known = Quant(
        Precision(f"uint{bits}"),
        np.ascontiguousarray(np.asarray(scale.real, np.float32).reshape(n, blocks).T),
        np.ascontiguousarray(zeros.T),
        0,
        block,
    )
    weight = Held(np.ascontiguousarray(integers.T), known.precision.value, known)
    builder.give(multiply(builder, builder.value(0), weight, builder.operand(5)))


def _unpacked(rows: Array, bits: int, count: int) -> Array:
    """Integers out of bytes, the lowest bits first."""
    per_byte = 8 // bits
    shifts = np.arange(per_byte, dtype=np.uint8) * bits
    wide = (rows.view(np.uint8)[:, :, None] >> shifts) & ((1 << bits) - 1)
    return wide.reshape(len(rows), -1)[:, :count].astype(np.uint8)
