"""Networks that other people trained, on recordings of people: `HWSIM_REAL_MODELS=DIR` says where they lie.

`DIR/hama_conformer_ctc` has a Conformer in floats (`model.onnx`) and in integers (`model_int8_qdq.onnx`), beside inputs
(`in.npz`) and what onnxruntime makes of them with its optimisations off (`out.npz`, `out_int8_qdq.npz`);
`DIR/comprise_en_tdnnf` a factored time-delay network in ONNX (`model.onnx`) and as Kaldi keeps it (`final.mdl`), beside
inputs, and scores and best states of each frame (`out.npz`). None of them is part of this repository.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from locked_steps import locked
from test_trained_conformer import NAMED
from traced_models import traced_file

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


def needed(file: Path) -> Path:
    if not file.exists():
        pytest.skip(f"{file.parent.name} has no {file.name}")
    return file


def test_a_conformer_in_floats_is_that_of_onnxruntime(tmp_path: Path) -> None:
    given, wanted = (arrays_in(CONFORMER / name) for name in ("in.npz", "out.npz"))
    for name, expected in wanted.items():
        mel = given[name.replace("log_probs.", "mel.")]
        found = traced_file(CONFORMER / "model.onnx", {"mel": mel}, tmp_path)["out_log_probs"]
        assert (found.argmax(-1) == expected.argmax(-1)).all(), name
        assert np.abs(found - expected).max() <= RELATIVE * np.abs(expected).max(), name


def test_a_conformer_in_integers_is_within_a_step_and_hears_what_it_hears_in_onnxruntime(tmp_path: Path) -> None:
    """Within a step of what each operator should make of the integers before it: what differs once is carried on."""
    given, wanted = (arrays_in(CONFORMER / name) for name in ("in.npz", "out_int8_qdq.npz"))
    same = frames = 0
    for name, expected in wanted.items():
        mel = given[name.replace("log_probs.", "mel.")]
        model = CONFORMER / "model_int8_qdq.onnx"
        trace = traced_file(model, {"mel": mel}, tmp_path)
        assert locked(model, {"mel": mel}, trace, NAMED).largest <= 1, name
        alike = trace["out_log_probs"].argmax(-1) == expected.argmax(-1)
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
            inputs = {"input": features[0], "ivector": ivector}
            found = traced_file(file, inputs, tmp_path, {"frames": frames})["out_output"]
        else:
            inputs = {"features": features, "ivector": ivector}
            found = traced_file(file, inputs, tmp_path)["out_scores"][0]
        assert (found.argmax(-1) == wanted[f"{name}.best"][0]).all(), name
        if f"{name}.scores" in wanted:
            scores = wanted[f"{name}.scores"][0]
            assert np.abs(found - scores).max() <= RELATIVE * np.abs(scores).max(), name
