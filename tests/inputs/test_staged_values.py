"""Values of several model files together: what each of them gives by itself, in chunks, in runs and in a search."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper
from onnx.reference import ReferenceEvaluator

from command import complaint, printed
from hwsim.errors import UserError
from hwsim.inputs.load import open_workload
from onnx_models import model
from tflite_models import counting
from three_files import BANDS, CELLS, OUTPUTS, YAML, numbers, written
from traced_models import traced_file

Array = NDArray[Any]
N = helper.make_node
FRAMES = 3
HEAD = "name: staged\nkind: models\naudio: 2 s\nprecision: fp32\n"
ENCODER = "encoder, file: encoder.onnx, dims: {frames: 3}"


def run(file: Path, **arrays: Array) -> list[Array]:
    """What the reference makes of one run of a file."""
    return list(ReferenceEvaluator(str(file)).run(None, arrays))


def drawn(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def close(found: Array, expected: Array) -> None:
    np.testing.assert_allclose(found, expected, 1e-4, 1e-5)


def recurrent(*, states: bool) -> Any:
    """An LSTM over frames, which begins with zeros or with what it is given."""
    ends = ["h", "c"] if states else []
    nodes = [N("LSTM", ["x", "w", "r", "b", "", *ends], ["s", "h_next", "c_next"], "/lstm", hidden_size=CELLS)]
    nodes.append(N("Squeeze", ["s", "axis"], ["y"], "/y"))
    held = {
        "w": numbers(1, 4 * CELLS, BANDS), "r": numbers(1, 4 * CELLS, CELLS), "b": numbers(1, 8 * CELLS),
        "axis": np.array([1]),
    }  # fmt: skip
    inputs: dict[str, list[int | str]] = {"x": ["frames", 1, BANDS], **{end: [1, 1, CELLS] for end in ends}}
    return model(nodes, inputs, ["y", "h_next", "c_next"], held)


def staged(folder: Path, text: str, encoder: Any = None) -> Path:
    """A workload file of stages, beside the three models, of which the encoder may be another one."""
    file = written(folder, HEAD + text)
    if encoder is not None:
        onnx.save(encoder, folder / "encoder.onnx")
    return file


def test_a_model_begins_anew_in_each_chunk(tmp_path: Path) -> None:
    """Its recurrent layer has no states that the workload names, so that nothing of a chunk is left in the next one."""
    file = staged(tmp_path, f"chunk: 500 ms\nstages: [{{name: {ENCODER}}}]\n", recurrent(states=False))
    x = drawn(4, FRAMES, 1, BANDS)
    trace = traced_file(file, {"x": x}, tmp_path, precision="fp32")
    alone = [run(tmp_path / "encoder.onnx", x=chunk) for chunk in x]
    for place, name in enumerate(("y", "h_next", "c_next")):
        close(trace[f"out_{name}"], np.stack([results[place] for results in alone]))


def test_named_states_make_chunks_one_utterance(tmp_path: Path) -> None:
    """All frames at once give what chunks of them give, where the states go on."""
    stage = f"{ENCODER}, states: {{h: h_next, c: c_next}}"
    file = staged(tmp_path, f"chunk: 500 ms\nstages: [{{name: {stage}}}]\n", recurrent(states=True))
    x, zeros = drawn(4, FRAMES, 1, BANDS), np.zeros((1, 1, CELLS), np.float32)
    trace = traced_file(file, {"in_x": x}, tmp_path, precision="fp32")
    whole = run(tmp_path / "encoder.onnx", x=x.reshape(-1, 1, BANDS), h=zeros, c=zeros)
    close(trace["out_y"].reshape(whole[0].shape), whole[0])
    close(trace["out_h_next"][-1], whole[1])


def test_runs_take_one_row_after_another_of_what_they_read_along_the_axis_that_fits(tmp_path: Path) -> None:
    """A convolution's result has its channels first in the file, whatever lies in memory."""
    nodes = [N("Conv", ["x", "w"], ["y"], "/conv")]
    encoder = model(nodes, {"x": [1, BANDS, "frames"]}, ["y"], {"w": numbers(CELLS, BANDS, 1)})
    second = "{name: second, file: joiner.onnx, runs: 3, reads: {heard: first.y}}"
    text = f"stages: [{{name: first, file: encoder.onnx, dims: {{frames: 5}}, runs: 2}}, {second}]\n"
    file, x, predicted = staged(tmp_path, text, encoder), drawn(2, 1, BANDS, 5), drawn(3, 1, CELLS, seed=1)
    trace = traced_file(file, {"x": x, "predicted": predicted}, tmp_path, precision="fp32")
    firsts = [run(tmp_path / "encoder.onnx", x=each)[0] for each in x]
    close(trace["out_first.y"], np.stack(firsts))
    rows = [run(tmp_path / "joiner.onnx", heard=firsts[-1][:, :, i], predicted=predicted[i])[0] for i in range(3)]
    close(trace["out_second.y"], np.stack(rows))


