"""Small ONNX models as tests write and run them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from hwsim.inputs.load import open_workload
from hwsim.report.files import write_binary
from hwsim.results.measured import Sources
from hwsim.study.values import prepared, run_values

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
    file, given, out = folder / "m.onnx", folder / "in.npz", folder / "T.npz"
    onnx.save(made, file)
    work = open_workload(file, precision, dims, floats="fp32").value
    np.savez(given, **dict(arrays))  # type: ignore[arg-type]  # names of arrays
    sources = Sources(input=given if arrays else None, weights=None, seed=0, packed=False)
    run_values(prepared(work, sources), sources, write=lambda writer: write_binary(out, writer))
    with np.load(out) as leaves:
        return dict(leaves)
