"""Nodes that move numbers or see them otherwise: views where these can say it, copies where they cannot."""

from math import prod

import numpy as np

from hwsim.inputs.onnx import folding, shapes
from hwsim.inputs.onnx.building import Builder
from hwsim.inputs.onnx.comparisons import is_true
from hwsim.inputs.onnx.elementwise import emitted
from hwsim.inputs.onnx.parts import Held, Made, Operand
from hwsim.inputs.onnx.stored import Value, sliced
from hwsim.ir.ops import Function, Lookup, Op
from hwsim.ir.tensor import Role
from hwsim.quantities.precision import Precision


def _shaped(builder: Builder, shape: tuple[int, ...]) -> None:
    """The first operand in another shape, its elements in the order in which they are."""
    value = builder.value(0)
    if prod(shape) != prod(value.shape):
        raise builder.refused(f"makes {list(shape)} of {list(value.shape)}")
    builder.give(_in_shape(value, shape))


def _in_shape(operand: Operand, shape: tuple[int, ...]) -> Operand:
    if isinstance(operand, Value):
        return operand.other(shape=shape)
    quant = operand.quant
    if quant is not None and quant.axis is not None and quant.scale.size > 1:
        return Held(operand.real.reshape(shape), "float32")
    return Held(operand.values.reshape(shape), operand.kind, quant)


def reshape(builder: Builder) -> None:
    wanted = builder.numbers(1, "shape")
    value = builder.value(0)
    _shaped(
        builder,
        shapes.reshaped(value.shape, shapes.whole(wanted), bool(builder.attribute("allowzero", 0))),
    )


def flatten(builder: Builder) -> None:
    shape = builder.value(0).shape
    at = builder.attribute("axis", 1)
    at = at + len(shape) if at < 0 else at
    _shaped(builder, (prod(shape[:at]), prod(shape[at:])))


def squeeze(builder: Builder) -> None:
    axes = builder.numbers(1, "axes")
    _shaped(builder, shapes.squeezed(builder.node, builder.value(0).shape, axes))


def unsqueeze(builder: Builder) -> None:
    axes = builder.numbers(1, "axes")
    _shaped(builder, shapes.unsqueezed(builder.node, builder.value(0).shape, axes))


def same(builder: Builder) -> None:
    """`Identity`."""
    builder.give(builder.value(0))


def dropout(builder: Builder) -> None:
    """`Dropout` after training leaves everything as it is."""
    training, ratio = builder.numbers(2, "mode"), builder.numbers(1, "ratio")
    if training is not None and training.any() and (ratio is None or ratio.any()):
        raise builder.refused("drops values, as in training; export the model for inference")
    builder.give(builder.value(0))


def transpose(builder: Builder) -> None:
    value = builder.value(0)
    rank = len(value.shape)
    perm = tuple(builder.attribute("perm", tuple(reversed(range(rank)))))
    if sorted(perm) != list(range(rank)):
        raise builder.refused(f"orders {rank} axes as {list(perm)}")
    if isinstance(value, Held):
        quant = value.quant
        if quant is not None and quant.axis is not None and quant.scale.size > 1:
            if quant.block:
                scale, zero = quant.scale.transpose(perm), quant.zero.transpose(perm)
            else:
                scale, zero = quant.scale, quant.zero
            quant = type(quant)(quant.precision, scale, zero, perm.index(quant.axis % rank), quant.block)
        builder.give(Held(value.values.transpose(perm), value.kind, quant))
        return
    builder.give(builder.turned(value, perm))


def part_of(builder: Builder, value: Value, axis: int, start: int, count: int, every: int) -> Value:
    """Some entries of an axis, of a copy if need be."""
    if count < 1:
        raise builder.refused(f"takes no entries of axis {axis}; hwsim knows no empty values")
    part = sliced(value, axis, start, count, every)
    if part is None:
        part = sliced(builder.copied(value), axis, start, count, every)
        assert part is not None
    return part


def slice_(builder: Builder) -> None:
    value = builder.as_value(builder.value(0))
    given = [builder.numbers(place, "bounds") for place in range(1, 5)]
    taken = shapes.slices(builder.node, value.shape, given)
    for axis, one in enumerate(taken):
        if one.step < 0:
            raise builder.refused(f"takes entries of axis {axis} backwards, which hwsim does not read yet")
        value = part_of(builder, value, axis, one.start, len(range(one.start, one.stop, one.step)), one.step)
    builder.give(value)


def split(builder: Builder) -> None:
    value = builder.as_value(builder.value(0))
    axis = shapes.place(builder.attribute("axis", 0), len(value.shape))
    given = builder.numbers(1, "sizes")
    start = 0
    for place, size in enumerate(shapes.split_sizes(builder.node, value.shape[axis], given, axis)):
        builder.give(part_of(builder, value, axis, start, size, 1), place)
        start += size


