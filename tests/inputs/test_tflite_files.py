"""Damaged and hostile TensorFlow Lite files: each is refused in one line that names place and reason."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite

from command import complaint
from damage import complaints
from hwsim.errors import UserError
from hwsim.inputs.load import open_workload
from hwsim.inputs.tflite import schema
from hwsim.inputs.tflite.workload import tflite_workload
from tflite_cases import CASES
from tflite_models import Graph, written

DATA = Path(__file__).parents[1] / "data" / "tflite"
GRID: dict[str, Any] = {"scale": 0.5, "zero": 3}


# -- the schema


def test_numbers_of_operators_types_and_options_are_those_of_the_schemas_package() -> None:
    known = {number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)}
    assert list(schema.OPERATORS) == [known[number] for number in range(len(schema.OPERATORS))]
    for number, (name, _) in schema.TYPES.items():
        assert getattr(tflite.TensorType, name.upper()) == number
    for names, kind in ((schema.ACTIVATIONS, tflite.ActivationFunctionType), (schema.PADDINGS, tflite.Padding)):
        assert [getattr(kind, name) for name in names] == list(range(len(names)))


def test_an_option_that_is_written_by_the_package_is_read_where_it_was_put() -> None:
    from hwsim.inputs.tflite.model import model_in

    graph = Graph()
    x, y = graph.input((1, 9, 9, 1), "float32"), graph.tensor((1, 9, 9, 1), "float32")
    weight = graph.constant(np.ones((1, 2, 2, 1)), "float32")
    graph.op("DEPTHWISE_CONV_2D", [x, weight], [y], Padding=1, StrideW=2, StrideH=3, DepthMultiplier=4,
             FusedActivationFunction=3, DilationWFactor=5, DilationHFactor=6)  # fmt: skip
    graph.op("STRIDED_SLICE", [x, x, x, x], [graph.tensor((1,))], BeginMask=1, EndMask=2, EllipsisMask=3,
             NewAxisMask=4, ShrinkAxisMask=5, Offset=True)  # fmt: skip
    graph.op("AVERAGE_POOL_2D", [x], [graph.tensor((1,))], Padding=1, StrideW=2, StrideH=3, FilterWidth=4,
             FilterHeight=5, FusedActivationFunction=2)  # fmt: skip
    graph.op("FULLY_CONNECTED", [x, x], [graph.tensor((1,))], FusedActivationFunction=1, WeightsFormat=1,
             KeepNumDims=True, QuantizedBiasType=4)  # fmt: skip
    graph.outputs = [y]
    options = [one.options for one in model_in(written(graph), "m").subgraphs[0].operators]
    assert options[0] == {
        "padding": 1, "stride_w": 2, "stride_h": 3, "depth_multiplier": 4, "activation": 3, "dilation_w_factor": 5,
        "dilation_h_factor": 6,
    }  # fmt: skip
    assert options[1] == {
        "begin_mask": 1, "end_mask": 2, "ellipsis_mask": 3, "new_axis_mask": 4, "shrink_axis_mask": 5, "offset": 1,
    }  # fmt: skip
    assert options[2] == {
        "padding": 1, "stride_w": 2, "stride_h": 3, "filter_width": 4, "filter_height": 5, "activation": 2,
    }  # fmt: skip
    assert options[3] == {"activation": 1, "weights_format": 1, "keep_num_dims": 1, "quantized_bias_type": 4}


# -- refusals


def one(kind: str, outputs: int = 1, **options: Any) -> Graph:
    """A graph of one operator from int8 [1, 4] to int8 [1, 4]."""
    graph = Graph()
    x = graph.input((1, 4), **GRID)
    graph.outputs = [graph.tensor((1, 4), **GRID) for _ in range(outputs)]
    graph.op(kind, [x], graph.outputs, **options)
    return graph


def changed(**fields: Any) -> Graph:
    """A rectifier whose input has other fields."""
    graph = one("RELU")
    graph.tensors[0] |= fields
    return graph


def misread(places: list[int]) -> Graph:
    graph = one("RELU")
    graph.ops[0]["inputs"] = places
    return graph


def early() -> Graph:
    """Two operators that wait for each other."""
    graph = one("RELU")
    second = graph.tensor((1, 4), **GRID)
    graph.ops[0]["inputs"] = [second]
    graph.op("RELU", [graph.outputs[0]], [second])
    return graph


def with_bytes(count: int) -> Graph:
    graph = one("ADD", FusedActivationFunction=0)
    graph.ops[0]["inputs"] = [0, graph.constant([0] * count, "int8", **GRID)]
    graph.tensors[-1]["shape"] = (1, 4)
    return graph


def dense(**weights: Any) -> Graph:
    graph = one("FULLY_CONNECTED", FusedActivationFunction=0)
    quantised = {"scale": 0.1} | {name: value for name, value in weights.items() if name != "kind"}
    kind = weights.get("kind", "int8")
    graph.ops[0]["inputs"].append(graph.constant(np.ones((4, 4)), kind, **(quantised if kind == "int8" else {})))
    return graph


def hybrid() -> Graph:
    graph = Graph()
    x, y = graph.input((1, 4), "float32"), graph.tensor((1, 4), "float32")
    graph.op("FULLY_CONNECTED", [x, graph.constant(np.ones((4, 4)), "int8", scale=0.1)], [y], FusedActivationFunction=0)
    graph.outputs = [y]
    return graph


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is no TensorFlow Lite file: bytes 4 to 8 are not TFL3"),
    "text": (lambda: b"name: x\nkind: y\n", "is no TensorFlow Lite file: bytes 4 to 8 are not TFL3"),
    "root": (
        lambda: struct.pack("<I4s", 1 << 30, b"TFL3"),
        "TensorFlow Lite file: points to byte 1,073,741,824 of 8; the file is damaged or cut off",
    ),
    "version": (lambda: written(one("RELU"), version=2), "is of schema version 2; hwsim reads 3"),
    "nothing": (lambda: written(), "has no subgraph, and so nothing to run"),
    "unknown": (
        lambda: written(one("BATCH_MATMUL")),
        "node '0_batch_matmul' (BATCH_MATMUL): hwsim does not read this operator; docs/tflite.md lists those that it"
        " reads",
    ),
    "custom": (
        lambda: written(one("MyOwn")),
        "node '0_custom' (CUSTOM 'MyOwn'): hwsim does not read this operator; docs/tflite.md lists those that it reads",
    ),
    "place": (lambda: written(misread([7])), "operator 0: names tensor 7 as input; there are 2"),
    "left out": (lambda: written(misread([-1])), "node '0_relu' (RELU): has no input 0"),
    "cycle": (
        lambda: written(early()),
        "operator 0 (RELU): reads tensor 2 't2', which nothing has made by then",
    ),
    "scale": (
        lambda: written(changed(scale=np.array([0.0], np.float32))),
        "tensor 0 't0': has a scale that is not greater than zero, or no finite number",
    ),
    "no scale": (
        lambda: written(changed(scale=np.array([np.nan], np.float32))),
        "tensor 0 't0': has a scale that is not greater than zero, or no finite number",
    ),
    "several": (
        lambda: written(changed(scale=np.ones(3, np.float32), axis=1)),
        "tensor 0 't0': has 3 scales for axis 1 of [1, 4]",
    ),
    "zero point": (
        lambda: written(changed(zero=np.array([200]))), "tensor 0 't0': has a zero point outside of int8"
    ),
    "axes": (lambda: written(changed(shape=(1, 0))), "tensor 0 't0': cannot have the shape [1, 0]"),
    "huge": (
        lambda: written(changed(shape=(2**16, 2**16))),
        "tensor 0 't0': would have 4,294,967,296 elements; hwsim takes 67,108,864",
    ),
    "lie": (
        lambda: written(changed(shape=(1, 9))),
        "node '0_relu' (RELU): makes [1, 9]; the file says [1, 4] of tensor 1 't1'",
    ),
    "bytes": (
        lambda: written(with_bytes(5)),
        "tensor 2 't2': says that it is [1, 4], 4 bytes, but its buffer has 5",
    ),
    "format": (
        lambda: written(dense(kind="float32")),
        "node '0_fully_connected' (FULLY_CONNECTED): has weights without scales; hwsim reads int8 or int4 around zero"
        " below int8",
    ),
    "weight's zero": (
        lambda: written(dense(zero=3)),
        "node '0_fully_connected' (FULLY_CONNECTED): has weights of int8; hwsim reads int8 or int4 around zero below"
        " int8",
    ),
    "hybrid": (
        lambda: written(hybrid()),
        "node '0_fully_connected' (FULLY_CONNECTED): reads int8 and makes float32: it quantises its activations as it"
        " runs, which hwsim does not read",
    ),
    "activation": (
        lambda: written(one("CONCATENATION", Axis=0, FusedActivationFunction=4)),
        "node '0_concatenation' (CONCATENATION): has the fused activation 4, which hwsim does not read",
    ),
    "beta": (
        lambda: written(one("SOFTMAX", Beta=2.0)),
        "node '0_softmax' (SOFTMAX): sharpens by beta = 2; hwsim reads 1",
    ),
    "axis": (
        lambda: written(one("CONCATENATION", Axis=5, FusedActivationFunction=0)),
        "node '0_concatenation' (CONCATENATION): does not go with what it reads: axis 5 of 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_file_is_refused_with_its_first_fault(name: str, tmp_path: Path) -> None:
    made, wanted = REFUSED[name]
    file = tmp_path / "m.tflite"
    file.write_bytes(made())
    with pytest.raises(UserError) as caught:
        open_workload(file)
    assert str(caught.value) == f"{file}: {wanted}"


def test_the_command_line_says_so_in_one_line_and_exits_with_two(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(written(one("BATCH_MATMUL")))
    assert "0_batch_matmul" in complaint(capsys, "run", "int4_array", str(file))
    assert "frames" in complaint(capsys, "run", "int4_array", str(DATA / "okay_nabu.tflite"), "--dim", "batch=3")


def test_a_policy_for_a_quantised_file_is_refused() -> None:
    with pytest.raises(UserError, match="quantised already"):
        open_workload(DATA / "okay_nabu.tflite", "w4a4")


# -- damage


MUTATIONS = 1000


@pytest.mark.slow
def test_damage_is_refused_in_one_line_or_does_not_show(tmp_path: Path) -> None:
    network = (DATA / "okay_nabu.tflite").read_bytes()
    small = [written(CASES[name](np.random.default_rng(1))) for name in CASES]
    sources = [one for each in small for one in (network, each)]
    file = tmp_path / "m.tflite"
    found = complaints(lambda path: tflite_workload(path, None, {"frames": 2}), sources, file, MUTATIONS, seed=11)
    refused = [text for text in found if text]
    assert MUTATIONS / 4 < len(refused) < MUTATIONS
    assert all(text.startswith(str(file)) for text in refused)
