"""No command writes over what it reads, nor twice into one file, and what stops it leaves nothing half written."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from command import HWSIM, complaint, printed
from data import ARCH, PRICES, ROOT, TINY
from hwsim.cli.main import main
from hwsim.errors import FileProblem
from hwsim.report import partial as partial_module
from hwsim.report.export import COMPARISON_FIGURES, COMPARISON_FILES, RUN_FIGURES, RUN_FILES, VALUES_FILES, drawn
from hwsim.report.files import write_binary, write_file
from hwsim.report.partial import partial, remove_stale
from hwsim.scalesim.table import FILES as SCALESIM_FILES

DRAWN = drawn((*RUN_FIGURES, "scratchpad"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of each kind that commands read; `link` and `twin` are the chip too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text(PRICES.read_text())
    (tmp_path / "chip.yaml").write_text(ARCH.read_text().replace("energy: generic_7nm", "energy: own.yaml"))
    (tmp_path / "link.json").symlink_to("chip.yaml")
    (tmp_path / "twin.json").hardlink_to("chip.yaml")
    (tmp_path / "work.yaml").write_text(TINY)
    (tmp_path / "ops.csv").write_text(TINY)
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    np.savez(tmp_path / "w.npz", one=np.zeros(1, np.float32))
    shutil.copy(tmp_path / "w.npz", tmp_path / "trace.npz")
    np.save(tmp_path / "act.npy", np.ones((2, 2), np.int8))
    shutil.copy(ROOT / "examples" / "scalesim" / "scale.cfg", tmp_path / "scale.cfg")
    (tmp_path / "t.csv").write_text("Layer name, M, N, K,\none, 4, 4, 4,\n")
    return tmp_path


READ = "is read, and would be written over for {}; write to another file"
TWICE = "would be written for {} and {}; name another file for one of them"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("run chip.yaml work.yaml --json chip.yaml", "chip.yaml: " + READ.format("--json")),
        ("run chip.yaml work.yaml --json ./work.yaml", "work.yaml: " + READ.format("--json")),
        ("run chip.yaml work.yaml --json link.json", "chip.yaml: " + READ.format("--json")),
        ("run chip.yaml work.yaml --json twin.json", "chip.yaml: " + READ.format("--json")),
        ("run chip.yaml work.yaml --json own.yaml", "own.yaml: " + READ.format("--json")),
        ("run chip.yaml ops.csv --out .", "ops.csv: " + READ.format("--out")),
        ("run chip.yaml work.yaml --zero-gating trace.npz --out . --values", "trace.npz: " + READ.format("--out")),
        ("run chip.yaml work.yaml --input trace.npz --out .", "trace.npz: " + READ.format("--out")),
        ("run chip.yaml work.yaml --out new --json new/ops.csv", "new/ops.csv: " + TWICE.format("--json", "--out")),
        ("compare chip.yaml work.yaml --json chip.yaml", "chip.yaml: " + READ.format("--json")),
        ("compare chip.yaml work.yaml --out new --json new/../new/waterfall.csv", None),
        ("trace work.yaml --weights w.npz --out w.npz", "w.npz: " + READ.format("--out")),
        ("trace work.yaml --input a.wav --json a.wav", "a.wav: " + READ.format("--json")),
        ("trace work.yaml --out x --json x", "x: " + TWICE.format("--json", "--out")),
        ("trace work.yaml --out work.yaml", "work.yaml: " + READ.format("--out")),
        ("gemm chip.yaml --act act.npy --weight act.npy --out act.npy", "act.npy: " + READ.format("--out")),
        ("gemm chip.yaml --act act.npy --weight act.npy --json chip.yaml", "chip.yaml: " + READ.format("--json")),
        ("gemm chip.yaml --act act.npy --weight act.npy --out x --json x", "x: " + TWICE.format("--json", "--out")),
        ("gemm chip.yaml --act act.npy --weight act.npy --out -", "--out = '-': must name a file; it is not printed"),
        ("scalesim scale.cfg t.csv --json t.csv", "t.csv: " + READ.format("--json")),
        ("scalesim scale.cfg t.csv --out new --json new/BANDWIDTH_REPORT.csv", None),
        ("ops work.yaml --json work.yaml", "work.yaml: " + READ.format("--json")),
        ("run chip.yaml work.yaml --out ''", "--out = '': names no file"),
        ("run chip.yaml work.yaml --json ''", "--json = '': names no file"),
        ("trace work.yaml --out ''", "--out = '': names no file"),
    ],
)  # fmt: skip
def test_an_output_that_is_an_input_or_another_output_is_refused(
    args: str, message: str | None, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    assert main(["" if arg == "''" else arg for arg in args.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    if message is None:
        assert "would be written for --json and --out" in err
    else:
        assert err == f"hwsim: {message}\n"
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before


def test_the_prices_of_a_chip_of_tiles_are_not_written_over(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "pcm.yaml").write_text((ARCH.parent / "analog_pcm.yaml").read_text().replace("pcm_14nm", "pcm_own.yaml"))
    shutil.copy(PRICES.parent / "pcm_14nm.yaml", here / "pcm_own.yaml")
    np.save(here / "weight.npy", np.ones((2, 2), np.float32))
    product = "mvm", "pcm.yaml", "--weight", "weight.npy", "--input", "weight.npy"
    for written in ("pcm.yaml", "pcm_own.yaml"):
        before = (here / written).read_bytes()
        assert complaint(capsys, *product, "--json", written) == f"{written}: {READ.format('--json')}"
        assert (here / written).read_bytes() == before


def test_a_target_that_is_a_folder_is_refused_before_the_work(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def worked(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("hwsim.cli.run_command.with_progress", worked)
    (here / "new" / "result.json").mkdir(parents=True)
    line = complaint(capsys, "run", "chip.yaml", "work.yaml", "--out", "new")
    assert line == f"{Path('new') / 'result.json'}: is a directory; name another folder"


def test_a_device_takes_several_outputs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["gemm", "chip.yaml", "--act", "act.npy", "--weight", "act.npy", "--out", "/dev/null", "--json", "/dev/null"]
    assert "cycles" in printed(capsys, *args)[0]


def test_a_folder_with_inputs_of_other_names_takes_outputs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = printed(capsys, "run", "chip.yaml", "work.yaml", "--out", ".", "--json", "own.json")
    assert err == f"hwsim: wrote ./: {', '.join((*RUN_FILES, *DRAWN, 'own.json'))}\n".replace("/", os.sep)
    assert json.loads((here / "own.json").read_text())["summary"]["workload"] == "tiny"


def test_commands_write_no_file_that_was_not_announced(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for args, files in (
        ("run chip.yaml work.yaml --values --out new", (*RUN_FILES, *VALUES_FILES, *DRAWN, *drawn(["quality"]))),
        ("compare chip.yaml work.yaml --out new", (*COMPARISON_FILES, *drawn(COMPARISON_FIGURES))),
        ("scalesim scale.cfg t.csv --out new", SCALESIM_FILES),
    ):
        _, err = printed(capsys, *args.split())
        made = sorted(path.name for path in (here / "new").iterdir())
        assert made == sorted(files)
        assert sorted(err.removeprefix(f"hwsim: wrote new{os.sep}: ").rstrip().split(", ")) == made
        shutil.rmtree(here / "new")
    _, err = printed(capsys, "trace", "work.yaml", "--out", "t.npz")
    assert err == "hwsim: wrote t.npz\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError, MemoryError])
def test_whatever_stops_a_writer_leaves_nothing(error: type[BaseException], tmp_path: Path) -> None:
    target = tmp_path / "out.npz"
    target.write_text("old")

    def stopped(part: BinaryIO) -> None:
        part.write(b"half")
        raise error

    with pytest.raises((error, FileProblem)):
        write_binary(target, stopped)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.npz", "old")]


WRITES_WITHOUT_END = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell lets its background jobs ignore
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup has what it starts ignore
from hwsim.cli import trace_command
import hwsim.study.values as values
from hwsim.cli.main import run
def endless(ready, sources, *, write, progress, **_):
    def writer(file):
        file.write(b"x" * (1 << 20))
        file.flush()
        print("inside", flush=True)
        time.sleep(600)
    write(writer)
values.run_values = endless
run()
"""


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_a_run_that_is_ended_while_it_writes_leaves_nothing(number: int, code: int, here: Path) -> None:
    """What ends it at once leaves a file, which the next run removes."""
    command = [sys.executable, "-c", WRITES_WITHOUT_END, "trace", "work.yaml", "--out", "t.npz"]
    before = sorted(path.name for path in here.iterdir())
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=here) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "inside\n"
        assert len(list(here.glob(".t.npz.*"))) == 1
        child.send_signal(number)
        _, complaint = child.communicate(timeout=60)
    assert (child.returncode, complaint) == (code, "")
    left = sorted(path.name for path in here.iterdir())
    assert (left == before) is (number != signal.SIGKILL)
    write_file(here / "t.npz", "whole")
    assert sorted(path.name for path in here.iterdir()) == sorted([*before, "t.npz"])


