"""`If`, `Loop` and `Scan`: what they run is known beforehand, so that their graphs stand in their places, once for each
time that they run."""

from collections.abc import Mapping, Sequence

import numpy as np

from hwsim.inputs.onnx import shapes
from hwsim.inputs.onnx.building import Builder, held_of
from hwsim.inputs.onnx.copies import joined
from hwsim.inputs.onnx.graph import Body
from hwsim.inputs.onnx.layout import part_of
from hwsim.inputs.onnx.parts import Held, Operand
from hwsim.inputs.onnx.products import real

MOST_NODES = 1 << 12
"""Nodes that stand in the places of others."""


def _run(builder: Builder, body: Body, given: Mapping[str, Operand]) -> list[Operand]:
    """What a graph inside the node at hand makes of its inputs, and of what it reads around it."""
    node, name, around, readers = builder.node, builder.name, builder.values, builder.readers
    builder.inlined += max(1, len(body.nodes))
    if builder.inlined > MOST_NODES:
        raise builder.refused(f"comes to more than {MOST_NODES:,} nodes; hwsim puts each run of its graph in its place")
    builder.values = {**around, **{key: held_of(one) for key, one in body.stored.items()}, **given}
    builder.readers = {**readers, **body.readers}
    try:
        for inner in body.nodes:
            with builder.reading(inner):
                builder.lower(builder)
        builder.node, builder.name = node, name
        missing = [one for one in body.outputs if one not in builder.values]
        if missing:
            raise builder.refused(f"its graph does not make {missing[0]!r}")
        return [builder.values[one] for one in body.outputs]
    finally:
        builder.values, builder.readers = around, readers


def _body(builder: Builder, attribute: str, inputs: int) -> Body:
    body = builder.attribute(attribute)
    if not isinstance(body, Body):
        raise builder.refused(f"has no {attribute}")
    if len(body.inputs) != inputs:
        raise builder.refused(f"gives its graph {inputs} inputs, which takes {len(body.inputs)}")
    return body


def _truth(builder: Builder, operand: Operand | None, what: str) -> bool:
    """A condition that is known beforehand."""
    if operand is None:
        return True
    if not isinstance(operand, Held):
        raise builder.refused(f"{what} as data say; hwsim needs that beforehand")
    return bool(np.asarray(operand.values).reshape(-1)[0])


def branch(builder: Builder) -> None:
    """`If`: the graph of the branch that is taken."""
    taken = _truth(builder, builder.value(0), "takes a branch")
    for place, result in enumerate(_run(builder, _body(builder, "then_branch" if taken else "else_branch", 0), {})):
        builder.give(result, place)


def loop(builder: Builder) -> None:
    """`Loop`: its graph as often as is known beforehand; what it carries goes from one run to the next."""
    trips = builder.numbers(0, "number of runs")
    if trips is None:
        raise builder.refused("runs until data say that it ends; hwsim needs the number of runs beforehand")
    count, going = int(trips.reshape(-1)[0]), _truth(builder, builder.operand(1), "begins")
    carried: list[Operand] = [builder.value(place) for place in range(2, len(builder.node.inputs))]
    body = _body(builder, "body", 2 + len(carried))
    kept: list[list[Operand]] = [[] for _ in body.outputs[1 + len(carried) :]]
    for number in range(count):
        if not going:
            break
        first = [Held(np.asarray(number, np.int64), "int64"), Held(np.asarray(True), "bool")]
        goes_on, *results = _run(builder, body, dict(zip(body.inputs, [*first, *carried], strict=True)))
        going = _truth(builder, goes_on, "goes on")
        carried = results[: len(carried)]
        for found, one in zip(kept, results[len(carried) :], strict=True):
            found.append(one)
    for place, one in enumerate(carried):
        builder.give(one, place)
    for place, found in enumerate(kept):
        builder.give(_stacked(builder, found, 0), len(carried) + place)


def scan(builder: Builder) -> None:
    """`Scan`: its graph for each entry of an axis of its inputs."""
    taken = int(builder.attribute("num_scan_inputs", 0))
    operands: list[Operand] = [builder.value(place) for place in range(len(builder.node.inputs))]
    states, read = operands[: len(operands) - taken], operands[len(operands) - taken :]
    body = _body(builder, "body", len(operands))
    made = len(body.outputs) - len(states)
    if not read or made < 0:
        raise builder.refused(f"goes along {taken} of {len(operands)} inputs and makes {len(body.outputs)} results")
    axes = builder.attribute("scan_input_axes", (0,) * taken)
    backward = builder.attribute("scan_input_directions", (0,) * taken)
    along = [shapes.place(axis, len(one.shape)) for axis, one in zip(axes, read, strict=True)]
    counts = {one.shape[axis] for axis, one in zip(along, read, strict=True)}
    if len(counts) != 1:
        raise builder.refused(f"goes along axes of {sorted(counts)} entries at once")
    (count,) = counts
    kept: list[list[Operand]] = [[] for _ in range(made)]
    for number in range(count):
        places = [count - 1 - number if back else number for back in backward]
        entries = [_entry(builder, *one) for one in zip(read, along, places, strict=True)]
        results = _run(builder, body, dict(zip(body.inputs, [*states, *entries], strict=True)))
        states = results[: len(states)]
        for found, one in zip(kept, results[len(states) :], strict=True):
            found.append(one)
    for place, one in enumerate(states):
        builder.give(one, place)
    out_axes = builder.attribute("scan_output_axes", (0,) * made)
    out_backward = builder.attribute("scan_output_directions", (0,) * made)
    for place, (found, axis, back) in enumerate(zip(kept, out_axes, out_backward, strict=True)):
        builder.give(_stacked(builder, found[::-1] if back else found, axis), len(states) + place)


def _entry(builder: Builder, operand: Operand, axis: int, place: int) -> Operand:
    """One entry of an axis, which is gone then."""
    shape = (*operand.shape[:axis], *operand.shape[axis + 1 :])
    if isinstance(operand, Held):
        return Held(np.take(operand.real, place, axis=axis), operand.kind if operand.quant is None else "float32")
    return part_of(builder, operand, axis, place, 1, 1).other(shape=shape)


def _stacked(builder: Builder, found: Sequence[Operand], axis: int) -> Operand:
    """Results of all runs along an axis of their own."""
    if not found:
        raise builder.refused("runs no time, and leaves results without elements, which hwsim does not know")
    at = shapes.place(axis, len(found[0].shape) + 1)
    if all(isinstance(one, Held) for one in found):
        return Held(np.stack([np.asarray(one.real) for one in found if isinstance(one, Held)], axis=at), "float32")
    shape = (*found[0].shape[:at], 1, *found[0].shape[at:])
    values = [builder.as_value(one).other(shape=shape) for one in found]
    values = [real(builder, value) if value.real else value for value in values]
    return joined(builder, values, (*shape[:at], len(values), *shape[at + 1 :]), at)
