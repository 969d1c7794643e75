"""Constants of constants: what a graph computes of numbers that it holds, and of shapes alone.

Products of matrices are no part of this: they are work, whatever they read.
"""

from collections.abc import Callable, Mapping, Sequence
from math import erf, prod
from typing import Any

import numpy as np

from hwsim.inputs.onnx.graph import MOST_ELEMENTS, Array, GraphNode
from hwsim.inputs.onnx.shapes import (
    axes_of,
    broadcast,
    pads_of,
    place,
    reshaped,
    slices,
    split_sizes,
    squeezed,
    unsqueezed,
    whole,
)

Folded = Callable[[GraphNode, Sequence[Array | None]], "Array | tuple[Array, ...]"]

TYPES: Mapping[int, str] = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16",
}  # fmt: skip
"""Types of numbers as `Cast` names them."""


def array_type(kind: str) -> np.dtype[Any]:
    """The type of the array that keeps numbers of a type of a file."""
    if kind in ("float16", "bfloat16", "float64"):
        return np.dtype(np.float32)
    return np.dtype({"int4": "int8", "uint4": "uint8", "int2": "int8", "uint2": "uint8"}.get(kind, kind))


def folded(node: GraphNode, inputs: Sequence[Array | None]) -> tuple[Array, ...] | None:
    """The results of a node of constants; None, if it is none that is worked out beforehand."""
    function = _FOLDED.get(node.op) if not node.domain else None
    if function is None:
        return None
    with np.errstate(all="ignore"):
        results = function(node, inputs)
    return results if isinstance(results, tuple) else (results,)


def _constant(node: GraphNode, _: Sequence[Array | None]) -> Array:
    for name, value in node.attributes.items():
        if name == "value":
            return np.asarray(value.values)
        if name in ("value_int", "value_ints"):
            return np.asarray(value, np.int64)
        if name in ("value_float", "value_floats"):
            return np.asarray(value, np.float32)
    raise ValueError("holds no numbers")


def _filled(node: GraphNode, inputs: Sequence[Array | None]) -> Array:
    value = node.attributes.get("value")
    shape = whole(inputs[0])
    if prod(shape) > MOST_ELEMENTS >> 4 or any(size < 0 for size in shape):
        raise ValueError(f"makes an array of {list(shape)}")
    entry = np.zeros(1, np.float32) if value is None else value.values.reshape(-1)
    return np.full(shape, entry[0], entry.dtype)


def _two(function: Callable[[Array, Array], Any]) -> Folded:
    def run(node: GraphNode, inputs: Sequence[Array | None]) -> Array:
        first, *others = inputs
        assert first is not None
        result = first
        for other in others:
            assert other is not None
            result = np.asarray(function(result, other))
        return result

    return run


