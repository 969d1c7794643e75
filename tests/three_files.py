"""A transducer in three small ONNX files, with the workload file that puts them together."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from onnx_models import model

N = helper.make_node
CELLS, OUTPUTS, BANDS = 8, 12, 10
YAML = """
name: three
kind: models
audio: 2 s
chunk: 640 ms
precision: w8a8
stages:
  - {name: encoder, file: encoder.onnx, dims: {frames: 16}}
  - {name: predictor, file: predictor.onnx, reads: {last: symbol}, states: {h: h_next, c: c_next}}
  - {name: joiner, file: joiner.onnx, reads: {heard: encoder.y, predicted: predictor.y}}
decoding: {kind: greedy, symbols_per_second: 3}
"""


def numbers(*shape: int) -> "np.ndarray[Any, Any]":
    return np.random.default_rng([2, *shape]).standard_normal(shape).astype(np.float32)


def encoder() -> Any:
    nodes = [N("MatMul", ["x", "w"], ["p"], "/layer/p"), N("Relu", ["p"], ["y"], "/layer/r")]
    return model(nodes, {"x": [1, "frames", BANDS]}, ["y"], {"w": numbers(BANDS, CELLS)})


def predictor() -> Any:
    nodes = [
        N("Gather", ["table", "last"], ["e"], "/table/gather"),
        N("LSTM", ["e", "w", "r", "b", "", "h", "c"], ["s", "h_next", "c_next"], "/cells/lstm", hidden_size=CELLS),
        N("Squeeze", ["s", "axis"], ["y"], "/cells/squeeze"),
    ]
    sizes = {"last": [1, 1], "h": [1, 1, CELLS], "c": [1, 1, CELLS]}
    held = {
        "table": numbers(OUTPUTS, 6), "w": numbers(1, 4 * CELLS, 6), "r": numbers(1, 4 * CELLS, CELLS),
        "b": numbers(1, 8 * CELLS), "axis": np.array([1]),
    }  # fmt: skip
    return model(nodes, sizes, ["y", "h_next", "c_next"], held, kinds={"last": TensorProto.INT64})


def joiner(rows: int = 1) -> Any:
    nodes = [
        N("Add", ["heard", "predicted"], ["s"], "/add"),
        N("Tanh", ["s"], ["t"], "/tanh"),
        N("MatMul", ["t", "w"], ["y"], "/output"),
    ]
    return model(nodes, {"heard": [1, CELLS], "predicted": [rows, CELLS]}, ["y"], {"w": numbers(CELLS, OUTPUTS)})


def written(folder: Path, text: str = YAML) -> Path:
    """The workload file, beside the models."""
    for name, made in (("encoder", encoder()), ("predictor", predictor()), ("joiner", joiner())):
        onnx.save(made, folder / f"{name}.onnx")
    file = folder / "three.yaml"
    file.write_text(text)
    return file
