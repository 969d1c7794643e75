"""Reading beyond an array is caught where it should be: when bounds are checked, and when nothing is compiled."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsim.kernels.jit import kernel

SCRIPT = """
import numpy as np
from kernels.test_bounds import beyond
try:
    beyond(np.arange(3))
except IndexError as error:
    print("caught:", error)
"""


@kernel
def beyond(array: np.ndarray) -> Any:
    """What lies behind the end of an array."""
    return array[array.shape[0]]


CHECKED = os.environ.get("NUMBA_BOUNDSCHECK") == "1" or os.environ.get("NUMBA_DISABLE_JIT") == "1"


@pytest.mark.skipif(not CHECKED, reason="bounds are not checked in this run")
def test_a_kernel_that_reads_beyond_an_array_raises() -> None:
    with pytest.raises(IndexError):
        beyond(np.arange(3))


@pytest.mark.parametrize("variable", ["NUMBA_BOUNDSCHECK", "NUMBA_DISABLE_JIT"])
def test_either_variable_has_bounds_checked(variable: str, tmp_path: Path) -> None:
    tests = str(Path(__file__).parents[1])
    settings = {**os.environ, variable: "1", "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": tests}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=settings, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("caught: index")


def test_checked_and_unchecked_kernels_are_cached_apart() -> None:
    script = (
        f"from pathlib import Path; from hwsim.kernels.jit import sources_hash; print(sources_hash(Path({__file__!r})))"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "NUMBA_BOUNDSCHECK": flag},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for flag in ("0", "1")
    }
    assert len(hashes) == 2