def test_a_file_that_somebody_still_writes_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    with partial(target) as part:
        part.write(b"slow")
        write_file(target, "quick")
        assert target.read_text() == "quick"
    assert target.read_text() == "slow"
    assert list(tmp_path.iterdir()) == [target]


def test_only_what_was_left_of_the_same_target_is_removed(tmp_path: Path) -> None:
    for name in (".a.hwsim-part-1", ".a.b.hwsim-part-1", "a.hwsim-part-1", ".a"):
        (tmp_path / name).write_text("")
    remove_stale(tmp_path / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a", ".a.b.hwsim-part-1", "a.hwsim-part-1"]


def test_a_writer_whose_file_was_taken_for_a_left_one_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process looks for what was left just between the making of a file and its lock."""
    target, real = tmp_path / "out.json", os.open

    def interfered(path: str | Path, flags: int, mode: int = 0o777) -> int:
        opened = real(path, flags, mode)
        monkeypatch.setattr(os, "open", real)
        remove_stale(target)
        return opened

    monkeypatch.setattr(os, "open", interfered)
    write_binary(target, lambda file: file.write(b"all"))
    assert target.read_bytes() == b"all"
    assert list(tmp_path.iterdir()) == [target]


def test_where_there_are_no_locks_files_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partial_module, "fcntl", None)
    (tmp_path / ".out.hwsim-part-0").write_text("left")
    write_file(tmp_path / "out", "all")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.hwsim-part-0", "out"]


def test_a_trace_on_its_way_has_no_name_of_its_own(here: Path) -> None:
    """What a killed run kept on disk until its trace was written is gone with it."""
    temporary = here / "tmp"
    temporary.mkdir()
    script = WRITES_WITHOUT_END.replace("values.run_values = endless", "values.write_npz = lambda *_: time.sleep(600)")
    script = script.replace("def endless", "print('inside', flush=True)\ndef endless")
    command = [sys.executable, "-c", script, "trace", "work.yaml", "--out", "t.npz"]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=here, env=environment) as child:
        deadline = time.monotonic() + 60
        while not list(here.glob(".t.npz.*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        child.kill()
        child.communicate()
    assert [path for path in temporary.rglob("*") if path.is_file()] == []
    assert list(here.glob(".t.npz.*"))


def test_the_program_says_on_standard_error_what_it_wrote(here: Path) -> None:
    done = subprocess.run(
        [HWSIM, "ops", "work.yaml", "--json", "new.json"], capture_output=True, text=True, check=True, cwd=here
    )
    assert done.stderr == "hwsim: wrote new.json\n"
    assert "one" in done.stdout
