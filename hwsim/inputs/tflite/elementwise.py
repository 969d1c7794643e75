"""Functions of elements: each operator becomes a chain; in integers a rule says which integers come out."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hwsim.inputs.onnx.elementwise import Body, emitted
from hwsim.inputs.onnx.parts import Chain, Held, Operand
from hwsim.inputs.onnx.stored import Quant, Value
from hwsim.inputs.tflite.building import INTEGERS, TfliteBuilder, quant_of
from hwsim.inputs.tflite.products import between, fused
from hwsim.ir.ops import Function
from hwsim.quantities.precision import Precision
from hwsim.tensor.fixed_point import one_factor
from hwsim.tensor.tflite.rules import Added, Ends, FromReals, Looked, Multiplied, Rescaled, Rule, table_of


def ruled(builder: TfliteBuilder, operands: Sequence[Operand], body: Body, rule: Rule, quant: Quant) -> Value:
    """A chain that stays an op of its own, for a rule says what it computes."""
    values = [builder.as_value(operand) for operand in operands]
    result = emitted(builder, values, body, quant)
    chain = builder.parts[-1]
    assert isinstance(chain, Chain)
    chain.closed = True
    chain.writes[0][1].real = True
    builder.rules[chain.name] = rule
    result.real = True
    return result


def _both(builder: TfliteBuilder) -> tuple[Operand, Operand]:
    return builder.value(0), builder.value(1)


def _in_floats(builder: TfliteBuilder, operands: Sequence[Operand], function: Function) -> Value:
    """A function of floats, and what is fused with it."""
    return emitted(builder, operands, lambda chain, args: fused(builder, chain, chain.apply(function, *args)))


_SUMS: Mapping[str, tuple[Function, int]] = {"ADD": (Function.ADD, 1), "SUB": (Function.SUB, -1)}
_LEFT = {"int8": 20, "int16": 15}
"""How many bits further left both sides of a sum stand."""


def added(builder: TfliteBuilder) -> None:
    """`ADD` and `SUB`."""
    function, sign = _SUMS[builder.node.op]
    operands = _both(builder)

    if not builder.quantised():
        builder.give(_in_floats(builder, operands, function))
        return
    one, other = (builder.like_result(builder.entry(place)) for place in (0, 1))
    ends = builder.ends(builder.result())
    quant = builder.result(ends)
    scales = float(one.scale), float(other.scale), float(quant.scale)
    if builder.made().kind == "int16":
        powers = all(np.log2(scale) == np.rint(np.log2(scale)) for scale in scales)
        if powers and builder.attribute("pot_scale_int16"):
            raise builder.refused(
                "adds int16 whose scales are powers of two by shifts alone, which hwsim does not read"
            )
        if any(int(one.zero) for one in (one, other, quant)):
            raise builder.refused("adds int16 with zero points, which its format does not have")
    rule = Added.of(scales, (int(one.zero), int(other.zero)), ends, left=_LEFT[builder.made().kind], sign=sign)
    builder.give(ruled(builder, operands, lambda chain, args: chain.apply(function, *args), rule, quant))


def multiplied(builder: TfliteBuilder) -> None:
    """`MUL`."""
    operands = _both(builder)

    if not builder.quantised():
        builder.give(_in_floats(builder, operands, Function.MUL))
        return
    one, other = (builder.like_result(builder.entry(place)) for place in (0, 1))
    ends = builder.ends(builder.result())
    quant = builder.result(ends)
    factor = one_factor(float(np.float32(one.scale) * np.float32(other.scale) / np.float32(quant.scale)))
    rule = Multiplied((int(one.zero), int(other.zero)), factor, ends)
    builder.give(ruled(builder, operands, lambda chain, args: chain.apply(Function.MUL, *args), rule, quant))


_CLIPPED: Mapping[str, tuple[float | None, float | None]] = {
    "RELU": (0.0, None),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU_0_TO_1": (0.0, 1.0),
}


def clipped(builder: TfliteBuilder) -> None:
    """`RELU` and its kin: brought between two numbers."""
    low, high = _CLIPPED[builder.node.op]

    def body(chain: Chain, args: Sequence[str]) -> str:
        return between(chain, args[0], low, high)

    if not builder.quantised():
        builder.give(emitted(builder, [builder.value(0)], body))
        return
    source, quant = builder.like_result(builder.entry(0)), builder.result()
    whole = builder.ends(quant)
    places = [_place(quant, end) for end in (low, high)]
    ends = Ends(
        whole.zero,
        whole.low if places[0] is None else max(whole.low, places[0]),
        whole.high if places[1] is None else min(whole.high, places[1]),
    )
    factor = one_factor(float(np.float32(source.scale) / np.float32(quant.scale)))
    rule = Rescaled(int(source.zero), factor, ends)
    builder.give(ruled(builder, [builder.value(0)], body, rule, builder.result(ends)))


def _place(quant: Quant, real: float | None) -> int | None:
    """The integer next to a real number."""
    if real is None:
        return None
    wide = float(np.float32(real) / np.float32(quant.scale))
    return int(quant.zero) + int(np.floor(wide + 0.5) if wide >= 0 else np.ceil(wide - 0.5))


def _logistic(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-values))


_TABLES: Mapping[str, tuple[Function, Callable[[NDArray[np.float64]], NDArray[np.float64]]]] = {
    "LOGISTIC": (Function.SIGMOID, _logistic),
    "TANH": (Function.TANH, np.tanh),
}


def tabled(builder: TfliteBuilder) -> None:
    """`LOGISTIC` and `TANH`: of 8 bits a table with one entry for each integer."""
    function, real = _TABLES[builder.node.op]

    def body(chain: Chain, args: Sequence[str]) -> str:
        return chain.apply(function, args[0])

    if not builder.quantised():
        builder.give(emitted(builder, [builder.value(0)], body))
        return
    if builder.made().kind != "int8":
        raise builder.refused("works on int16 by a kernel of its own; hwsim reads int8 and float32")
    source, quant = builder.like_result(builder.entry(0)), builder.result()
    ends = builder.ends(quant)
    inputs = np.float32(source.scale) * (np.arange(-128, 128) - int(source.zero)).astype(np.float32)
    with np.errstate(over="ignore"):  # far below zero the exponential is infinite, and the share nothing
        table = table_of(real(inputs.astype(np.float64)), float(quant.scale), ends)
    builder.give(ruled(builder, [builder.value(0)], body, Looked(table), quant))


def quantize(builder: TfliteBuilder) -> None:
    """`QUANTIZE`: of floats, or of integers by other scales."""
    operand, source, made = builder.value(0), builder.entry(0), builder.made()
    if made.kind not in (*INTEGERS, "uint8"):
        raise builder.refused(f"makes {made.kind}; hwsim reads int8, uint8 and int16")
    quant = builder.result()
    ends = builder.ends(quant)
    if source.kind == "float32":
        rule: Rule = FromReals(float(quant.scale), ends)
        builder.give(ruled(builder, [operand], lambda chain, args: args[0], rule, quant))
        return
    if source.kind not in (*INTEGERS, "uint8"):
        raise builder.refused(f"reads {source.kind}; hwsim reads int8, uint8, int16 and float32")
    given = builder.scaled(source)
    rule = Rescaled(int(given.zero), one_factor(float(given.scale) / float(quant.scale)), ends)
    value = builder.as_value(operand).other(real=False)
    builder.give(ruled(builder, [value], lambda chain, args: args[0], rule, quant))


def dequantize(builder: TfliteBuilder) -> None:
    """`DEQUANTIZE`: integers stay integers until something needs floats."""
    operand, source = builder.value(0), builder.entry(0)
    if builder.made().kind != "float32":
        raise builder.refused(f"makes {builder.made().kind}; hwsim reads float32")
    if isinstance(operand, Held):
        if source.kind not in ("float16", "float32") and operand.quant is None:
            raise builder.refused(f"{source.title} has no scale")
        builder.give(Held(np.asarray(operand.real, np.float32), "float32"))
        builder.folded.append(builder.node)
        return
    if quant_of(source) is None or operand.stored.precision is Precision.FP32:
        raise builder.refused(f"reads {source.kind} without scales")
    builder.give(operand.other(real=True))
