"""Operator by operator from a TensorFlow Lite file to the parts of a program."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from math import prod

from hwsim.errors import Unsupported, shown
from hwsim.inputs.onnx.parts import Held
from hwsim.inputs.onnx.products import real
from hwsim.inputs.onnx.stored import Stored, Value
from hwsim.inputs.tflite import elementwise, layout, products, reductions, variables
from hwsim.inputs.tflite.building import TfliteBuilder, quant_of
from hwsim.inputs.tflite.model import Entry, Model
from hwsim.ir.tensor import Role
from hwsim.quantities.precision import Precision

LOOP = "invocations"

OPERATORS: Mapping[str, Callable[[TfliteBuilder], None]] = {
    "CONV_2D": products.conv_2d,
    "DEPTHWISE_CONV_2D": products.depthwise,
    "FULLY_CONNECTED": products.fully_connected,
    "ADD": elementwise.added,
    "SUB": elementwise.added,
    "MUL": elementwise.multiplied,
    "RELU": elementwise.clipped,
    "RELU6": elementwise.clipped,
    "RELU_N1_TO_1": elementwise.clipped,
    "RELU_0_TO_1": elementwise.clipped,
    "LOGISTIC": elementwise.tabled,
    "TANH": elementwise.tabled,
    "QUANTIZE": elementwise.quantize,
    "DEQUANTIZE": elementwise.dequantize,
    "SOFTMAX": reductions.softmax,
    "MEAN": reductions.mean,
    "AVERAGE_POOL_2D": reductions.pooled,
    "MAX_POOL_2D": reductions.pooled,
    "RESHAPE": layout.reshape,
    "SQUEEZE": layout.squeeze,
    "EXPAND_DIMS": layout.expand_dims,
    "TRANSPOSE": layout.transpose,
    "STRIDED_SLICE": layout.strided_slice,
    "SLICE": layout.slice_,
    "SPLIT": layout.split,
    "SPLIT_V": layout.split_v,
    "CONCATENATION": layout.concatenation,
    "PACK": layout.pack,
    "UNPACK": layout.unpack,
    "PAD": layout.pad,
    "SHAPE": layout.shape_of,
    "CALL_ONCE": variables.call_once,
    "VAR_HANDLE": variables.handle,
    "READ_VARIABLE": variables.read_variable,
    "ASSIGN_VARIABLE": variables.assign_variable,
}
"""What each operator becomes."""

_OF_CONSTANTS = {
    "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "STRIDED_SLICE", "SLICE", "CONCATENATION", "PACK", "SHAPE",
    "DEQUANTIZE",
}  # fmt: skip
"""Operators that may read constants alone."""


def lowered(model: Model, runs: int) -> TfliteBuilder:
    """The parts of one invocation, of which so many run one after another."""
    builder = TfliteBuilder(model)
    if not model.subgraphs[0].outputs:
        raise Unsupported("has no outputs")
    builder.looped = runs > 1 or any(node.op == "READ_VARIABLE" for node in builder.graph.nodes)
    for place in model.subgraphs[0].inputs:
        _input(builder, model.subgraphs[0].tensors[place], runs)
    for place, node in enumerate(builder.graph.nodes):
        builder.place = place
        with builder.reading(node):
            _operator(builder)
    return builder


def _input(builder: TfliteBuilder, entry: Entry, runs: int) -> None:
    quant = quant_of(entry)
    if entry.kind not in ("float32", "int8", "int16", "uint8"):
        raise Unsupported(f"input {entry.title}: holds {entry.kind}; hwsim reads float32, int8, int16 and uint8")
    if entry.kind != "float32" and (quant is None or quant.scale.size != 1):
        raise Unsupported(f"input {entry.title}: has integers without one scale for all")
    if entry.values is not None:
        raise Unsupported(f"input {entry.title}: has numbers in the file already")
    precision = Precision.FP32 if quant is None else quant.precision
    tensor = builder.stored(builder.names.free(entry.name or f"input{entry.place}"), entry.shape, precision, Role.INPUT)
    tensor.quant = quant
    builder.inputs[entry.place] = tensor
    _follow(builder, tensor, runs)
    value = tensor.whole(entry.shape)
    value.real = quant is not None
    builder.values[str(entry.place)] = value


def _follow(builder: TfliteBuilder, tensor: Stored, runs: int) -> None:
    """Of a tensor that comes in or goes out each invocation has a part."""
    if builder.looped:
        tensor.loop, tensor.runs = LOOP, runs


def _operator(builder: TfliteBuilder) -> None:
    node = builder.node
    lowering = OPERATORS.get(node.op)
    if lowering is None:
        near = get_close_matches(node.op, OPERATORS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise builder.refused(f"hwsim does not read this operator{hint}; docs/tflite.md lists those that it reads")
    builder.name = builder.names.of(node)
    operands = [builder.operand(at) for at in range(len(node.inputs)) if node.inputs[at] not in builder.handles]
    computes = node.op not in _OF_CONSTANTS and not any(name in builder.handles for name in node.inputs)
    given = [one for one in operands if one is not None]
    if computes and given and all(isinstance(one, Held) for one in given):
        raise builder.refused("computes with numbers of the file alone, which hwsim does not fold")
    lowering(builder)


def outputs(builder: TfliteBuilder, runs: int) -> list[tuple[str, Value]]:
    """The values that leave, each in a tensor that ops write: integers where the file has integers."""
    found: list[tuple[str, Value]] = []
    for place in builder.subgraph.outputs:
        entry = builder.subgraph.tensors[place]
        operand = builder.values.get(str(place))
        if operand is None:
            raise Unsupported(f"output {entry.title}: is a variable, or nothing that hwsim computes")
        builder.name = builder.names.free(f"output.{entry.name or place}")
        value = builder.as_value(operand)
        if value.real and entry.kind == "float32":
            value = real(builder, value)
        plain = value.whole and value.in_order and value.elements == prod(value.stored.sizes)
        if value.stored.role is not Role.ACTIVATION or not plain:
            value = builder.copied(value)
        value.stored.role = Role.OUTPUT
        _follow(builder, value.stored, runs)
        name, number = entry.name or f"output{place}", 1
        while any(name == other for other, _ in found):
            number += 1
            name = f"{entry.name}~{number}"
        found.append((name, value))
    return found


def told(builder: TfliteBuilder) -> tuple[str, ...]:
    """What was worked out beforehand, and what stays between invocations, in a few words."""
    said = []
    if builder.folded:
        first = shown(builder.folded[0].name)
        said.append(f"{len(builder.folded)} constants were brought to floats beforehand, the first by {first}")
    if builder.states:
        said.append(f"{len(builder.states)} variables stay from one invocation to the next")
    return tuple(said)
