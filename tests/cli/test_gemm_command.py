"""`hwsim gemm` gives what the function gives, and answers bad files and options in one line."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hwsim
from hwsim.cli.main import main
from hwsim.quantities.precision import Precision
from strategies import matrices

KEYS = ["mac_cycles", "out_cycles", "tiles", "macs", "utilization", "saturations"]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    act, weight = tmp_path / "act.npy", tmp_path / "weight.npy"
    np.save(act, matrices.random(5, 70, Precision.INT4).astype(np.int8))
    np.save(weight, matrices.random(70, 9, Precision.INT4, seed=1))
    return act, weight


def call(files: tuple[Path, Path], *more: str) -> int:
    options = ["--act", str(files[0]), "--weight", str(files[1])]
    return main(["gemm", "int4_array", *options, "--act-precision", "int4", "--weight-precision", "int4", *more])


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["fast", "cycle"])
def test_the_command_gives_what_the_function_gives(
    engine: str, files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.npy"
    assert call(files, "--engine", engine, "--json", "-", "--out", str(out)) == 0
    printed, told = capsys.readouterr()
    product = hwsim.gemm(
        hwsim.load_chip("int4_array"),
        np.load(files[0]),
        np.load(files[1]),
        act_precision="int4",
        weight_precision="int4",
        engine=engine,
    )
    assert json.loads(printed) == {key: getattr(product, key) for key in KEYS}
    assert (np.load(out) == product.out).all()
    assert (product.out == np.load(files[0]).astype(int) @ np.load(files[1])).all()
    assert f"{product.out_cycles:,}" in told


def saved(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


GOOD = saved(np.ones((2, 70), np.int8))
DAMAGED = "is not an array in numpy's format (.npy): "


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", f"FILE: {DAMAGED}EOF: reading magic string, expected 8 bytes got 0"),
        (b"hello, world", f"FILE: {DAMAGED}the magic string is not correct; expected b'\\x93NUMPY', got b'hello,'"),
        (GOOD[:-1], f"FILE: {DAMAGED}its header promises 140 bytes, it has 139"),
        (GOOD + b"x", f"FILE: {DAMAGED}its header promises 140 bytes, it has 141"),
        (GOOD[:9] + b"\xff" + GOOD[10:], f"FILE: {DAMAGED}EOF: reading array header, expected 65398 bytes got 258"),
        (GOOD.replace(b"(2, 70)", b"(2, 7x)"), f"FILE: {DAMAGED}"),
        (GOOD.replace(b"(2, 70)", b"(-2,70)"), f"FILE: {DAMAGED}"),
        (saved(np.array([[{}]])), f"FILE: {DAMAGED}it holds Python objects, which are not read"),
        (saved(np.ones((2, 3), np.int8)), "act.shape = (2, 3): must have as many columns as weight has rows, 70"),
        (saved(np.ones(70, np.int8)), "act.shape = (70,): must be two numbers: a matrix"),
        (saved(np.ones((0, 70), np.int8)), "act.shape = (0, 70): must have at least one row and one column"),
        (saved(np.ones((2, 70))), "act.dtype = 'float64': must be a type of integers, to be read as int4"),
        (saved(np.full((2, 70), 8)), "act[0, 0] = 8: must be a number of int4, from -8 to 7"),
    ],
)
def test_bad_files_are_one_line_and_exit_code_2(
    content: bytes, complaint: str, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    files[0].write_bytes(content)
    assert call(files) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"hwsim: {complaint.replace('FILE', str(files[0]))}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--act", "nowhere.npy"], "nowhere.npy: cannot be read: No such file or directory"),
        (["--act", "."], ".: is a directory; name a file"),
        (["--act", "/dev/null"], "/dev/null: is not a regular file"),
        (["--act-precision", "int9"], "unknown precision 'int9'"),
        (["--act-precision", "fp16"], "the array multiplies no fp16 by int4; it does fp16, int4, int8"),
        (["--out", "/nowhere/x.npy"], "/nowhere/x.npy: cannot be written: there is no writable folder /nowhere"),
        (["--engine", "slow"], "Invalid value for '--engine': 'slow' is not one of 'fast', 'cycle'."),
    ],
)
def test_bad_options_are_one_line_and_exit_code_2(
    options: list[str], complaint: str, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(files, *options) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"hwsim: {complaint}")
    assert err.count("\n") == 1


def test_floats_that_are_no_numbers_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    act, weight = tmp_path / "act.npy", tmp_path / "weight.npy"
    np.save(act, np.array([[1.0, np.nan]]))
    np.save(weight, np.ones((2, 1)))
    precisions = ["--act-precision", "fp16", "--weight-precision", "fp16"]
    assert main(["gemm", "int4_array", "--act", str(act), "--weight", str(weight), *precisions]) == 2
    assert capsys.readouterr().err == "hwsim: act[0, 1] = nan: must be a number of fp16\n"


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("-", "--out = '-': must name a file; it is not printed"),
        ("out.npy/", "out.npy/: is a directory; name a file"),
        ("act.npy", "act.npy: is read, and would be written over for --out; write to another file"),
        ("./weight.npy", "weight.npy: is read, and would be written over for --out; write to another file"),
    ],
)
def test_a_result_goes_to_a_file_of_its_own(
    target: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("act", "weight"):
        np.save(f"{name}.npy", np.ones((2, 2), np.int8))
    assert main(["gemm", "int4_array", "--act", "act.npy", "--weight", "weight.npy", "--out", target]) == 2
    assert capsys.readouterr() == ("", f"hwsim: {problem}\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["act.npy", "weight.npy"]
    assert (np.load("act.npy") == 1).all()
