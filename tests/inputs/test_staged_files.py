"""Several model files as one workload: what runs how often, what is wired to what, and what is refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from command import complaint, printed
from hwsim.errors import UserError
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload
from hwsim.ir.workload import Workload
from hwsim.study.compare import compare
from hwsim.study.simulate import simulate
from onnx_models import model
from three_files import BANDS, CELLS, OUTPUTS, YAML, joiner, written
from traced_models import traced_file

ENCODER = 16 * BANDS * CELLS
PREDICTOR = 4 * CELLS * (6 + CELLS)
JOINER = CELLS * OUTPUTS


def runs_of(work: Workload) -> dict[str, int]:
    return {placed.op.name: placed.times for placed in work.program.placed()}


def test_a_greedy_search_runs_the_joiner_for_frames_and_symbols_and_the_predictor_for_symbols(tmp_path: Path) -> None:
    """Two seconds are four chunks of 16 frames; six symbols are declared, and the first one's predecessor."""
    work = load_workload(written(tmp_path))
    runs = runs_of(work)
    assert runs["encoder.p"] == 4
    assert runs["predictor.cells.lstm.input"] == 7
    assert runs["joiner.output"] == runs["search.choose"] == 4 * 16 + 6
    assert work.program.macs == 4 * ENCODER + 7 * PREDICTOR + 70 * JOINER
    assert work.streaming is not None
    assert (work.streaming.chunks, work.streaming.symbols) == (4, 6)


def test_a_beam_search_runs_the_joiner_for_each_hypothesis_or_once_for_all(tmp_path: Path) -> None:
    """Four hypotheses, each extended by a symbol in six of 70 steps, and the empty prefix."""
    text = YAML.replace("kind: greedy", "kind: alignment_length, beam: 4")
    runs = runs_of(load_workload(written(tmp_path, text)))
    assert runs["joiner.output"] == 4 * 70
    assert runs["predictor.cells.lstm.input"] == 4 * 6 + 1
    assert runs["search.choose"] == 70
    onnx.save(joiner(rows=4), tmp_path / "joiner.onnx")
    together = load_workload(tmp_path / "three.yaml")
    assert runs_of(together)["joiner.output"] == 70
    assert together.program.macs == 4 * ENCODER + 25 * PREDICTOR + 4 * 70 * JOINER
    assert simulate(load_chip("int4_array"), together).summary.macs == together.program.macs
    onnx.save(joiner(rows=3), tmp_path / "joiner.onnx")
    with pytest.raises(UserError, match="are 3 rows of scores; a joiner scores one hypothesis, or all 4"):
        load_workload(tmp_path / "three.yaml")


def test_inputs_come_anew_for_each_run_and_states_stay(tmp_path: Path) -> None:
    work = load_workload(written(tmp_path))
    tensors = {tensor.name: tensor for tensor in work.program.tensors}
    assert tensors["encoder.x.every"].shape == (4, 16 * BANDS)
    assert tensors["predictor.h.kept"].role.value == "state"
    assert not [one for one in tensors.values() if one.role.value == "input" and not one.name.endswith(".every")]


def test_stages_run_on_a_chip_in_several_precisions(tmp_path: Path) -> None:
    work = load_workload(written(tmp_path))
    chip = load_chip("int4_array")
    assert simulate(chip, work).summary.macs == work.program.macs
    rows = compare(chip, work, ("fp16", "w4a4")).rows
    assert rows[1].model_bytes < rows[0].model_bytes


def test_stages_without_a_search_run_as_often_as_they_say(tmp_path: Path) -> None:
    text = (
        "name: two\nkind: models\nstages:\n  - {name: first, file: encoder.onnx, dims: {frames: 16}, runs: 3}\n"
        "  - {name: second, file: joiner.onnx, runs: 5, reads: {heard: first.y}}\n"
    )
    work = load_workload(written(tmp_path, text))
    assert work.program.macs == 3 * ENCODER + 5 * JOINER
    larger = load_workload(tmp_path / "three.yaml", dims={"first.frames": 32})
    assert larger.program.macs == 6 * ENCODER + 5 * JOINER


def test_a_quantised_file_keeps_its_formats_beside_others(tmp_path: Path) -> None:
    file = written(tmp_path)
    scale, zero = np.asarray(0.05, np.float32), np.asarray(0, np.int8)
    made = model(
        [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], "q"),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], "d"),
            helper.make_node("DequantizeLinear", ["w", "s", "z"], ["v"], "v"),
            helper.make_node("MatMul", ["d", "v"], ["y"], "p"),
        ],
        {"x": [1, "frames", BANDS]},
        ["y"],
        {"s": scale, "z": zero, "w": np.ones((BANDS, CELLS), np.int8)},
    )
    onnx.save(made, tmp_path / "encoder.onnx")
    work = load_workload(file, precision="w4a4")
    formats = {tensor.name: tensor.precision.value for tensor in work.program.tensors}
    assert formats["encoder.p.weight"] == "int8"
    assert formats["joiner.output.weight"] == "int4"
    assert "fp32" not in formats.values()
    assert simulate(load_chip("int4_array"), work).summary.macs == work.program.macs


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("encoder.y", "encoder.z", "'z': is no result of encoder.onnx; known: y"),
        ("{heard:", "{hears:", "'hears': is no input of joiner.onnx; known: heard, predicted"),
        ("encoder.y", "predictor.h_next.y", "'h_next.y': is no result of predictor.onnx; known: y, h_next, c_next"),
        ("heard: encoder.y, ", "", "names no result of an encoder"),
        ("name: joiner", "name: join", "has no joiner, which the search runs"),
        (
            "encoder.y",
            "nobody.y",
            "is no result of a stage before; write STAGE.OUTPUT, STAGE one of: encoder, predictor",
        ),
        (", c: c_next", "", "'c': comes from nowhere: a search brings what reads and states name"),
        ("last: symbol", "h: symbol", "'h': is among what it reads"),
        ("joiner.onnx,", "nothing.onnx,", "stages.2.file: "),
    ],
)
def test_what_does_not_go_together_is_refused_by_its_place(
    old: str, new: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, YAML.replace(old, new))
    assert message in complaint(capsys, "check", str(file))


def test_patterns_put_ops_into_parts_whose_rules_and_values_go_with_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path)
    file = tmp_path / "parts.yaml"
    text = "name: parted\nkind: onnx\nfile: encoder.onnx\ndims: {frames: 16}\nparts: {front: 'p*'}\n"
    file.write_text(text + "precision: {policy: w8a8, rules: [{match: 'front.*', policy: w4a4}]}\n")
    work = load_workload(file)
    assert runs_of(work) == {"front.p": 1, "r": 1}
    weight = next(tensor for tensor in work.program.tensors if tensor.name == "front.p.weight")
    assert weight.precision.value == "int4"
    assert "front" in printed(capsys, "run", "int4_array", str(file))[0]
    x = np.ones((1, 16, BANDS), np.float32)
    file.write_text(text)
    grouped, alone = (
        traced_file(one, {"x": x}, tmp_path, {"frames": 16})["out_y"] for one in (file, tmp_path / "encoder.onnx")
    )
    np.testing.assert_allclose(grouped, alone, 1e-2, 1e-2)
    file.write_text(text.replace("'p*'", "'q*'"))
    assert "parts.front = 'q*': matches no op; names begin with p, r" in complaint(capsys, "check", str(file))
