"""Operators that move numbers or see them otherwise: views where these can say it, copies where they cannot."""

from math import prod

import numpy as np

from hwsim.inputs.onnx.copies import joined
from hwsim.inputs.onnx.layout import part_of
from hwsim.inputs.onnx.parts import Held, Operand
from hwsim.inputs.onnx.shapes import place, reshaped
from hwsim.inputs.onnx.stored import Value
from hwsim.inputs.tflite.building import TfliteBuilder, activation
from hwsim.ir.tensor import Role

_MOST_ZEROS = 1 << 24
"""Numbers that padding may add on one side: they are kept as a table."""


def _shaped(builder: TfliteBuilder, shape: tuple[int, ...]) -> None:
    operand = builder.value(0)
    if prod(shape) != prod(operand.shape):
        raise builder.refused(f"makes {list(shape)} of {list(operand.shape)}")
    builder.give(_in_shape(builder, operand, shape))


def _in_shape(builder: TfliteBuilder, operand: Operand, shape: tuple[int, ...]) -> Operand:
    if isinstance(operand, Value):
        return operand.other(shape=shape)
    _one_scale(builder, operand)
    return Held(operand.values.reshape(shape), operand.kind, operand.quant)


def _one_scale(builder: TfliteBuilder, held: Held) -> None:
    if held.quant is not None and held.quant.scale.size > 1:
        raise builder.refused("moves numbers that have several scales, which hwsim does not read")


def reshape(builder: TfliteBuilder) -> None:
    """`RESHAPE`: the new shape is an input or an option."""
    wanted = builder.attribute("new_shape") if builder.operand(1) is None else builder.whole_numbers(1, "sizes")
    _shaped(builder, reshaped(builder.value(0).shape, wanted, True))


def squeeze(builder: TfliteBuilder) -> None:
    """`SQUEEZE`: some axes of one entry go, or all."""
    shape, named = builder.value(0).shape, builder.attribute("squeeze_dims")
    axes = {place(axis, len(shape)) for axis in named} or {axis for axis, size in enumerate(shape) if size == 1}
    if any(shape[axis] != 1 for axis in axes):
        raise builder.refused(f"takes axes {sorted(axes)} out of {list(shape)}")
    _shaped(builder, tuple(size for axis, size in enumerate(shape) if axis not in axes))


def expand_dims(builder: TfliteBuilder) -> None:
    """`EXPAND_DIMS`: one axis of one entry more."""
    shape = list(builder.value(0).shape)
    (axis,) = builder.whole_numbers(1, "axis")
    shape.insert(place(axis, len(shape) + 1), 1)
    _shaped(builder, tuple(shape))


def transpose(builder: TfliteBuilder) -> None:
    """`TRANSPOSE`."""
    operand, perm = builder.value(0), builder.whole_numbers(1, "order")
    rank = len(operand.shape)
    order = tuple(place(axis, rank) for axis in perm)
    if sorted(order) != list(range(rank)):
        raise builder.refused(f"orders {rank} axes as {list(perm)}")
    if isinstance(operand, Held):
        _one_scale(builder, operand)
        builder.give(Held(operand.values.transpose(order), operand.kind, operand.quant))
        return
    builder.give(builder.turned(operand, order))


def strided_slice(builder: TfliteBuilder) -> None:
    """`STRIDED_SLICE`: bounds for each axis, those left out where a bit of a mask is set."""
    operand = builder.value(0)
    begins, ends, steps = (builder.whole_numbers(at, what) for at, what in ((1, "starts"), (2, "ends"), (3, "steps")))
    if builder.attribute("ellipsis_mask") or builder.attribute("new_axis_mask"):
        raise builder.refused("has an ellipsis or new axes among its bounds, which hwsim does not read")
    if not len(begins) == len(ends) == len(steps) <= len(operand.shape):
        raise builder.refused(f"has {len(begins)}, {len(ends)} and {len(steps)} bounds for {list(operand.shape)}")
    taken, gone = [], []
    for axis, (begin, end, step) in enumerate(zip(begins, ends, steps, strict=True)):
        size = operand.shape[axis]
        if step < 1:
            raise builder.refused(f"takes entries of axis {axis} by steps of {step}; hwsim reads steps forward")
        if builder.attribute("offset"):
            end += begin
        if builder.attribute("shrink_axis_mask") >> axis & 1:
            at = place(begin, size)
            taken.append(range(at, at + 1))
            gone.append(axis)
            continue
        first = None if builder.attribute("begin_mask") >> axis & 1 else begin
        last = None if builder.attribute("end_mask") >> axis & 1 else end
        taken.append(range(*slice(first, last, step).indices(size)))
    part = _taken(builder, operand, taken)
    builder.give(_in_shape(builder, part, tuple(size for axis, size in enumerate(part.shape) if axis not in gone)))


