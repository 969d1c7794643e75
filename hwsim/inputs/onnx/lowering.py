"""Node by node from a graph to the parts of a program."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from hwsim.errors import Unsupported, shown
from hwsim.inputs.onnx import (
    activations,
    comparisons,
    control,
    copies,
    dynamic,
    einsum,
    elementwise,
    folding,
    functions,
    gates,
    layout,
    products,
    quantised,
    reductions,
)
from hwsim.inputs.onnx.building import Builder, held_of
from hwsim.inputs.onnx.graph import MOST_ELEMENTS, Graph
from hwsim.inputs.onnx.names import shown_nodes
from hwsim.inputs.onnx.parts import Held
from hwsim.inputs.onnx.stored import Value
from hwsim.ir.tensor import Role
from hwsim.quantities.precision import Precision

Lowering = Callable[[Builder], None]


def _add(builder: Builder) -> None:
    if not products.added(builder):
        elementwise.plain(builder)


def _clip(builder: Builder) -> None:
    if not quantised.clip_integers(builder):
        functions.clipped(builder)


OPERATORS: Mapping[str, Lowering] = {
    **dict.fromkeys(elementwise.BODIES, elementwise.plain),
    "Add": _add,
    "Clip": _clip,
    "LeakyRelu": functions.leaky,
    "Gelu": functions.gelu,
    "HardSigmoid": activations.hard_sigmoid,
    "HardSwish": activations.hard_swish,
    "PRelu": activations.sloped,
    "Elu": activations.elu,
    "Selu": activations.selu,
    "Celu": activations.celu,
    "Mish": activations.mish,
    "Softsign": activations.softsign,
    "ThresholdedRelu": activations.thresholded,
    "Swish": functions.swish,
    "Pow": functions.power,
    "BatchNormalization": functions.batch_norm,
    "MatMul": products.matmul,
    "Gemm": products.gemm,
    "Einsum": einsum.einsum,
    "If": control.branch,
    "Loop": control.loop,
    "Scan": control.scan,
    **dict.fromkeys(comparisons.BODIES, comparisons.plain),
    "Div": comparisons.divided,
    "Mod": comparisons.modulo,
    "Where": comparisons.where,
    "Conv": products.conv,
    "LayerNormalization": reductions.layer_norm,
    "InstanceNormalization": reductions.instance_norm,
    "LSTM": gates.lstm,
    "GRU": gates.gru,
    "RNN": gates.rnn,
    "Softmax": reductions.softmax,
    "LogSoftmax": reductions.softmax,
    "ReduceMean": reductions.along,
    "ReduceSum": reductions.along,
    "ReduceMax": reductions.along,
    "ReduceMin": reductions.along,
    "ReduceL1": reductions.norm,
    "ReduceL2": reductions.norm,
    "ReduceSumSquare": reductions.norm,
    "GlobalAveragePool": reductions.pooled,
    "GlobalMaxPool": reductions.pooled,
    "ArgMax": reductions.argmax,
    "Identity": layout.same,
    "Dropout": layout.dropout,
    "Reshape": layout.reshape,
    "Flatten": layout.flatten,
    "Squeeze": layout.squeeze,
    "Unsqueeze": layout.unsqueeze,
    "Transpose": layout.transpose,
    "Slice": layout.slice_,
    "Split": layout.split,
    "Gather": layout.gather,
    "Concat": copies.concat,
    "Pad": copies.pad,
    "Expand": copies.expand,
    "Tile": copies.tile,
    "Cast": layout.cast,
    "QuantizeLinear": quantised.quantize_linear,
    "DequantizeLinear": quantised.dequantize_linear,
    "com.microsoft:QuantizeLinear": quantised.quantize_linear,
    "com.microsoft:DequantizeLinear": quantised.dequantize_linear,
    "com.microsoft:MatMulNBits": quantised.nbits,
    "com.microsoft:QLinearLeakyRelu": quantised.linear_leaky,
    "DynamicQuantizeLinear": dynamic.quantize,
    "MatMulInteger": dynamic.matmul_integer,
    "ConvInteger": dynamic.conv_integer,
    "com.microsoft:DynamicQuantizeLSTM": dynamic.lstm,
    "QLinearConv": quantised.linear_conv,
    "qonnx.custom_op.general:Quant": quantised.quant,
    "onnx.brevitas:Quant": quantised.quant,
}
"""What each operator becomes."""

_VIEWS = (
    "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "DequantizeLinear",
    "com.microsoft:DequantizeLinear", "Quant",
)  # fmt: skip
"""Operators of constants that are lowered all the same, for what they make are the same numbers seen otherwise."""


def lowered(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> Builder:
    """The parts of the program of a graph whose inputs have these shapes."""
    builder = Builder(graph)
    builder.lower = _node
    for name, constant in graph.stored.items():
        builder.values[name] = held_of(constant)
    for port in graph.inputs:
        _input(builder, port.name, port.kind, shapes[port.name])
    for node in graph.nodes:
        with builder.reading(node):
            _node(builder)
    return builder


def _input(builder: Builder, name: str, kind: str, shape: tuple[int, ...]) -> None:
    whole = kind in ("int64", "int32")
    if not whole and kind not in ("float32", "float16", "bfloat16", "float64", "bool"):
        raise Unsupported(f"input {name!r}: holds {kind}; hwsim reads floats, truths, and 32 or 64 bits for symbols")
    elements = 1
    for size in shape:
        elements *= size
    if elements > MOST_ELEMENTS or elements < 1:
        raise Unsupported(f"input {name!r}: has {elements:,} elements; hwsim takes 1 to {MOST_ELEMENTS:,}")
    tensor = builder.stored(name, shape, Precision.INT32 if whole else Precision.FP32, Role.INPUT)
    builder.values[name] = tensor.whole(shape)


def _node(builder: Builder) -> None:
    node = builder.node
    if node.op in folding.SHAPE_ALONE and not node.domain:
        builder.give(Held(folding.of_shape(node, builder.value(0).shape), "int64"))
        return
    operands = [builder.operand(place) for place in range(len(node.inputs))]
    held = [one for one in operands if one is None or (isinstance(one, Held) and one.quant is None)]
    if len(held) == len(operands) and node.kind not in _VIEWS and not node.bodies:
        results = folding.folded(node, [None if one is None else one.values for one in operands])  # type: ignore[union-attr]
        if results is not None:
            for place, array in enumerate(results):
                builder.give(Held(array, str(array.dtype)), place)
            if operands and any(array.dtype.kind == "f" for array in results):
                builder.folded.append(node)
            return
    lowering = OPERATORS.get(node.kind)
    if lowering is None:
        near = get_close_matches(node.kind, OPERATORS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise Unsupported(
            f"{node.title}: hwsim does not read this operator{hint}; docs/onnx.md lists those that it reads"
        )
    builder.name = builder.names.of(node)
    builder.named.setdefault(node.name, builder.name)
    lowering(builder)


def told(builder: Builder) -> str | None:
    """What was worked out beforehand, in a few words."""
    if not builder.folded:
        return None
    return f"{len(builder.folded)} nodes of constants were worked out beforehand: {shown_nodes(builder.folded)}"


def outputs(builder: Builder) -> list[tuple[str, Value]]:
    """The values that leave the graph, each in a tensor that ops write, in floats where the graph says floats."""
    found = []
    for port in builder.graph.outputs:
        operand = builder.values.get(port.name)
        if operand is None:
            raise Unsupported(f"output {shown(port.name)}: is a result of its node that hwsim does not compute")
        builder.name = builder.names.free(f"output.{port.name}")
        value = builder.as_value(operand)
        if value.real:
            value = products.real(builder, value)
        if value.stored.role is not Role.ACTIVATION:
            value = builder.copied(value)
        value.stored.role = Role.OUTPUT
        found.append((port.name, value))
    return found
