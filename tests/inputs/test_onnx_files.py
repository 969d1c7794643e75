"""Damaged and hostile model files: each is refused in one line that names place and reason."""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from command import complaint, printed
from damage import complaints
from hwsim.errors import UserError
from hwsim.inputs.load import open_workload
from hwsim.inputs.model_input import shapes_heard
from inputs.test_onnx_operators import GRAPHS
from onnx_models import model

DATA = Path(__file__).parents[1] / "data" / "onnx"
N = helper.make_node
W = np.ones((3, 2), np.float32)


def good() -> Any:
    return model([N("MatMul", ["x", "w"], ["y"], "mm")], {"x": [4, 3]}, ["y"], {"w": W})


def refusal(made: Any, folder: Path) -> str:
    """What is wrong with a model, behind its file's name."""
    file = folder / "m.onnx"
    file.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
    with pytest.raises(UserError) as caught:
        open_workload(file)
    text = str(caught.value)
    assert "\n" not in text
    return text.removeprefix(f"{file}: ")


def cut_off() -> bytes:
    data: bytes = good().SerializeToString()
    return data[:-30]


def changed(change: Callable[[Any], Any]) -> Any:
    made = good()
    change(made)
    return made


def _short(made: Any) -> None:
    made.graph.initializer[0].raw_data = b"123"


def _huge(made: Any) -> None:
    made.graph.initializer[0].dims[0] = 2**40


def _outside(location: str) -> Callable[[Any], None]:
    def change(made: Any) -> None:
        tensor = made.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", location

    return change


def _control(made: Any) -> None:
    body = helper.make_graph([], "body", [], [])
    made.graph.node.append(N("If", ["x"], ["z"], "branch", then_branch=body, else_branch=body))


def _endless(made: Any) -> None:
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [N("Identity", ["going"], ["on"], "i"), N("Relu", ["h"], ["next"], "r")],
        "body",
        [
            info("number", TensorProto.INT64, []),
            info("going", TensorProto.BOOL, []),
            info("h", TensorProto.FLOAT, None),
        ],
        [info("on", TensorProto.BOOL, []), info("next", TensorProto.FLOAT, None)],
    )
    made.graph.initializer.append(numpy_helper.from_array(np.array(10**9), "n"))
    made.graph.node.append(N("Loop", ["n", "", "y"], ["z"], "loop", body=body))


BROKEN = [
    (b"", "is no ONNX model: it has no graph"),
    (b"\xff\xfe no model", "is no readable ONNX file: damaged, cut off, or of another format"),
    (cut_off(), "is no readable ONNX file: damaged, cut off, or of another format"),
    (model(list(good().graph.node), {"x": [4, 3]}, ["y"], {"w": W}, opset=9),
     "is of opset 9; hwsim reads 13 to 28; export it anew"),
    (changed(_short), "initialiser 'w': says that it is [3, 2], 24 bytes, but has 3"),
    (changed(_huge), "initialiser 'w': cannot have the shape [1099511627776, 2]"),
    (changed(_outside("../secret.bin")),
     "initialiser 'w': its data are in '../secret.bin', which is no file in the model's folder"),
    (changed(_outside("/etc/passwd")),
     "initialiser 'w': its data are in '/etc/passwd', which is no file in the model's folder"),
    (changed(_control), "node 'branch' (If): takes a branch as data say; hwsim needs that beforehand"),
    (changed(_endless),
     "node 'loop' (Loop): comes to more than 4,096 nodes; hwsim puts each run of its graph in its place"),
    (model([N("MatMul", ["x", "v"], ["y"], "mm")], {"x": [4, 3]}, ["y"]),
     "node 'mm' (MatMul): reads 'v', which nothing makes"),
    (model([N("Add", ["x", "b"], ["a"], "one"), N("Relu", ["a"], ["b"], "two")], {"x": [4]}, ["b"]),
     "node 'one' (Add): waits for its own result: the nodes form a cycle"),
    (model([N("Relu", ["x"], ["y"], "a"), N("Relu", ["x"], ["y"], "b")], {"x": [4]}, ["y"]),
     "node 'b' (Relu): makes 'y', which something else makes already"),
    (model([N("Relu", ["x"], ["y"], "a")], {"x": [4]}, ["z"]), "output 'z': no node makes it"),
    (model([N("MatMul", ["x", "w"], ["y"], "mm")], {"x": [4, 5]}, ["y"], {"w": W}),
     "node 'mm' (MatMul): multiplies [4, 5] by [3, 2]"),
    (model([N("Reshape", ["x", "s"], ["y"], "r")], {"x": [4, 5]}, ["y"], {"s": np.array([3, -1])}),
     "node 'r' (Reshape): does not go with what it reads: [4, 5] has 20 elements, [3, -1] has not"),
    (model([N("Concat", ["x", "x"], ["y"], "c", axis=7)], {"x": [4, 5]}, ["y"]),
     "node 'c' (Concat): does not go with what it reads: axis 7 of 2"),
    (model([N("NonZero", ["x"], ["y"], "n")], {"x": [4]}, ["y"]),
     "node 'n' (NonZero): hwsim does not read this operator; docs/onnx.md lists those that it reads"),
    (model([N("Relu", ["x"], ["y"], "a")], {"x": [4]}, ["y"], kinds={"x": TensorProto.STRING}),
     "'x': holds numbers of the type string, which hwsim does not read"),
    (model([N("Relu", ["x"], ["y"], "a")], {"x": [2**33, 4]}, ["y"]),
     "input 'x': has 34,359,738,368 elements; hwsim takes 1 to 8,589,934,592"),
    (model([N("QuantizeLinear", ["x", "s"], ["y"], "q")], {"x": [4]}, ["y"], {"s": np.zeros((), np.float32)},
           kinds={"y": TensorProto.UINT8}),
     "node 'q' (QuantizeLinear): has a scale that is zero, or no finite number"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "message"), BROKEN, ids=[message[:40] for _, message in BROKEN])
