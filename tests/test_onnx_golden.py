"""Models that other libraries wrote, held against onnxruntime: results, accumulators, products, and a run on a chip.

`HWSIM_ONNX_CASES=DIR` runs the same on another folder of models, each beside an `.npz` of its inputs (`in_*`) and of
what onnxruntime makes of them with its optimisations off (`out_*`).
"""

import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsim.inputs.load import open_workload
from hwsim.inputs.onnx.graph import read_graph
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.tensor import Role
from hwsim.ir.workload import Workload
from hwsim.report.files import write_binary
from hwsim.results.measured import Sources
from hwsim.study.simulate import simulate
from hwsim.study.values import prepared, run_values
from hwsim.tensor.carried import Carried
from hwsim.tensor.windows import windows

CASES = Path(os.environ.get("HWSIM_ONNX_CASES") or Path(__file__).parent / "data" / "onnx")
MODELS = sorted(path.stem for path in CASES.glob("*.onnx"))
MANIFEST: dict[str, Any] = (
    json.loads((CASES / "manifest.json").read_text()) if (CASES / "manifest.json").exists() else {}
)
RELATIVE = 1e-4
"""Of the largest result: what differs are the orders in which floats are added."""
LEAST_DB = 20
"""Of eight bits, signal above noise: integers that were wrong would leave none."""


@cache
def workload(model: str, floats: str) -> Workload:
    return open_workload(CASES / f"{model}.onnx", floats=floats).value


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """The trace of a model, made once."""

    @cache
    def trace(model: str) -> dict[str, Any]:
        work = workload(model, "fp32")
        sources = Sources(input=CASES / f"{model}.npz", weights=None, seed=0, packed=False)
        file = tmp_path_factory.mktemp("trace") / "T.npz"
        run_values(prepared(work, sources), sources, write=lambda writer: write_binary(file, writer))
        with np.load(file) as arrays:
            return dict(arrays)

    return trace


def test_there_are_models() -> None:
    assert len(MODELS) >= 34 or "HWSIM_ONNX_CASES" in os.environ


@pytest.mark.parametrize("model", MODELS)
def test_results_are_those_of_onnxruntime(model: str, traced: Callable[[str], dict[str, Any]]) -> None:
    trace = traced(model)
    with np.load(CASES / f"{model}.npz") as golden:
        results = [name for name in golden.files if name.startswith("out_")]
        assert results
        for name in results:
            assert trace[name].shape == golden[name].shape
            largest = np.abs(trace[name].astype(np.float64) - golden[name]).max()
            assert largest <= RELATIVE * np.abs(golden[name]).max(), f"{name} differs by {largest:g}"


@pytest.mark.parametrize("model", MODELS)
def test_accumulators_are_sums_of_integers(model: str, traced: Callable[[str], dict[str, Any]]) -> None:
    """acc = (xq - zx) @ (wq - zw), in numpy, of every product of integers that no loop runs."""
    work, trace = workload(model, "fp32"), traced(model)
    carried = work.carried
    assert isinstance(carried, Carried)
    for placed in work.program.placed():
        op = placed.op
        if not isinstance(op, (Gemm, Conv)) or placed.loops:
            continue
        names = (op.act.tensor, op.weight.tensor)
        if any(name not in carried.grids or carried.grids[name].group for name in names):
            continue
        act, weight = trace[f"{op.name}/act"].astype(np.int64), trace[f"{op.name}/weight"].astype(np.int64)
        if op.act_zero is None:
            zero = carried.grids[op.act.tensor].zero.reshape(())
        else:
            maker = next(
                other.op.name for other in work.program.placed() if f"{other.op.name}/out.{op.act_zero.tensor}" in trace
            )
            zero = trace[f"{maker}/out.{op.act_zero.tensor}"].reshape(()).astype(np.int64)
        centred = weight - carried.grids[op.weight.tensor].zero
        if isinstance(op, Conv):
            rows = windows(op, act, int(zero)) - zero
            expected = np.einsum("gmk,gkn->mgn", rows, centred).reshape(trace[f"{op.name}/acc"].shape)
        else:
            expected = ((act - zero) @ centred).reshape(trace[f"{op.name}/acc"].shape)
        assert (trace[f"{op.name}/acc"] == expected).all(), op.name


@pytest.mark.parametrize("model", [model for model in MODELS if "macs_total" in MANIFEST.get(model, {})])
def test_products_are_those_of_the_graph(model: str) -> None:
    assert workload(model, "fp16").program.macs == MANIFEST[model]["macs_total"]


@pytest.mark.parametrize("model", MODELS)
def test_every_number_of_the_file_that_is_read_is_kept_once(model: str) -> None:
    """Parameters in their own formats are no larger than the file, but for biases and fillings that hwsim makes."""
    work = workload(model, "fp32")
    assert isinstance(work.carried, Carried)
    graph = read_graph(CASES / f"{model}.onnx")
    held = sum(constant.values.nbytes for constant in graph.stored.values())
    held += sum(
        value.values.nbytes
        for node in graph.nodes
        for value in node.attributes.values()
        if hasattr(value, "values") and hasattr(value, "kind")
    )
    weights = {tensor.name for tensor in work.program.tensors if tensor.role is Role.WEIGHT}
    kept = sum(values.nbytes for name, values in work.carried.numbers.items() if name in weights)
    # A packed weight of four bits is unpacked: a byte each.
    assert kept <= 2 * held if "nbits" in model else kept <= held


@pytest.mark.parametrize("model", MODELS)
def test_a_chip_runs_it(model: str) -> None:
    from hwsim.inputs.chips import load_chip

    result = simulate(load_chip("int4_array"), workload(model, "fp16"))
    assert result.summary.macs == workload(model, "fp16").program.macs
    assert result.summary.cycles > 0


@pytest.mark.parametrize("model", [model for model in MODELS if model.endswith(".float")])
def test_a_plan_quantises_a_model_of_floats(model: str) -> None:
    from hwsim.inputs.chips import load_chip

    work = open_workload(CASES / f"{model}.onnx", "w8a8").value
    assert simulate(load_chip("int4_array"), work).summary.macs == work.program.macs
    sources = Sources(input=CASES / f"{model}.npz", weights=None, seed=0, packed=False)
    quality = run_values(prepared(work, sources), sources)
    assert quality.sqnr_db is not None
    assert quality.sqnr_db > LEAST_DB
