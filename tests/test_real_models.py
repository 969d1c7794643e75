"""Networks that other people trained, on recordings of people: `HWSIM_REAL_MODELS=DIR` says where they lie.

`DIR/hama_conformer_ctc` has a Conformer in floats (`model.onnx`) and in integers (`model_int8_qdq.onnx`), beside inputs
(`in.npz`) and what onnxruntime makes of them with its optimisations off (`out.npz`, `out_int8_qdq.npz`);
`DIR/comprise_en_tdnnf` a factored time-delay network in ONNX (`model.onnx`) and as Kaldi keeps it (`final.mdl`), beside
inputs, and scores and best states of each frame (`out.npz`). None of them is part of this repository.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsim.inputs.load import open_workload
from hwsim.report.files import write_binary
from hwsim.results.measured import Sources
from hwsim.study.values import prepared, run_values

Array = np.ndarray[Any, Any]
FOLDER = Path(os.environ.get("HWSIM_REAL_MODELS") or "nowhere")
CONFORMER, FACTORED = FOLDER / "hama_conformer_ctc", FOLDER / "comprise_en_tdnnf"
RELATIVE = 1e-4
"""Of the largest result: what differs are the orders in which floats are added."""
SAME = 0.99
"""In how many frames the best output of integers is that of onnxruntime, which adds what they stand for in floats."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="HWSIM_REAL_MODELS names no folder of trained models"),
]


def arrays_in(file: Path) -> dict[str, Array]:
    with np.load(file) as arrays:
        return dict(arrays)


def traced(file: Path, arrays: Mapping[str, Array], dims: Mapping[str, int], folder: Path) -> dict[str, Array]:
    """The trace of a model on these inputs."""
    work = open_workload(file, dimensions=dims, floats="fp32").value
    np.savez(folder / "in.npz", **dict(arrays))  # type: ignore[arg-type]  # names of arrays
    sources = Sources(input=folder / "in.npz", weights=None, seed=0, packed=False)
    run_values(prepared(work, sources), sources, write=lambda writer: write_binary(folder / "T.npz", writer))
    return arrays_in(folder / "T.npz")


def needed(file: Path) -> Path:
    if not file.exists():
        pytest.skip(f"{file.parent.name} has no {file.name}")
    return file


def test_a_conformer_in_floats_is_that_of_onnxruntime(tmp_path: Path) -> None:
    given, wanted = (arrays_in(CONFORMER / name) for name in ("in.npz", "out.npz"))
    for name, expected in wanted.items():
        mel = given[name.replace("log_probs.", "mel.")]
        found = traced(CONFORMER / "model.onnx", {"mel": mel}, {"frames": mel.shape[1]}, tmp_path)["out_log_probs"]
        assert (found.argmax(-1) == expected.argmax(-1)).all(), name
        assert np.abs(found - expected).max() <= RELATIVE * np.abs(expected).max(), name


def test_a_conformer_in_integers_hears_what_it_hears_in_onnxruntime(tmp_path: Path) -> None:
    given, wanted = (arrays_in(CONFORMER / name) for name in ("in.npz", "out_int8_qdq.npz"))
    same = frames = 0
    for name, expected in wanted.items():
        mel = given[name.replace("log_probs.", "mel.")]
        model = CONFORMER / "model_int8_qdq.onnx"
        found = traced(model, {"mel": mel}, {"frames": mel.shape[1]}, tmp_path)["out_log_probs"]
        alike = found.argmax(-1) == expected.argmax(-1)
        same, frames = same + int(alike.sum()), frames + alike.size
    assert same >= SAME * frames, f"{same} of {frames}"


@pytest.mark.parametrize("model", ["final.mdl", "model.onnx"])
def test_a_factored_network_has_the_same_best_states_from_either_file(model: str, tmp_path: Path) -> None:
    file = needed(FACTORED / model)
    given, wanted = (arrays_in(FACTORED / name) for name in ("in.npz", "out.npz"))
    for name in (one.removesuffix(".best") for one in wanted if one.endswith(".best")):
        features, ivector = given[f"{name}.features"], given[f"{name}.ivector"]
        if model == "final.mdl":
            frames = features.shape[1]
            trace = traced(file, {"input": features[0], "ivector": ivector}, {"frames": frames}, tmp_path)
            found = trace["out_output"]
        else:
            inputs = {"features": features, "ivector": ivector}
            found = traced(file, inputs, {"frames": features.shape[1]}, tmp_path)["out_scores"][0]
        assert (found.argmax(-1) == wanted[f"{name}.best"][0]).all(), name
        if f"{name}.scores" in wanted:
            scores = wanted[f"{name}.scores"][0]
            assert np.abs(found - scores).max() <= RELATIVE * np.abs(scores).max(), name
