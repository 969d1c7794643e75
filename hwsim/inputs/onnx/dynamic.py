"""Quantisers whose scale is found while the model runs: the range of all values, and integers of eight bits in it."""

from collections.abc import Sequence

import numpy as np

from hwsim.inputs.onnx.building import Builder
from hwsim.inputs.onnx.elementwise import emitted
from hwsim.inputs.onnx.gates import lstm_gates
from hwsim.inputs.onnx.graph import Array
from hwsim.inputs.onnx.parts import Chain, Held, Operand
from hwsim.inputs.onnx.products import Product, multiply, real, slide
from hwsim.inputs.onnx.recurrent import Layer, Step, layer_of, run_layer
from hwsim.inputs.onnx.reductions import reduced
from hwsim.inputs.onnx.stored import Quant, Stored, Value
from hwsim.ir.ops import Function, Gemm, Op, Reduce, Reduction
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.quantities.precision import Precision

Steps = tuple[tuple[str, Function, tuple[str, ...]], ...]

RANGE: Steps = (
    ("low", Function.MIN, ("least", "zero")),
    ("high", Function.MAX, ("largest", "zero")),
    ("span", Function.SUB, ("high", "low")),
    ("share", Function.DIV, ("span", "steps")),
    ("none", Function.EQUAL, ("span", "zero")),
    ("scale", Function.ADD, ("share", "none")),
    ("below", Function.SUB, ("zero", "low")),
    ("place", Function.DIV, ("below", "scale")),
    ("inside", Function.MIN, ("place", "steps")),
    ("point", Function.ROUND, ("inside",)),
)
"""From the least and the largest value to the scale and the zero point of eight bits without sign, as ONNX defines them
for `DynamicQuantizeLinear`: zero is in the range, and a range of nothing has the scale 1."""

CONSTANTS = (("zero", 0.0), ("steps", 255.0))


def plain_quant(precision: Precision, zero: int = 0) -> Quant:
    """Integers that stand for themselves, but for their zero point."""
    return Quant(precision, np.ones((), np.float32), np.asarray(zero, np.int32))


def dynamic(builder: Builder, value: Value) -> tuple[Value, Value, Value]:
    """A value in eight bits, its scale and its zero point."""
    ends = []
    for reduction, what in ((Reduction.MIN, "least"), (Reduction.MAX, "largest")):
        end = value
        for axis in reversed(range(len(value.shape))):
            if end.shape[axis] > 1:
                with builder.part(what):
                    end = reduced(builder, reduction, end, axis)
            else:
                end = end.other(shape=(*end.shape[:axis], *end.shape[axis + 1 :]))
        ends.append(end.other(shape=()))
    with builder.part("range") as name:
        chain = Chain(name)
        known = {local: chain.constant(number) for local, number in CONSTANTS}
        for local, end in zip(("least", "largest"), ends, strict=True):
            known[local] = chain.local()
            chain.reads.append((known[local], end))
        for result, function, args in RANGE:
            known[result] = chain.apply(function, *(known[arg] for arg in args))
        scale, zero = (builder.stored(f"{name}.{what}", (1,)).whole(()) for what in ("scale", "zero"))
        chain.writes += [(known["scale"], scale), (known["point"], zero)]
        builder.parts.append(chain)

    def body(chain: Chain, args: Sequence[str]) -> str:
        whole = chain.apply(Function.ROUND, chain.apply(Function.DIV, args[0], args[1]))
        return chain.apply(Function.ADD, whole, args[2])

    return emitted(builder, [value, scale, zero], body, plain_quant(Precision.UINT8)), scale, zero


def quantize(builder: Builder) -> None:
    """`DynamicQuantizeLinear`."""
    value = builder.as_value(builder.value(0))
    for place, result in enumerate(dynamic(builder, real(builder, value) if value.real else value)):
        builder.give(result, place)


