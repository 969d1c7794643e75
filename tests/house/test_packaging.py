"""Shipped chips and workloads are found by name however hwsim was installed, from any folder."""

import json
import os
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from data import ROOT

SHIPPED = ("arch", "workloads", "hwsim", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "docs", "tests")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, so that nothing is built inside the real ones."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in SHIPPED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    return folder


def environment(folder: Path) -> Path:
    """An environment that has nothing of its own, but sees the libraries that the tests run with."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    ask = "import site; print(site.getsitepackages()[0])"
    own = Path(subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip())
    # Read after what is installed into the environment itself.
    (own / "zz_outer.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return python


def pip(python: Path, *args: str) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
    ]
    subprocess.run([*command, "--force-reinstall", *args], check=True, capture_output=True)


def build(checkout: Path, target: str, folder: Path) -> Path:
    hatch = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(hatch, cwd=checkout, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


def clean() -> dict[str, str]:
    """The environment without what would lead Python elsewhere."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


def runs_by_name(python: Path, elsewhere: Path) -> str:
    """Run shipped files by name from another folder, with a page, whose templates are shipped too; where hwsim lies."""
    elsewhere.mkdir()
    hwsim = [str(python.with_name("hwsim")), "run", "int4_array", "rnnt", "--json", "-", "--html", "page.html"]
    done = subprocess.run(hwsim, cwd=elsewhere, env=clean(), capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    assert (elsewhere / "page.html").read_text().endswith("</html>\n")
    assert document["summary"]["parameters"] == 57164282
    assert list(document["provenance"]["files"]) == [
        "arch/int4_array (shipped)",
        "dram/lpddr4_3200 (shipped)",
        "energy/aladdin_40nm (shipped)",
        "energy/generic_7nm (shipped)",
        "energy/horowitz_45nm (shipped)",
        "workload/rnnt (shipped)",
    ]
    where = subprocess.run(
        [python, "-c", "import hwsim; print(hwsim.__file__)"],
        cwd=elsewhere,
        env=clean(),
        capture_output=True,
        text=True,
        check=True,
    )
    return where.stdout


@pytest.mark.slow
@pytest.mark.parametrize("target", ["wheel", "sdist"])
def test_shipped_names_are_found_in_an_installed_package(target: str, checkout: Path, tmp_path: Path) -> None:
    built = build(checkout, target, tmp_path / "dist")
    python = environment(tmp_path / "env")
    pip(python, str(built))
    assert str(tmp_path / "env") in runs_by_name(python, tmp_path / "elsewhere")
    ask = "from hwsim.study.recognise.trained import precisions_beside; print(*precisions_beside('words_rnnt'))"
    beside = subprocess.run([python, "-c", ask], cwd=tmp_path, env=clean(), capture_output=True, text=True, check=True)
    assert beside.stdout.split() == ["fp32", "w8a8", "w4a4", "w4a4:trained"]


@pytest.mark.slow
def test_shipped_names_are_found_in_an_editable_install(checkout: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "env")
    pip(python, "-e", str(checkout))
    assert str(checkout) in runs_by_name(python, tmp_path / "elsewhere")
    # What is edited is what runs: not a copy made when the package was installed.
    chip = checkout / "arch" / "int4_array.yaml"
    (checkout / "arch" / "mine.yaml").write_text(chip.read_text().replace("name: int4_array", "name: mine"))
    list_command = [str(python.with_name("hwsim")), "list"]
    assert "mine" in subprocess.run(list_command, env=clean(), capture_output=True, text=True, check=True).stdout
