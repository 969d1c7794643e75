"""A run that is only timed does what it needs, and no more: which modules it imports, through which files it goes."""

import json
import subprocess
import sys
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import hwsim
from data import TINY
from hwsim.inputs.files import TextFile, read_document
from hwsim.results.quality import Quality

MOST_FILES = 121
"""Files of hwsim in which a function is called, on all threads; the fewer, the less a reader has to open."""

RUN = """
import json, sys, threading
from pathlib import Path

called = set()

def note(frame, event, arg):
    code = frame.f_code
    # Bodies of modules and classes run once, when they are imported: those are no functions.
    if event == "call" and code.co_flags & 2:
        called.add(code.co_filename)

if sys.argv.pop(1) == "called":
    threading.setprofile(note)
    sys.setprofile(note)
import hwsim
from hwsim.cli.main import run
try:
    run()
except SystemExit as end:
    assert not end.code, end.code
finally:
    sys.setprofile(None)
    threading.setprofile(None)
    root = Path(hwsim.__file__).parent
    files = sorted(file for file in called if root in Path(file).parents)
    print(json.dumps({"files": files, "modules": sorted(sys.modules)}), file=sys.stderr)
"""

VALUES = (
    "hwsim.engine.values",
    "hwsim.engine.decode",
    "hwsim.engine.gemm",
    "hwsim.inputs.archives",
    "hwsim.inputs.audio",
    "hwsim.inputs.features",
    "hwsim.inputs.model_input",
    "hwsim.inputs.npz",
    "hwsim.inputs.trace",
    "hwsim.inputs.weights",
    "hwsim.study.measure",
    "hwsim.study.values",
    "hwsim.study.zeros",
    "hwsim.tensor",
    "matplotlib",
    "pandas",
    "safetensors",
)

COMPILER = ("numba.np.arrayobj", "numba.cpython.unicode", "scipy.linalg")
"""What numba imports to compile with."""


@cache
def profiled(*args: str, calls: bool = True) -> Any:
    """What a command did: the files of the functions that it called, if `calls` are noted, and modules that it has."""
    command = [sys.executable, "-c", RUN, "called" if calls else "imported", *args]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stderr.splitlines()[-1])


@pytest.fixture(scope="module")
def timed() -> Any:
    subprocess.run([sys.executable, "-m", "hwsim", "run", "int4_array", "rnnt"], capture_output=True, check=True)
    return profiled("run", "int4_array", "rnnt")  # after a first one, which may have compiled kernels


@pytest.mark.slow
@pytest.mark.parametrize("module", VALUES)
def test_a_timed_run_imports_nothing_of_values(timed: Any, module: str) -> None:
    assert find_spec(module) is not None, f"{module} is called otherwise by now"
    assert [name for name in timed["modules"] if name == module or name.startswith(f"{module}.")] == []


@pytest.mark.slow
@pytest.mark.parametrize("module", COMPILER)
def test_kernels_that_a_cache_has_bring_no_compiler(timed: Any, module: str) -> None:
    assert find_spec(module) is not None, f"{module} is called otherwise by now"
    assert module not in timed["modules"]


@pytest.mark.slow
def test_a_run_with_values_imports_them(tmp_path: Path) -> None:
    small = tmp_path / "small.yaml"
    small.write_text(TINY)
    assert (
        "hwsim.engine.values.evaluate" in profiled("run", "int4_array", str(small), "--values", calls=False)["modules"]
    )


@pytest.mark.slow
def test_a_timed_run_goes_through_few_files(timed: Any) -> None:
    assert "mapping/planner.py" in " ".join(timed["files"]), "the planner has a thread of its own, which is watched too"
    assert len(timed["files"]) <= MOST_FILES, "\n".join(timed["files"])


def test_what_was_measured_is_an_input_of_a_run() -> None:
    """Products with a factor zero lower the energy alone, and what values were worth stands in the result."""
    chip, work = hwsim.load_chip("int4_array"), hwsim.load_workload(read_document(TextFile("tiny", TINY, "")).plain())
    quality = Quality(output="one", sqnr_db=30.0, cosine=1.0, top1=None, saturations=0, clipped=0, seed=0, drawn=(),
                      accumulators="small", ops=())  # fmt: skip
    plain = hwsim.simulate(chip, work)
    found = hwsim.simulate(chip, work, measured=hwsim.Measured.of(zero_products={"one": 5}, quality=quality))
    assert (plain.quality, found.quality) == (None, quality)
    assert found.counters == plain.counters
    assert found.energy_by_component_aj.mac < plain.energy_by_component_aj.mac
    less, more = (result.energy_by_component_aj for result in (found, plain))
    assert replace(less, mac=more.mac) == more