def _integers(builder: Builder, first: int, second: int) -> tuple[Value, Held, Value | None]:
    """Activations and a weight as integers, and what of the activations stands for zero."""
    act, weight = builder.value(0), builder.constant(1, "weight")
    act_zero, weight_zero = builder.operand(first), builder.constant(second, "zero point")
    if weight is None or not isinstance(act, Value) or act.quant is None:
        raise builder.refused("multiplies no integers of a quantiser by a weight of the file")
    zero = np.zeros((), np.int32) if weight_zero is None else np.asarray(weight_zero.values).astype(np.int32)
    axis = None
    if zero.size > 1:
        axis = 0 if len(weight.shape) > 2 or builder.node.op == "ConvInteger" else 1
    entries = zero.reshape(-1) if axis is not None else zero.reshape(())
    quant = Quant(Precision(weight.kind), np.ones(entries.shape, np.float32), entries, axis)
    known = builder.as_value(act_zero) if act_zero is not None else None
    return act.other(real=True), Held(weight.values, weight.kind, quant), known


def _sums(builder: Builder, result: Value, zero: Value | None) -> Value:
    """The sums of a product as integers."""
    made = next(part for part in reversed(builder.parts) if isinstance(part, Product))
    stored = made.writes[0].stored
    stored.precision, stored.quant = Precision.INT32, plain_quant(Precision.INT32)
    made.act_zero = zero
    return result


def matmul_integer(builder: Builder) -> None:
    """`MatMulInteger`: sums of products of integers."""
    act, weight, zero = _integers(builder, 2, 3)
    builder.give(_sums(builder, multiply(builder, act, weight), zero))


def conv_integer(builder: Builder) -> None:
    """`ConvInteger`: sums of products of integers in windows."""
    act, weight, zero = _integers(builder, 2, 3)
    builder.give(_sums(builder, slide(builder, act, weight, None), zero))


def lstm(builder: Builder) -> None:
    """`DynamicQuantizeLSTM`, of onnxruntime: all inputs in one range, the hidden state of a frame in one of its own."""
    quants = [_weights(builder, place, 8 + 2 * number) for number, place in enumerate((1, 2))]
    layer = layer_of(builder, 4, 2, turned=True)
    real_x = layer.x
    with builder.part("inputs"):
        integers, scale, zero = dynamic(builder, real_x)

    def input_sums(direction: int, bias: Array | None) -> Stored:
        quant = quants[0][direction]
        weight = Held(layer.weights.values[direction], layer.weights.kind, _unscaled(quant))
        sums = _sums(builder, multiply(builder, integers.other(real=True), weight), zero)
        operands: list[Operand] = [sums.other(real=True), scale, Held(quant.scale.reshape(-1), "float32")]
        if bias is not None:
            operands.append(Held(bias, "float32"))

        def body(chain: Chain, args: Sequence[str]) -> str:
            result = chain.apply(Function.MUL, args[0], chain.apply(Function.MUL, args[1], args[2]))
            return result if len(args) == 3 else chain.apply(Function.ADD, result, args[3])

        with builder.part("real"):
            return emitted(builder, operands, body).stored

    def body(step: Step, inputs: Stored) -> None:
        hidden = layer.states[0][step.direction]
        sums = _recurrent(step, hidden, layer, quants[1][step.direction])
        lstm_gates(step, inputs, sums)

    run_layer(builder, layer, body, input_sums=input_sums)


def _unscaled(quant: Quant) -> Quant:
    axis = 1 if quant.zero.size > 1 else None
    zero = quant.zero.reshape(-1) if axis is not None else quant.zero.reshape(())
    return Quant(quant.precision, np.ones(zero.shape, np.float32), zero, axis)