def _taken(builder: TfliteBuilder, operand: Operand, ranges: list[range]) -> Operand:
    """Some entries of each of the first axes."""
    if isinstance(operand, Held):
        _one_scale(builder, operand)
        places = tuple(slice(one.start, one.stop, one.step) for one in ranges)
        return Held(operand.values[places], operand.kind, operand.quant)
    value = operand
    for axis, one in enumerate(ranges):
        value = part_of(builder, value, axis, one.start, len(one), one.step)
    return value


def slice_(builder: TfliteBuilder) -> None:
    """`SLICE`: a start and a size for each axis, -1 for what is left."""
    operand = builder.value(0)
    begins, sizes = builder.whole_numbers(1, "starts"), builder.whole_numbers(2, "sizes")
    if not len(begins) == len(sizes) == len(operand.shape):
        raise builder.refused(f"has {len(begins)} and {len(sizes)} bounds for {list(operand.shape)}")
    taken = []
    for axis, (begin, size) in enumerate(zip(begins, sizes, strict=True)):
        whole = operand.shape[axis]
        count = whole - begin if size == -1 else size
        if begin < 0 or count < 1 or begin + count > whole:
            raise builder.refused(f"takes {count} entries of axis {axis} from {begin} on, which has {whole}")
        taken.append(range(begin, begin + count))
    builder.give(_taken(builder, operand, taken))


