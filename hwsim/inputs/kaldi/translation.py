"""Layer by layer from a network to a graph of the operators that ONNX files have: one way from graphs to programs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hwsim.errors import Unsupported
from hwsim.inputs.kaldi.descriptors import IfDefined
from hwsim.inputs.kaldi.drawn import Drawing, Drawn, Seen
from hwsim.inputs.kaldi.layers import Layer, Layers
from hwsim.inputs.kaldi.maps import affine, convolved
from hwsim.inputs.kaldi.reading import Reading
from hwsim.inputs.kaldi.steps import (
    LEAST_SQUARES,
    Affine,
    Convolved,
    Function,
    Multiplied,
    Normalised,
    Passed,
    Permuted,
    Stretched,
)
from hwsim.inputs.kaldi.times import Plan, Times, regular
from hwsim.inputs.onnx.graph import Graph, GraphNode, Port

OPSET = 17
"""Whose operators the graph has."""


def graph_of(layers: Layers, plan: Plan, name: str, sha256: str) -> Graph:
    """The graph of a network whose nodes are computed at the frames of a plan."""
    drawing, values, inputs = Drawing(), dict[str, Drawn](), list[Port]()
    for node in layers.inputs.values():
        times = plan.times.get(node.name)
        if times is None:
            continue
        drawing.layer = drawing.title = node.name
        drawing.within(times.count, node.columns)
        inputs.append(Port(node.name, "float32", (times.count, node.columns)))
        value = drawing.node("Unsqueeze", node.name, drawing.wholes(0))
        values[node.name] = Drawn(value, node.columns, times)
    reading = Reading(drawing, values, plan)
    for layer in layers.layers.values():
        if layer.node.name in plan.times:
            drawing.layer, drawing.title = layer.node.name, layer.title
            values[layer.node.name] = _layer(reading, layer, plan.times[layer.node.name])
    last = values[layers.output]
    drawing.layer = drawing.title = layers.output
    places = None if last.times is None else np.arange(last.times.count, dtype=np.int64)
    value = drawing.done(Seen(last, places))
    axis = drawing.wholes(0)
    drawing.nodes.append(GraphNode("Squeeze", "", layers.output, (value, axis), (layers.output,)))
    count = 1 if last.times is None else last.times.count
    output = Port(layers.output, "float32", (count, last.columns))
    return Graph(name, OPSET, tuple(drawing.nodes), tuple(inputs), (output,), drawing.stored, sha256, "Kaldi nnet3")


def _layer(reading: Reading, layer: Layer, times: Times) -> Drawn:
    """The value of a layer at its frames."""
    drawing, step, frames = reading.drawing, layer.step, times.all
    if isinstance(step, Affine):
        parts = [one for tap in step.taps for one in reading.seen(layer.reads, frames + tap)]
        return affine(drawing, step, parts, times)
    if isinstance(step, Convolved):
        wanted = np.unique(np.concatenate([frames + tap for tap in step.times]))
        reach = regular(wanted)
        reads = layer.reads if set(step.required) == set(step.times) else IfDefined(layer.reads)
        return convolved(drawing, step, drawing.joined(reading.seen(reads, reach.all), reach.all), reach, times)
    whole = drawing.joined(reading.seen(layer.reads, frames), frames)
    whole = replace(whole, times=None if whole.times is None else times)
    if step is not None and whole.columns != step.inputs:
        raise Unsupported(f"{layer.node.title}: reads {whole.columns} columns; its component takes {step.inputs}")
    match step:
        case None:
            return whole if layer.node.output else _columns(drawing, whole, layer)
        case Passed():
            return whole
        case Stretched(scale, offset):
            return whole.stretched(scale, offset)
        case Permuted(places):
            order = places if whole.order is None else whole.order[places]
            scale, offset = (None if one is None else one[places] for one in (whole.scale, whole.offset))
            return replace(whole, order=order, scale=scale, offset=offset)
        case Function(name):
            return _function(drawing, whole, name)
        case Multiplied():
            return _multiplied(drawing, whole, step)
        case Normalised():
            return _normalised(drawing, whole, step)


def _done(drawing: Drawing, whole: Drawn) -> str:
    places = None if whole.times is None else np.arange(whole.times.count, dtype=np.int64)
    return drawing.done(Seen(whole, places))


def _cut(drawing: Drawing, name: str, first: int, columns: int) -> str:
    """Some columns of a value."""
    bounds = [drawing.wholes(one) for one in (first, first + columns, 2, 1)]
    return drawing.node("Slice", name, *bounds, what="columns")


def _columns(drawing: Drawing, whole: Drawn, layer: Layer) -> Drawn:
    """The range of columns that a node takes."""
    first, columns = layer.node.first, layer.node.columns
    if first + columns > whole.columns:
        raise Unsupported(f"{layer.node.title}: takes columns {first} to {first + columns} of {whole.columns}")
    if not whole.value or whole.order is not None:
        whole = Drawn(_done(drawing, whole), whole.columns, whole.times)
    scale, offset = (None if one is None else one[first : first + columns] for one in (whole.scale, whole.offset))
    return Drawn(_cut(drawing, whole.value, first, columns), columns, whole.times, scale=scale, offset=offset)


def _function(drawing: Drawing, whole: Drawn, name: str) -> Drawn:
    """A function of elements or rows; a rectifier lets scales through that are greater than zero."""
    passing = name == "Relu" and whole.offset is None and (whole.scale is None or bool((whole.scale > 0).all()))
    attributes: dict[str, Any] = {"axis": -1} if name.endswith("Softmax") else {}
    if passing and whole.value:
        return replace(whole, value=drawing.node(name, whole.value))
    return Drawn(drawing.node(name, _done(drawing, whole), **attributes), whole.columns, whole.times)


def _multiplied(drawing: Drawing, whole: Drawn, step: Multiplied) -> Drawn:
    name = _done(drawing, whole)
    parts = [_cut(drawing, name, first, step.columns) for first in range(0, step.inputs, step.columns)]
    product = parts[0]
    for part in parts[1:]:
        product = drawing.node("Mul", product, part)
    return Drawn(product, step.columns, whole.times)


def _normalised(drawing: Drawing, whole: Drawn, step: Normalised) -> Drawn:
    """Each row over the root of its mean square, as far as that is not next to nothing."""
    name = _done(drawing, whole)
    squares = drawing.node("Mul", name, name, what="squares")
    mean = drawing.node("ReduceMean", squares, what="mean", axes=(-1,), keepdims=1)
    floor = drawing.constant(np.full(1, LEAST_SQUARES * step.target**2))
    root = drawing.node("Sqrt", drawing.node("Max", mean, floor, what="floor"), what="root")
    made = Drawn(drawing.node("Div", name, root), whole.columns, whole.times)
    return made if step.target == 1 else made.stretched(np.full(whole.columns, step.target), None)


def shapes_of(graph: Graph) -> Mapping[str, tuple[int, ...]]:
    """The shapes of a graph's inputs, which all have sizes."""
    return {port.name: tuple(int(axis) for axis in port.axes) for port in graph.inputs}
