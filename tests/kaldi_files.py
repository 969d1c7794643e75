"""Small nnet3 networks, written as Kaldi writes them, in binary or in text."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.inputs.load import open_workload
from hwsim.report.files import write_binary
from hwsim.results.measured import Sources
from hwsim.study.values import prepared, run_values

Array = np.ndarray[Any, Any]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of whole numbers, in brackets of their own."""

    of: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Component:
    """A component: its fields by their tokens, in the order in which Kaldi writes them."""

    name: str
    kind: str
    fields: Mapping[str, Any]


@dataclass(slots=True)
class Net:
    """A network: the lines of its configuration, and its components."""

    lines: list[str] = field(default_factory=list)
    components: list[Component] = field(default_factory=list)

    def node(self, name: str, reads: str, kind: str, **fields: Any) -> "Net":
        """A component, and a node of the same name that applies it."""
        self.lines.append(f"component-node name={name} component={name} input={reads}")
        self.components.append(Component(name, kind, fields))
        return self

    def line(self, text: str) -> "Net":
        self.lines.append(text)
        return self


class _Binary:
    def __init__(self) -> None:
        self.bytes = bytearray(b"\0B")

    def token(self, word: str) -> None:
        self.bytes += word.encode() + b" "

    def line(self, text: str) -> None:
        self.bytes += text.encode() + b"\n"

    def value(self, value: Any) -> None:
        match value:
            case None:
                pass
            case bool():
                self.bytes += b"T" if value else b"F"
            case int():
                self.bytes += struct.pack("<bi", 4, value)
            case float():
                self.bytes += struct.pack("<bf", 4, value)
            case np.float64():
                self.bytes += struct.pack("<bd", 8, value)
            case Pairs(of):
                self.bytes += struct.pack("<bi", 8, len(of)) + np.asarray(of, "<i4").tobytes()
            case tuple() if value and isinstance(value[0], int):
                self.bytes += struct.pack("<bi", 4, len(value)) + np.asarray(value, "<i4").tobytes()
            case list():
                for one in value:
                    self.value(one)
            case bytes():
                self.bytes += value
            case np.ndarray():
                kind = "D" if value.dtype == np.float64 else "F"
                self.token(f"{kind}{'V' if value.ndim == 1 else 'M'}")
                for size in value.shape:
                    self.value(size)
                self.bytes += np.ascontiguousarray(value).tobytes()
            case _:
                raise TypeError(value)


class _Text:
    def __init__(self) -> None:
        self.bytes = bytearray()

    def token(self, word: str) -> None:
        self.bytes += word.encode() + b" "

    def line(self, text: str) -> None:
        self.bytes += text.encode() + b"\n"

    def value(self, value: Any) -> None:
        match value:
            case None:
                pass
            case bool():
                self.token("T" if value else "F")
            case int():
                self.token(str(value))
            case float():
                self.token(repr(float(np.float32(value))))
            case Pairs(of):
                self.line("[ " + "".join(f"{one},{other} " for one, other in of) + "]")
            case tuple():
                self.line("[ " + "".join(f"{one} " for one in value) + "]")
            case list():
                for one in value:
                    self.value(one)
            case np.ndarray() if value.ndim == 1:
                self.line(" [ " + "".join(f"{one!r} " for one in value.tolist()) + "]")
            case np.ndarray():
                rows = ["".join(f"{one!r} " for one in row) for row in value.tolist()]
                self.line(" [" + "".join(f"\n  {row}" for row in rows) + "]")
            case _:
                raise TypeError(value)


def written(net: Net, *, binary: bool = True, model: bool = True) -> bytes:
    """The bytes of a file; of a whole model, transitions stand before the network, and priors behind it."""
    out: _Binary | _Text = _Binary() if binary else _Text()
    if model:
        out.token("<TransitionModel>")
        out.token("<Topology>")
        out.value((1, 2))
        out.token("</Topology>")
        out.token("<LogProbs>")
        out.value(np.asarray([0.0, -0.7], np.float32))
        out.token("</LogProbs>")
        out.token("</TransitionModel>")
    out.line("<Nnet3> ")
    for line in net.lines:
        out.line(line)
    out.line("")
    out.token("<NumComponents>")
    out.value(len(net.components))
    for component in net.components:
        out.token("<ComponentName>")
        out.token(component.name)
        out.token(f"<{component.kind}>")
        for name, value in component.fields.items():
            out.token(f"<{name}>")
            out.value(value)
        out.token(f"</{component.kind}>")
    out.token("</Nnet3>")
    if model:
        out.token("<LeftContext>")
        out.value(3)
        out.token("<RightContext>")
        out.value(3)
        out.token("<Priors>")
        out.value(np.zeros(0, np.float32))
    return bytes(out.bytes)


