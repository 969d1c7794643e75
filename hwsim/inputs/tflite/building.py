"""A program under construction from a TensorFlow Lite file: values by tensors, rules of integers, variables."""

from math import prod
from typing import Any

import numpy as np

from hwsim.inputs.onnx.building import Builder
from hwsim.inputs.onnx.graph import Constant, Graph, GraphNode
from hwsim.inputs.onnx.parts import Held, Made, Operand
from hwsim.inputs.onnx.stored import Quant, Stored, Value
from hwsim.inputs.tflite.model import MOST_ELEMENTS, Entry, Model, Subgraph
from hwsim.inputs.tflite.schema import ACTIVATIONS
from hwsim.ir.tensor import Role
from hwsim.quantities.precision import Precision
from hwsim.tensor.tflite.rules import Ends, Rule
from hwsim.tensor.tflite.words import away_from_zero

INTEGERS = ("int8", "int16")
"""Formats of activations in which operators compute; uint8 is read where it enters and leaves."""


class TfliteBuilder(Builder):
    """Values of a subgraph by the places of their tensors, as texts; what is known beside the parts of the program."""

    def __init__(self, model: Model) -> None:
        self.model, self.subgraph = model, model.subgraphs[0]
        super().__init__(_graph(self.subgraph, model.sha256))
        self.rules: dict[str, Rule] = {}
        self.states: dict[str, Stored] = {}
        """Variables by the names that operators share."""
        self.begun: dict[str, Held] = {}
        """What variables hold before the first invocation."""
        self.handles: dict[str, str] = {}
        """Those names by the values that stand for variables."""
        self.seen_states: dict[str, set[str]] = {}
        """Values that are views of a variable, by the names of their tensors."""
        self.before: list[Made] = []
        """Ops that run once, before the first invocation."""
        self.inputs: dict[int, Stored] = {}
        """The tensors of the program that are the subgraph's inputs, by their places there."""
        self.looped = False
        """Whether invocations run in a loop."""
        self.place = 0
        """Which node is at hand."""
        self.last_read: dict[str, int] = {str(place): len(self.graph.nodes) for place in self.subgraph.outputs}
        """The last node that reads a value."""
        for place, node in enumerate(self.graph.nodes):
            for name in node.inputs:
                self.last_read[name] = max(place, self.last_read.get(name, -1))
        for entry in self.subgraph.tensors:
            if entry.values is not None:
                self.values[str(entry.place)] = Held(entry.values, entry.kind, quant_of(entry))

    def entry(self, place: int) -> Entry:
        """The tensor that is an input of the node at hand."""
        if place >= len(self.node.inputs) or not self.node.inputs[place]:
            raise self.refused(f"has no input {place}")
        return self.subgraph.tensors[int(self.node.inputs[place])]

    def made(self, place: int = 0) -> Entry:
        """The tensor that is a result of the node at hand."""
        if place >= len(self.node.outputs):
            raise self.refused(f"has no output {place}")
        return self.subgraph.tensors[int(self.node.outputs[place])]

    def stored(
        self,
        name: str,
        sizes: list[int] | tuple[int, ...],
        precision: Precision = Precision.FP32,
        role: Role = Role.ACTIVATION,
        quant: Quant | None = None,
    ) -> Stored:
        """A new tensor, of no more elements than the file's own may have."""
        if prod(sizes) > MOST_ELEMENTS:
            raise self.refused(f"makes {prod(sizes):,} elements; hwsim takes {MOST_ELEMENTS:,}")
        return super().stored(name, sizes, precision, role, quant)

    def give(self, operand: Operand, place: int = 0) -> None:
        """Name a result of the node at hand, whose shape must be the one that the file says."""
        entry = self.made(place)
        if not entry.open and operand.shape != entry.shape:
            raise self.refused(f"makes {list(operand.shape)}; the file says {list(entry.shape)} of {entry.title}")
        super().give(operand, place)
        if isinstance(operand, Value) and operand.stored.role is Role.STATE:
            self.seen_states.setdefault(operand.stored.name, set()).add(self.node.outputs[place])

    def quantised(self) -> bool:
        """Whether the node at hand makes integers of floats or integers; what it reads must go with that."""
        kind = self.made().kind
        if kind == "float32":
            strange = [one for one in self.read() if one.kind != "float32"]
            if strange:
                law = f"reads {strange[0].kind} and makes float32"
                raise self.refused(f"{law}: it quantises its activations as it runs, which hwsim does not read")
            return False
        if kind not in INTEGERS:
            raise self.refused(f"makes {kind}; hwsim reads {', '.join(INTEGERS)} and float32")
        return True

    def read(self) -> list[Entry]:
        """The tensors of the node's inputs that are there."""
        return [self.subgraph.tensors[int(name)] for name in self.node.inputs if name]

    def scaled(self, entry: Entry) -> Quant:
        """The one scale and zero point of a tensor."""
        quant = quant_of(entry)
        if quant is None or quant.scale.size != 1:
            raise self.refused(f"{entry.title} has {'no scale' if quant is None else 'several scales'}; it needs one")
        return quant

    def like_result(self, entry: Entry) -> Quant:
        """The scale of an operand of the same format as the result."""
        if entry.kind != self.made().kind:
            raise self.refused(f"reads {entry.kind} ({entry.title}) and makes {self.made().kind}")
        return self.scaled(entry)

    def ends(self, quant: Quant) -> Ends:
        """Where a result is clipped: at the ends of its format, or at those of the activation fused with the node."""
        name = activation(self)
        zero, scale = int(quant.zero), np.float32(quant.scale)
        low, high = quant.precision.lowest, quant.precision.highest

        def at(real: float) -> int:
            return zero + int(away_from_zero(np.asarray(np.float32(real) / scale)))

        match name:
            case "RELU":
                low = max(low, at(0))
            case "RELU6":
                low, high = max(low, at(0)), min(high, at(6))
            case "RELU_N1_TO_1":
                low, high = max(low, at(-1)), min(high, at(1))
        if low > high:
            raise self.refused(f"has no integer between the ends of {name}")
        return Ends(zero, low, high)

    def result(self, ends: Ends | None = None) -> Quant:
        """The scale of the node's result, clipped at these ends."""
        quant = self.scaled(self.made())
        if ends is None:
            return quant
        return Quant(quant.precision, quant.scale, quant.zero, None, 0, ends.low, ends.high)

    def as_value(self, operand: Operand) -> Value:
        """Constants stay integers where the file has integers."""
        if isinstance(operand, Value):
            return operand
        quant = operand.quant
        if quant is None or quant.scale.size != 1:
            return super().as_value(operand)
        values = operand.values
        tensor = self.parameter(
            f"{self.name}.constant", values.reshape(values.shape or (1,)), Role.TABLE,
            key=self.key(operand.values, "integers"), quant=quant,
        )  # fmt: skip
        value = tensor.whole(operand.shape)
        value.real = True
        return value

    def whole_numbers(self, place: int, what: str) -> tuple[int, ...]:
        """An input that says sizes or axes, and must be known beforehand."""
        values = self.numbers(place, what)
        if values is None or values.dtype.kind not in "iu":
            raise self.refused(f"its {what} are no whole numbers of the file")
        return tuple(int(number) for number in values.reshape(-1)[:64])