def test_a_broken_model_is_refused_in_one_line(made: Any, message: str, tmp_path: Path) -> None:
    assert refusal(made, tmp_path) == message


def test_axes_without_sizes_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = model([N("MatMul", ["x", "w"], ["y"], "mm")], {"x": ["frames", 3]}, ["y"], {"w": W})
    onnx.save(made, tmp_path / "m.onnx")
    file = str(tmp_path / "m.onnx")
    assert complaint(capsys, "ops", file) == (
        "--dim = 'frames': is the size of an axis that the file leaves open; give --dim frames=N"
    )
    assert complaint(capsys, "ops", file, "--dim", "time=3") == (
        "--dim = 'time': is no axis of small; its named axes are frames"
    )


def test_data_beside_the_model_are_read(tmp_path: Path) -> None:
    made = good()
    onnx.save(made, tmp_path / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    assert open_workload(tmp_path / "m.onnx").value.program.macs == 24
    (tmp_path / "w.bin").write_bytes(b"\0" * 7)
    with pytest.raises(UserError, match=r"w\.bin has 7"):
        open_workload(tmp_path / "m.onnx")


def test_data_beside_the_model_are_inputs_like_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are not written over, and results hold their hash."""
    monkeypatch.chdir(tmp_path)
    onnx.save(good(), "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    (tmp_path / "work.yaml").write_text("{name: small, kind: onnx, file: m.onnx, audio: 1 s}")
    data = (tmp_path / "w.bin").read_bytes()
    for workload in ("m.onnx", "work.yaml"):
        told = complaint(capsys, "run", "int4_array", workload, "--json", "w.bin")
        assert told.endswith("w.bin: is read, and would be written over for --json; write to another file")
        assert (tmp_path / "w.bin").read_bytes() == data
        files = dict(open_workload(workload).files)
        assert files["w.bin"] == hashlib.sha256(data).hexdigest()


def test_without_the_package_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "m.onnx"
    file.write_bytes(good().SerializeToString())
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError) as caught:
        open_workload(file)
    assert str(caught.value) == f"{file}: needs the package onnx to be read: pip install 'hwsim[onnx]'"


MUTATIONS = 1000
SMALL = sorted(DATA.glob("*.onnx"), key=lambda path: path.stat().st_size)[:12]


@pytest.mark.slow
def test_damage_is_refused_in_one_line_or_does_not_show(tmp_path: Path) -> None:
    sources = [*(path.read_bytes() for path in SMALL), *(made.SerializeToString() for made, _ in GRAPHS.values())]
    found = complaints(open_workload, sources, tmp_path / "m.onnx", MUTATIONS, seed=5)
    assert MUTATIONS / 4 < sum(map(bool, found)) < MUTATIONS


def test_arrays_that_a_model_hears_say_how_large_its_open_axes_are(tmp_path: Path) -> None:
    file, given = tmp_path / "m.onnx", tmp_path / "in.npz"
    onnx.save(model([N("MatMul", ["x", "w"], ["y"], "mm")], {"x": ["frames", 3]}, ["y"], {"w": W}), file)
    np.savez(given, in_x=np.ones((7, 3), np.float32))
    heard = shapes_heard(given)
    assert open_workload(file, heard=heard).value.program.macs == 7 * 3 * 2
    assert open_workload(file, dimensions={"frames": 5}, heard=heard).value.program.macs == 5 * 3 * 2
    described = tmp_path / "m.yaml"
    described.write_text("name: m\nkind: onnx\nfile: m.onnx\n")
    assert open_workload(described, heard=heard).value.program.macs == 7 * 3 * 2


def test_a_model_with_open_axes_is_checked_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "m.onnx"
    onnx.save(model([N("MatMul", ["x", "w"], ["y"], "mm")], {"x": ["frames", 3]}, ["y"], {"w": W}), file)
    assert "valid" in printed(capsys, "check", str(file), "--dim", "frames=4")[0]
    assert "w4a4" in printed(capsys, "compare", "int4_array", str(file), "--dim", "frames=4")[0]


def test_a_node_that_became_part_of_an_op_is_explained_by_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bias is part of its product, an activation of the chain behind it; scopes are as the file writes them."""
    nodes = [
        N("MatMul", ["x", "w"], ["p"], "/layer/p"),
        N("Add", ["p", "b"], ["q"], "/layer/bias"),
        N("Sigmoid", ["q"], ["s"], "/layer/s"),
        N("Mul", ["q", "s"], ["y"], "/layer/swish"),
    ]
    file = tmp_path / "m.onnx"
    onnx.save(model(nodes, {"x": [4, 3]}, ["y"], {"w": W, "b": np.ones(2, np.float32)}), file)
    for node, op in (("/layer/bias", "p"), ("/layer/s", "swish"), ("/layer/p", "p"), ("swish", "swish")):
        shown = printed(capsys, "run", "int4_array", str(file), "--explain", node)[0]
        assert shown.startswith(f"{op} of m in fp16"), shown[:80]
    assert "unknown op '/layer/nothing'" in complaint(
        capsys, "run", "int4_array", str(file), "--explain", "/layer/nothing"
    )
