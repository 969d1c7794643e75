"""Activation functions with attributes or slopes, each a chain of what a vector unit has."""

from collections.abc import Sequence

from hwsim.inputs.onnx.building import Builder
from hwsim.inputs.onnx.elementwise import Body, emitted
from hwsim.inputs.onnx.parts import Chain
from hwsim.ir.ops import Function

SELU_ALPHA, SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875
"""The defaults of the operator (onnx, docs/Operators.md, Selu)."""


def _times(chain: Chain, value: str, factor: float) -> str:
    return value if factor == 1 else chain.apply(Function.MUL, value, chain.constant(factor))


def _positive(chain: Chain, value: str) -> str:
    return chain.apply(Function.MAX, value, chain.constant(0.0))


def _negative(chain: Chain, value: str) -> str:
    return chain.apply(Function.MIN, value, chain.constant(0.0))


def _of_one(builder: Builder, body: Body) -> None:
    builder.give(emitted(builder, [builder.value(0)], body))


def _gate(chain: Chain, x: str, alpha: float, beta: float) -> str:
    """alpha · x + beta between 0 and 1."""
    line = chain.apply(Function.ADD, _times(chain, x, alpha), chain.constant(beta))
    return chain.apply(Function.MIN, _positive(chain, line), chain.constant(1.0))


def hard_sigmoid(builder: Builder) -> None:
    """A line between 0 and 1."""
    alpha, beta = float(builder.attribute("alpha", 0.2)), float(builder.attribute("beta", 0.5))
    _of_one(builder, lambda chain, args: _gate(chain, args[0], alpha, beta))


def hard_swish(builder: Builder) -> None:
    """x times such a line."""
    _of_one(builder, lambda chain, args: chain.apply(Function.MUL, args[0], _gate(chain, args[0], 1 / 6, 0.5)))


def sloped(builder: Builder) -> None:
    """x where it is positive, x times a slope of its own elsewhere."""

    def body(chain: Chain, args: Sequence[str]) -> str:
        below = chain.apply(Function.MUL, _negative(chain, args[0]), args[1])
        return chain.apply(Function.ADD, _positive(chain, args[0]), below)

    builder.give(emitted(builder, [builder.value(0), builder.value(1)], body))


def _exponential(alpha: float, length: float = 1.0, gamma: float = 1.0) -> Body:
    """gamma · x where it is positive, gamma · alpha · (e^(x / length) - 1) elsewhere."""

    def body(chain: Chain, args: Sequence[str]) -> str:
        power = chain.apply(Function.EXP, _times(chain, _negative(chain, args[0]), 1 / length))
        below = _times(chain, chain.apply(Function.SUB, power, chain.constant(1.0)), alpha)
        return _times(chain, chain.apply(Function.ADD, _positive(chain, args[0]), below), gamma)

    return body


def elu(builder: Builder) -> None:
    """A line that an exponential continues below zero."""
    _of_one(builder, _exponential(float(builder.attribute("alpha", 1.0))))


def selu(builder: Builder) -> None:
    """The same, stretched."""
    alpha, gamma = float(builder.attribute("alpha", SELU_ALPHA)), float(builder.attribute("gamma", SELU_GAMMA))
    _of_one(builder, _exponential(alpha, gamma=gamma))


def celu(builder: Builder) -> None:
    """The same, its exponential as steep as the line."""
    alpha = float(builder.attribute("alpha", 1.0))
    if alpha == 0:
        raise builder.refused("has the length 0, by which it divides")
    _of_one(builder, _exponential(alpha, length=alpha))


def mish(builder: Builder) -> None:
    """x · tanh(log(1 + e^x))."""

    def body(chain: Chain, args: Sequence[str]) -> str:
        one = chain.apply(Function.ADD, chain.apply(Function.EXP, args[0]), chain.constant(1.0))
        return chain.apply(Function.MUL, args[0], chain.apply(Function.TANH, chain.apply(Function.LOG, one)))

    _of_one(builder, body)


def softsign(builder: Builder) -> None:
    """x / (1 + |x|)."""

    def body(chain: Chain, args: Sequence[str]) -> str:
        size = chain.apply(Function.MAX, args[0], chain.apply(Function.SUB, chain.constant(0.0), args[0]))
        below = chain.apply(Function.RECIPROCAL, chain.apply(Function.ADD, size, chain.constant(1.0)))
        return chain.apply(Function.MUL, args[0], below)

    _of_one(builder, body)


def thresholded(builder: Builder) -> None:
    """x where it is above alpha, 0 elsewhere."""
    alpha = float(builder.attribute("alpha", 1.0))

    def body(chain: Chain, args: Sequence[str]) -> str:
        least = chain.apply(Function.MIN, args[0], chain.constant(alpha))
        above = chain.apply(Function.SUB, chain.constant(1.0), chain.apply(Function.EQUAL, least, args[0]))
        return chain.apply(Function.MUL, args[0], above)

    _of_one(builder, body)