def _divided(a: Array, b: Array) -> Array:
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    if not np.all(b):
        raise ValueError("divides by zero")
    return np.asarray(np.trunc(a / b), a.dtype) if (a < 0).any() or (b < 0).any() else np.asarray(a // b)


def _one(function: Callable[[Array], Any]) -> Folded:
    def run(node: GraphNode, inputs: Sequence[Array | None]) -> Array:
        (value, *_) = inputs
        assert value is not None
        return np.asarray(function(value)).astype(value.dtype)

    return run


def _cast(node: GraphNode, inputs: Sequence[Array | None]) -> Array:
    assert inputs[0] is not None
    if node.attributes["to"] not in TYPES:
        raise ValueError(f"casts to the type {node.attributes['to']}")
    return inputs[0].astype(array_type(TYPES[node.attributes["to"]]))


def _sliced(node: GraphNode, inputs: Sequence[Array | None]) -> Array:
    assert inputs[0] is not None
    value = inputs[0]
    for axis, taken in enumerate(slices(node, value.shape, inputs[1:])):
        chosen = range(*((taken.start, taken.stop, taken.step)))
        value = np.take(value, list(chosen), axis=axis)
    return value


def _range(node: GraphNode, inputs: Sequence[Array | None]) -> Array:
    start, limit, delta = (np.asarray(value).reshape(()).item() for value in inputs)
    if delta == 0 or (limit - start) / delta > MOST_ELEMENTS >> 4:
        raise ValueError(f"makes a range from {start} to {limit} by {delta}")
    return np.asarray(np.arange(start, limit, delta), np.asarray(inputs[0]).dtype)


def _scattered(node: GraphNode, inputs: Sequence[Array | None]) -> Array:
    data, indices, updates = (np.asarray(value) for value in inputs)
    if node.attributes.get("reduction", "none") != "none":
        raise ValueError("reduces what it scatters")
    result = data.copy()
    result[tuple(np.moveaxis(indices, -1, 0))] = updates
    return result


def _split(node: GraphNode, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    value = np.asarray(inputs[0])
    axis = place(node.attributes.get("axis", 0), value.ndim)
    sizes = split_sizes(node, value.shape[axis], inputs[1] if len(inputs) > 1 else None, axis)
    return tuple(np.split(value, np.cumsum(sizes)[:-1], axis=axis))


def _padded(node: GraphNode, inputs: Sequence[Array | None]) -> Array:
    value = np.asarray(inputs[0])
    given = [*inputs[1:], None, None, None][:3]
    mode = node.attributes.get("mode", "constant")
    edges = pads_of(node, value.ndim, given[0], given[2])
    if min(min(edge) for edge in edges) < 0 or mode not in ("constant", "reflect", "edge"):
        raise ValueError("pads by less than nothing")
    if mode != "constant":
        return np.pad(value, edges, mode=mode)
    return np.pad(value, edges, constant_values=0 if given[1] is None else given[1].reshape(-1)[0])


def _reduced(function: Callable[..., Any]) -> Folded:
    def run(node: GraphNode, inputs: Sequence[Array | None]) -> Array:
        value = np.asarray(inputs[0])
        axes = axes_of(node, inputs[1] if len(inputs) > 1 else None, value.ndim)
        if not axes and node.attributes.get("noop_with_empty_axes", 0):
            return value
        keep = bool(node.attributes.get("keepdims", 1))
        return np.asarray(function(value, axis=axes or None, keepdims=keep)).astype(value.dtype)

    return run


def _tiled(node: GraphNode, inputs: Sequence[Array | None]) -> Array:
    repeats = whole(inputs[1])
    if np.asarray(inputs[0]).size * prod(repeats) > MOST_ELEMENTS >> 4:
        raise ValueError(f"repeats {list(repeats)} times")
    return np.tile(np.asarray(inputs[0]), repeats)


def _expanded(node: GraphNode, inputs: Sequence[Array | None]) -> Array:
    value = np.asarray(inputs[0])
    shape = broadcast(value.shape, whole(inputs[1]))
    if prod(shape) > MOST_ELEMENTS >> 4:
        raise ValueError(f"expands to {list(shape)}")
    return np.ascontiguousarray(np.broadcast_to(value, shape))


def _arrays(function: Callable[..., Any]) -> Folded:
    return lambda node, inputs: np.asarray(function(node, *(np.asarray(value) for value in inputs)))


ERF = np.vectorize(erf, otypes=[np.float64])

_FOLDED: Mapping[str, Folded] = {
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Identity": _one(lambda x: x),
    "Dropout": _one(lambda x: x),
    "Cast": _cast,
    "CastLike": _arrays(lambda node, a, b: a.astype(b.dtype)),
    "Reshape": _arrays(
        lambda node, a, b: a.reshape(reshaped(a.shape, whole(b), bool(node.attributes.get("allowzero", 0))))
    ),
    "Flatten": _arrays(
        lambda node, a: a.reshape(
            prod(a.shape[: (at := node.attributes.get("axis", 1) % (a.ndim + 1))]), prod(a.shape[at:])
        )
    ),
    "Transpose": _arrays(lambda node, a: a.transpose(node.attributes.get("perm", tuple(reversed(range(a.ndim)))))),
    "Squeeze": _arrays(lambda node, a, *b: a.reshape(squeezed(node, a.shape, b[0] if b else None))),
    "Unsqueeze": _arrays(lambda node, a, *b: a.reshape(unsqueezed(node, a.shape, b[0] if b else None))),
    "Concat": _arrays(lambda node, *parts: np.concatenate(parts, axis=node.attributes["axis"])),
    "Split": _split,
    "Slice": _sliced,
    "Gather": _arrays(lambda node, a, b: np.take(a, b.astype(np.int64), axis=node.attributes.get("axis", 0))),
    "GatherElements": _arrays(
        lambda node, a, b: np.take_along_axis(a, b.astype(np.int64), axis=node.attributes.get("axis", 0))
    ),
    "ScatterND": _scattered,
    "Expand": _expanded,
    "Tile": _tiled,
    "Pad": _padded,
    "Range": _range,
    "Where": _arrays(lambda node, c, a, b: np.where(c, a, b)),
    "Equal": _two(np.equal),
    "Less": _two(np.less),
    "LessOrEqual": _two(np.less_equal),
    "Greater": _two(np.greater),
    "GreaterOrEqual": _two(np.greater_equal),
    "And": _two(np.logical_and),
    "Or": _two(np.logical_or),
    "Not": _arrays(lambda node, a: np.logical_not(a)),
    "Add": _two(np.add),
    "Sub": _two(np.subtract),
    "Mul": _two(np.multiply),
    "Div": _two(_divided),
    "Mod": _arrays(lambda node, a, b: np.fmod(a, b) if node.attributes.get("fmod", 0) else np.mod(a, b)),
    "Pow": _arrays(lambda node, a, b: np.power(a, b.astype(a.dtype))),
    "Min": _two(np.minimum),
    "Max": _two(np.maximum),
    "Sqrt": _one(np.sqrt),
    "Neg": _one(np.negative),
    "Abs": _one(np.abs),
    "Exp": _one(np.exp),
    "Log": _one(np.log),
    "Sin": _one(np.sin),
    "Cos": _one(np.cos),
    "Floor": _one(np.floor),
    "Ceil": _one(np.ceil),
    "Round": _one(np.rint),
    "Reciprocal": _one(lambda x: 1 / x),
    "Relu": _one(lambda x: np.maximum(x, 0)),
    "Tanh": _one(np.tanh),
    "Sigmoid": _one(lambda x: 0.5 * (1 + np.tanh(0.5 * x.astype(np.float64)))),
    "Erf": _one(ERF),
    "ReduceSum": _reduced(np.sum),
    "ReduceProd": _reduced(np.prod),
    "ReduceMax": _reduced(np.max),
    "ReduceMin": _reduced(np.min),
    "ReduceMean": _reduced(np.mean),
}
"""What is worked out of constants."""

SHAPE_ALONE = ("Shape", "Size")
"""Operators that read a shape and no numbers."""


def of_shape(node: GraphNode, shape: tuple[int, ...]) -> Array:
    """What `Shape` or `Size` makes of a value of that shape."""
    if node.op == "Size":
        return np.asarray(prod(shape), np.int64)
    start, end = node.attributes.get("start", 0), node.attributes.get("end", len(shape))
    return np.asarray(shape[start:end], np.int64)
