"""Comparisons, choices and whole parts of numbers: chains of what a vector unit has, in which 1 stands for true."""

from collections.abc import Callable, Sequence

import numpy as np

from hwsim.inputs.onnx.building import Builder
from hwsim.inputs.onnx.elementwise import Body, emitted, quotient, whole_numbers
from hwsim.inputs.onnx.functions import where as where_known
from hwsim.inputs.onnx.parts import Chain, Held, Operand
from hwsim.ir.ops import Function

LOWEST = float(np.finfo(np.float32).min)
"""What stands for -∞ where data choose between it and something else: a product with it would be no number."""


def _is(extreme: Function) -> Body:
    """Whether the first of two is their largest, or least."""
    return lambda chain, args: chain.apply(Function.EQUAL, chain.apply(extreme, args[0], args[1]), args[0])


def _not(chain: Chain, truth: str) -> str:
    return chain.apply(Function.SUB, chain.constant(1.0), truth)


def _negation(body: Body) -> Body:
    return lambda chain, args: _not(chain, body(chain, args))


def _different(chain: Chain, args: Sequence[str]) -> str:
    return _not(chain, chain.apply(Function.EQUAL, args[0], args[1]))


def is_true(chain: Chain, args: Sequence[str]) -> str:
    """Whether a number is another one than zero."""
    return _not(chain, chain.apply(Function.EQUAL, args[0], chain.constant(0.0)))


def _floor(chain: Chain, value: str) -> str:
    """The nearest integer, or one less if that is larger."""
    nearest = chain.apply(Function.ROUND, value)
    return chain.apply(Function.SUB, nearest, _negation(_is(Function.MIN))(chain, [nearest, value]))


def _ceiling(chain: Chain, value: str) -> str:
    nearest = chain.apply(Function.ROUND, value)
    return chain.apply(Function.ADD, nearest, _negation(_is(Function.MAX))(chain, [nearest, value]))


def _cut_off(chain: Chain, value: str) -> str:
    """The whole part, towards zero."""
    zero = chain.constant(0.0)
    below = chain.apply(Function.MIN, _ceiling(chain, value), zero)
    return chain.apply(Function.ADD, chain.apply(Function.MAX, _floor(chain, value), zero), below)


def _sign(chain: Chain, args: Sequence[str]) -> str:
    zero = chain.constant(0.0)
    above, below = (_negation(_is(extreme))(chain, [args[0], zero]) for extreme in (Function.MIN, Function.MAX))
    return chain.apply(Function.SUB, above, below)


BODIES: dict[str, Body] = {
    "Equal": lambda chain, args: chain.apply(Function.EQUAL, args[0], args[1]),
    "GreaterOrEqual": _is(Function.MAX),
    "LessOrEqual": _is(Function.MIN),
    "Greater": _negation(_is(Function.MIN)),
    "Less": _negation(_is(Function.MAX)),
    "And": lambda chain, args: chain.apply(Function.MUL, args[0], args[1]),
    "Or": lambda chain, args: chain.apply(Function.MAX, args[0], args[1]),
    "Xor": _different,
    "Not": lambda chain, args: _not(chain, args[0]),
    "Floor": lambda chain, args: _floor(chain, args[0]),
    "Ceil": lambda chain, args: _ceiling(chain, args[0]),
    "Round": lambda chain, args: chain.apply(Function.ROUND, args[0]),
    "Sign": _sign,
}
"""Operators that are such a function of their operands alone."""


def plain(builder: Builder) -> None:
    """A node of such an operator."""
    operands = [builder.value(place) for place in range(len(builder.node.inputs))]
    builder.give(emitted(builder, operands, BODIES[builder.node.op]))


def _of_two(below: Callable[[Chain, str], str]) -> Body:
    """What is left of the first of two less a whole number of times the second."""

    def body(chain: Chain, args: Sequence[str]) -> str:
        times = below(chain, chain.apply(Function.DIV, args[0], args[1]))
        return chain.apply(Function.SUB, args[0], chain.apply(Function.MUL, times, args[1]))

    return body


def modulo(builder: Builder) -> None:
    """`Mod`: with the sign of the divisor, or by `fmod` with that of what is divided."""
    operands = [builder.value(place) for place in range(2)]
    below = _cut_off if builder.attribute("fmod", 0) else _floor
    builder.give(emitted(builder, operands, _of_two(below)))


def divided(builder: Builder) -> None:
    """`Div`: of whole numbers the quotient is cut off."""
    operands = [builder.value(place) for place in range(2)]
    if not all(whole_numbers(operand) for operand in operands):
        builder.give(emitted(builder, operands, quotient))
        return
    builder.give(
        emitted(builder, operands, lambda chain, args: _cut_off(chain, chain.apply(Function.DIV, args[0], args[1])))
    )


def where(builder: Builder) -> None:
    """The second operand where the first says so, the third elsewhere, whether the file says it or the data."""
    condition = builder.value(0)
    if isinstance(condition, Held):
        where_known(builder)
        return
    operands: list[Operand] = [condition, *(_finite(builder, builder.value(place)) for place in (1, 2))]

    def body(chain: Chain, args: Sequence[str]) -> str:
        chosen, first, second = args
        taken = chain.apply(Function.MUL, first, chosen)
        return chain.apply(Function.ADD, taken, chain.apply(Function.MUL, second, _not(chain, chosen)))

    builder.give(emitted(builder, operands, body))


def _finite(builder: Builder, operand: Operand) -> Operand:
    """The operand, -∞ in the file as the lowest number of single precision."""
    if not isinstance(operand, Held):
        return operand
    values = np.asarray(operand.real, np.float32)
    if np.isposinf(values).any():
        raise builder.refused("chooses between data and an infinite number of the file, which hwsim does not read")
    return Held(np.maximum(values, np.float32(LOWEST)), "float32") if np.isneginf(values).any() else operand
