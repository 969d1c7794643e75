"""A quantised ONNX file, operator by operator: what onnx's own reference makes of the integers that hwsim made.

The graph is cut behind each quantiser, so that no difference of one operator reaches the next: what reads a quantiser's
integers reads those of the trace, and what the quantiser itself gives is compared with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

Array = np.ndarray[Any, Any]
QUANTISED = "_QuantizeLinear_Output"
"""How onnxruntime's quantiser ends the names of integers, behind the name of what it quantises."""

REFERENCE = 21
"""The opset whose quantisers onnx's reference has; what they and the other operators here compute did not change."""


@dataclass(frozen=True, slots=True)
class Differences:
    """By how many steps integers differ, of each value of the graph that has any."""

    steps: Mapping[str, Array]

    @property
    def largest(self) -> int:
        return max(int(steps.max()) for steps in self.steps.values())

    @property
    def several(self) -> int:
        """How many integers differ."""
        return sum(int((steps > 0).sum()) for steps in self.steps.values())

    @property
    def elements(self) -> int:
        return sum(steps.size for steps in self.steps.values())


def locked(
    model: Path, inputs: Mapping[str, Array], trace: Mapping[str, Array], named: Mapping[str, str]
) -> Differences:
    """The steps between the integers of a trace and what each operator makes of those before it.

    `named` says where a trace has values that are operands of products alone, by the ends of their names.
    """
    graph = onnx.load(model)
    graph.opset_import[0].version = REFERENCE
    quantised = [node.output[0] for node in graph.graph.node if node.op_type == "QuantizeLinear"]
    shapes = _shapes(graph, quantised, inputs)
    given = {name: _laid_out(_traced(name, trace, named), shapes[name]) for name in quantised}
    for node in graph.graph.node:
        for place, name in enumerate(node.input):
            if name in given:
                node.input[place] = f"{name}.given"
    graph.graph.input.extend(
        helper.make_tensor_value_info(f"{name}.given", TensorProto.INT8, values.shape) for name, values in given.items()
    )
    graph.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.INT8, None) for name in given)
    feeds = {**inputs, **{f"{name}.given": values for name, values in given.items()}}
    names = [output.name for output in graph.graph.output]
    found = dict(zip(names, ReferenceEvaluator(graph).run(names, feeds), strict=True))
    return Differences({name: np.abs(found[name].astype(int) - values) for name, values in given.items()})


def _shapes(graph: onnx.ModelProto, names: list[str], inputs: Mapping[str, Array]) -> dict[str, tuple[int, ...]]:
    """The shapes of these values, found by running all of the graph once."""
    whole = onnx.ModelProto()
    whole.CopyFrom(graph)
    whole.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.INT8, None) for name in names)
    values = ReferenceEvaluator(whole).run(names, dict(inputs))
    return {name: value.shape for name, value in zip(names, values, strict=True)}


def _traced(name: str, trace: Mapping[str, Array], named: Mapping[str, str]) -> Array:
    """The integers of a trace that a quantiser makes: a result of an op, or an operand of a product."""
    value = name.removesuffix(QUANTISED)
    block, _, last = value.rpartition(".")
    for entry in (f"{value}/out", f"{value}_QuantizeLinear/out", f"{block}.{named.get(last)}".lstrip(".")):
        if entry in trace and trace[entry].dtype.kind == "i":
            return trace[entry]
    raise KeyError(name)


def _laid_out(values: Array, shape: tuple[int, ...]) -> Array:
    """Integers in the order of axes that they have in the graph: a trace has channels last, and heads first."""
    plain = tuple(size for size in shape if size > 1)
    values = values.reshape([size for size in values.shape if size > 1])
    orders = (order for order in permutations(range(values.ndim)) if values.transpose(order).shape == plain)
    return values.transpose(next(orders)).reshape(shape).astype(np.int8)
