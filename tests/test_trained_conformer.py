"""A Conformer that was trained, in `examples/conformer`: in floats, in integers, and what the example prints."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data import ROOT
from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.engine.values.evaluate import Given, quantised_ops, run_ops
from hwsim.inputs.load import open_workload
from hwsim.ir.ops import Op
from hwsim.tensor.backend import ExactProducts
from hwsim.tensor.carried import Carried, real_parameters
from locked_steps import locked
from traced_models import traced_file

Array = np.ndarray[Any, Any]
FOLDER = ROOT / "examples" / "conformer"
RECORDINGS = ("librivox_0880", "librivox_0930")
RELATIVE = 1e-4
"""Of the largest result: what differs are the orders in which floats are added."""
SAME = 0.99
"""In how many frames the best output of integers is that of onnxruntime, which adds what they stand for in floats."""
NAMED = {"mel_t": "stem.stem/act", "stem": "stem.stem/out", "ctxr": "proj.mm/act", "cnt": "pw1/act"}
"""Where a trace has what is quantised behind a view, by the ends of names."""
FEW = 1e-5
"""Of how many integers another sum of floats may round to the other side."""

pytestmark = pytest.mark.slow


def recorded(name: str) -> dict[str, Array]:
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return {key: values.astype(np.float32) for key, values in arrays.items()}


def test_the_example_prints_what_its_page_shows() -> None:
    script = FOLDER / "compare.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    shown = re.search(
        r"```\n\$ python examples/conformer/compare.py\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL
    )
    assert shown is not None
    assert done.stdout == shown[1]


@pytest.mark.parametrize("recording", RECORDINGS)
def test_floats_are_those_of_onnxruntime(recording: str, tmp_path: Path) -> None:
    arrays = recorded(recording)
    found = traced_file(FOLDER / "conformer.onnx", {"mel": arrays["mel"]}, tmp_path)["out_log_probs"]
    expected = arrays["out_fp32"]
    assert np.abs(found - expected).max() <= RELATIVE * np.abs(expected).max()
    assert (found.argmax(-1) == expected.argmax(-1)).all()


def test_integers_are_within_a_step_and_hear_the_same(tmp_path: Path) -> None:
    """Of each operator, given the integers before it: where these differ, the next operators carry it on."""
    same = frames = 0
    for recording in RECORDINGS:
        arrays = recorded(recording)
        mel = {"mel": arrays["mel"]}
        trace = traced_file(FOLDER / "conformer_int8.onnx", mel, tmp_path)
        differences = locked(FOLDER / "conformer_int8.onnx", mel, trace, NAMED)
        assert len(differences.steps) == 100
        assert differences.largest <= 1
        assert differences.several <= FEW * differences.elements
        alike = trace["out_log_probs"].argmax(-1) == arrays["out_int8"].argmax(-1)
        same, frames = same + int(alike.sum()), frames + alike.size
    assert same >= SAME * frames, f"{same} of {frames}"


def test_results_that_nobody_watches_are_those_that_somebody_watches() -> None:
    """Unwatched results are not copied, and each utterance takes what the first one made ready."""
    first = None
    for recording in RECORDINGS:
        mel = recorded(recording)["mel"]
        work = open_workload(FOLDER / "conformer_int8.onnx", floats="fp32", heard={"mel": mel.shape}).value
        carried = work.carried
        assert isinstance(carried, Carried)
        if first is None:
            parameters, scales = real_parameters(carried, work.trained), QuantParamsTable(carried.grids, {})
        port, result = carried.inputs[0].view.tensor, carried.outputs[0].view.tensor
        given = Given(parameters=parameters, inputs={port: mel.reshape(work.program.tensor(port).shape)})
        seen: dict[str, Array] = {}

        def see(op: Op, name: str, values: Array, runs: int = 1, seen: dict[str, Array] = seen) -> None:
            seen[name] = np.array(values)

        watched = quantised_ops(work, given, scales, ExactProducts(), see)
        run_ops(work, given, watched, watched.memory(given.inputs), None)
        ops = quantised_ops(work, given, scales, ExactProducts(), like=first)
        memory = ops.memory(given.inputs)
        run_ops(work, given, ops, memory, None)
        first = first or ops
        np.testing.assert_array_equal(memory[result].reshape(-1), seen[result].reshape(-1))
        assert ops.clipped == watched.clipped