def split(builder: TfliteBuilder) -> None:
    """`SPLIT`: the axis is the first input; all parts are alike."""
    (axis,), value = builder.whole_numbers(0, "axis"), builder.as_value(builder.value(1))
    at, parts = place(axis, len(value.shape)), len(builder.node.outputs)
    if not parts or builder.attribute("num_splits") != parts or value.shape[at] % parts:
        raise builder.refused(f"splits axis {at} of {list(value.shape)} into {parts} parts alike")
    _parts(builder, value, at, [value.shape[at] // parts] * parts)


def split_v(builder: TfliteBuilder) -> None:
    """`SPLIT_V`: the sizes of the parts are the second input, one of them perhaps -1."""
    value, sizes = builder.as_value(builder.value(0)), list(builder.whole_numbers(1, "sizes"))
    (axis,) = builder.whole_numbers(2, "axis")
    at = place(axis, len(value.shape))
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = value.shape[at] - sum(size for size in sizes if size >= 0)
    if any(size < 1 for size in sizes) or sum(sizes) != value.shape[at] or len(sizes) != len(builder.node.outputs):
        raise builder.refused(f"splits axis {at} of {list(value.shape)} into {sizes}")
    _parts(builder, value, at, sizes)


def _parts(builder: TfliteBuilder, value: Value, axis: int, sizes: list[int]) -> None:
    start = 0
    for number, size in enumerate(sizes):
        builder.give(part_of(builder, value, axis, start, size, 1), number)
        start += size


def concatenation(builder: TfliteBuilder) -> None:
    """`CONCATENATION`: values one after another along an axis, each copied to its place."""
    if activation(builder) != "NONE":
        raise builder.refused("has an activation behind it, which hwsim does not read")
    operands = [builder.value(at) for at in range(len(builder.node.inputs))]
    if not operands:
        raise builder.refused("joins nothing")
    builder.give(_join(builder, operands, place(builder.attribute("axis"), len(operands[0].shape))))


def _join(builder: TfliteBuilder, operands: list[Operand], axis: int) -> Operand:
    first = operands[0]
    for one in operands[1:]:
        sizes = [size for at, size in enumerate(one.shape) if at != axis]
        if len(one.shape) != len(first.shape) or sizes != [s for at, s in enumerate(first.shape) if at != axis]:
            raise builder.refused(f"joins {list(first.shape)} with {list(one.shape)} along axis {axis}")
    held = [one for one in operands if isinstance(one, Held)]
    if len(held) == len(operands) and all(one.quant is None and one.kind == held[0].kind for one in held):
        return Held(np.concatenate([one.values for one in held], axis=axis), held[0].kind)
    if builder.quantised():
        quant = builder.result()
        for entry in builder.read():
            if not builder.like_result(entry).same(quant):
                raise builder.refused(f"joins {entry.title} with values of other scales; hwsim reads equal ones")
    values = [builder.as_value(one) for one in operands]
    shape = list(first.shape)
    shape[axis] = sum(one.shape[axis] for one in values)
    return joined(builder, values, tuple(shape), axis)


def pack(builder: TfliteBuilder) -> None:
    """`PACK`: values one beside another along a new axis."""
    operands = [builder.value(at) for at in range(len(builder.node.inputs))]
    if not operands or builder.attribute("values_count") != len(operands):
        raise builder.refused(f"packs {builder.attribute('values_count')} values, but reads {len(operands)}")
    axis = place(builder.attribute("axis"), len(operands[0].shape) + 1)
    wider = [_in_shape(builder, one, (*one.shape[:axis], 1, *one.shape[axis:])) for one in operands]
    builder.give(_join(builder, wider, axis))


def unpack(builder: TfliteBuilder) -> None:
    """`UNPACK`: the entries of an axis, each a value of its own."""
    value = builder.as_value(builder.value(0))
    axis = place(builder.attribute("axis"), len(value.shape))
    if builder.attribute("num") != value.shape[axis] or len(builder.node.outputs) != value.shape[axis]:
        raise builder.refused(f"takes axis {axis} of {list(value.shape)} apart into {builder.attribute('num')}")
    for number in range(value.shape[axis]):
        part = part_of(builder, value, axis, number, 1, 1)
        builder.give(part.other(shape=(*part.shape[:axis], *part.shape[axis + 1 :])), number)


def pad(builder: TfliteBuilder) -> None:
    """`PAD`: zeros before and after; in integers what stands for zero."""
    value = builder.as_value(builder.value(0))
    given = builder.numbers(1, "edges")
    if given is None or given.shape != (len(value.shape), 2) or given.min() < 0 or given.max() > 2**20:
        raise builder.refused(f"has no edges before and after each axis of {list(value.shape)}")
    if builder.quantised() and not builder.like_result(builder.entry(0)).same(builder.result()):
        raise builder.refused("makes other scales than it reads, which hwsim does not read")
    for axis, (before, after) in enumerate(given.tolist()):
        parts = [_zeros(builder, value, axis, before), value, _zeros(builder, value, axis, after)]
        if before or after:
            shape = (*value.shape[:axis], value.shape[axis] + before + after, *value.shape[axis + 1 :])
            value = joined(builder, [one for one in parts if one is not None], shape, axis)
    builder.give(value)


def _zeros(builder: TfliteBuilder, like: Value, axis: int, count: int) -> Value | None:
    if not count:
        return None
    if count * (prod(like.shape) // like.shape[axis]) > _MOST_ZEROS:
        raise builder.refused(f"puts more than {_MOST_ZEROS:,} zeros around {list(like.shape)}")
    shape, quant = (*like.shape[:axis], count, *like.shape[axis + 1 :]), like.quant
    values = np.zeros(shape, np.float32) if quant is None else np.full(shape, int(quant.zero), np.int32)
    key = ("zeros", shape, None if quant is None else (float(quant.scale), int(quant.zero), quant.precision))
    value = builder.parameter(f"{builder.name}.zeros", values, Role.TABLE, key=key, quant=quant).whole(shape)
    value.real = like.real
    return value


def shape_of(builder: TfliteBuilder) -> None:
    """`SHAPE`: known beforehand."""
    builder.give(Held(np.array(builder.value(0).shape, np.int32), "int32"))
