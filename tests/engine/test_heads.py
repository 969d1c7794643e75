"""Heads of attention that are multiplied together: each integer and each count is that of one by one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data import ROOT
from hwsim.engine.values.evaluate import Given, grids_of, quantised_ops, run_floats, run_ops
from hwsim.inputs.load import open_workload
from hwsim.ir.ops import Op
from hwsim.tensor.backend import ExactProducts
from hwsim.tensor.carried import Carried, real_parameters

Array = np.ndarray[Any, Any]
FOLDER = ROOT / "examples" / "conformer"


class OneByOne(ExactProducts):
    """Products that are never made together."""

    def together(self, op: str, act: Array, weight: Array) -> None:
        return None


@pytest.mark.slow
@pytest.mark.parametrize(("file", "precision"), [("conformer.onnx", "w8a8"), ("conformer_int8.onnx", None)])
def test_heads_together_are_those_one_by_one(file: str, precision: str | None, tmp_path: Path) -> None:
    with np.load(FOLDER / "librivox_0880.npz") as arrays:
        mel = arrays["mel"].astype(np.float32)[:, 100:150]
    work = open_workload(FOLDER / file, precision, heard={"mel": mel.shape}).value
    carried = work.carried
    assert isinstance(carried, Carried)
    given = Given(
        parameters=real_parameters(carried, work.trained),
        inputs={port.view.tensor: mel.reshape(work.program.tensor(port.view.tensor).shape) for port in carried.inputs},
    )
    grids = grids_of(work, given, run_floats(work, given, tmp_path, ExactProducts()))

    def run(products: ExactProducts) -> tuple[dict[tuple[str, str], Array], Any]:
        seen: dict[tuple[str, str], Array] = {}

        def see(op: Op, name: str, values: Array, runs: int = 1) -> None:
            seen[op.name, name] = np.array(values)

        ops = quantised_ops(work, given, grids, products, see)
        run_ops(work, given, ops, ops.memory(given.inputs), None)
        return seen, ops.clipped

    (together, counts), (one_by_one, other_counts) = run(ExactProducts()), run(OneByOne())
    assert together.keys() == one_by_one.keys()
    for key, values in one_by_one.items():
        np.testing.assert_array_equal(together[key], values, err_msg=str(key))
    assert counts == other_counts
