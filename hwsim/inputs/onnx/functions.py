"""Functions of elements with attributes or numbers of the file beside their operands: each becomes a chain."""

from collections.abc import Sequence

import numpy as np

from hwsim.inputs.onnx.building import Builder
from hwsim.inputs.onnx.elementwise import emitted
from hwsim.inputs.onnx.parts import Chain, Held, Operand
from hwsim.inputs.onnx.stored import Value
from hwsim.ir.ops import Function

MOST_POWER = 16
"""The largest exponent: four squares."""


def leaky(builder: Builder) -> None:
    """x where it is positive, alpha · x elsewhere."""
    alpha = float(builder.attribute("alpha", 0.01))
    if alpha > 1 or alpha < 0:
        raise builder.refused(f"has the slope {alpha:g}; hwsim reads slopes from 0 to 1")

    def body(chain: Chain, args: Sequence[str]) -> str:
        return chain.apply(Function.MAX, args[0], chain.apply(Function.MUL, args[0], chain.constant(alpha)))

    builder.give(emitted(builder, [builder.value(0)], body))


def where(builder: Builder) -> None:
    """The first operand where the file says so, the second elsewhere: each times what it is taken by, both added."""
    chosen = builder.constant(0, "condition")
    assert chosen is not None
    taken = np.asarray(chosen.values).astype(bool)
    operands: list[Operand] = []
    for place, mask in ((1, taken), (2, ~taken)):
        value = builder.value(place)
        if isinstance(value, Held):
            shape = np.broadcast_shapes(mask.shape, value.shape)
            numbers = np.where(mask, np.broadcast_to(np.asarray(value.real, np.float32), shape), np.float32(0))
            operands.append(Held(numbers.astype(np.float32), "float32"))
        else:
            operands += [value, Held(mask.astype(np.float32), "float32")]

    def body(chain: Chain, args: Sequence[str]) -> str:
        rest, parts = list(args), []
        for place in (1, 2):
            one = rest.pop(0)
            parts.append(one if isinstance(builder.value(place), Held) else chain.apply(Function.MUL, one, rest.pop(0)))
        return chain.apply(Function.ADD, *parts)

    builder.give(emitted(builder, operands, body))


def swish(builder: Builder) -> None:
    """x · sigmoid(alpha · x)."""
    alpha = float(builder.attribute("alpha", 1.0))

    def body(chain: Chain, args: Sequence[str]) -> str:
        (x,) = args
        bent = x if alpha == 1 else chain.apply(Function.MUL, x, chain.constant(alpha))
        return chain.apply(Function.MUL, x, chain.apply(Function.SIGMOID, bent))

    builder.give(emitted(builder, [builder.value(0)], body))


def clipped(builder: Builder) -> None:
    """Brought between two numbers."""
    low, high = (builder.constant(place, "bounds") for place in (1, 2))

    def body(chain: Chain, args: Sequence[str]) -> str:
        result = args[0]
        if low is not None:
            result = chain.apply(Function.MAX, result, chain.constant(float(low.values.reshape(-1)[0])))
        if high is not None:
            result = chain.apply(Function.MIN, result, chain.constant(float(high.values.reshape(-1)[0])))
        return result if result != args[0] else chain.apply(Function.REQUANTIZE, result)

    builder.give(emitted(builder, [builder.value(0)], body))


def gelu(builder: Builder) -> None:
    """x · Φ(x), by erf or by tanh."""
    smooth = builder.attribute("approximate", "none") == "tanh"

    def body(chain: Chain, args: Sequence[str]) -> str:
        (x,) = args
        if smooth:
            cube = chain.apply(Function.MUL, x, chain.apply(Function.MUL, x, x))
            bent = chain.apply(Function.ADD, x, chain.apply(Function.MUL, cube, chain.constant(0.044715)))
            squashed = chain.apply(
                Function.TANH, chain.apply(Function.MUL, bent, chain.constant(float(np.sqrt(2 / np.pi))))
            )
        else:
            squashed = chain.apply(
                Function.ERF, chain.apply(Function.MUL, x, chain.constant(float(np.float32(np.sqrt(0.5)))))
            )
        half = chain.apply(Function.MUL, x, chain.constant(0.5))
        return chain.apply(Function.MUL, half, chain.apply(Function.ADD, squashed, chain.constant(1.0)))

    builder.give(emitted(builder, [builder.value(0)], body))


