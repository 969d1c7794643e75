"""Networks of nnet3, held against the same networks by definition, frame by frame, in binary and in text."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsim.inputs.load import open_workload
from hwsim.tensor.carried import Carried
from kaldi_files import (
    Net,
    affine,
    convolution,
    dropout,
    factored,
    linear,
    nonlinear,
    noop,
    norm,
    relu,
    tdnn,
    traced,
    written,
)
from witnesses.kaldi_network import Witness

Array = np.ndarray[Any, Any]
Rng = np.random.Generator
RELATIVE = 2e-6
"""Of the largest result: single precision against double."""
AROUND = 40
"""Frames before and behind all outputs that the witness is given: more than any network here looks around."""


def spliced(rng: Rng) -> Net:
    """Frames joined, a norm before the rectifier, and a log softmax."""
    net = Net(["input-node name=input dim=5"])
    net.node("a", "Append(Offset(input, -2), Offset(input, -1), input, Offset(input, 1), Offset(input, 2))",
             **affine(rng, 25, 8))  # fmt: skip
    net.node("n", "a", **norm(rng, 8)).node("r", "n", **relu(8))
    net.node("b", "Append(Offset(r, -3), Offset(r, 3))", **affine(rng, 16, 6))
    net.node("s", "b", **nonlinear("LogSoftmaxComponent", 6))
    return net.line("output-node name=output input=s objective=linear")


def uneven(rng: Rng) -> Net:
    """Taps that lie unevenly, several sources joined, and a part of the columns."""
    net = Net(["input-node name=input dim=6"])
    net.node("a", "input", **tdnn(rng, 6, 8, (-3, 0, 1))).node("r", "a", **relu(8)).node("n", "r", **norm(rng, 8))
    net.line("dim-range-node name=some input-node=n dim=3 dim-offset=2")
    net.node("b", "Append(Offset(some, -1), input, Const(0.5, 2), n)", **affine(rng, 19, 7))
    net.node("c", "Append(b, Offset(n, 2))", **tdnn(rng, 15, 5, (0, 2)))
    return net.line("output-node name=output input=c objective=linear")


def shared(rng: Rng) -> Net:
    """Norms that several layers read, and scales below zero: neither can go into the map before it."""
    net = Net(["input-node name=input dim=4"])
    net.node("a", "input", **tdnn(rng, 4, 6, (-1, 0))).node("r", "a", **relu(6)).node("n", "r", **norm(rng, 6))
    net.node("f", "r", kind="FixedScaleComponent", Scales=rng.normal(size=6).astype(np.float32))
    net.node("g", "f", kind="FixedBiasComponent", Bias=rng.normal(size=6).astype(np.float32))
    net.node("h", "g", **relu(6))
    net.node("b", "Sum(Scale(-0.5, n), Offset(g, 1), Scale(2, Offset(h, -1)), Const(0.25, 6))", **linear(rng, 6, 6))
    net.node("th", "b", **nonlinear("TanhComponent", 6)).node("u", "Append(b, n)", **affine(rng, 12, 6))
    net.node("v", "u", **nonlinear("SigmoidComponent", 6))
    net.node("p", "Append(th, v)", kind="ElementwiseProductComponent", InputDim=12, OutputDim=6)
    return net.line("output-node name=output input=p")


def elements(rng: Rng) -> Net:
    """Functions of elements and rows, and orders of columns."""
    columns = 6
    net = Net(["input-node name=input dim=6"])
    net.node("o", "input", kind="PermuteComponent", ColumnMap=(5, 3, 1, 0, 2, 4))
    net.node("z", "o", kind="NormalizeComponent", InputDim=columns, TargetRms=0.5, AddLogStddev=False)
    net.node("q", "z", kind="ScaleAndOffsetComponent", LearningRate=0.1, Dim=columns,
             Scales=np.asarray([0.5, -2, 1e-6], np.float32), Offsets=np.asarray([0.1, 0.2, -0.3], np.float32),
             UseNaturalGradient=True, Rank=20)  # fmt: skip
    net.node("w", "q", kind="PermuteComponent", ColumnMap=(1, 0, 3, 2, 5, 4))
    net.node("a", "w", **affine(rng, columns, columns))
    net.node(
        "d", "a", kind="DropoutComponent", Dim=columns, DropoutProportion=0.25, DropoutPerFrame=False, TestMode=True
    )
    net.node(
        "e", "d", kind="PerElementScaleComponent", LearningRate=0.1, Params=rng.normal(size=columns).astype(np.float32)
    )
    net.node("i", "e", kind="PerElementOffsetComponent", LearningRate=0.1,
             Offsets=rng.normal(size=columns).astype(np.float32), Dim=columns, UseNaturalGradient=True)  # fmt: skip
    net.node("m", "i", kind="SpecAugmentTimeMaskComponent", Dim=columns, ZeroedProportion=0.2, TimeMaskMaxFrames=10)
    net.node("s", "m", **nonlinear("SoftmaxComponent", columns))
    return net.line("output-node name=output input=Sum(s, Offset(o, 1))")


def image(rng: Rng) -> Net:
    """Convolutions along time and height, as CNN-TDNN recipes have them: the second takes every other height."""
    net = Net(["input-node name=ivector dim=3", "input-node name=input dim=8"])
    net.node("iv", "ReplaceIndex(ivector, t, 0)", **linear(rng, 3, 8)).node("ivn", "iv", **norm(rng, 8))
    net.node("both", "Append(input, ivn)", kind="PermuteComponent",
             ColumnMap=tuple(at + 8 * part for at in range(8) for part in range(2)))  # fmt: skip
    net.node("c1", "both", **convolution(rng, 2, 4, 8, 8, 1, (-1, 0, 1), (-1, 0, 1), (0,)))
    net.node("r1", "c1", **relu(32)).node("n1", "r1", **norm(rng, 32, 4))
    net.node("c2", "n1", **convolution(rng, 4, 5, 8, 4, 2, (-2, 0, 2), (-1, 0, 1), (-2, 0, 2)))
    net.node("r2", "c2", **relu(20)).node("n2", "r2", **norm(rng, 20, 5))
    net.node("c3", "n2", **convolution(rng, 5, 2, 4, 2, 2, (0, 1), (0,), (0, 1)))
    net.node("l", "c3", **affine(rng, 4, 6))
    return net.line("output-node name=output input=l")


def missing(rng: Rng) -> Net:
    """What may be missing, at the edges and in between, and rounded frames."""
    net = Net(["input-node name=ivector dim=3", "input-node name=input dim=5"])
    net.node("a", "Append(IfDefined(Offset(input, -4)), input, Round(ivector, 4))", **affine(rng, 13, 6))
    net.node("r", "a", **relu(6)).node("n", "r", **norm(rng, 6))
    net.node("b", "Append(n, Failover(Offset(n, 5), Offset(n, -1)))", **affine(rng, 12, 6))
    net.node("c", "Append(b, ReplaceIndex(b, t, 0))", **affine(rng, 12, 4))
    return net.line("output-node name=output input=c")


def residual(rng: Rng) -> Net:
    """A sum of a layer and its input, dropout and a layer of one tap."""
    net = Net(["input-node name=input dim=7"])
    net.node("a", "input", **tdnn(rng, 7, 7, (2,))).node("d", "a", **dropout(7)).node("x", "Sum(d, input)", **noop(7))
    return net.line("output-node name=output input=Scale(0.5, x)")


NETWORKS: dict[str, tuple[Callable[[Rng], Net], int]] = {
    "factored": (factored, 3),
    "spliced": (spliced, 1),
    "uneven": (uneven, 1),
    "shared": (shared, 2),
    "elements": (elements, 1),
    "image": (image, 3),
    "missing": (missing, 1),
    "residual": (residual, 1),
}
"""Networks, and of how many frames each of their outputs is."""


def witness(net: Net, inputs: dict[str, tuple[int, Array]]) -> Witness:
    return Witness(net.lines, {one.name: (one.kind, one.fields) for one in net.components}, inputs)


def columns_of(net: Net) -> dict[str, int]:
    """The inputs of a network, and how many columns each has."""
    parts = [dict(pair.split("=") for pair in line.split()[1:]) for line in net.lines if line.startswith("input-node")]
    return {entries["name"]: int(entries["dim"]) for entries in parts}


def context(net: Net) -> tuple[int, int]:
    """How many frames before and behind must be there for a result: between them, all are."""
    rows = {name: (-AROUND, np.zeros((2 * AROUND + 1, columns))) for name, columns in columns_of(net).items()}
    rows |= {
        name: (-2 * AROUND, np.zeros((4 * AROUND, len(zeros[0]))))
        for name, (_, zeros) in rows.items()
        if name != "input"
    }
    slow = witness(net, rows)
    found = [at for at in range(-AROUND, AROUND + 1) if slow.row("output", at) is not None]
    assert found == list(range(found[0], found[-1] + 1))
    return found[0] + AROUND, AROUND - found[-1]


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "text"])
@pytest.mark.parametrize("name", NETWORKS)
def test_results_are_those_of_the_network_by_definition(name: str, binary: bool, tmp_path: Path) -> None:
    made, subsampling = NETWORKS[name]
    net, rng = made(np.random.default_rng(3)), np.random.default_rng(4)
    left, right = context(net)
    frames = left + right + 1 + 13
    file = tmp_path / "read.mdl"
    file.write_bytes(written(net, binary=binary))
    carried = open_workload(file, dimensions={"frames": frames, "subsampling": subsampling}).value.carried
    assert isinstance(carried, Carried)
    arrays = {one.name: rng.normal(size=one.shape).astype(np.float32) for one in carried.inputs}
    assert arrays["input"].shape[0] == frames
    every = 4 if name == "missing" else 1  # frames for each of which there is an i-vector, from frame 0 on
    given: dict[str, tuple[int, Array]] = {"input": (-left, arrays["input"])}
    for key, values in arrays.items():
        if key != "input":
            wide = np.full((len(values) * every, values.shape[1]), np.nan)
            wide[::every] = values
            given[key] = 0, wide
    slow = witness(net, given)
    wanted = np.stack([row for at in range(0, 14, subsampling) if (row := slow.row("output", at)) is not None])
    data = written(net, binary=binary, model=binary)
    found = traced(data, arrays, tmp_path, {"frames": frames, "subsampling": subsampling})["out_output"]
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= RELATIVE * np.abs(wanted).max()
