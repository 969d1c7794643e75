"""One small file for each operator, its numbers drawn from a seed."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tflite_models import KINDS, Graph

Rng = np.random.Generator
SAME, VALID = 0, 1


def _scale(rng: Rng) -> float:
    return float(np.float32(rng.uniform(0.004, 0.08)))


def _zero(rng: Rng) -> int:
    return int(rng.integers(-60, 60))


def _quantised(rng: Rng, kind: str = "int8") -> dict[str, Any]:
    """One scale and zero point of a format."""
    if kind == "int16":
        return {"scale": float(np.float32(rng.uniform(0.0001, 0.001))), "zero": 0}
    return {"scale": _scale(rng), "zero": _zero(rng)}


def _weights(rng: Rng, shape: tuple[int, ...], axis: int | None, act: float, *, wide: bool = False) -> Any:
    """Weights and biases with scales for each output, or one in all."""
    count = 1 if axis is None else shape[axis]
    outputs = shape[0] if axis is None else count
    scales = rng.uniform(0.001, 0.02, count).astype(np.float32)
    values = rng.integers(-127, 128, shape)
    bias = rng.integers(-3000, 3000, outputs)
    products = (np.float32(act) * scales).astype(np.float32)
    kind = "int64" if wide else "int32"
    return (
        (values, "int8", {"scale": scales, "zero": [0] * count, "axis": axis or 0}),
        (bias, kind, {"scale": products, "zero": [0] * count}),
    )


def _product(graph: Graph, rng: Rng, x: int, shape: tuple[int, ...], axis: int | None, wide: bool = False) -> list[int]:
    weight, bias = _weights(rng, shape, axis, float(graph.tensors[x]["scale"][0]), wide=wide)
    return [x, *(graph.constant(values, kind, **quantised) for values, kind, quantised in (weight, bias))]


def _bias_type(kind: str, wide: bool) -> dict[str, Any]:
    """In which format sums of int16 are added; of int8 it is left out."""
    return {} if kind == "int8" else {"QuantizedBiasType": KINDS["int64" if wide else "int32"][0]}


def conv(rng: Rng, *, padding: int = SAME, activation: int = 0, kind: str = "int8", wide: bool = False) -> Graph:
    graph = Graph()
    x = graph.input((1, 6, 5, 4), kind, **_quantised(rng, kind))
    operands = _product(graph, rng, x, (8, 3, 2, 4), 0, wide)
    out: dict[str, Any] = {"scale": float(np.float32(rng.uniform(0.1, 0.3) / (255 if kind == "int16" else 1))),
           "zero": 0 if kind == "int16" else _zero(rng)}  # fmt: skip
    shape = (1, 3, 5, 8) if padding == SAME else (1, 2, 4, 8)
    y = graph.tensor(shape, kind, **out)
    graph.op("CONV_2D", operands, [y], Padding=padding, StrideH=2, StrideW=1, DilationHFactor=1, DilationWFactor=1,
             FusedActivationFunction=activation, **_bias_type(kind, wide))  # fmt: skip
    graph.outputs = [y]
    return graph


def depthwise(rng: Rng, *, multiplier: int = 1, kind: str = "int8", wide: bool = False) -> Graph:
    graph = Graph()
    x = graph.input((1, 7, 4, 3), kind, **_quantised(rng, kind))
    operands = _product(graph, rng, x, (1, 3, 3, 3 * multiplier), 3, wide)
    out: dict[str, Any] = {"scale": float(np.float32(rng.uniform(0.05, 0.2) / (255 if kind == "int16" else 1))),
           "zero": 0 if kind == "int16" else _zero(rng)}  # fmt: skip
    y = graph.tensor((1, 7, 4, 3 * multiplier), kind, **out)
    graph.op("DEPTHWISE_CONV_2D", operands, [y], Padding=SAME, StrideH=1, StrideW=1, DepthMultiplier=multiplier,
             DilationHFactor=1, DilationWFactor=1, FusedActivationFunction=1)  # fmt: skip
    graph.outputs = [y]
    return graph


def connected(rng: Rng, *, axis: int | None = None, kind: str = "int8", wide: bool = False) -> Graph:
    graph = Graph()
    x = graph.input((16, 24), kind, **_quantised(rng, kind))
    operands = _product(graph, rng, x, (12, 24), axis, wide)
    y = graph.tensor((16, 12), kind, scale=float(np.float32(rng.uniform(0.1, 0.3) / (255 if kind == "int16" else 1))),
                     zero=0 if kind == "int16" else _zero(rng))  # fmt: skip
    graph.op("FULLY_CONNECTED", operands, [y], FusedActivationFunction=0, **_bias_type(kind, wide))
    graph.outputs = [y]
    return graph


def in_four_bits(graph: Graph) -> Graph:
    """The same with weights of four bits, two in a byte, the first one in its lower half."""
    weight = graph.tensors[graph.ops[0]["inputs"][1]]
    halves = (weight["values"].reshape(-1) >> 4).astype(np.uint8) & 15
    weight |= {"kind": "int4", "values": halves[::2] | halves[1::2] << 4}
    return graph


def pair(rng: Rng, kind: str, *, form: str = "int8", activation: int = 0, row: bool = False) -> Graph:
    graph = Graph()
    one = graph.input((1, 8, 8, 6), form, **_quantised(rng, form))
    other = graph.input((1, 1, 1, 6) if row else (1, 8, 8, 6), form, **_quantised(rng, form))
    quantised = _quantised(rng, form)
    y = graph.tensor((1, 8, 8, 6), form, **quantised)
    options = {"FusedActivationFunction": activation} | ({} if kind == "MUL" else {"PotScaleInt16": False})
    graph.op(kind, [one, other], [y], **options)
    graph.outputs = [y]
    return graph


def with_itself(rng: Rng) -> Graph:
    graph = Graph()
    x = graph.input((1, 40), **_quantised(rng))
    y = graph.tensor((1, 40), **_quantised(rng))
    graph.op("ADD", [x, x], [y], FusedActivationFunction=0)
    graph.outputs = [y]
    return graph


def single(rng: Rng, kind: str, *, out: dict[str, Any] | None = None, form: str = "int8", to: str = "") -> Graph:
    graph = Graph()
    quantised = {} if form == "float32" else _quantised(rng, form)
    x = graph.input((4, 64), form, **quantised)
    y = graph.tensor((4, 64), to or form, **(out if out is not None else _quantised(rng, to or form)))
    graph.op(kind, [x], [y], **({"Beta": 1.0} if kind == "SOFTMAX" else {}))
    graph.outputs = [y]
    return graph


def softmax(rng: Rng, wide: float) -> Graph:
    graph = Graph()
    x = graph.input((8, 12), scale=wide, zero=_zero(rng))
    y = graph.tensor((8, 12), scale=1 / 256, zero=-128)
    graph.op("SOFTMAX", [x], [y], Beta=1.0)
    graph.outputs = [y]
    return graph


def mean(rng: Rng, axes: list[int], keep: bool, *, same: bool = False) -> Graph:
    graph = Graph()
    quantised = _quantised(rng)
    x = graph.input((1, 5, 7, 16), **quantised)
    shape = [1 if axis in axes else size for axis, size in enumerate((1, 5, 7, 16)) if axis not in axes or keep]
    y = graph.tensor(shape, **(quantised if same else _quantised(rng)))
    graph.op("MEAN", [x, graph.constant(axes)], [y], KeepDims=keep)
    graph.outputs = [y]
    return graph


def pool(rng: Rng, kind: str, *, activation: int = 0) -> Graph:
    graph = Graph()
    quantised = _quantised(rng)
    x = graph.input((1, 8, 6, 5), **quantised)
    y = graph.tensor((1, 3, 3, 5), **quantised)
    graph.op(kind, [x], [y], Padding=VALID, StrideH=2, StrideW=2, FilterHeight=3, FilterWidth=2,
             FusedActivationFunction=activation)  # fmt: skip
    graph.outputs = [y]
    return graph


SHARES = {"scale": 1 / 256, "zero": -128}
SIGNED = {"scale": 1 / 128, "zero": 0}

CASES: dict[str, Callable[[Rng], Graph]] = {
    "conv_same": conv,
    "conv_valid_relu6": lambda rng: conv(rng, padding=VALID, activation=3),
    "conv_relu": lambda rng: conv(rng, activation=1),
    "conv_int16": lambda rng: conv(rng, kind="int16"),
    "conv_int16_wide": lambda rng: conv(rng, kind="int16", wide=True),
    "depthwise": depthwise,
    "depthwise_two": lambda rng: depthwise(rng, multiplier=2),
    "depthwise_int16_wide": lambda rng: depthwise(rng, kind="int16", wide=True),
    "connected": connected,
    "connected_by_channel": lambda rng: connected(rng, axis=0),
    "connected_int16_wide": lambda rng: connected(rng, kind="int16", wide=True),
    "connected_int16": lambda rng: connected(rng, kind="int16"),
    "connected_int4": lambda rng: in_four_bits(connected(rng)),
    "conv_int4": lambda rng: in_four_bits(conv(rng)),
    "add": lambda rng: pair(rng, "ADD"),
    "add_relu": lambda rng: pair(rng, "ADD", activation=1),
    "add_row": lambda rng: pair(rng, "ADD", row=True),
    "add_int16": lambda rng: pair(rng, "ADD", form="int16"),
    "add_itself": with_itself,
    "sub": lambda rng: pair(rng, "SUB"),
    "mul": lambda rng: pair(rng, "MUL"),
    "mul_row_relu6": lambda rng: pair(rng, "MUL", row=True, activation=3),
    "mul_int16": lambda rng: pair(rng, "MUL", form="int16"),
    "relu": lambda rng: single(rng, "RELU"),
    "relu6": lambda rng: single(rng, "RELU6"),
    "logistic": lambda rng: single(rng, "LOGISTIC", out=SHARES),
    "tanh": lambda rng: single(rng, "TANH", out=SIGNED),
    "requantize": lambda rng: single(rng, "QUANTIZE"),
    "requantize_int16": lambda rng: single(rng, "QUANTIZE", to="int16"),
    "requantize_from_int16": lambda rng: single(rng, "QUANTIZE", form="int16", to="int8"),
    "requantize_uint8": lambda rng: single(rng, "QUANTIZE", to="uint8", out={"scale": 0.05, "zero": 120}),
    "quantize": lambda rng: single(rng, "QUANTIZE", form="float32", to="int8"),
    "dequantize": lambda rng: single(rng, "DEQUANTIZE", to="float32", out={}),
    "softmax": lambda rng: softmax(rng, 0.05),
    "softmax_steep": lambda rng: softmax(rng, 0.6),
    "softmax_flat": lambda rng: softmax(rng, 0.004),
    "mean_image": lambda rng: mean(rng, [1, 2], True),
    "mean_image_gone": lambda rng: mean(rng, [1, 2], False),
    "mean_image_same": lambda rng: mean(rng, [1, 2], True, same=True),
    "mean_axis": lambda rng: mean(rng, [1], False),
    "mean_axis_same": lambda rng: mean(rng, [2], False, same=True),
    "mean_last": lambda rng: mean(rng, [3], True),
    "average_pool": lambda rng: pool(rng, "AVERAGE_POOL_2D"),
    "average_pool_relu": lambda rng: pool(rng, "AVERAGE_POOL_2D", activation=1),
    "max_pool": lambda rng: pool(rng, "MAX_POOL_2D"),
}
"""Files by the names of cases."""


def inputs(graph: Graph, rng: Rng) -> list[Any]:
    """Numbers for the inputs of a file, of its formats."""
    found = []
    for place in graph.inputs:
        tensor = graph.tensors[place]
        if tensor["kind"] == "float32":
            halves = rng.integers(-400, 400, tensor["shape"]) / 2  # ties, in steps of the next scale
            found.append((halves * 0.03125).astype(np.float32))
            continue
        info = np.iinfo(tensor["kind"])
        found.append(rng.integers(info.min, info.max + 1, tensor["shape"]).astype(tensor["kind"]))
    return found