def power(builder: Builder) -> None:
    """A power whose exponent the file holds."""
    exponent = builder.constant(1, "exponent")
    assert exponent is not None
    values = np.unique(np.asarray(exponent.real, np.float64))
    wanted = float(values[0]) if len(values) == 1 else float("nan")

    def body(chain: Chain, args: Sequence[str]) -> str:
        (x,) = args
        if wanted == 0.5:
            return chain.apply(Function.SQRT, x)
        if wanted == -0.5:
            return chain.apply(Function.RSQRT, x)
        if wanted == -1:
            return chain.apply(Function.RECIPROCAL, x)
        if wanted == int(wanted) and 1 <= wanted <= MOST_POWER:
            result = x
            for bit in bin(int(wanted))[3:]:
                result = chain.apply(Function.MUL, result, result)
                if bit == "1":
                    result = chain.apply(Function.MUL, result, x)
            return result if result != x else chain.apply(Function.REQUANTIZE, x)
        raise builder.refused(f"raises to the power {wanted:g}; hwsim knows 1 to {MOST_POWER}, 1/2, -1/2 and -1")

    if np.isnan(wanted):
        builder.give(_powers(builder, exponent))
        return
    builder.give(emitted(builder, [builder.value(0)], body))


def _powers(builder: Builder, exponent: Held) -> Value:
    """A power whose exponents differ: of each square on the way, what takes part, or one."""
    values = np.asarray(exponent.real, np.float64)
    if not ((values == np.floor(values)) & (values >= 0) & (values <= MOST_POWER)).all():
        raise builder.refused(f"has several exponents; hwsim knows whole numbers of 0 to {MOST_POWER} then")
    bits = [(values.astype(np.int64) >> bit) & 1 for bit in range(int(values.max()).bit_length())]
    operands: list[Operand] = [builder.value(0)]
    for taking in bits:
        operands += [Held(one.astype(np.float32), "float32") for one in (taking, 1 - taking)]

    def body(chain: Chain, args: Sequence[str]) -> str:
        square, *masks = args
        result = ""
        for number, (take, leave) in enumerate(zip(masks[::2], masks[1::2], strict=True)):
            if number:
                square = chain.apply(Function.MUL, square, square)
            factor = chain.apply(Function.ADD, chain.apply(Function.MUL, square, take), leave)
            result = chain.apply(Function.MUL, result, factor) if result else factor
        return result

    return emitted(builder, operands, body)


def batch_norm(builder: Builder) -> None:
    """What is left of it after training: a gain and an offset for each channel."""
    gain, offset, mean, variance = (builder.constant(place, "statistics") for place in range(1, 5))
    if builder.attribute("training_mode", 0):
        raise builder.refused("is in training mode")
    assert gain is not None
    assert offset is not None
    assert mean is not None
    assert variance is not None
    epsilon = float(builder.attribute("epsilon", 1e-5))
    floored = np.asarray(variance.real, np.float64) + epsilon
    if not (floored > 0).all():
        raise builder.refused("has a variance below zero, with its epsilon")
    stretch = np.asarray(gain.real, np.float64) / np.sqrt(floored)
    shift = np.asarray(offset.real, np.float64) - np.asarray(mean.real, np.float64) * stretch
    value = builder.as_value(builder.value(0))
    sizes = (-1, *(1,) * (len(value.shape) - 2))
    operands: list[Operand] = [
        value,
        *(Held(one.astype(np.float32).reshape(sizes), "float32") for one in (stretch, shift)),
    ]

    def body(chain: Chain, args: Sequence[str]) -> str:
        return chain.apply(Function.ADD, chain.apply(Function.MUL, args[0], args[1]), args[2])

    builder.give(emitted(builder, operands, body))
