"""What the command line does with streams, terminals, pipes and interruption."""

import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from command import HWSIM, printed


@pytest.mark.slow
def test_json_on_standard_output_is_alone(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = printed(capsys, "run", "int4_array", "rnnt", "--json", "-")
    json.loads(out)
    assert "latency" in err


def test_interruption_is_exit_code_130_even_inside_a_kernel(tmp_path: Path) -> None:
    script = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
import hwsim.study.simulate as simulate
from hwsim.kernels.jit import kernel
from hwsim.cli.main import run

@kernel
def spin(count):
    total = 0
    for i in range(count):
        total += i % 7
    return total

spin(1)
def endless(*_, **__):
    print("inside", flush=True)
    spin(10**13)
simulate.simulate = endless
run()
"""
    command = [sys.executable, "-c", script, "run", "int4_array", "rnnt"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "inside\n"
        child.send_signal(signal.SIGINT)
        try:
            _, complaint = child.communicate(timeout=30)
        finally:
            child.kill()
    assert (child.returncode, complaint) == (130, "")


@pytest.mark.slow
def test_a_bar_appears_on_a_terminal_after_a_second(tmp_path: Path) -> None:
    script = (
        "import time; from hwsim.cli.terminal import with_progress; "
        "with_progress('a long [job]', lambda progress: (progress(1, 2), time.sleep(2.5)))"
    )
    ours, theirs = pty.openpty()
    done = subprocess.run([sys.executable, "-c", script], stderr=theirs, check=False, cwd=tmp_path, timeout=30)
    os.close(theirs)
    shown_bar = b""
    with suppress(OSError):  # the other end is closed
        while chunk := os.read(ours, 4096):
            shown_bar += chunk
    assert done.returncode == 0
    assert b"a long [job]" in shown_bar
    assert b"50%" in shown_bar


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([HWSIM, "run", "int4_array", "rnnt"], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


FULL = "hwsim: standard output: cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    "args", ["", "--help", "--version", "run --help", "list", "show rnnt", "schema arch", "check rnnt", "ops lstm_lm"]
)
@pytest.mark.parametrize(("redirect", "code", "complaint"), [(">/dev/full", 2, FULL), (">&-", 0, "")])
def test_every_command_is_silent_or_says_in_one_line_that_it_cannot_print(
    args: str, redirect: str, code: int, complaint: str
) -> None:
    done = subprocess.run(f"{HWSIM} {args} {redirect}", shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, complaint)


def test_a_reader_that_goes_away_from_a_help_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    for args in (["--help"], ["--version"], ["list"], ["schema", "workload"]):
        done = subprocess.run([HWSIM, *args], stdout=write, stderr=subprocess.PIPE, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
    os.close(write)


WARNS = """
import sys, warnings
import hwsim.inputs.check as check
from hwsim.errors import InvalidValue
from hwsim.cli.main import run
def warned(*given):
    warnings.warn("of a library", RuntimeWarning)
    raise {error}
check.check = warned
run()
"""


@pytest.mark.parametrize(
    ("error", "code", "told"), [("InvalidValue('a', 1, 'is wrong')", 2, False), ("ValueError('ours')", 1, True)]
)
def test_warnings_of_libraries_do_not_stand_beside_a_refusal(error: str, code: int, told: bool, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WARNS.format(error=error), "check", "rnnt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == code
    assert ("of a library" in done.stderr) is told
    assert (done.stderr == "hwsim: a = 1: is wrong\n") is not told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirect", "code", "complaint"),
    [
        (">/dev/full", 2, "hwsim: standard output: cannot be written: No space left on device\n"),
        (">&-", 0, ""),
        ("2>&- >/dev/null", 0, ""),
    ],
)
def test_streams_that_cannot_be_written(redirect: str, code: int, complaint: str) -> None:
    done = subprocess.run(
        f"{HWSIM} run int4_array rnnt {redirect}", shell=True, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (code, complaint)


@pytest.mark.slow
def test_a_terminal_without_greek_letters_shows_the_rest() -> None:
    done = subprocess.run(
        [HWSIM, "run", "int4_array", "rnnt"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0
    assert b"latency" in done.stdout


@pytest.mark.slow
def test_a_result_goes_through_what_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, link, pipe = tmp_path / "target.json", tmp_path / "link.json", tmp_path / "pipe"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    printed(capsys, "run", "int4_array", "rnnt", "--json", str(link))
    assert link.is_symlink()
    assert json.loads(target.read_text())["summary"]["workload"] == "rnnt"
    assert target.stat().st_mode & 0o777 == 0o640
    os.mkfifo(pipe)
    # A file takes what comes through, as a result is longer than pipes are.
    with TemporaryFile() as through:
        with subprocess.Popen(["cat", pipe], stdout=through):
            printed(capsys, "run", "int4_array", "rnnt", "--json", str(pipe))
        through.seek(0)
        assert json.loads(through.read())["summary"]["workload"] == "rnnt"
    assert pipe.is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.json", "pipe", "target.json"]
