"""Legal and absurd chips and workloads give results that keep the laws, or one line, in bounded time and memory."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import hwsim
from cli.extreme_runs import broken_law

SCRIPT = Path(__file__).with_name("extreme_runs.py")
CASES = os.environ.get("HWSIM_EXTREMES")
"""How many cases are run, from the first one on; else a few."""
RUN = (3, 4, 5, 7, 9, 11, 12, 13, 17, 18, 19, 20, 26, 28, 32, 34, 44, 50, 55, 63, 69, 73, 75, 82, 97, 106, 120, 123,
       132, 133, 134, 137, 156, 3000, 3003, 3005, 3011, 3014)  # fmt: skip
REFUSED = (1, 2, 46, 68, 91, 122)


@pytest.mark.slow
def test_extremes_run_within_the_laws_or_are_refused() -> None:
    """All kinds of network and dataflow; clocks of 1 Hz, ports of a byte, arrays of one element and of millions."""
    numbers = [f"0-{int(CASES) - 1}"] if CASES else map(str, (*RUN, *REFUSED))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *numbers],
        env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr
    wanted = f" cases: {len(RUN)} ran, {len(REFUSED)} were refused, 0 are broken"
    assert (", 0 are broken" if CASES else f"{len(RUN) + len(REFUSED)}{wanted}") in done.stdout


WORK = hwsim.load_workload("lstm_lm")
RESULT = hwsim.simulate(hwsim.load_chip("int4_array"), WORK)


@pytest.mark.parametrize(
    ("changes", "law"),
    [
        ({}, None),
        ({"ops": RESULT.ops[1:]}, "cycles of ops"),
        ({"summary": replace(RESULT.summary, energy_aj=RESULT.summary.energy_aj + 1)}, "energy of ops"),
        ({"summary": replace(RESULT.summary, macs=RESULT.summary.macs - 1)}, "products of ops"),
        ({"energy_lines": RESULT.energy_lines[1:]}, "energy of lines"),
        ({"energy_by_component_aj": RESULT.energy_by_component_aj * 2}, "energy of components"),
    ],
)
def test_a_result_that_breaks_a_law_is_noticed(changes: dict[str, Any], law: str | None) -> None:
    assert broken_law(replace(RESULT, **changes), WORK) == law
