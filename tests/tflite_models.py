"""Small TensorFlow Lite files, written with the builders of the schema's own package."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import tflite

from hwsim.inputs.load import open_workload
from hwsim.report.files import write_binary
from hwsim.results.measured import Sources
from hwsim.study.values import prepared, run_values

Array = np.ndarray[Any, Any]

KINDS = {
    "float32": (tflite.TensorType.FLOAT32, np.float32),
    "float16": (tflite.TensorType.FLOAT16, np.float16),
    "int8": (tflite.TensorType.INT8, np.int8),
    "uint8": (tflite.TensorType.UINT8, np.uint8),
    "int16": (tflite.TensorType.INT16, np.int16),
    "int32": (tflite.TensorType.INT32, np.int32),
    "int64": (tflite.TensorType.INT64, np.int64),
    "int4": (tflite.TensorType.INT4, np.uint8),
    "resource": (tflite.TensorType.RESOURCE, np.uint8),
}


@dataclass(slots=True)
class Graph:
    """One subgraph under construction: `tensor` and `op` give the places of what they add."""

    tensors: list[dict[str, Any]] = field(default_factory=list)
    ops: list[dict[str, Any]] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)

    def tensor(
        self,
        shape: Sequence[int],
        kind: str = "int8",
        *,
        scale: float | Sequence[float] | None = None,
        zero: int | Sequence[int] = 0,
        axis: int = 0,
        values: Array | None = None,
        name: str = "",
    ) -> int:
        """A tensor; `values` are packed in bytes as they are."""
        place = len(self.tensors)
        scales = None if scale is None else np.atleast_1d(np.asarray(scale, np.float32))
        self.tensors.append(
            {"shape": shape, "kind": kind, "scale": scales, "axis": axis, "name": name or f"t{place}",
             "zero": np.atleast_1d(np.asarray(zero, np.int64)), "values": values}
        )  # fmt: skip
        return place

    def constant(self, values: Any, kind: str = "int32", **quantised: Any) -> int:
        """Numbers of the file."""
        array = np.asarray(values, KINDS[kind][1])
        return self.tensor(array.shape, kind, values=array, **quantised)

    def input(self, shape: Sequence[int], kind: str = "int8", **quantised: Any) -> int:
        """A tensor that comes from outside."""
        self.inputs.append(self.tensor(shape, kind, **quantised))
        return self.inputs[-1]

    def op(self, kind: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any) -> None:
        """An operator; its options by the names that the schema's package gives them."""
        self.ops.append({"kind": kind, "inputs": inputs, "outputs": outputs, "options": options})


_OPTIONS = {
    "CONV_2D": "Conv2DOptions", "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions", "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions", "FULLY_CONNECTED": "FullyConnectedOptions", "SOFTMAX": "SoftmaxOptions",
    "CONCATENATION": "ConcatenationOptions", "ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions",
    "RESHAPE": "ReshapeOptions", "MEAN": "ReducerOptions", "SQUEEZE": "SqueezeOptions",
    "STRIDED_SLICE": "StridedSliceOptions", "SPLIT": "SplitOptions", "SPLIT_V": "SplitVOptions",
    "PACK": "PackOptions", "UNPACK": "UnpackOptions", "CALL_ONCE": "CallOnceOptions", "VAR_HANDLE": "VarHandleOptions",
}  # fmt: skip


def written(*graphs: Graph, version: int = 3) -> bytes:
    """The bytes of a file with these subgraphs."""
    builder = flatbuffers.Builder(1024)
    buffers: list[bytes] = [b""]
    codes: list[str] = []
    subgraphs = [_subgraph(builder, graph, buffers, codes) for graph in graphs]
    made = []
    for data in buffers:
        vector = builder.CreateByteVector(data) if data else None
        tflite.BufferStart(builder)
        if vector is not None:
            tflite.BufferAddData(builder, vector)
        made.append(tflite.BufferEnd(builder))
    operators = []
    for kind in codes:
        number = getattr(tflite.BuiltinOperator, kind, None)
        custom = None if number is not None else builder.CreateString(kind)
        tflite.OperatorCodeStart(builder)
        number = tflite.BuiltinOperator.CUSTOM if number is None else number
        tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(number, 127))
        tflite.OperatorCodeAddBuiltinCode(builder, number)
        tflite.OperatorCodeAddVersion(builder, 1)
        if custom is not None:
            tflite.OperatorCodeAddCustomCode(builder, custom)
        operators.append(tflite.OperatorCodeEnd(builder))
    vectors = [_offsets(builder, one) for one in (operators, subgraphs, made)]
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, version)
    tflite.ModelAddOperatorCodes(builder, vectors[0])
    tflite.ModelAddSubgraphs(builder, vectors[1])
    tflite.ModelAddBuffers(builder, vectors[2])
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def _offsets(builder: Any, entries: Sequence[int]) -> int:
    builder.StartVector(4, len(entries), 4)
    for one in reversed(entries):
        builder.PrependUOffsetTRelative(one)
    return int(builder.EndVector())


def _numbers(builder: Any, values: Any, kind: str = "int32") -> int:
    return int(builder.CreateNumpyVector(np.asarray(values, kind)))


