"""Operators of TensorFlow Lite: integers bit for bit, against its own kernels' records and against plain numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsim.inputs.load import open_workload
from hwsim.tensor.carried import Carried
from tflite_cases import CASES, connected, conv, depthwise, inputs, pair, softmax
from tflite_models import Graph, counting, results, traced, written
from witnesses.tflite_numbers import connected as plain_connected
from witnesses.tflite_numbers import convolved, multiplied, shares, summed

Array = np.ndarray[Any, Any]
RECORDS = Path(__file__).parents[1] / "data" / "tflite" / "operators.npz"


@pytest.fixture(scope="module")
def records() -> dict[str, Array]:
    with np.load(RECORDS) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("case", [f"{name}.{seed}" for name in CASES for seed in (1, 2)])
def test_integers_are_those_of_the_reference_kernels(case: str, records: dict[str, Array], tmp_path: Path) -> None:
    given = {key.split("/in_")[1]: values for key, values in records.items() if key.startswith(f"{case}/in_")}
    wanted = [values for key, values in records.items() if key.startswith(f"{case}/out_")]
    made = results(records[f"{case}/model"].tobytes(), given, tmp_path)
    assert len(made) == len(wanted) == 1
    assert made[0].shape == wanted[0].shape
    assert (made[0] == wanted[0]).all()


def ran(graph: Graph, arrays: list[Array], folder: Path) -> Array:
    """The only result of a graph on arrays, one for each input."""
    names = [graph.tensors[place]["name"] for place in graph.inputs]
    (made,) = results(written(graph), dict(zip(names, arrays, strict=True)), folder)
    return made


def scale_of(graph: Graph, place: int) -> tuple[float, int]:
    tensor = graph.tensors[place]
    return float(np.float32(tensor["scale"][0])), int(tensor["zero"][0])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("deep", [False, True])
def test_convolutions_are_sums_of_32_bits_rescaled_by_channel(seed: int, deep: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    graph = depthwise(rng) if deep else conv(rng)
    (x,) = inputs(graph, rng)
    weight, bias = (graph.tensors[place] for place in graph.ops[0]["inputs"][1:])
    (scale, zero), (out, out_zero) = scale_of(graph, graph.inputs[0]), scale_of(graph, graph.outputs[0])
    reals = [scale * float(one) / out for one in weight["scale"]]
    shape = (7, 4, 3) if deep else (3, 5, 8)
    wanted = convolved(
        x[0], zero, weight["values"], bias["values"], reals, out_zero, stride=(1, 1) if deep else (2, 1),
        before=(1, 1) if deep else (0, 0), sizes=shape[:2], depthwise=deep, low=out_zero if deep else -128,
    )  # fmt: skip
    assert (ran(graph, [x], tmp_path)[0] == wanted).all()


@pytest.mark.parametrize("seed", range(3))
def test_fully_connected_layers_round_once(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    graph = connected(rng)
    (x,) = inputs(graph, rng)
    weight, bias = (graph.tensors[place] for place in graph.ops[0]["inputs"][1:])
    (scale, zero), (out, out_zero) = scale_of(graph, graph.inputs[0]), scale_of(graph, graph.outputs[0])
    real = scale * float(weight["scale"][0]) / out
    wanted = plain_connected(x, zero, weight["values"], bias["values"], real, out_zero)
    assert (ran(graph, [x], tmp_path) == wanted).all()


@pytest.mark.parametrize("kind", ["ADD", "SUB", "MUL"])
def test_sums_and_products_of_elements(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    graph = pair(rng, kind)
    arrays = inputs(graph, rng)
    known = [scale_of(graph, place) for place in (*graph.inputs, *graph.outputs)]
    scales, zeros = (known[0][0], known[1][0], known[2][0]), (known[0][1], known[1][1], known[2][1])
    if kind == "MUL":
        wanted = multiplied(arrays[0], arrays[1], scales, zeros)
    else:
        wanted = summed(arrays[0], arrays[1], scales, zeros, 1 if kind == "ADD" else -1)
    assert (ran(graph, arrays, tmp_path) == wanted).all()


def test_softmax_is_within_a_step_of_the_real_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    graph = softmax(rng, 0.05)
    (x,) = inputs(graph, rng)
    wanted = np.array([shares(row, 0.05) for row in x.tolist()])
    assert np.abs((ran(graph, [x], tmp_path).astype(int) + 128) / 256 - wanted).max() <= 1 / 256


# -- shapes

GRID: dict[str, Any] = {"scale": 0.05, "zero": -7}
X = np.arange(-60, 60, dtype=np.int8).reshape(2, 3, 4, 5)


def shaped(kind: str, shapes: list[tuple[int, ...]], constants: list[Any], **options: Any) -> Graph:
    """A graph of one operator on an input of [2, 3, 4, 5]; ... among its operands stands for the input."""
    graph = Graph()
    x = graph.input(X.shape, **GRID)
    operands = [x if one is ... else graph.constant(one) for one in constants]
    graph.outputs = [graph.tensor(shape, **GRID) for shape in shapes]
    graph.op(kind, operands, graph.outputs, **options)
    return graph


SHAPED: dict[str, tuple[Graph, list[Array]]] = {
    "reshape": (shaped("RESHAPE", [(6, 20)], [..., [6, -1]]), [X.reshape(6, 20)]),
    "reshape by its option": (shaped("RESHAPE", [(24, 5)], [...], NewShape=[24, 5]), [X.reshape(24, 5)]),
    "transpose": (shaped("TRANSPOSE", [(5, 2, 4, 3)], [..., [3, 0, 2, 1]]), [X.transpose(3, 0, 2, 1)]),
    "expand": (shaped("EXPAND_DIMS", [(2, 3, 1, 4, 5)], [..., [2]]), [X[:, :, None]]),
    "slice": (shaped("SLICE", [(1, 3, 2, 4)], [..., [1, 0, 1, 1], [1, -1, 2, 4]]), [X[1:2, :, 1:3, 1:5]]),
    "strided": (
        shaped("STRIDED_SLICE", [(2, 2, 5)], [..., [0, 0, -1, 0], [2, 3, 0, 3], [1, 2, 1, 1]],
               BeginMask=1, EndMask=8, ShrinkAxisMask=4, EllipsisMask=0, NewAxisMask=0),
        [X[:, ::2, -1, :]],
    ),
    "split": (shaped("SPLIT", [(2, 3, 2, 5)] * 2, [2, ...], NumSplits=2), [X[:, :, :2], X[:, :, 2:]]),
    "split_v": (
        shaped("SPLIT_V", [(2, 3, 4, 1), (2, 3, 4, 4)], [..., [1, -1], 3], NumSplits=2), [X[..., :1], X[..., 1:]],
    ),
    "unpack": (shaped("UNPACK", [(2, 4, 5)] * 3, [...], Num=3, Axis=1), [X[:, 0], X[:, 1], X[:, 2]]),
    "pack": (shaped("PACK", [(2, 3, 2, 4, 5)], [..., ...], ValuesCount=2, Axis=2), [np.stack([X, X], 2)]),
    "concatenation": (
        shaped("CONCATENATION", [(2, 3, 8, 5)], [..., ...], Axis=-2, FusedActivationFunction=0),
        [np.concatenate([X, X], 2)],
    ),
    "pad": (
        shaped("PAD", [(2, 5, 4, 6)], [..., [[0, 0], [1, 1], [0, 0], [0, 1]]]),
        [np.pad(X, ((0, 0), (1, 1), (0, 0), (0, 1)), constant_values=-7)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPED)
def test_operators_of_shapes_move_integers(name: str, tmp_path: Path) -> None:
    graph, wanted = SHAPED[name]
    made = results(written(graph), {"t0": X}, tmp_path)
    assert len(made) == len(wanted)
    for one, other in zip(made, wanted, strict=True):
        assert one.shape == other.shape
        assert (one == other).all()


# -- floats


def test_floats_are_those_of_numpy_and_take_any_policy(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    weight, bias = rng.normal(size=(4, 3, 1, 2)).astype(np.float32), rng.normal(size=4).astype(np.float32)
    dense = rng.normal(size=(5, 24)).astype(np.float32)
    graph = Graph()
    x = graph.input((1, 8, 1, 2), "float32")
    y, z, s = (graph.tensor(shape, "float32") for shape in ((1, 6, 1, 4), (1, 5), (1, 5)))
    graph.op("CONV_2D", [x, graph.constant(weight, "float32"), graph.constant(bias, "float32")], [y], Padding=1,
             StrideH=1, StrideW=1, FusedActivationFunction=1)  # fmt: skip
    graph.op("FULLY_CONNECTED", [y, graph.constant(dense, "float32"), -1], [z], FusedActivationFunction=0)
    graph.op("SOFTMAX", [z], [s], Beta=1.0)
    graph.outputs = [s]
    values = rng.normal(size=(1, 8, 1, 2)).astype(np.float32)
    taps = np.stack([values[0, place : place + 3, 0].reshape(-1) for place in range(6)])
    hidden = np.maximum(taps @ weight.reshape(4, -1).T + bias, 0).reshape(1, -1)
    powers = np.exp(hidden @ dense.T)
    (made,) = results(written(graph), {"t0": values}, tmp_path)
    assert np.abs(made - powers / powers.sum()).max() < 1e-5
    assert open_workload(tmp_path / "m.tflite", "w8a8").value.precision.title == "w8a8"


# -- variables


@pytest.mark.parametrize("first", [None, [5, -3]])
def test_variables_stay_and_what_was_read_of_them_does_not_change(first: list[int] | None, tmp_path: Path) -> None:
    x = np.array([[[1, 2]], [[3, -4]], [[5, 6]]], np.int8)
    sums, differences = results(counting(first), {"t1": x}, tmp_path)
    assert (sums == np.cumsum(x, axis=0) + (first or [0, 0])).all()
    assert (differences == x).all()


def test_invocations_are_as_many_as_said_or_as_the_input_has(tmp_path: Path) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(counting(None))
    one, five = (open_workload(file, dimensions=dims).value for dims in ({}, {"frames": 5}))
    runs = [sum(instance.times for instance in work.program.instances()) for work in (one, five)]
    assert runs[1] == 5 * runs[0]
    trace = traced(counting(None), {"t1": np.ones((4, 1, 2), np.int8)}, tmp_path)
    assert trace["out_t3"].shape == (4, 1, 2)
    assert traced(counting(None), {"t1": np.ones((1, 2), np.int8)}, tmp_path)["out_t3"].shape == (1, 2)


def test_every_op_of_a_quantised_file_that_computes_has_a_rule() -> None:
    file = Path(__file__).parents[1] / "data" / "tflite" / "okay_nabu.tflite"
    carried = open_workload(file).value.carried
    assert isinstance(carried, Carried)
    assert sorted({name.split("_", 1)[1] for name in carried.rules}) == [
        "conv_2d", "depthwise_conv_2d", "fully_connected", "logistic", "quantize",
    ]  # fmt: skip
    assert len(carried.rules) == 17