def activation(builder: Builder) -> str:
    """The activation that is fused with the node at hand."""
    number = int(builder.attribute("activation", 0))
    if not 0 <= number < len(ACTIVATIONS) or ACTIVATIONS[number] in ("TANH", "SIGN_BIT"):
        raise builder.refused(f"has the fused activation {number}, which hwsim does not read")
    return ACTIVATIONS[number]


def quant_of(entry: Entry) -> Quant | None:
    """The scales of a tensor of integers, as the parts of a program have them."""
    scales = entry.scales
    if scales is None or entry.kind == "int64":
        return None
    shape = () if scales.single else (-1,)
    return Quant(
        Precision(entry.kind),
        scales.scale.reshape(shape),
        scales.zero.astype(np.int32).reshape(shape),
        None if scales.single else scales.axis,
    )


def _graph(subgraph: Subgraph, sha256: str) -> Graph:
    """Nodes and constants in the nouns in which programs are built of them; values have the numbers of tensors."""

    def named(places: tuple[int, ...]) -> tuple[str, ...]:
        return tuple("" if place < 0 else str(place) for place in places)

    nodes = []
    for one in subgraph.operators:
        options: dict[str, Any] = dict(one.options)
        kind = one.kind.split(" ")[0].lower()
        nodes.append(
            GraphNode(one.kind, "", f"{one.place}_{kind}", named(one.inputs), named(one.outputs), options)
        )  # fmt: skip
    stored = {
        str(one.place): Constant(one.values, one.kind) for one in subgraph.tensors if one.values is not None
    }  # fmt: skip
    return Graph(subgraph.name, 0, tuple(nodes), (), (), stored, sha256, "")
