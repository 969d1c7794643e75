"""Functions of elements: each node becomes a chain over views that come in the order of its largest operand."""

from collections.abc import Callable, Mapping, Sequence
from math import prod

import numpy as np

from hwsim.inputs.onnx.building import Builder
from hwsim.inputs.onnx.parts import Chain, Held, Operand
from hwsim.inputs.onnx.stored import Quant, Stored, Value
from hwsim.ir.ops import Function
from hwsim.ir.tensor import Role
from hwsim.quantities.precision import Precision

Body = Callable[[Chain, Sequence[str]], str]
"""Adds the steps of a node to a chain, from the names of its operands; the name of its result."""


def emitted(builder: Builder, operands: Sequence[Operand], body: Body, quant: Quant | None = None) -> Value:
    """The value that a chain makes of its operands, which are repeated as numpy repeats them."""
    shape = _common(builder, operands)
    perm = _order(operands, shape)
    chain = Chain(builder.name)
    names = [_read(builder, chain, operand, shape, perm) for operand in operands]
    result = body(chain, names)
    written, out = _result(builder, shape, perm, quant)
    chain.writes.append((result, written))
    if not chain.reads:
        raise builder.refused("computes with numbers of the file alone, which hwsim does not fold; fold it beforehand")
    builder.parts.append(chain)
    return out


def _common(builder: Builder, operands: Sequence[Operand]) -> tuple[int, ...]:
    try:
        return tuple(np.broadcast_shapes(*(operand.shape for operand in operands)))
    except ValueError as error:
        shapes = " and ".join(str(list(operand.shape)) for operand in operands)
        raise builder.refused(f"its operands {shapes} do not go together") from error


