"""Operators of model files against the conformance cases of the ONNX project, and against its reference evaluator."""

import warnings
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from hwsim.errors import UserError
from hwsim.inputs.load import open_workload
from hwsim.inputs.onnx.lowering import OPERATORS
from hwsim.results.measured import Sources
from hwsim.study.values import prepared, run_values
from hwsim.tensor.carried import Carried
from onnx_models import model, traced

READ = {
    TensorProto.DataType.Value(name) for name in ("FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE", "INT32", "INT64", "BOOL")
}
"""Types of numbers that come into a graph."""
MADE = READ | {TensorProto.DataType.Value(name) for name in ("INT8", "UINT8", "INT16", "UINT16", "INT4", "UINT4")}
"""Types that quantisers make beside these, or that the file holds."""
SHARE = 0.15
"""Of the cases of operators that are read so many may be refused."""
EXCLUDED: dict[str, tuple[str, ...]] = {
    "exponents that differ and are no whole numbers": ("test_pow",),
    "of equal entries the last one is taken": ("test_argmax_*_select_last_index",),
    "values without elements": (
        "test_reduce_*_empty_set*", "test_reshape_allowzero_reordered", "test_split_zero_size_*",
        "test_slice_start_out_of_bounds",
    ),
    "training, or the mask of what it drops": (
        "test_training_dropout", "test_training_dropout_default*", "test_training_dropout_mask",
        "test_training_dropout_zero_ratio_mask", "test_dropout_default_mask*", "test_batchnorm_*_training_mode",
    ),
    "data quantised with several scales": (
        "test_quantizelinear_axis", "test_quantizelinear_blocked_*", "test_quantizelinear_*int4",
    ),
    "recurrent layers with batches first, or peepholes": (
        "test_*_batchwise", "test_lstm_with_peepholes",
    ),
    "floats cast to integers of four bits": ("test_cast_*INT4", "test_castlike_*INT4_expanded"),
    "numbers that are not finite, and what is left over zero": ("test_mod_float_edge_cases_*",),
    "branches that data choose": ("test_if",),
    "data cast to whole numbers": ("test_range_*_delta_expanded",),
    "matrices repeated for each of a batch": ("test_matmul_bcast",),
    "equations that sum one operand or take its diagonal": (
        "test_einsum_sum*", "test_einsum_batch_diagonal*",
    ),
    "a form of Scan that opset 8 has": ("test_scan_sum",),
    "entries backwards": ("test_slice_neg_steps",),
    "edges that go round": ("test_wrap_pad",),
}  # fmt: skip
"""Cases that hwsim refuses, by the reason."""


@cache
def cases() -> tuple[Any, ...]:
    """The cases of the ONNX project whose operators hwsim reads, with types that it reads."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: Any = load_model_tests(kind="node")
    return tuple(
        case
        for case in found
        if {f"{node.domain}:{node.op_type}".lstrip(":") for node in case.model.graph.node} <= set(OPERATORS)
        and of_types(case.model.graph)
    )


def of_types(graph: Any) -> bool:
    """Whether the first input, and all that nodes read or make, are of types that hwsim reads."""
    used = {name for node in graph.node for name in node.input}
    inputs = [port for port in graph.input if port.name in used]
    kinds = [port.type.tensor_type.elem_type for port in (*inputs, *graph.output)]
    return bool(inputs) and kinds[0] in READ and set(kinds) <= MADE


def arrays_of(values: Any) -> list[Any]:
    """The numbers of a case, of which some are kept as in a file. What is no number is 0 here: hwsim takes none, and of
    the operators that are read a cast alone is given such, which goes element by element."""
    arrays = [numpy_helper.to_array(one) if isinstance(one, TensorProto) else np.asarray(one) for one in values]
    floats = [one.astype(np.float32) if str(one.dtype) == "bfloat16" else one for one in arrays]
    return [np.where(np.isfinite(one), one, one.dtype.type(0)) if one.dtype.kind == "f" else one for one in floats]


def tolerance(port: Any) -> float:
    """How far a result may be from that of a case, relative to it: hwsim keeps floats of all formats in single
    precision."""
    name = TensorProto.DataType.Name(port.type.tensor_type.elem_type)
    return {"FLOAT16": 2e-3, "BFLOAT16": 1e-2}.get(name, 1e-4)


def forms(case: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The model with all its inputs, and with all but the first or the last as numbers of the file; its results are
    numbered. Operators of opset 12 and earlier are here as they are in 13."""
    made: Any = onnx.ModelProto()
    made.CopyFrom(case.model)
    for opset in made.opset_import:
        opset.version = max(opset.version, 13) if opset.domain in ("", "ai.onnx") else opset.version
    names = {port.name: f"result{number}" for number, port in enumerate(made.graph.output)}
    for port in made.graph.output:
        port.name = names[port.name]
    for node in made.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    arrays = dict(zip([port.name for port in made.graph.input], arrays_of(case.data_sets[0][0]), strict=False))
    used = {name for node in made.graph.node for name in node.input}
    for port in [port for port in made.graph.input if port.name not in used]:
        made.graph.input.remove(port)
        del arrays[port.name]
    yield made, arrays
    for kept in (list(arrays)[:1], list(arrays)[-1:]):
        fixed: Any = onnx.ModelProto()
        fixed.CopyFrom(made)
        for name in arrays.keys() - set(kept):
            fixed.graph.initializer.append(numpy_helper.from_array(arrays[name], name))
        yield fixed, {name: arrays[name] for name in kept}


