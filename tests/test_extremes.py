"""Legal and absurd chips and workloads give results that keep the laws, or one line, in bounded time and memory."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("extreme_runs.py")
CASES = os.environ.get("HWSIM_EXTREMES")
"""How many cases are run from the first one on; else a few, some that run and some that are refused."""
FEW = ["SEEDS"]


def test_extremes_run_within_the_laws_or_are_refused() -> None:
    numbers = FEW if CASES is None else [f"0-{int(CASES) - 1}"]
    done = subprocess.run([sys.executable, str(SCRIPT), *numbers], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr
    assert "0 are broken" in done.stdout
    if CASES is None:
        assert f"{len(FEW)} cases: {len(FEW) - 6} ran, 6 were refused" in done.stdout