def _subgraph(builder: Any, graph: Graph, buffers: list[bytes], codes: list[str]) -> int:
    tensors = [_tensor(builder, one, buffers) for one in graph.tensors]
    operators = [_operator(builder, one, codes) for one in graph.ops]
    parts = [_offsets(builder, tensors), _offsets(builder, operators)]
    places = [_numbers(builder, one) for one in (graph.inputs, graph.outputs)]
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, parts[0])
    tflite.SubGraphAddOperators(builder, parts[1])
    tflite.SubGraphAddInputs(builder, places[0])
    tflite.SubGraphAddOutputs(builder, places[1])
    return int(tflite.SubGraphEnd(builder))


def _tensor(builder: Any, one: Mapping[str, Any], buffers: list[bytes]) -> int:
    name, shape = builder.CreateString(one["name"]), _numbers(builder, one["shape"])
    quantised = None
    if one["scale"] is not None:
        scale, zero = _numbers(builder, one["scale"], "float32"), _numbers(builder, one["zero"], "int64")
        tflite.QuantizationParametersStart(builder)
        tflite.QuantizationParametersAddScale(builder, scale)
        tflite.QuantizationParametersAddZeroPoint(builder, zero)
        tflite.QuantizationParametersAddQuantizedDimension(builder, one["axis"])
        quantised = tflite.QuantizationParametersEnd(builder)
    buffer = 0
    if one["values"] is not None:
        buffers.append(np.ascontiguousarray(one["values"]).tobytes())
        buffer = len(buffers) - 1
    tflite.TensorStart(builder)
    tflite.TensorAddName(builder, name)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, KINDS[one["kind"]][0])
    tflite.TensorAddBuffer(builder, buffer)
    if quantised is not None:
        tflite.TensorAddQuantization(builder, quantised)
    return int(tflite.TensorEnd(builder))


def _operator(builder: Any, one: Mapping[str, Any], codes: list[str]) -> int:
    if one["kind"] not in codes:
        codes.append(one["kind"])
    inputs, outputs = (_numbers(builder, one[name]) for name in ("inputs", "outputs"))
    options, table = None, _OPTIONS.get(one["kind"], "")
    if table:
        fields = {}
        for name, value in one["options"].items():
            if isinstance(value, str):
                value = builder.CreateString(value)
            elif isinstance(value, (list, tuple)):
                value = _numbers(builder, value)
            fields[name] = value
        getattr(tflite, f"{table}Start")(builder)
        for name, value in fields.items():
            getattr(tflite, f"{table}Add{name}")(builder, value)
        options = getattr(tflite, f"{table}End")(builder)
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, codes.index(one["kind"]))
    tflite.OperatorAddInputs(builder, inputs)
    tflite.OperatorAddOutputs(builder, outputs)
    if options is not None:
        tflite.OperatorAddBuiltinOptionsType(builder, getattr(tflite.BuiltinOptions, table))
        tflite.OperatorAddBuiltinOptions(builder, options)
    return int(tflite.OperatorEnd(builder))


def counting(first: list[int] | None) -> bytes:
    """y = x + what stays; what stays becomes y. It is read before, and once more after it is assigned."""
    grid: dict[str, Any] = {"scale": 1.0, "zero": 0}
    main, begin = Graph(), Graph()
    for graph in (main, begin):
        handle = graph.tensor((), "resource")
        graph.op("VAR_HANDLE", [], [handle], Container="", SharedName="sum")
    begin.op("ASSIGN_VARIABLE", [0, begin.constant(first or [0, 0], "int8", **grid)], [])
    x, old, y, z = main.input((1, 2), **grid), *(main.tensor((1, 2), **grid) for _ in range(3))
    begin.tensors[1]["shape"] = (1, 2)
    main.op("CALL_ONCE", [], [], InitSubgraphIndex=1)
    main.op("READ_VARIABLE", [0], [old])
    main.op("ADD", [x, old], [y], FusedActivationFunction=0)
    main.op("ASSIGN_VARIABLE", [0, y], [])
    main.op("SUB", [y, old], [z], FusedActivationFunction=0)
    main.outputs = [y, z]
    return written(main, begin)


def traced(data: bytes, arrays: Mapping[str, Array], folder: Path, frames: int | None = None) -> dict[str, Array]:
    """The trace of a file on these inputs."""
    file, given, out = folder / "m.tflite", folder / "in.npz", folder / "T.npz"
    file.write_bytes(data)
    work = open_workload(file, None, {} if frames is None else {"frames": frames}, floats="fp32").value
    np.savez(given, **dict(arrays))  # type: ignore[arg-type]  # names of arrays
    sources = Sources(input=given, weights=None, seed=0, packed=False)
    run_values(prepared(work, sources), sources, write=lambda writer: write_binary(out, writer))
    with np.load(out) as leaves:
        return dict(leaves)


def results(data: bytes, arrays: Mapping[str, Array], folder: Path, frames: int | None = None) -> list[Array]:
    """What a file makes of these inputs, output by output."""
    trace = traced(data, arrays, folder, frames)
    names = [key for key in trace if key.startswith("out_") and not key.endswith(("_scale", "_zero"))]
    return [trace[key] for key in names]
