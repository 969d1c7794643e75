"""What operators say of shapes: axes, sizes, slices and edges, from attributes or from numbers of the file."""

from collections.abc import Sequence
from math import prod

import numpy as np

from hwsim.inputs.onnx.graph import Array, Constant, GraphNode


def whole(value: Array | Constant | None) -> tuple[int, ...]:
    """The whole numbers of an array, such as a shape."""
    assert value is not None
    values = value.values if isinstance(value, Constant) else value
    return tuple(int(number) for number in np.asarray(values).reshape(-1))


def reshaped(shape: tuple[int, ...], wanted: Sequence[int], allow_zero: bool) -> tuple[int, ...]:
    """The shape that `Reshape` gives: -1 stands for what is left, 0 for the size that is there.

    >>> reshaped((2, 6, 5), (0, -1), False)
    (2, 30)
    """
    sizes = [shape[place] if size == 0 and not allow_zero else size for place, size in enumerate(wanted)]
    if sizes.count(-1) > 1 or any(size < -1 for size in sizes):
        raise ValueError(f"no shape is {list(wanted)}")
    known = prod(size for size in sizes if size != -1)
    result = tuple(prod(shape) // known if size == -1 and known else size for size in sizes)
    if prod(result) != prod(shape):
        raise ValueError(f"{list(shape)} has {prod(shape)} elements, {list(wanted)} has not")
    return result


def axes_of(node: GraphNode, given: Array | Constant | None, rank: int) -> tuple[int, ...] | None:
    """The axes that a node names, as an input or as an attribute; None, if it names none."""
    named = node.attributes.get("axes") if given is None else whole(given)
    return None if named is None else tuple(place(axis, rank) for axis in named)


def place(axis: int, rank: int) -> int:
    """An axis counted from the front."""
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} of {rank}")
    return axis % rank


def squeezed(node: GraphNode, shape: tuple[int, ...], given: Array | Constant | None) -> tuple[int, ...]:
    """The shape without some axes of one entry."""
    axes = axes_of(node, given, len(shape))
    gone = [axis for axis, size in enumerate(shape) if size == 1] if axes is None else list(axes)
    if any(shape[axis] != 1 for axis in gone):
        raise ValueError(f"squeezes axes {gone} of {list(shape)}")
    return tuple(size for axis, size in enumerate(shape) if axis not in gone)


def unsqueezed(node: GraphNode, shape: tuple[int, ...], given: Array | Constant | None) -> tuple[int, ...]:
    """The shape with some axes of one entry more."""
    named = node.attributes.get("axes") if given is None else whole(given)
    rank = len(shape) + len(named or ())
    axes = [place(axis, rank) for axis in named or ()]
    rest = iter(shape)
    return tuple(1 if axis in axes else next(rest) for axis in range(rank))


def slices(node: GraphNode, shape: tuple[int, ...], given: Sequence[Array | Constant | None]) -> list[slice]:
    """What `Slice` takes of each axis."""
    starts, ends = whole(given[0]), whole(given[1])
    axes = whole(given[2]) if len(given) > 2 and given[2] is not None else tuple(range(len(starts)))
    steps = whole(given[3]) if len(given) > 3 and given[3] is not None else (1,) * len(starts)
    taken = [slice(0, size, 1) for size in shape]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = shape[place(axis, len(shape))]
        first, last, by = slice(start, end, step).indices(size)
        if step < 0 and end < -size:
            last = -1
        taken[place(axis, len(shape))] = slice(first, last, by)
    return taken


def split_sizes(node: GraphNode, size: int, given: Array | Constant | None, axis: int) -> tuple[int, ...]:
    """How many entries of its axis each result of `Split` has."""
    named = node.attributes.get("split") if given is None else whole(given)
    if named is not None:
        if sum(named) != size or any(part < 0 for part in named):
            raise ValueError(f"splits axis {axis} of {size} into {list(named)}")
        return tuple(named)
    parts = len(node.outputs)
    each = -(-size // parts)
    return (*(each,) * (parts - 1), size - each * (parts - 1))


def broadcast(shape: Sequence[int], wanted: Sequence[int]) -> tuple[int, ...]:
    """The shape that `Expand` gives."""
    return tuple(np.broadcast_shapes(tuple(shape), tuple(wanted)))


def pads_of(
    node: GraphNode, rank: int, given: Array | Constant | None, axes: Array | Constant | None
) -> list[tuple[int, int]]:
    """What `Pad` puts before and after each axis."""
    pads = node.attributes["pads"] if given is None else whole(given)
    named = tuple(range(rank)) if axes is None else tuple(place(axis, rank) for axis in whole(axes))
    if len(pads) != 2 * len(named):
        raise ValueError(f"pads {len(named)} axes by {list(pads)}")
    edges = [(0, 0)] * rank
    for position, axis in enumerate(named):
        edges[axis] = int(pads[position]), int(pads[position + len(named)])
    return edges