def _weights(builder: Builder, place: int, first: int) -> list[Quant]:
    """The scales of the weights of each direction."""
    weight, scale, zero = (builder.constant(at, "weights") for at in (place, first, first + 1))
    if weight is None or scale is None:
        raise builder.refused("has no weights, or no scales for them")
    directions = weight.shape[0]
    scales = np.asarray(scale.real, np.float32).reshape(directions, -1)
    zeros = np.zeros(scales.shape, np.int32) if zero is None else np.asarray(zero.values).astype(np.int32)
    zeros = zeros.reshape(directions, -1)
    return [Quant(Precision(weight.kind), scales[at], zeros[at], 1) for at in range(directions)]


def _recurrent(step: Step, hidden: Stored, layer: Layer, quant: Quant) -> Stored:
    """The product of the hidden state in eight bits with its weight, and what its sums stand for."""
    builder, batch, cells = step.builder, layer.batch, layer.cells
    with builder.part(step.named("recurrent")) as name:
        pass

    def tensor(what: str, shape: tuple[int, ...], precision: Precision = Precision.FP32) -> Stored:
        quant = None if precision.floating else plain_quant(precision)
        made = builder.stored(f"{name}.{what}", shape, precision, quant=quant)
        made.locked.update(range(len(shape)))
        return made

    ends = []
    for reduction, what in ((Reduction.MIN, "least"), (Reduction.MAX, "largest")):
        rows, whole = tensor(f"{what}.rows", (batch, 1)), tensor(what, (1, 1))
        last = whole if batch == 1 else rows
        step.add(_reduce(f"{name}.{what}", reduction, hidden, last, -1), [hidden], [last])
        if batch > 1:
            step.add(_reduce(f"{name}.{what}.all", reduction, rows, whole, 0), [rows], [whole])
        ends.append(whole)
    scale, zero = tensor("scale", (1, 1)), tensor("zero", (1, 1))
    step.chain(
        "recurrent.range",
        [(local, View(tensor=end.name), end) for local, end in zip(("least", "largest"), ends, strict=True)],
        RANGE,
        [("scale", View(tensor=scale.name), scale), ("point", View(tensor=zero.name), zero)],
        CONSTANTS,
    )
    narrow = tensor("integers", (batch, cells), Precision.UINT8)
    step.chain(
        "recurrent.quantise",
        [(local, View(tensor=one.name), one) for local, one in (("x", hidden), ("scale", scale), ("point", zero))],
        [
            ("ratio", Function.DIV, ("x", "scale")),
            ("whole", Function.ROUND, ("ratio",)),
            ("number", Function.ADD, ("whole", "point")),
        ],
        [("number", View(tensor=narrow.name), narrow)],
    )
    weight = builder.parameter(
        f"{name}.weight",
        np.ascontiguousarray(layer.recurrent.values[step.direction]),
        Role.WEIGHT,
        quant=_unscaled(quant),
    )
    sums = tensor("acc", (batch, 4 * cells), Precision.INT32)
    gemm = Gemm(
        name=name, act=View(tensor=narrow.name), weight=View(tensor=weight.name), out=View(tensor=sums.name),
        act_zero=View(tensor=zero.name),
    )  # fmt: skip
    step.add(gemm, [narrow, weight, zero], [sums])
    reals = tensor("sums", (batch, 4 * cells))
    columns = builder.parameter(f"{name}.scales", np.broadcast_to(quant.scale, (4 * cells,)).copy(), Role.BIAS)
    step.chain(
        "recurrent.real",
        [(local, View(tensor=one.name), one) for local, one in (("acc", sums), ("scale", scale), ("columns", columns))],
        [
            ("sum", Function.DEQUANTIZE, ("acc",)),
            ("both", Function.MUL, ("scale", "columns")),
            ("real", Function.MUL, ("sum", "both")),
        ],
        [("real", View(tensor=reals.name), reals)],
    )
    return reals


def _reduce(name: str, reduction: Reduction, read: Stored, write: Stored, axis: int) -> Op:
    return Reduce(name=name, reduction=reduction, read=View(tensor=read.name), write=View(tensor=write.name), axis=axis)