@pytest.mark.parametrize(("blank", "more"), [(0, 3.0), (OUTPUTS - 1, 1.5)])
def test_a_greedy_search_around_three_files_decodes_what_they_decode_by_themselves(
    blank: int, more: float, tmp_path: Path
) -> None:
    """So much is added to the score of blank that some frames have symbols, and some of these as many as may be."""
    chunked = "chunk: 640 ms\naudio: 1 s\nprecision: fp32\n"
    text = YAML.replace("chunk: 640 ms\n", chunked).replace("audio: 2 s\n", "").replace("precision: w8a8\n", "")
    file = written(tmp_path, text.replace("frames: 16", "frames: 6") + f"blank: {blank}\n")
    bias = np.zeros((1, OUTPUTS), np.float32)
    bias[0, blank] = more
    made = model(
        [
            N("Add", ["heard", "predicted"], ["s"], "/add"),
            N("Tanh", ["s"], ["t"], "/tanh"),
            N("Gemm", ["t", "w", "b"], ["y"], "/output"),
        ],
        {"heard": [1, CELLS], "predicted": [1, CELLS]},
        ["y"],
        {"w": numbers(CELLS, OUTPUTS), "b": bias},
    )
    onnx.save(made, tmp_path / "joiner.onnx")
    x = drawn(2, 1, 6, BANDS, seed=2)
    trace = traced_file(file, {"x": x}, tmp_path, precision="fp32")
    symbols, predictions, scores = searched(tmp_path, x, blank)
    assert 1 < len(symbols) < len(scores)
    assert trace["out_symbols"][0].tolist() == symbols
    close(trace["out_predictor.y"], np.stack(predictions))
    close(trace["out_joiner.y"], np.stack(scores))
    assert trace["out_encoder.y"].shape == (2, 1, 6, CELLS)
    assert trace["out_h_next"].shape == (len(symbols) + 1, 1, 1, CELLS)


def searched(folder: Path, x: Array, blank: int) -> tuple[list[int], list[Array], list[Array]]:
    """A greedy search in a few lines, by the reference."""
    symbols: list[int] = []
    predictions: list[Array] = []
    scores: list[Array] = []
    hidden = cell = np.zeros((1, 1, CELLS), np.float32)

    def predicted(symbol: int, hidden: Array, cell: Array) -> tuple[Array, Array, Array]:
        y, h, c = run(folder / "predictor.onnx", last=np.array([[symbol]]), h=hidden, c=cell)
        predictions.append(y)
        return y.reshape(1, CELLS), h, c

    row, hidden, cell = predicted(blank, hidden, cell)
    for chunk in x:
        (frames,) = run(folder / "encoder.onnx", x=chunk)
        for frame in frames[0]:
            for _ in range(30):
                scores.append(run(folder / "joiner.onnx", heard=frame[None], predicted=row)[0])
                best = int(scores[-1].argmax())
                if best == blank:
                    break
                symbols.append(best)
                row, hidden, cell = predicted(best, hidden, cell)
    return symbols, predictions, scores


