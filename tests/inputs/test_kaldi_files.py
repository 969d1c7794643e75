"""Kaldi files: how numbers are written, what commands make of them, and how damaged and hostile ones are refused."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command import complaint
from damage import complaints
from hwsim.cli.main import main
from hwsim.errors import UserError
from hwsim.inputs.kaldi.model import read_network
from hwsim.inputs.load import open_workload
from hwsim.ir.ops import Conv, Gemm
from hwsim.tensor.carried import Carried
from inputs.test_kaldi_networks import NETWORKS
from kaldi_files import Component, Net, affine, factored, noop, norm, written

Array = np.ndarray[Any, Any]


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def small(reads: str = "input", columns: int = 4) -> Net:
    """One affine map."""
    net = Net(["input-node name=input dim=4"]).node("a", reads, **affine(rng(), columns, 3))
    return net.line("output-node name=output input=a")


# -- how numbers are written


def _matrix_of(data: bytes, tmp_path: Path) -> Array:
    """What is read of a matrix that is written so."""
    net = small()
    net.components = [Component("a", "LinearComponent", {"Params": data})]
    file = tmp_path / "m.mdl"
    file.write_bytes(written(net))
    component = read_network(file).nodes["a"].component
    assert component is not None
    matrix: Array = component.fields["Params"]
    return matrix


def test_matrices_of_double_precision_are_read(tmp_path: Path) -> None:
    values = rng().normal(size=(3, 4))
    data = b"DM " + struct.pack("<bibi", 4, 3, 4, 4) + values.tobytes()
    assert np.array_equal(_matrix_of(data, tmp_path), values.astype(np.float32))


@pytest.mark.parametrize(("kind", "most"), [("CM2", 65535), ("CM3", 255)])
def test_matrices_of_integers_stand_for_reals_between_their_ends(kind: str, most: int, tmp_path: Path) -> None:
    whole = np.asarray([[0, 1, most], [most // 2, 7, 100]])
    numbers = whole.astype("<u2" if kind == "CM2" else "u1").tobytes()
    data = kind.encode() + b" " + struct.pack("<ffii", -1.5, 4.0, 2, 3) + numbers
    assert np.allclose(_matrix_of(data, tmp_path), -1.5 + 4.0 * whole / most, rtol=0, atol=1e-6)


def test_matrices_of_bytes_have_quarters_for_each_column(tmp_path: Path) -> None:
    """A byte of 64 is the first quarter, one of 192 the third, and between them it goes in equal steps."""
    quarters = np.asarray([[0, 10000, 30000, 65535], [100, 200, 300, 400]], "<u2")
    column = [0, 64, 192, 255, 32, 128]
    data = b"CM " + struct.pack("<ffii", 0.0, 65535.0, 6, 2) + quarters.tobytes() + bytes(column * 2)
    wanted = [[low, first, third, high, (low + first) / 2, (first + third) / 2]
              for low, first, third, high in quarters.astype(float).tolist()]  # fmt: skip
    assert np.allclose(_matrix_of(data, tmp_path).T, wanted, rtol=1e-6)


# -- what a file becomes


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    file = tmp_path / "chain.mdl"
    file.write_bytes(written(factored(rng())))
    return file


def test_norms_and_the_fixed_transform_leave_products_and_rectifiers_alone(chain: Path) -> None:
    work = open_workload(chain).value
    assert isinstance(work.carried, Carried)
    assert work.carried.told == (
        "one output for 3 frames, from 5 before to 5 behind it",
        "'output-xent' is left out: decoders do not read it",
        "6 norms and 1 fixed transform became part of the maps around",
    )
    ops = [placed.op.name for placed in work.program.placed()]
    assert [name for name in ops if "norm" in name or "lda" in name or "dropout" in name or "xent" in name] == []
    assert sum(isinstance(placed.op, (Gemm, Conv)) for placed in work.program.placed()) == 12
    assert work.program.parameters == 22 * 12 + 12 + 3 * 12 + 2 * 12 * 5 * 5 + 5 * 12 * 3 + 12 + 5 * 7 + 7


def test_products_are_those_of_the_frames_that_the_outputs_need(chain: Path) -> None:
    """Thirty frames of audio, ten outputs: the last layers run for every third frame, the first ones for all."""
    work = open_workload(chain, dimensions={"frames": 40}).value
    products = [placed.op for placed in work.program.placed() if isinstance(placed.op, (Gemm, Conv))]
    rows = {op.name: work.program.shapes()(op.out)[-2] for op in products}
    assert rows == {
        "tdnn1.affine": 36, "tdnn1.affine.once": 1, "tdnnf2.linear": 35, "tdnnf2.affine": 12, "tdnnf3.linear": 12,
        "tdnnf3.affine": 12, "tdnnf4.linear": 11, "tdnnf4.affine": 10, "prefinal-l.linear": 10,
        "prefinal-chain.affine": 10, "prefinal-chain.linear": 10, "output.affine": 10,
    }  # fmt: skip


def test_audio_says_how_many_frames_there_are_and_frames_how_much_audio(chain: Path, tmp_path: Path) -> None:
    described = tmp_path / "w.yaml"
    described.write_text("name: small\nkind: kaldi\nfile: chain.mdl\naudio: 3 s\nprecision: w8a8\n")
    work = open_workload(described).value
    assert isinstance(work.carried, Carried)
    assert [(one.name, one.shape) for one in work.carried.inputs] == [("ivector", (1, 4)), ("input", (310, 6))]
    assert work.carried.outputs[0].shape == (100, 7)
    assert open_workload(chain, dimensions={"frames": 310}).value.audio == work.audio == 3 * 10**12


def test_a_log_softmax_at_the_end_is_no_chain_model(tmp_path: Path) -> None:
    file, (made, _) = tmp_path / "m.mdl", NETWORKS["spliced"]
    file.write_bytes(written(made(rng())))
    outputs = []
    for dims in ({}, {"subsampling": 3}):
        carried = open_workload(file, dimensions=dims).value.carried
        assert isinstance(carried, Carried)
        outputs.append(carried.outputs[0].shape)
    assert outputs == [(100, 6), (34, 6)]


def test_commands_take_it_by_its_name(chain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator = rng()
    np.savez(tmp_path / "in.npz", in_input=generator.normal(size=(24, 6)), ivector=generator.normal(size=(1, 4)))
    for arguments, said in (
        (("run", "int4_array", str(chain)), "chain in fp16"),
        (("run", "int4_array", str(chain), "--precision", "w4a4", "--explain", "tdnnf2.affine"), "tdnnf2.affine"),
        (("compare", "int4_array", str(chain)), "w4a4 is"),
        (("check", str(chain)), "'output-xent' is left out"),
        (("ops", str(chain)), "tdnnf4.linear"),
        (("trace", str(chain), "--input", str(tmp_path / "in.npz"), "--out", str(tmp_path / "T.npz")), ""),
        (("run", "int4_array", str(chain), "--json", "-"), '"tdnnf3.linear"'),
        (("run", "int4_array", str(chain), "--out", str(tmp_path / "out")), "chain in fp16"),
    ):
        assert main(arguments) == 0
        assert said in capsys.readouterr().out
    with np.load(tmp_path / "T.npz") as trace:
        assert trace["out_output"].shape == (5, 7)


def test_a_policy_quantises_it_calibrated_on_its_input(chain: Path) -> None:
    work = open_workload(chain, "w8a8").value
    formats = {placed.op.name: work.program.tensor(placed.op.weight.tensor).precision.value
               for placed in work.program.placed() if isinstance(placed.op, (Gemm, Conv))}  # fmt: skip
    assert set(formats.values()) == {"int8"}


# -- refusals


def changed(line: int, text: str) -> Callable[[], bytes]:
    """A small network with another line."""

    def made() -> bytes:
        net = small()
        net.lines[line] = text
        return written(net)

    return made


def held(kind: str, **fields: Any) -> Callable[[], bytes]:
    """A small network whose component has other fields."""

    def made() -> bytes:
        net = small()
        net.components = [Component("a", kind, fields)]
        return written(net)

    return made


def of(made: Callable[[Net], object], **how: Any) -> Callable[[], bytes]:
    """A small network after a change."""

    def bytes_() -> bytes:
        net = small()
        made(net)
        return written(net, **how)

    return bytes_


def huge() -> bytes:
    data = b"FM " + struct.pack("<bibi", 4, 1 << 30, 4, 1 << 30)
    net = small()
    net.components = [Component("a", "LinearComponent", {"Params": data})]
    return written(net)


def deep() -> bytes:
    return changed(1, "component-node name=a component=a input=" + "Sum(" * 5000 + "input")()


def far() -> bytes:
    net = Net(["input-node name=input dim=4"])
    before = "input"
    for number in range(3):
        net.node(f"n{number}", f"Offset({before}, -60000)", **noop(4))
        before = f"n{number}"
    return written(net.line(f"output-node name=output input={before}"))


LINE = "component-node name=a component=a input="
NUMBERS = {"LinearParams": np.ones((3, 4), np.float32), "BiasParams": np.ones(3, np.float32)}
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is empty, and so no Kaldi model"),
    "text": (lambda: b"name: x\n", "is no Kaldi model of nnet3: it has 'name:' where <Nnet3> is due"),
    "older": (
        lambda: b"\0B<TransitionModel> x </TransitionModel> <Nnet> 1 ",
        "is no Kaldi model of nnet3: it has '<Nnet>' where <Nnet3> is due",
    ),
    "transitions": (
        lambda: b"\0B<TransitionModel> x", "the file: has no </TransitionModel>; the file is damaged or cut off"
    ),
    "cut off": (
        lambda: written(small())[:-90],
        "component 'a' (NaturalGradientAffineComponent): has '</Natural', which is no field of its kind",
    ),
    "line": (changed(0, "input-node name=input dim=4x"),
             "line 'input-node name=input dim=4x': has dim='4x'; it must be a whole number of 1 to 65,536"),
    "kind of line": (changed(0, "component name=input type=NoOpComponent"),
                     "line 'component name=input type=NoOpComponent': is of no kind that hwsim reads: input-node,"
                     " component-node, dim-range-node, output-node"),
    "twice": (lambda: written(small().line("input-node name=a dim=3")),
              "line 'input-node name=a dim=3': is of a node that is there already"),
    "no component": (changed(1, "component-node name=a component=b input=input"),
                     "line 'component-node name=a component=b input=input': names the component 'b', which the file"
                     " does not hold"),
    "no node": (changed(1, f"{LINE}Offset(b, 1)"),
                "component-node 'a': reads 'b', which is no input and no result of the network"),
    "an output": (lambda: written(small().node("b", "output", **noop(3))),
                  "component-node 'b': reads 'output', which is no input and no result of the network"),
    "cycle": (lambda: written(small("b").node("b", "Sum(a, input)", **noop(4))),
              "component-node 'b': reads its own result: hwsim reads no recurrent networks of nnet3"),
    "recurrent": (changed(1, f"{LINE}Append(input, IfDefined(Offset(a, -3)))"),
                  "component-node 'a': reads its own result: hwsim reads no recurrent networks of nnet3"),
    "no output": (lambda: written(Net(["input-node name=input dim=4"])), "has no output-node"),
    "outputs": (lambda: written(Net(["input-node name=i dim=4", "output-node name=x input=i",
                                     "output-node name=y input=i"])),
                "has the outputs 'x, y'; one of them must be called output"),
    "nothing read": (changed(1, f"{LINE}Const(1, 4)"), "reads no input"),
    "descriptor": (changed(1, f"{LINE}Append(input"),
                   f"line '{LINE}Append(input': ends in the middle of a descriptor"),
    "switch": (changed(1, f"{LINE}Switch(input, input)"),
               f"line '{LINE}Switch(input, in...: has 'Switch'(…), a descriptor that hwsim does not read"),
    "index": (changed(1, f"{LINE}ReplaceIndex(input, x, 0)"),
              f"line '{LINE}ReplaceIndex(inp...: replaces the index 'x'; hwsim reads t alone"),
    "far": (changed(1, f"{LINE}Offset(input, 999999)"),
            f"line '{LINE}Offset(input, 99...: has 999999 in a descriptor, where -100,000 to 100,000 can stand"),
    "far in all": (far, "looks over more than 100,000 frames"),
    "columns": (changed(0, "input-node name=input dim=5"),
                "node 'a': reads 5 columns; its component takes 4"),
    "summed": (changed(1, f"{LINE}Sum(input, Const(1, 3))"), "node 'a': adds 4 and 3 columns"),
    "range": (changed(1, "dim-range-node name=a input-node=input dim=3 dim-offset=2"),
              "node 'a': takes columns 2 to 5 of 4"),
    "kind": (held("LstmNonlinearityComponent", Params=NUMBERS["LinearParams"]),
             "component 'a' (LstmNonlinearityComponent): hwsim does not read this kind; it stands in recurrent"
             " networks"),
    "unknown": (held("AttentionComponent", Params=NUMBERS["LinearParams"]),
                "component 'a' (AttentionComponent): hwsim does not read this kind; docs/kaldi.md lists those that it"
                " reads"),
    "field": (held("FixedAffineComponent", **NUMBERS, Colour=1),
              "component 'a' (FixedAffineComponent): has '<Colour>', which is no field of its kind"),
    "no field": (held("FixedAffineComponent", LinearParams=NUMBERS["LinearParams"]),
                 "component 'a' (FixedAffineComponent): has no <BiasParams>"),
    "type": (held("FixedAffineComponent", LinearParams=NUMBERS["BiasParams"], BiasParams=NUMBERS["BiasParams"]),
             "component 'a' (FixedAffineComponent): has 'FV' where a matrix is due"),
    "lie": (held("FixedAffineComponent", **{**NUMBERS, "BiasParams": np.ones(5, np.float32)}),
            "component 'a' (FixedAffineComponent): has 5 biases for 3 columns"),
    "taps": (held("TdnnComponent", TimeOffsets=(0, 1, 2), **NUMBERS),
             "component 'a' (TdnnComponent): has a matrix of [3, 4] for the frames [0, 1, 2]"),
    "huge": (huge, "component 'a' (LinearComponent): 1,152,921,504,606,846,976 numbers would take"
             " 4,611,686,018,427,387,904 bytes, 84 are left; the file is damaged or cut off"),
    "no number": (held("FixedAffineComponent", **{**NUMBERS, "BiasParams": np.full(3, np.nan, np.float32)}),
                  "component 'a' (FixedAffineComponent): holds numbers that are none, or none of single precision"),
    "variance": (held(**{**norm(rng(), 4), "StatsVar": np.ones(3, np.float32)}),
                 "component 'a' (BatchNormComponent): has 4 means and 3 variances for blocks of 4"),
    "epsilon": (held("BatchNormComponent", Dim=4, BlockDim=4, Epsilon=0.0, TargetRms=1.0,
                     StatsMean=np.zeros(4, np.float32), StatsVar=np.zeros(4, np.float32)),
                "component 'a' (BatchNormComponent): has the epsilon 0 and the target 1, which must be positive"),
    "deep": (deep, f"line '{LINE}Sum(Sum(Sum(Sum(...: has descriptors more than 64 deep"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_file_is_refused_with_its_first_fault(name: str, tmp_path: Path) -> None:
    made, wanted = REFUSED[name]
    file = tmp_path / "m.mdl"
    file.write_bytes(made())
    with pytest.raises(UserError) as caught:
        open_workload(file)
    assert str(caught.value) == f"{file}: {wanted}"


def test_sizes_that_a_file_does_not_leave_open_are_refused(chain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert complaint(capsys, "ops", str(chain), "--dim", "batch=3") == (
        "--dim = 'batch': is no size that a Kaldi file leaves open; known: frames (of features), subsampling"
    )
    assert complaint(capsys, "ops", str(chain), "--dim", "frames=10") == (
        "--dim frames = 10: is too few: one frame of the output needs 11 of features, its context among them"
    )
    assert complaint(capsys, "ops", str(chain), "--dim", "subsampling=0") == (
        "--dim subsampling = 0: must be from 1 to 100"
    )


MUTATIONS = 1000


@pytest.mark.slow
def test_damage_is_refused_in_one_line_or_does_not_show(tmp_path: Path) -> None:
    sources = [written(made(rng()), binary=binary) for made, _ in NETWORKS.values() for binary in (True, False)]
    file = tmp_path / "m.mdl"
    found = complaints(open_workload, sources, file, MUTATIONS, seed=3)
    refused = [text for text in found if text]
    assert MUTATIONS / 4 < len(refused) < MUTATIONS
    assert all(text.startswith(str(file)) for text in refused)