# -- components as Kaldi fills them


def _numbers(rng: Rng, *shape: int) -> Array:
    return rng.normal(size=shape).astype(np.float32)


def affine(rng: Rng, inputs: int, columns: int, *, fixed: bool = False) -> dict[str, Any]:
    """The fields of an affine component."""
    numbers = {
        "LinearParams": _numbers(rng, columns, inputs) / np.float32(inputs**0.5),
        "BiasParams": _numbers(rng, columns),
    }
    if fixed:
        return {"kind": "FixedAffineComponent", **numbers}
    trained = {"RankIn": 20, "RankOut": 80, "UpdatePeriod": 4, "NumSamplesHistory": 2000.0, "Alpha": 4.0}
    return {"kind": "NaturalGradientAffineComponent", "MaxChange": 0.75, "LearningRate": 0.001, **numbers, **trained}


def linear(rng: Rng, inputs: int, columns: int) -> dict[str, Any]:
    """Those of a linear one."""
    params = _numbers(rng, columns, inputs) / np.float32(inputs**0.5)
    return {
        "kind": "LinearComponent", "LearningRateFactor": 0.5, "L2Regularize": 0.01, "LearningRate": 0.001,
        "Params": params, "OrthonormalConstraint": -1.0, "UseNaturalGradient": True, "RankInOut": [20, 80],
        "Alpha": 4.0, "NumSamplesHistory": 2000.0, "UpdatePeriod": 4,
    }  # fmt: skip


def tdnn(rng: Rng, inputs: int, columns: int, taps: Sequence[int], *, bias: bool = True) -> dict[str, Any]:
    """Those of a time-delay layer."""
    return {
        "kind": "TdnnComponent", "MaxChange": 0.75, "LearningRate": 0.001, "TimeOffsets": tuple(taps),
        "LinearParams": _numbers(rng, columns, inputs * len(taps)) / np.float32((inputs * len(taps)) ** 0.5),
        "BiasParams": _numbers(rng, columns if bias else 0), "OrthonormalConstraint": 0.0,
        "UseNaturalGradient": True, "NumSamplesHistory": 2000.0, "AlphaInOut": [4.0, 4.0], "RankInOut": [20, 80],
    }  # fmt: skip


def norm(rng: Rng, columns: int, block: int = 0) -> dict[str, Any]:
    """Those of a batch norm."""
    block = block or columns
    return {
        "kind": "BatchNormComponent", "Dim": columns, "BlockDim": block, "Epsilon": 0.001, "TargetRms": 0.9,
        "TestMode": False, "Count": np.float64(5000.0), "StatsMean": _numbers(rng, block),
        "StatsVar": rng.uniform(0.2, 2, block).astype(np.float32),
    }  # fmt: skip


def nonlinear(kind: str, columns: int) -> dict[str, Any]:
    """Those of a function of elements, or of rows."""
    nothing = np.zeros(0, np.float32)
    return {
        "kind": kind, "Dim": columns, "ValueAvg": nothing, "DerivAvg": nothing, "Count": np.float64(0),
        "OderivRms": nothing, "OderivCount": np.float64(0), "NumDimsSelfRepaired": np.float64(0),
        "NumDimsProcessed": np.float64(0), "SelfRepairScale": 1e-5,
    }  # fmt: skip


def relu(columns: int) -> dict[str, Any]:
    return nonlinear("RectifiedLinearComponent", columns)


def noop(columns: int) -> dict[str, Any]:
    return {"kind": "NoOpComponent", "Dim": columns, "BackpropScale": 1.0}


def dropout(columns: int) -> dict[str, Any]:
    """Those of the dropout that chain recipes have, which scales nothing."""
    return {
        "kind": "GeneralDropoutComponent", "Dim": columns, "BlockDim": columns, "TimePeriod": 0,
        "DropoutProportion": 0.1, "Continuous": None,
    }  # fmt: skip