@pytest.mark.parametrize("first", [None, [5, -3]])
def test_variables_go_on_from_run_to_run(first: list[int] | None, tmp_path: Path) -> None:
    """Three runs of a stage are three invocations of its file, whose variables begin once."""
    (tmp_path / "counting.tflite").write_bytes(counting(first))
    text = "chunk: 1 s\nstages: [{name: count, file: counting.tflite, dims: {frames: 2}, runs: 3}]\n"
    x = np.random.default_rng(1).integers(-9, 9, (6, 2, 1, 2)).astype(np.int8)
    trace = traced_file(staged(tmp_path, text), {"t1": x}, tmp_path)
    sums = np.cumsum(x.reshape(-1, 1, 2), axis=0) + np.array(first or [0, 0])
    assert (trace["out_t3"].reshape(sums.shape) == sums).all()
    assert (trace["out_t4"] == x).all()


def test_the_values_of_a_quantised_search_are_measured_beside_its_cycles(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, YAML.replace("frames: 16", "frames: 2"))
    out = printed(capsys, "run", "int4_array", str(file), "--values")[0]
    assert "symbols" in out


@pytest.mark.parametrize(
    ("old", "new", "command", "message"),
    [
        ("kind: greedy", "kind: alignment_length, beam: 4", "trace", "its search, alignment_length, is timed around"),
        ("decoding:", f"blank: {OUTPUTS}\ndecoding:", "check", "blank = 12: is no output of the joiner, which has 12"),
    ],
)
def test_what_has_no_values_or_no_sense_is_refused(
    old: str, new: str, command: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in complaint(capsys, command, str(written(tmp_path, YAML.replace(old, new))))


def test_more_runs_than_rows_and_rows_for_a_predictor_are_refused(tmp_path: Path) -> None:
    text = f"stages: [{{name: {ENCODER}}}, {{name: next, file: joiner.onnx, runs: 4, reads: {{heard: encoder.y}}}}]\n"
    with pytest.raises(UserError, match="has 3 rows, one for each run; the stage runs 4 times"):
        open_workload(staged(tmp_path, text))
    rows = YAML.replace("{last: symbol}, states: {h: h_next, c", "{last: symbol, h: encoder.y}, states: {c")
    with pytest.raises(UserError, match="a predictor runs for symbols, not for rows"):
        open_workload(written(tmp_path, rows))


def test_a_file_with_scales_beside_one_under_a_plan_of_integers_has_no_values(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "counting.tflite").write_bytes(counting(None))
    text = f"stages: [{{name: count, file: counting.tflite}}, {{name: {ENCODER}}}]\n"
    file = staged(tmp_path, text)
    assert "quantised by their files beside stages that a plan quantises" in complaint(
        capsys, "trace", str(file), "--precision", "w8a8"
    )
    x = drawn(1, FRAMES, BANDS)
    trace = traced_file(file, {"x": x, "t1": np.ones((1, 2), np.int8)}, tmp_path, precision="fp32")
    close(trace["out_y"], run(tmp_path / "encoder.onnx", x=x)[0])
    assert trace["out_t3"].tolist() == [[1, 1]]


def test_inputs_are_held_against_the_runs_that_there_are(tmp_path: Path) -> None:
    file = staged(tmp_path, f"chunk: 500 ms\nstages: [{{name: {ENCODER}}}]\n")
    with pytest.raises(UserError, match=r"'x' has shape \(1, 3, 10\), the model was read for \(4, 1, 3, 10\)"):
        traced_file(file, {"x": drawn(1, FRAMES, BANDS)}, tmp_path)


def test_what_runs_a_network_again_and_again_takes_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, folder = written(tmp_path), tmp_path / "heard"
    folder.mkdir()
    np.savez(folder / "a.npz", x=drawn(1, FRAMES, BANDS))
    (folder / "transcripts.tsv").write_text("utterance\tfile\ttranscript\na\ta.npz\tone\n")
    said = complaint(capsys, "allocate", "int4_array", str(file), "--budget", "13.6x")
    assert said.endswith("three: is several model files; hwsim allocate takes each of them")
    said = complaint(capsys, "recognise", "int4_array", str(file), "--data", str(folder))
    assert said.endswith("three: is several model files, which hwsim trace runs on one utterance at a time")