def reason_for(name: str) -> str:
    """Why a case is excluded; nothing, if it is not."""
    return next((why for why, names in EXCLUDED.items() if any(fnmatch(name, one) for one in names)), "")


def results_of(case: Any, folder: Path) -> dict[str, Any] | None:
    """What hwsim makes of a case in one of its forms; None, if it refuses all of them."""
    for made, arrays in forms(case):
        try:
            return traced(made, arrays, folder)
        except UserError:
            continue
    return None


@pytest.mark.slow
def test_cases_of_the_onnx_project_give_their_results_but_for_those_that_are_excluded(tmp_path: Path) -> None:
    wrong: list[str] = []
    excluded = 0
    for case in cases():
        leaves, why = results_of(case, tmp_path), reason_for(case.name)
        if leaves is None or why:
            excluded += 1
            if (leaves is None) != bool(why):
                wrong.append(f"{case.name}: {'is refused' if leaves is None else f'is computed, but excluded: {why}'}")
            continue
        ports = zip(case.model.graph.output, arrays_of(case.data_sets[0][1]), strict=True)
        for number, (port, expected) in enumerate(ports):
            got, near = leaves[f"out_result{number}"], tolerance(port)
            if got.shape != expected.shape or not np.allclose(
                got.astype(float), expected.astype(float), near, near / 10
            ):
                wrong.append(f"{case.name}: result {number} is another one")
    assert not wrong
    assert len(cases()) >= 300
    assert excluded <= SHARE * len(cases()), f"{excluded} of {len(cases())}"