def convolution(
    rng: Rng, filters: int, made: int, height: int, outputs: int, every: int, times: Sequence[int],
    heights: Sequence[int], required: Sequence[int],
) -> dict[str, Any]:  # fmt: skip
    """Those of a convolution along time and height."""
    pairs = tuple((time, at) for time in times for at in heights)
    return {
        "kind": "TimeHeightConvolutionComponent", "LearningRate": 0.001, "Model": None, "ConvolutionModel": None,
        "NumFiltersIn": filters, "NumFiltersOut": made, "HeightIn": height, "HeightOut": outputs,
        "HeightSubsampleOut": every, "Offsets": Pairs(pairs), "RequiredTimeOffsets": tuple(required),
        "/ConvolutionModel": None, "LinearParams": _numbers(rng, made, filters * len(pairs)) / np.float32(3),
        "BiasParams": _numbers(rng, made), "MaxMemoryMb": 200.0, "UseNaturalGradient": True,
        "NumMinibatchesHistory": 4.0, "AlphaInOut": [4.0, 4.0], "RankInOut": [20, 80],
    }  # fmt: skip


def factored(rng: Rng, *, states: int = 7, size: int = 12, narrow: int = 5) -> Net:
    """A chain model as the recipes of Kaldi have them: i-vector, factored layers, bypass, two branches of outputs."""
    net = Net(["input-node name=ivector dim=4", "input-node name=input dim=6"])
    net.node("lda", "Append(Offset(input, -1), input, Offset(input, 1), ReplaceIndex(ivector, t, 0))",
             **affine(rng, 22, 22, fixed=True))  # fmt: skip
    net.node("tdnn1.affine", "lda", **affine(rng, 22, size)).node("tdnn1.relu", "tdnn1.affine", **relu(size))
    net.node("tdnn1.batchnorm", "tdnn1.relu", **norm(rng, size))
    net.node("tdnn1.dropout", "tdnn1.batchnorm", **dropout(size))
    before = "tdnn1.dropout"
    for number, stride in enumerate((1, 0, 3), 2):
        name = f"tdnnf{number}"
        enter, leave = ((0,), (0,)) if not stride else ((-stride, 0), (0, stride))
        net.node(f"{name}.linear", before, **tdnn(rng, size, narrow, enter, bias=False))
        net.node(f"{name}.affine", f"{name}.linear", **tdnn(rng, narrow, size, leave))
        net.node(f"{name}.relu", f"{name}.affine", **relu(size))
        net.node(f"{name}.batchnorm", f"{name}.relu", **norm(rng, size))
        net.node(f"{name}.dropout", f"{name}.batchnorm", **dropout(size))
        net.node(f"{name}.noop", f"Sum(Scale(0.66, {before}), {name}.dropout)", **noop(size))
        before = f"{name}.noop"
    net.node("prefinal-l", before, **linear(rng, size, narrow))
    for branch in ("chain", "xent"):
        name = f"prefinal-{branch}"
        net.node(f"{name}.affine", "prefinal-l", **affine(rng, narrow, size))
        net.node(f"{name}.relu", f"{name}.affine", **relu(size))
        net.node(f"{name}.batchnorm1", f"{name}.relu", **norm(rng, size))
        net.node(f"{name}.linear", f"{name}.batchnorm1", **linear(rng, size, narrow))
        net.node(f"{name}.batchnorm2", f"{name}.linear", **norm(rng, narrow))
    net.node("output.affine", "prefinal-chain.batchnorm2", **affine(rng, narrow, states))
    net.line("output-node name=output input=output.affine objective=linear")
    net.node("output-xent.affine", "prefinal-xent.batchnorm2", **affine(rng, narrow, states))
    net.node("output-xent.log-softmax", "output-xent.affine", **nonlinear("LogSoftmaxComponent", states))
    return net.line("output-node name=output-xent input=output-xent.log-softmax objective=linear")


def traced(
    data: bytes, arrays: Mapping[str, Array], folder: Path, dims: Mapping[str, int] | None = None
) -> dict[str, Array]:
    """The trace of a file on these inputs."""
    file, given, out = folder / "m.mdl", folder / "in.npz", folder / "T.npz"
    file.write_bytes(data)
    work = open_workload(file, None, dims, floats="fp32").value
    np.savez(given, **dict(arrays))  # type: ignore[arg-type]  # names of arrays
    sources = Sources(input=given, weights=None, seed=0, packed=False)
    run_values(prepared(work, sources), sources, write=lambda writer: write_binary(out, writer))
    with np.load(out) as leaves:
        return dict(leaves)
