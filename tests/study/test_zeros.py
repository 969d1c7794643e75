"""Products with a zero factor, counted from a trace: of runs, batches and windows, and priced by the command."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.cli.main import main
from hwsim.errors import FileProblem, InvalidValue
from hwsim.inputs.load import load_workload
from hwsim.inputs.trace import TraceFile
from hwsim.ir.nodes import Loop
from hwsim.ir.ops import Conv, ConvAxis, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Granularity, Role, Scaling, Tensor
from hwsim.ir.view import Affine, View, Window
from hwsim.quantities.precision import Precision
from hwsim.study.zeros import zero_products_of

SEEDS = st.integers(0, 2**32 - 1)


def tensor(name: str, shape: tuple[int, ...], role: Role) -> Tensor:
    scaling = Scaling(granularity=Granularity.TENSOR)
    return Tensor(name=name, shape=shape, precision=Precision.INT4, role=role, scaling=scaling)


def conv(axes: tuple[ConvAxis, ...], batch: int, groups: int, inner: int, outer: int) -> Program:
    act = (batch, *(axis.size for axis in axes), groups * inner)
    weight = (groups, int(np.prod([axis.kernel for axis in axes])) * inner, outer)
    out = (batch, *(axis.outputs for axis in axes), groups * outer)
    tensors = (tensor("a", act, Role.INPUT), tensor("o", out, Role.OUTPUT), tensor("w", weight, Role.WEIGHT))
    a, o, w = (View(tensor=name) for name in "aow")
    return Program(
        name="one", tensors=tensors, body=(Conv(name="c", act=a, weight=w, out=o, axes=axes, groups=groups),)
    )


AXES = st.builds(
    ConvAxis,
    size=st.integers(7, 9),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    dilation=st.integers(1, 2),
    before=st.integers(0, 2),
    after=st.integers(0, 2),
)


@given(st.lists(AXES, min_size=1, max_size=2), st.integers(1, 2), st.integers(1, 2), SEEDS)
def test_a_convolution_is_counted_window_by_window(axes: list[ConvAxis], batch: int, groups: int, seed: int) -> None:
    rng, inner, outer = np.random.default_rng(seed), 2, 3
    program = conv(tuple(axes), batch, groups, inner, outer)
    act = rng.integers(-1, 2, program.tensor("a").shape)
    weight = rng.integers(-1, 2, program.tensor("w").shape)
    zeros = 0
    for n, *at in np.ndindex(batch, *(axis.outputs for axis in axes)):
        for k, place in enumerate(np.ndindex(*(axis.kernel for axis in axes))):
            where = [
                o * axis.stride + p * axis.dilation - axis.before for o, p, axis in zip(at, place, axes, strict=True)
            ]
            inside = all(0 <= w < axis.size for w, axis in zip(where, axes, strict=True))
            for group in range(groups):
                for channel in range(inner):
                    value = act[(n, *where, group * inner + channel)] if inside else 0
                    zeros += int(np.count_nonzero(value * weight[group, k * inner + channel] == 0))
    assert zero_products_of(program, {"c/act": act, "c/weight": weight}) == {"c": zeros}


def looped(times: int, m: int, k: int, n: int) -> Program:
    tensors = (tensor("a", (m, k), Role.INPUT), tensor("o", (m, n), Role.OUTPUT), tensor("w", (k, n), Role.WEIGHT))
    gemm = Gemm(name="g", act=View(tensor="a"), weight=View(tensor="w"), out=View(tensor="o"))
    return Program(name="one", tensors=tensors, body=(Loop(name="t", times=times, body=(gemm,)),))


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), SEEDS)
def test_runs_of_a_loop_share_their_weight(times: int, m: int, k: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    act, weight = rng.integers(-1, 2, (times, m, k)), rng.integers(-1, 2, (k, n))
    zeros = int(np.count_nonzero(act[..., None] * weight == 0))
    trace = {"g/act": act[0] if times == 1 else act, "g/weight": weight}
    assert zero_products_of(looped(times, m, k, n), trace) == {"g": zeros}


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        ({}, "g/act = None: is missing in the trace"),
        ({"g/act.packed": np.zeros((2, 3))}, r"g/act\.packed = .*: holds bytes; write the trace without packing"),
        (
            {"g/act": np.zeros((3, 2, 4)), "g/weight": np.zeros((4, 5))},
            "g = 120: products are in the trace, 80 in the workload",
        ),
        *(
            (
                {"g/act": np.zeros(shape), "g/weight": np.zeros((4, 5))},
                r"g/act = \(.*\): must be \(2, 4\), or runs of it",
            )
            for shape in ((), (0,), (16,), (8, 2), (2, 4, 2), (2, 1, 2, 4), (2, 2, 4, 1))
        ),
        ({"g/act": np.zeros((0, 4)), "g/weight": np.zeros((4, 5))}, "g = 0: products are in the trace, 80 in the"),
        *(
            (
                {"g/act": np.zeros((2, 2, 4)), "g/weight": np.zeros(shape)},
                r"g/weight = \(.*\): must be \(4, 5\), once or for each run",
            )
            for shape in ((), (0,), (0, 5), (20,), (5, 4), (2, 10), (3, 4, 5))
        ),
        ({"g/act": np.full((2, 2, 4), np.nan), "g/weight": np.zeros((4, 5))}, "g/act = nan: must be finite"),
        ({"g/act": np.zeros((2, 2, 4)), "g/weight": np.full((4, 5), -np.inf)}, "g/weight = -inf: must be finite"),
    ],
)
def test_another_trace_is_refused(trace: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        zero_products_of(looped(2, 2, 4, 5), trace)


@given(st.integers(2, 4), st.integers(1, 3), st.integers(1, 3), SEEDS)
def test_runs_of_several_sizes_share_their_weight_in_one_row(times: int, k: int, n: int, seed: int) -> None:
    """The run t has t + 1 rows."""
    rng, rows = np.random.default_rng(seed), times * (times + 1) // 2
    tensors = (
        tensor("a", (times, k), Role.INPUT),
        tensor("o", (times, n), Role.OUTPUT),
        tensor("w", (k, n), Role.WEIGHT),
    )
    growing = (Window(axis=0, start=Affine(), count=Affine(base=1, terms=(("t", 1),))),)
    views = {name: View(tensor=name, windows=growing) for name in "ao"}
    gemm = Gemm(name="g", act=views["a"], weight=View(tensor="w"), out=views["o"])
    program = Program(name="one", tensors=tensors, body=(Loop(name="t", times=times, body=(gemm,)),))
    act, weight = rng.integers(-1, 2, (rows, k)), rng.integers(-1, 2, (k, n))
    zeros = int(np.count_nonzero(act[..., None] * weight == 0))
    assert zero_products_of(program, {"g/act": act.ravel(), "g/weight": weight}) == {"g": zeros}
    with pytest.raises(InvalidValue, match="runs of several sizes are in one row"):
        zero_products_of(program, {"g/act": act, "g/weight": weight})


WORK = """\
name: one
kind: gemms
audio: 1 s
precision: w4a4
products: [{name: p, m: 6, k: 10, n: 7}]
"""


def test_the_command_prices_them_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work, trace, rng = tmp_path / "one.yaml", tmp_path / "t.npz", np.random.default_rng(1)
    work.write_text(WORK)
    (op,) = [placed.op for placed in load_workload(str(work)).program.placed() if isinstance(placed.op, Gemm)]
    act, weight = rng.integers(-2, 3, (6, 10), np.int8), rng.integers(-2, 3, (10, 7), np.int8)
    np.savez(trace, allow_pickle=False, **{f"{op.name}/act": act, f"{op.name}/weight": weight})
    assert main(["run", "int4_array", str(work), "--zero-gating", str(trace), "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    counts = {line["action"]: line["count"] for line in document["energy_lines"] if line["component"] == "mac"}
    zeros = int(np.count_nonzero(act[:, :, None] * weight == 0))
    assert counts == {"mac int4": 6 * 10 * 7 - zeros, "mac int4, a factor 0": zeros}
    assert str(trace) in document["provenance"]["files"]


def test_what_is_no_trace_is_refused(tmp_path: Path) -> None:
    text, lone = tmp_path / "t.npz", tmp_path / "a.npy"
    text.write_text("no arrays")
    np.save(lone, np.zeros(3))
    with pytest.raises(FileProblem, match=r"t.npz: is no readable NPZ file"):
        TraceFile(text)
    with pytest.raises(FileProblem, match=r"a.npy: holds one array without a name"):
        TraceFile(lone)
    with pytest.raises(FileProblem, match="cannot be read: No such file"):
        TraceFile(tmp_path / "none.npz")


def test_integers_in_the_shape_of_windows_are_what_the_kernel_moves_over() -> None:
    """Two inputs of 8 × 4 channels in two groups are as many numbers, in as many rows, as their 8 windows of 4."""
    axes = (ConvAxis(size=8, kernel=2, stride=2),)
    program = conv(axes, 2, 2, 2, 3)
    act, weight = np.ones((2, 8, 4), int), np.ones((2, 4, 3), int)
    act[1, 7, 3] = 0  # in the last window of the second group alone, with each of its 3 outputs
    assert zero_products_of(program, {"c/act": act, "c/weight": weight}) == {"c": 3}
    act[...] = 1
    act[0, 0, 2] = 0  # seen as windows it would lie in the first group
    weight[0, :, :] = 0
    assert zero_products_of(program, {"c/act": act, "c/weight": weight}) == {"c": 2 * 4 * 4 * 3 + 3}
