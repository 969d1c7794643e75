"""Two thousand mutated files: each gives a run, or one clear line and exit code 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.fuzz_files import arguments, judge

HERE = Path(__file__).parent
SEED, FILES, REAL = 20, 2000, 50


def real_command(path: Path) -> str | None:
    command = [str(Path(sys.executable).with_name("hwsim")), *arguments(path.stem.split("-")[1], path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return judge(done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
def test_mutated_files_give_a_run_or_one_line(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, str(HERE / "fuzz_files.py"), str(SEED), str(FILES), str(tmp_path), str(REAL)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    with child:
        # The real command takes the first files while the child goes on with the rest.
        assert child.stdout is not None
        assert child.stdout.readline() == f"{REAL} files kept\n"
        kept = sorted(tmp_path.glob("*-*.yaml"))
        problems = [problem for problem in map(real_command, kept) if problem]
        rest = child.stdout.read()
    assert child.returncode == 0, rest
    assert len(kept) == REAL
    assert not problems
    valid = int(rest.split(" files, ")[1].split()[0])
    assert valid >= FILES / 5
