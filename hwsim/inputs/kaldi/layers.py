"""The layers that an output needs, each after those that it reads, what training alone needs taken into its neighbours.

A batch norm outside of training stretches columns: its scales go into the map before it, through a rectifier if there
is one, since they are positive. The fixed transform of the input goes into the map behind it, as Kaldi's own decoders
do it (`CollapseModel` in nnet3/nnet-utils.cc).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported, shown
from hwsim.inputs.kaldi.descriptors import Descriptor, Named, names_in
from hwsim.inputs.kaldi.model import Network, Node
from hwsim.inputs.kaldi.steps import Affine, Convolved, Function, Passed, Reals, Step, Stretched, step_of

OUTPUT = "output"
"""What decoders call the output that they read."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A node that computes: what it reads, and its step; a range of columns, or an output, has none."""

    node: Node
    reads: Descriptor
    step: Step | None

    @property
    def title(self) -> str:
        """What its ops are called after: a name without scopes gets the kind of its component behind it."""
        name, component = self.node.name, self.node.component
        if "." in name or component is None:
            return name
        kind = component.kind.removeprefix("NaturalGradient").removesuffix("Component")
        return f"{name}.{kind.lower()}"

    @property
    def taps(self) -> tuple[int, ...]:
        """The distances, in frames, at which it reads."""
        match self.step:
            case Affine(taps=taps):
                return taps
            case Convolved(times=times):
                return times
        return (0,)


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """Inputs and layers of one output by their names, in order; `told` is what a reader should know of it."""

    inputs: Mapping[str, Node]
    layers: Mapping[str, Layer]
    output: str
    told: tuple[str, ...]

    @property
    def log_softmax(self) -> bool:
        """Whether the output is a log softmax, and so none of a chain model."""
        last = self.layers[self.output]
        source = next(names_in(last.reads))
        step = self.layers[source].step if source in self.layers else None
        return isinstance(step, Function) and step.name == "LogSoftmax"


def layers_of(network: Network) -> Layers:
    """The layers that decoders need: those of `output`, or of the only output that there is."""
    outputs = [node.name for node in network.nodes.values() if node.output]
    if not outputs:
        raise Unsupported("has no output-node")
    if OUTPUT not in outputs and len(outputs) > 1:
        raise Unsupported(f"has the outputs {shown(', '.join(outputs[:8]))}; one of them must be called {OUTPUT}")
    output = OUTPUT if OUTPUT in outputs else outputs[0]
    ordered = _ordered(network, output)
    inputs = {node.name: node for node in ordered if node.reads is None}
    layers = {
        node.name: Layer(node, node.reads, None if node.component is None else step_of(node.component))
        for node in ordered
        if node.reads is not None
    }
    if not inputs:
        raise Unsupported("reads no input")
    told = [f"{shown(name)} is left out: decoders do not read it" for name in outputs if name != output]
    norms, layers = _scales_taken(layers)
    fixed, layers = _fixed_taken(layers)
    counts = ((norms, "norm"), (fixed, "fixed transform"))
    taken = [f"{count} {what}{'s' * (count > 1)}" for count, what in counts if count]
    if taken:
        told.append(f"{' and '.join(taken)} became part of the maps around")
    return Layers(inputs, layers, output, tuple(told))


def _ordered(network: Network, output: str) -> list[Node]:
    """The nodes that an output needs, each after those that it reads."""
    found: dict[str, Node] = {}
    opened: set[str] = set()
    waiting = [(output, False)]
    while waiting:
        name, ready = waiting.pop()
        node = network.nodes[name]
        if ready:
            found[name] = node
            continue
        if name in found:
            continue
        opened.add(name)
        waiting.append((name, True))
        for source in node.sources:
            if source in opened and source not in found:
                raise Unsupported(f"{node.title}: reads its own result: hwsim reads no recurrent networks of nnet3")
            if source not in found:
                waiting.append((source, False))
    return list(found.values())


def _readers(layers: Mapping[str, Layer]) -> Counter[str]:
    """How many layers read each node."""
    return Counter(name for layer in layers.values() for name in set(names_in(layer.reads)))


def _scales_taken(layers: Mapping[str, Layer]) -> tuple[int, dict[str, Layer]]:
    """Scales of columns become part of the map that alone makes what they scale; how many, and the layers."""
    found, readers, count = dict(layers), _readers(layers), 0
    for name, layer in layers.items():
        step = layer.step
        if not isinstance(step, Stretched) or step.scale is None or not (step.scale > 0).all():
            continue
        source = layer.reads
        while isinstance(source, Named) and readers[source.name] == 1 and source.name in found:
            before = found[source.name]
            scaled = _scaled(before.step, step.scale)
            if scaled is not None:
                found[source.name] = replace(before, step=scaled)
                found[name] = replace(layer, step=replace(step, scale=None))
                count += 1
                break
            if not (isinstance(before.step, Passed) or before.step == Function("Relu", step.inputs)):
                break
            source = before.reads
    return count, found


def _scaled(step: Step | None, scale: Reals) -> Step | None:
    """A map whose columns are scaled; None, if it cannot be."""
    match step:
        case Affine(matrix=matrix, bias=bias) if len(scale) == len(matrix):
            return replace(step, matrix=matrix * scale[:, None], bias=None if bias is None else bias * scale)
        case Convolved(kernel=kernel, bias=bias) if len(scale) == step.columns:
            by_filter = scale.reshape(-1, len(kernel))
            if np.array_equal(by_filter, np.broadcast_to(by_filter[0], by_filter.shape)):
                return replace(step, kernel=kernel * by_filter[0][:, None, None, None], bias=bias * by_filter[0])
    return None


def _fixed_taken(layers: Mapping[str, Layer]) -> tuple[int, dict[str, Layer]]:
    """A fixed transform becomes part of the one map that reads it."""
    found, readers, count = dict(layers), _readers(layers), 0
    for name in layers:
        layer = found[name]
        step, source = layer.step, layer.reads
        if not isinstance(step, Affine) or step.taps != (0,) or not isinstance(source, Named):
            continue
        before = found.get(source.name)
        if before is None or readers[source.name] != 1 or not isinstance(before.step, Affine) or not before.step.fixed:
            continue
        inner = before.step
        if inner.columns != step.inputs or inner.bias is None:
            continue
        bias = step.matrix @ inner.bias
        made = Affine(step.matrix @ inner.matrix, bias if step.bias is None else bias + step.bias, fixed=step.fixed)
        found[name] = replace(layer, reads=before.reads, step=made)
        del found[source.name]
        count += 1
    return count, found