def _order(operands: Sequence[Operand], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The order of axes in which the elements of the largest operand lie in memory."""
    natural = tuple(range(len(shape)))
    whole = [operand for operand in operands if isinstance(operand, Value) and operand.elements == prod(shape)]
    for value in whole:
        if value.in_order:
            return natural
    for value in whole:
        groups = _padded(value, shape).groups()
        if groups is not None:
            places = {axis: min(group) for axis, group in enumerate(groups) if shape[axis] > 1 and group}
            ordered = iter(sorted(places, key=lambda axis: places[axis]))
            return tuple(next(ordered) if axis in places else axis for axis in natural)
    return natural


def _padded(value: Value, shape: tuple[int, ...]) -> Value:
    """With axes of one entry in front, as many as it lacks."""
    missing = len(shape) - len(value.shape)
    return value.other(shape=(*(1,) * missing, *value.shape)) if missing else value


def _read(builder: Builder, chain: Chain, operand: Operand, shape: tuple[int, ...], perm: tuple[int, ...]) -> str:
    if isinstance(operand, Held):
        return _constant(builder, chain, operand, shape, perm)
    value = _padded(operand, shape)
    if perm != tuple(range(len(shape))):
        value = builder.turned(value, perm)
    if value.elements != prod(shape):
        if _is_row(value.shape, tuple(shape[axis] for axis in perm)):
            # Axes of one entry stand in front: behind others they would be taken for axes along which it is repeated.
            value = value.other(order=sorted(value.order, key=lambda axis: value.size_of(axis) > 1))
        else:
            value = builder.exact(value, lock=True)
    local = chain.local()
    chain.reads.append((local, value))
    if value.real:
        return chain.apply(Function.DEQUANTIZE, local)
    return local


def _is_row(part: Sequence[int], whole: Sequence[int]) -> bool:
    """Whether a part of that shape is what some last axes of the whole make up, the same for all rows."""
    sizes = list(part)
    while sizes and sizes[0] == 1:
        sizes.pop(0)
    return bool(sizes) and sizes == list(whole[len(whole) - len(sizes) :])


def _constant(builder: Builder, chain: Chain, held: Held, shape: tuple[int, ...], perm: tuple[int, ...]) -> str:
    values = np.asarray(held.real)
    if values.size == 1 or (values == values.reshape(-1)[0]).all():
        return chain.constant(float(values.reshape(-1)[0]))
    sizes = (*(1,) * (len(shape) - values.ndim), *values.shape)
    turned = values.reshape(sizes).transpose(perm)
    if _is_row(turned.shape, tuple(shape[axis] for axis in perm)):
        while turned.shape[0] == 1:
            turned = turned[0]
    role = Role.BIAS if turned.ndim == 1 else Role.TABLE
    tensor = builder.parameter(
        f"{builder.name}.constant", turned, role, key=builder.key(held.values, ("elements", sizes, perm))
    )
    local = chain.local()
    value = tensor.whole(tuple(turned.shape))
    tensor.locked.update(range(len(tensor.sizes)))
    chain.reads.append((local, value))
    return local


def _result(
    builder: Builder, shape: tuple[int, ...], perm: tuple[int, ...], quant: Quant | None
) -> tuple[Value, Value]:
    """The result as the chain writes it, and as the graph sees it."""
    sizes = [shape[axis] for axis in perm]
    precision = Precision.FP32 if quant is None else quant.precision
    tensor: Stored = builder.stored(f"{builder.name}.out", sizes, precision, quant=quant)
    order = [perm.index(axis) for axis in range(len(shape))] or [0]
    return tensor.whole(tuple(tensor.sizes)), Value(tensor, order, {}, tuple(shape))


def whole_numbers(operand: Operand) -> bool:
    """Whether an operand is of whole numbers that stand for themselves."""
    if isinstance(operand, Held):
        return operand.quant is None and operand.values.dtype.kind in "iu"
    return operand.quant is None and operand.stored.precision is Precision.INT32


# -- the functions


def _fold(function: Function) -> Body:
    """A function of two, one after the other."""

    def body(chain: Chain, args: Sequence[str]) -> str:
        result, *others = args
        for other in others:
            result = chain.apply(function, result, other)
        return result

    return body


def _unary(function: Function) -> Body:
    return lambda chain, args: chain.apply(function, args[0])


def quotient(chain: Chain, args: Sequence[str]) -> str:
    """A quotient is a product with a reciprocal; that of a number of the file is known."""
    above, below = args
    if below in chain.constants:
        return chain.apply(Function.MUL, above, chain.constant(1.0 / chain.constants[below]))
    return chain.apply(Function.MUL, above, chain.apply(Function.RECIPROCAL, below))


def _root(chain: Chain, args: Sequence[str]) -> str:
    return chain.apply(Function.SQRT, args[0])


def _negated(chain: Chain, args: Sequence[str]) -> str:
    return chain.apply(Function.SUB, chain.constant(0.0), args[0])


def _absolute(chain: Chain, args: Sequence[str]) -> str:
    return chain.apply(Function.MAX, args[0], _negated(chain, args))


def _relu(chain: Chain, args: Sequence[str]) -> str:
    return chain.apply(Function.MAX, args[0], chain.constant(0.0))


def _softplus(chain: Chain, args: Sequence[str]) -> str:
    return chain.apply(Function.LOG, chain.apply(Function.ADD, chain.apply(Function.EXP, args[0]), chain.constant(1.0)))


BODIES: Mapping[str, Body] = {
    "Add": _fold(Function.ADD),
    "Sum": _fold(Function.ADD),
    "Sub": _fold(Function.SUB),
    "Mul": _fold(Function.MUL),
    "Max": _fold(Function.MAX),
    "Min": _fold(Function.MIN),
    "Sqrt": _root,
    "Neg": _negated,
    "Abs": _absolute,
    "Relu": _relu,
    "Sigmoid": _unary(Function.SIGMOID),
    "Tanh": _unary(Function.TANH),
    "Exp": _unary(Function.EXP),
    "Log": _unary(Function.LOG),
    "Erf": _unary(Function.ERF),
    "Sin": _unary(Function.SIN),
    "Cos": _unary(Function.COS),
    "Reciprocal": _unary(Function.RECIPROCAL),
    "Softplus": _softplus,
}
"""Operators that are a function of their operands alone."""


def plain(builder: Builder) -> None:
    """A node of such an operator."""
    operands = [builder.value(place) for place in range(len(builder.node.inputs))]
    builder.give(emitted(builder, operands, BODIES[builder.node.op]))
