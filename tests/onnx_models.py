"""Small ONNX models as tests write and run them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from traced_models import traced_file

Array = NDArray[Any]


def model(
    nodes: Sequence[Any],
    inputs: Mapping[str, Sequence[int | str]],
    outputs: Sequence[str],
    constants: Mapping[str, Array] | None = None,
    opset: int = 17,
    kinds: Mapping[str, int] | None = None,
) -> Any:
    """A model of these nodes."""
    graph = helper.make_graph(
        list(nodes),
        "small",
        [helper.make_tensor_value_info(n, (kinds or {}).get(n, 1), list(shape)) for n, shape in inputs.items()],
        [helper.make_tensor_value_info(name, (kinds or {}).get(name, 1), None) for name in outputs],
        [numpy_helper.from_array(values, name) for name, values in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def traced(
    made: Any,
    arrays: Mapping[str, Array],
    folder: Path,
    precision: str | None = None,
    dims: Mapping[str, int] | None = None,
) -> dict[str, Array]:
    """The trace of a model on these inputs."""
    file = folder / "m.onnx"
    onnx.save(made, file)
    return traced_file(file, arrays, folder, dims, precision)
