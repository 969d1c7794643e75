"""The contracts of the house bite: a copy of the package with one stray import fails the check."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from data import ROOT

LINT = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the package and of its contracts."""
    shutil.copytree(ROOT / "hwsim", tmp_path / "hwsim", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(house: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LINT, "--no-cache"], cwd=house, capture_output=True, text=True, check=False)


def test_the_house_as_it_stands_keeps_its_contracts(house: Path) -> None:
    done = lint(house)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("room", "stray", "contract"),
    [
        ("kernels/timeline.py", "import pandas", "kernels know nobody BROKEN"),
        ("study/compare.py", "from hwsim.oracle import pack", "nobody imports the oracle BROKEN"),
        ("ir/tensor.py", "import yaml", "yaml has its room BROKEN"),
        ("mapping/op_rows.py", "from hwsim.inputs import load", "floors BROKEN"),
        ("ir/tensor.py", "import numpy", "nouns know the standard library alone BROKEN"),
        ("oracle/lut.py", "from hwsim import errors", "the oracle knows numpy alone BROKEN"),
        ("oracle/lut.py", "from hwsim.quantities import noun", "the oracle knows numpy alone BROKEN"),
        ("price/rules.py", "import numba", "numba has its room BROKEN"),
        ("arrays/systolic/array.py", "import numpy", "arrays know the standard library alone BROKEN"),
        (
            "mapping/op_rows.py",
            "from hwsim.arrays.systolic import array",
            "a kind of array is asked through the protocol BROKEN",
        ),
        (
            "engine/values/floats.py",
            "from hwsim.tensor.gemm import matmul",
            "values know products by their protocol BROKEN",
        ),
        ("tensor/clip.py", "import safetensors", "safetensors has its room BROKEN"),
        ("study/outcome.py", "from hwsim.engine.values import trace", "what is only timed knows no values BROKEN"),
        ("study/values.py", "import matplotlib", "matplotlib has its room BROKEN"),
        ("report/full.py", "import matplotlib", "matplotlib has its room BROKEN"),
        ("report/plots/ops.py", "import jinja2", "jinja2 has its room BROKEN"),
        ("report/screen.py", "from hwsim.scalesim import nouns", "floors BROKEN"),
        ("timing/timeline.py", "from hwsim.kernels import scalesim", "SCALE-Sim's loops have one caller BROKEN"),
        ("engine/accounting.py", "import hwsim", "rooms never import the front door BROKEN"),
    ],
)
def test_a_stray_import_fails_the_check(house: Path, room: str, stray: str, contract: str) -> None:
    assert (house / "hwsim" / room).is_file()
    with (house / "hwsim" / room).open("a") as file:
        file.write(f"\n{stray}  # noqa\n")
    done = lint(house)
    assert done.returncode != 0
    assert contract in re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)


def test_a_room_that_no_contract_knows_fails_the_check(house: Path) -> None:
    (house / "hwsim" / "utils").mkdir()
    (house / "hwsim" / "utils" / "__init__.py").write_text("")
    assert "utils" in lint(house).stdout
    assert lint(house).returncode != 0


def test_every_kind_of_array_is_asked_through_the_protocol() -> None:
    """A folder of `hwsim/arrays` is protected by the contract, or nothing would keep others from importing it."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = (one for one in contracts if one["name"] == "a kind of array is asked through the protocol")
    kinds = {f"hwsim.arrays.{path.parent.name}" for path in (ROOT / "hwsim" / "arrays").glob("*/__init__.py")}
    assert kinds == set(contract["protected_modules"])