def matrix(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng([1, *shape]).standard_normal(shape).astype(np.float32)


N = helper.make_node
info = helper.make_tensor_value_info
COUNTED = helper.make_graph(
    [
        N("Identity", ["going"], ["goes_on"], "go"),
        N("Cast", ["number"], ["f"], "f", to=1),
        N("MatMul", ["h", "w"], ["p"], "p"),
        N("Tanh", ["p"], ["t"], "t"),
        N("Add", ["t", "x"], ["a"], "a"),
        N("Add", ["a", "f"], ["next"], "s"),
        N("ReduceMean", ["next"], ["m"], "m", axes=[1], keepdims=0),
    ],
    "counted",
    [info("number", 7, []), info("going", 9, []), info("h", 1, None)],
    [info("goes_on", 9, []), info("next", 1, None), info("m", 1, None)],
)
"""What a loop runs: it reads values around it, and the number of the run."""
FRAMED = helper.make_graph(
    [N("Mul", ["h", "half"], ["k"], "k"), N("Add", ["k", "v"], ["h2"], "a"), N("Sigmoid", ["h2"], ["o"], "o")],
    "framed",
    [info("h", 1, None), info("v", 1, None)],
    [info("h2", 1, None), info("o", 1, None)],
    [numpy_helper.from_array(np.array(0.5, np.float32), "half")],
)
"""A state that halves, and its input."""
GRAPHS: dict[str, tuple[Any, dict[str, Any]]] = {
    "heads are views": (
        model(
            [
                N("MatMul", ["x", "w"], ["p"], "/a/p"),
                N("Reshape", ["p", "s"], ["h"], "/a/h"),
                N("Transpose", ["h"], ["q"], "/a/q", perm=[0, 2, 1, 3]),
                N("Transpose", ["h"], ["k"], "/a/k", perm=[0, 2, 3, 1]),
                N("MatMul", ["q", "k"], ["r"], "/a/r"),
                N("Softmax", ["r"], ["t"], "/a/t", axis=-1),
                N("MatMul", ["t", "q"], ["y"], "/a/y"),
            ],
            {"x": [2, 5, 6]},
            ["y"],
            {"w": matrix(6, 8), "s": np.array([0, 0, 2, 4])},
        ),
        {"x": matrix(2, 5, 6)},
    ),
    "operands repeat each other": (
        model([N("Add", ["a", "b"], ["y"], "add")], {"a": [2, 1, 4], "b": [3, 1]}, ["y"]),
        {"a": matrix(2, 1, 4), "b": matrix(3, 1)},
    ),
    "a number for each channel": (
        model(
            [
                N("Conv", ["x", "w", "b"], ["c"], "c", pads=[1, 2], strides=[2], group=2),
                N("Mul", ["c", "g"], ["y"], "m"),
            ],
            {"x": [1, 4, 9]},
            ["y"],
            {"w": matrix(6, 2, 3), "b": matrix(6), "g": matrix(6, 1)},
        ),
        {"x": matrix(1, 4, 9)},
    ),
    "both results of a chain": (
        model(
            [N("Sigmoid", ["x"], ["s"], "s"), N("Mul", ["x", "s"], ["y"], "m"), N("Add", ["s", "y"], ["z"], "a")],
            {"x": [3, 4]},
            ["y", "z"],
        ),
        {"x": matrix(3, 4)},
    ),
    "a GRU with its reset behind the product": (
        model(
            [N("GRU", ["x", "w", "r", "b"], ["y", "h"], "g", hidden_size=4, linear_before_reset=1)],
            {"x": [5, 2, 3]},
            ["y", "h"],
            {"w": matrix(1, 12, 3), "r": matrix(1, 12, 4), "b": matrix(1, 24)},
        ),
        {"x": matrix(5, 2, 3)},
    ),
    "an LSTM both ways with states": (
        model(
            [
                N(
                    "LSTM",
                    ["x", "w", "r", "b", "", "h", "c"],
                    ["y", "e", "f"],
                    "l",
                    hidden_size=4,
                    direction="bidirectional",
                )
            ],
            {"x": [5, 2, 3], "h": [2, 2, 4], "c": [2, 2, 4]},
            ["y", "e", "f"],
            {"w": matrix(2, 16, 3), "r": matrix(2, 16, 4), "b": matrix(2, 32)},
        ),
        {"x": matrix(5, 2, 3), "h": matrix(2, 2, 4), "c": matrix(2, 2, 4) * 0.5},
    ),
    "rows of a turned square, each with a number of its own": (
        model(
            [
                N("Gather", ["x", "i"], ["g"], "g", axis=1),
                N("Transpose", ["g"], ["t"], "t", perm=[0, 2, 1]),
                N("ReduceMean", ["t"], ["m"], "m", axes=[-1], keepdims=1),
                N("Relu", ["m"], ["r"], "r"),
                N("Mul", ["t", "r"], ["y"], "y"),
            ],
            {"x": [1, 6, 6]},
            ["y"],
            {"i": np.array([5, 3, 1, 0, 2, 4])},
        ),
        {"x": matrix(1, 6, 6)},
    ),
    "a mask of the file": (
        model(
            [
                N("Where", ["c", "x", "low"], ["m"], "m"),
                N("Softmax", ["m"], ["s"], "s"),
                N("Where", ["d", "s", "x"], ["y"], "y"),
            ],
            {"x": [2, 3, 4]},
            ["y"],
            {
                "c": np.tri(3, 4, dtype=bool),
                "low": np.array(-1e4, np.float32),
                "d": np.array([[True], [False], [True]]),
            },
        ),
        {"x": matrix(2, 3, 4)},
    ),
    "frames behind the end are masked": (
        model(
            [
                N("Less", ["frames", "length"], ["there"], "there"),
                N("Not", ["there"], ["behind"], "behind"),
                N("Where", ["behind", "low", "x"], ["m"], "m"),
                N("Softmax", ["m"], ["s"], "s"),
                N("Where", ["there", "s", "x"], ["y"], "y"),
            ],
            {"x": [2, 3, 5], "length": [2, 1, 1]},
            ["y"],
            {"frames": np.arange(5), "low": np.array(-np.inf, np.float32)},
            kinds={"length": TensorProto.INT64},
        ),
        {"x": matrix(2, 3, 5), "length": np.array([[[5]], [[2]]])},
    ),
    "an equation for heads": (
        model(
            [
                N("Einsum", ["x", "w"], ["q"], "q", equation="btd,hdk->bhtk"),
                N("Einsum", ["q", "x"], ["r"], "r", equation="bhtk, bsk -> bths"),
                N("Einsum", ["r"], ["y"], "y", equation="bths->bsth"),
            ],
            {"x": [2, 5, 6]},
            ["y"],
            {"w": matrix(3, 6, 6)},
        ),
        {"x": matrix(2, 5, 6)},
    ),
    "runs that are counted": (
        model(
            [N("Loop", ["n", "c", "x"], ["y", "z"], "loop", body=COUNTED)],
            {"x": [3, 4]},
            ["y", "z"],
            {"w": matrix(4, 4), "n": np.array(3), "c": np.array(True)},
        ),
        {"x": matrix(3, 4)},
    ),
    "a graph for each frame": (
        model(
            [N("Scan", ["s", "x"], ["e", "y"], "scan", num_scan_inputs=1, body=FRAMED)],
            {"s": [2, 3], "x": [5, 2, 3]},
            ["e", "y"],
        ),
        {"s": matrix(2, 3), "x": matrix(5, 2, 3)},
    ),
    "the branch for the shape that is there": (
        model(
            [
                N("Shape", ["x"], ["shape"], "shape"),
                N("Gather", ["shape", "last"], ["width"], "width"),
                N("Greater", ["width", "four"], ["wide"], "wide"),
                N(
                    "If",
                    ["wide"],
                    ["y"],
                    "if",
                    then_branch=helper.make_graph([N("Relu", ["x"], ["a"], "a")], "then", [], [info("a", 1, None)]),
                    else_branch=helper.make_graph([N("Neg", ["x"], ["b"], "b")], "else", [], [info("b", 1, None)]),
                ),
            ],
            {"x": [2, 6]},
            ["y"],
            {"last": np.array(1), "four": np.array(4)},
        ),
        {"x": matrix(2, 6)},
    ),
    "a slice of a reshape": (
        model(
            [
                N("Pad", ["x", "p"], ["a"], "pad"),
                N("Reshape", ["a", "s"], ["b"], "r"),
                N("Slice", ["b", "i", "j", "k"], ["c"], "s"),
                N("Reshape", ["c", "t"], ["y"], "u"),
            ],
            {"x": [2, 4, 7]},
            ["y"],
            {
                "p": np.array([0, 0, 1, 0, 0, 0]),
                "s": np.array([2, 8, 4]),
                "i": np.array([1]),
                "j": np.array([8]),
                "k": np.array([1]),
                "t": np.array([2, 4, 7]),
            },
        ),
        {"x": matrix(2, 4, 7)},
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_give_what_the_reference_gives(name: str, tmp_path: Path) -> None:
    made, arrays = GRAPHS[name]
    reference = ReferenceEvaluator(made)
    if name.startswith("an LSTM"):  # the reference goes one way alone
        leaves = traced(made, arrays, tmp_path)
        np.testing.assert_allclose(leaves["out_y"], _both_ways(arrays), 1e-4, 1e-5)
        np.testing.assert_allclose(leaves["out_e"][0], leaves["out_y"][-1, 0], 1e-5, 1e-6)
        np.testing.assert_allclose(leaves["out_e"][1], leaves["out_y"][0, 1], 1e-5, 1e-6)
        return
    wanted = reference.run(None, arrays)
    leaves = traced(made, arrays, tmp_path)
    for port, expected in zip(made.graph.output, wanted, strict=True):
        np.testing.assert_allclose(leaves[f"out_{port.name}"], expected, 1e-4, 1e-5)


def _both_ways(arrays: dict[str, Any]) -> np.ndarray[Any, Any]:
    """An LSTM in numpy, gates in the order input, output, forget, cell."""
    x, w, r, b = arrays["x"], matrix(2, 16, 3), matrix(2, 16, 4), matrix(2, 32)
    out = np.zeros((5, 2, 2, 4))
    for way, frames in enumerate((range(5), range(4, -1, -1))):
        h, c = arrays["h"][way], arrays["c"][way]
        for t in frames:
            gates = x[t] @ w[way].T + h @ r[way].T + b[way][:16] + b[way][16:]
            i, o, f = (1 / (1 + np.exp(-gates[:, 4 * k : 4 * k + 4])) for k in range(3))
            c = f * c + i * np.tanh(gates[:, 12:])
            h = o * np.tanh(c)
            out[t, way] = h
    return out


def test_frames_may_go_backwards_along_any_axis(tmp_path: Path) -> None:
    made = model(
        [N("Scan", ["s", "x"], ["e", "y"], "scan", num_scan_inputs=1, scan_input_axes=[1], scan_input_directions=[1],
           scan_output_axes=[-1], scan_output_directions=[1], body=FRAMED)],
        {"s": [2, 3], "x": [2, 5, 3]},
        ["e", "y"],
    )  # fmt: skip
    arrays = {"s": matrix(2, 3), "x": matrix(2, 5, 3)}
    leaves, state, frames = traced(made, arrays, tmp_path), arrays["s"], []
    for frame in range(4, -1, -1):
        state = 0.5 * state + arrays["x"][:, frame]
        frames.append(1 / (1 + np.exp(-state)))
    np.testing.assert_allclose(leaves["out_e"], state, 1e-5, 1e-6)
    np.testing.assert_allclose(leaves["out_y"], np.stack(frames[::-1], axis=-1), 1e-5, 1e-6)


def test_heads_move_nothing(tmp_path: Path) -> None:
    made, _ = GRAPHS["heads are views"]
    onnx.save(made, tmp_path / "m.onnx")
    kinds = [type(placed.op).__name__ for placed in open_workload(tmp_path / "m.onnx").value.program.placed()]
    assert kinds == ["Gemm", "Gemm", "Reduce", "Gemm"]


def test_products_of_constants_stay_work(tmp_path: Path) -> None:
    """What training left constant is computed all the same: folding it would drop products."""
    made = model(
        [N("MatMul", ["p", "w"], ["q"], "q"), N("Sqrt", ["v"], ["u"], "u"), N("Mul", ["q", "u"], ["s"], "s"),
         N("Add", ["x", "s"], ["y"], "y")],
        {"x": [3, 4]}, ["y"], {"p": matrix(3, 5), "w": matrix(5, 4), "v": np.full((4,), 4, np.float32)},
    )  # fmt: skip
    onnx.save(made, tmp_path / "m.onnx")
    work = open_workload(tmp_path / "m.onnx").value
    assert work.program.macs == 60
    assert isinstance(work.carried, Carried)
    assert work.carried.told == ("1 nodes of constants were worked out beforehand: u (Sqrt)",)


def test_axes_without_sizes_get_them_by_name(tmp_path: Path) -> None:
    made = model([N("MatMul", ["x", "w"], ["y"], "m")], {"x": ["batch", "frames", 3]}, ["y"], {"w": matrix(3, 2)})
    x = matrix(1, 7, 3)
    leaves = traced(made, {"x": x}, tmp_path, dims={"batch": 1, "frames": 7})
    np.testing.assert_allclose(leaves["out_y"], x @ matrix(3, 2), 1e-5, 1e-6)


def test_a_policy_quantises_a_model_of_floats(tmp_path: Path) -> None:
    made, arrays = GRAPHS["heads are views"]
    leaves = traced(made, arrays, tmp_path, precision="w8a8")
    assert leaves["p/weight"].dtype == np.int8


def test_a_quantised_file_keeps_its_formats(tmp_path: Path) -> None:
    scale, zero = np.float32(0.05), np.uint8(120)
    made = model(
        [
            N("QuantizeLinear", ["x", "s", "z"], ["q"], "q"),
            N("DequantizeLinear", ["q", "s", "z"], ["d"], "d"),
            N("DequantizeLinear", ["w", "t", "u"], ["v"], "v", axis=1),
            N("MatMul", ["d", "v"], ["y"], "m"),
        ],
        {"x": [2, 4]},
        ["y"],
        {
            "s": np.asarray(scale),
            "z": np.asarray(zero),
            "w": np.arange(-6, 6, dtype=np.int8).reshape(4, 3),
            "t": np.array([0.1, 0.2, 0.3], np.float32),
            "u": np.zeros(3, np.int8),
        },
    )
    x = matrix(2, 4)
    leaves = traced(made, {"x": x}, tmp_path)
    integers = np.clip(np.rint(x / scale) + zero, 0, 255)
    assert (leaves["m/act"] == integers).all()
    assert leaves["m/act"].dtype == np.uint8
    assert (leaves["m/acc"] == (integers - 120) @ np.arange(-6, 6).reshape(4, 3)).all()
    with pytest.raises(UserError, match="the file is quantised already"):
        open_workload(tmp_path / "m.onnx", "w4a4")


def test_a_workload_file_keeps_sizes_beside_a_model(tmp_path: Path) -> None:
    made = model([N("MatMul", ["x", "w"], ["y"], "m")], {"x": ["frames", 3]}, ["y"], {"w": matrix(3, 2)})
    onnx.save(made, tmp_path / "net.onnx")
    lines = ["name: net", "kind: onnx", "file: net.onnx", "dims: {frames: 8}", "audio: 100 ms", "precision: w8a8"]
    (tmp_path / "net.yaml").write_text("\n".join(lines) + "\n")
    loaded = open_workload(tmp_path / "net.yaml")
    assert (loaded.value.name, loaded.value.program.macs, loaded.value.audio) == ("net", 48, 10**11)
    assert [Path(name).name for name, _ in loaded.files] == ["net.yaml", "net.onnx"]
    assert open_workload(tmp_path / "net.yaml", None, {"frames": 4}).value.program.macs == 24
    (tmp_path / "net.yaml").write_text("\n".join(lines).replace("net.onnx", "no.onnx") + "\n")
    with pytest.raises(UserError, match=r"net\.yaml:3: file: .*no\.onnx"):
        open_workload(tmp_path / "net.yaml")


def test_a_chip_adds_a_models_sums_as_its_registers_do(tmp_path: Path) -> None:
    """Values on a chip and exact ones are the same where no register overflows."""
    from hwsim.hardware.chip import Chip
    from hwsim.inputs.chips import load_chip

    file = Path(__file__).parents[1] / "data" / "onnx" / "sb_tdnn_stack.int8_qdq.onnx"
    work = open_workload(file, floats="fp32").value
    sources = Sources(input=file.with_suffix(".npz"), weights=None, seed=0, packed=False)
    chip = load_chip("int4_array")
    assert isinstance(chip, Chip)
    exact, ordered = (run_values(prepared(work, sources), sources, chip=on) for on in (None, chip))
    assert exact.ops == ordered.ops
    assert ordered.accumulators == "int4_array"
