"""Nodes that put numbers in new places: joined, padded and repeated values."""

import numpy as np

from hwsim.inputs.onnx import shapes
from hwsim.inputs.onnx.building import Builder
from hwsim.inputs.onnx.layout import part_of
from hwsim.inputs.onnx.parts import Made, Operand, copy
from hwsim.inputs.onnx.products import real
from hwsim.inputs.onnx.stored import Value
from hwsim.ir.tensor import Role

_MOST_COPIES = 512
"""Copies that a node may become."""


def _alike(builder: Builder, operands: list[Operand]) -> list[Value]:
    """Values in one format: integers of the same scales, or floats."""
    values = [builder.as_value(operand) for operand in operands]
    first = values[0]
    if first.quant is not None and all(value.real == first.real and first.quant.same(value.quant) for value in values):
        return values
    return [real(builder, value) if value.real else value for value in values]


def concat(builder: Builder) -> None:
    """Values one after another along an axis, each copied to its place."""
    values = _alike(builder, [builder.value(place) for place in range(len(builder.node.inputs))])
    axis = shapes.place(builder.attribute("axis"), len(values[0].shape))
    sizes = list(values[0].shape)
    for value in values[1:]:
        if len(value.shape) != len(sizes) or any(
            one != other for at, (one, other) in enumerate(zip(value.shape, sizes, strict=True)) if at != axis
        ):
            raise builder.refused(f"joins {sizes} with {list(value.shape)} along axis {axis}")
    sizes[axis] = sum(value.shape[axis] for value in values)
    builder.give(joined(builder, values, tuple(sizes), axis))


def joined(builder: Builder, values: list[Value], shape: tuple[int, ...], axis: int) -> Value:
    """Values one after another along an axis, copied into a tensor of that shape."""
    first = values[0]
    tensor = builder.stored(f"{builder.name}.out", shape, first.stored.precision, quant=first.stored.quant)
    start = 0
    for value in values:
        count = value.shape[axis]
        _place(
            builder, value, Value(tensor, list(range(len(shape))), {axis: (start, count, 1)}, value.shape, value.real)
        )
        start += count
    out = tensor.whole(shape)
    out.real = first.real
    return out


def _place(builder: Builder, value: Value, target: Value) -> None:
    """Copy a value into a part of a tensor."""
    number = sum(1 for part in builder.parts if part.name.startswith(builder.name))
    if number > _MOST_COPIES:
        raise builder.refused(f"becomes more than {_MOST_COPIES} copies")
    name = builder.name if not number else builder.names.free(f"{builder.name}.{number}")
    builder.parts.append(Made(name, [value], [target], copy))


def pad(builder: Builder) -> None:
    """A value with more around it: numbers of the file, or what lies at its edges."""
    value = builder.as_value(builder.value(0))
    rank = len(value.shape)
    pads, filling, axes = (builder.numbers(place, what) for place, what in ((1, "pads"), (2, "filling"), (3, "axes")))
    edges = shapes.pads_of(builder.node, rank, pads, axes)
    mode = builder.attribute("mode", "constant")
    if mode not in ("constant", "reflect", "edge"):
        raise builder.refused(f"pads in the mode {mode!r}; hwsim reads constant, reflect and edge")
    for axis, (before, after) in enumerate(edges):
        if before < 0 or after < 0:
            value = part_of(
                builder, value, axis, max(0, -before), value.shape[axis] + min(0, before) + min(0, after), 1
            )
            before, after = max(0, before), max(0, after)
        if not before and not after:
            continue
        size = value.shape[axis]
        if mode == "reflect" and max(before, after) >= size:
            raise builder.refused(f"reflects {max(before, after)} entries of axis {axis}, which has {size}")
        shape = (*value.shape[:axis], size + before + after, *value.shape[axis + 1 :])
        if mode == "constant":
            number = 0.0 if filling is None else float(filling.reshape(-1)[0])
            parts = [_filled(builder, value, axis, count, number) for count in (before, after)]
            value = joined(builder, [p for p in (parts[0], value, parts[1]) if p is not None], shape, axis)
            continue
        places = [size - 1] * after if mode == "edge" else [size - 2 - at for at in range(after)]
        first = [0] * before if mode == "edge" else [before - at for at in range(before)]
        around = [[part_of(builder, value, axis, at, 1, 1) for at in side] for side in (first, places)]
        value = joined(builder, [*around[0], value, *around[1]], shape, axis)
    builder.give(value)


def _filled(builder: Builder, like: Value, axis: int, count: int, number: float) -> Value | None:
    """So many entries of one number, which the file holds."""
    if not count:
        return None
    shape = (*like.shape[:axis], count, *like.shape[axis + 1 :])
    if like.quant is not None:
        zero = int(like.quant.zero.reshape(-1)[0])
        if number != 0 or like.quant.zero.size != 1:
            raise builder.refused("pads integers by something else than zero")
        values = np.full(shape, zero, np.int32)
        tensor = builder.parameter(f"{builder.name}.filling", values, Role.TABLE, quant=like.quant)
    else:
        tensor = builder.parameter(f"{builder.name}.filling", np.full(shape, number, np.float32), Role.TABLE)
    value = tensor.whole(shape)
    value.real = like.real
    return value


def expand(builder: Builder) -> None:
    """A value repeated along axes of one entry."""
    wanted = builder.numbers(1, "shape")
    value = builder.as_value(builder.value(0))
    shape = shapes.broadcast(value.shape, shapes.whole(wanted))
    value = value.other(shape=(*(1,) * (len(shape) - len(value.shape)), *value.shape))
    builder.give(_repeated(builder, value, shape))


def tile(builder: Builder) -> None:
    """A value repeated along its axes."""
    repeats = shapes.whole(builder.numbers(1, "repeats"))
    value = builder.as_value(builder.value(0))
    if len(repeats) != len(value.shape):
        raise builder.refused(f"repeats {len(value.shape)} axes {list(repeats)} times")
    builder.give(_repeated(builder, value, tuple(a * b for a, b in zip(value.shape, repeats, strict=True))))


def _repeated(builder: Builder, value: Value, shape: tuple[int, ...]) -> Value:
    for axis in reversed(range(len(shape))):
        times = shape[axis] // value.shape[axis]
        if times > 1:
            sizes = (*value.shape[:axis], shape[axis], *value.shape[axis + 1 :])
            value = joined(builder, [value] * times, sizes, axis)
    return value