def gather(builder: Builder) -> None:
    """Entries of an axis: views, where the file says which; rows of a table, where data do."""
    data, index = builder.value(0), builder.value(1)
    axis = shapes.place(builder.attribute("axis", 0), len(data.shape))
    if isinstance(index, Value):
        builder.give(_looked_up_along(builder, data, index, axis))
        return
    places = np.asarray(index.values).reshape(-1).astype(np.int64)
    size = data.shape[axis]
    if places.size and (places.min() < -size or places.max() >= size):
        raise builder.refused(f"takes entries {places.min()} to {places.max()} of axis {axis}, which has {size}")
    places = places % size
    value = builder.as_value(data)
    steps = np.unique(np.diff(places)) if places.size > 1 else np.array([1])
    shape = (*data.shape[:axis], *index.shape, *data.shape[axis + 1 :])
    if len(steps) == 1 and steps[0] > 0:
        part = part_of(builder, value, axis, int(places[0]), int(places.size), int(steps[0]))
        builder.give(part.other(shape=shape))
        return
    indices = builder.parameter(
        f"{builder.name}.index", places.astype(np.int32), Role.TABLE, key=builder.key(index.values, "places")
    )
    builder.give(_looked_up_along(builder, value, indices.whole(index.shape), axis))


def _looked_up_along(builder: Builder, data: Operand, index: Value, axis: int) -> Value:
    """Rows of a table; entries of an axis behind others are those of the data with that axis in front."""
    if prod(data.shape[:axis]) == 1:
        return _look_up(builder, data, index, axis)
    rank, inner = len(data.shape), len(index.shape)
    others = tuple(place for place in range(rank) if place != axis)
    found = _look_up(builder, builder.turned(builder.as_value(data), (axis, *others)), index, 0)
    return builder.turned(found, (*range(inner, inner + axis), *range(inner), *range(inner + axis, inner + rank - 1)))


def _look_up(builder: Builder, data: Operand, index: Value, axis: int) -> Value:
    rows, width = data.shape[axis], prod(data.shape[axis + 1 :])
    if isinstance(data, Held):
        quant = data.quant
        if quant is not None and quant.scale.size > 1:
            quant = None
        values = data.values if quant is not None or data.kind in ("int8", "uint8") else data.real
        known = quant
        tensor = builder.parameter(
            f"{builder.name}.table", values.reshape(rows, width), Role.TABLE,
            key=builder.key(data.values, "table"), quant=known,
        )  # fmt: skip
        if data.kind in ("int8", "uint8", "int4", "uint4"):
            tensor.precision = Precision(data.kind)
        table = tensor.whole((rows, width))
        table.real = quant is not None
    else:
        table = data.other(shape=(rows, width))
        groups = table.groups()
        if groups is None or len([one for one in groups[1] if table.size_of(one) > 1]) > 1 or not table.in_order:
            table = builder.copied(table, (rows, width))
        elif table.sizes != [rows, width]:
            table = builder.exact(table)
    source = table.stored
    source.locked.update(range(len(source.sizes)))
    shape = (*data.shape[:axis], *index.shape, *data.shape[axis + 1 :])
    sizes = (*index.shape, width)
    out = builder.stored(f"{builder.name}.out", sizes, source.precision, quant=source.quant).whole(shape)
    out.real = table.real
    builder.parts.append(Made(builder.name, [table, index], [out], _looked_up))
    return out


def _looked_up(made: Made) -> Op:
    table, index = made.reads
    return Lookup(name=made.name, table=table.view(), index=index.view(), out=made.writes[0].view())


def cast(builder: Builder) -> None:
    """A cast between kinds of floats changes nothing here: a plan decides the format of floats."""
    value = builder.value(0)
    to = folding.TYPES.get(builder.attribute("to"), "")
    floats = ("float32", "float16", "bfloat16", "float64")
    if isinstance(value, Value) and to in floats and value.stored.precision.floating:
        builder.give(value)
        return
    if isinstance(value, Value) and to in floats and value.quant is not None:
        builder.give(value.other(real=True))  # integers that stand for themselves
        return
    whole = ("int64", "int32")
    if isinstance(value, Value) and to in whole and value.stored.precision is Precision.INT32:
        builder.give(value)
        return
    if isinstance(value, Value) and to in floats and value.stored.precision is Precision.INT32:
        builder.give(emitted(builder, [value], lambda chain, args: chain.apply(Function.REQUANTIZE, args[0])))
        return
    if isinstance(value, Value) and to == "bool" and (value.stored.precision.floating or value.quant is None):
        builder.give(emitted(builder, [value], is_true))
        return
    raise builder.refused(f"casts data to {to or 'an unknown type'}, which hwsim does not read")
