"""What is checked before a commit, on a hosted machine and by hand is one and the same."""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from data import ROOT

CHECKS = ("format", "lint", "types", "contracts", "site")


def workflow() -> Any:
    return yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())


def test_hooks_before_a_commit_are_the_parts_of_the_check() -> None:
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local"
    assert tuple(hook["entry"] for hook in local["hooks"]) == tuple(f"scripts/check {part}" for part in CHECKS)
    assert all(hook["language"] == "system" and not hook["pass_filenames"] for hook in local["hooks"])


def test_the_check_knows_these_parts_and_runs_all_of_them_by_itself() -> None:
    script = (ROOT / "scripts" / "check").read_text()
    assert re.findall(r"^    (\w+)\)", script, flags=re.MULTILINE) == list(CHECKS)
    assert f"set -- {' '.join(CHECKS)}\n" in script


def test_a_part_that_the_check_does_not_know_is_refused() -> None:
    done = subprocess.run([ROOT / "scripts" / "check", "spelling"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "scripts/check: no part spelling; known: format, lint, types, contracts, site\n"


def test_the_hosted_machine_runs_what_a_checkout_runs_on_each_python_that_the_package_names() -> None:
    job = workflow()["jobs"]["tests"]
    assert [step["run"] for step in job["steps"] if "run" in step][-1] == ".ci/run"
    assert job["steps"][-1]["env"] == {"PYTHON": "python${{ matrix.python }}"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line) for line in project["classifiers"]]
    pythons = [found[1] for found in named if found]
    assert job["strategy"]["matrix"]["python"] == pythons
    assert project["requires-python"] == f">={pythons[0]}"


def test_steps_of_others_are_named_by_version() -> None:
    steps = workflow()["jobs"]["tests"]["steps"]
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]) for step in steps if "uses" in step)


@pytest.mark.parametrize(("chosen", "python"), [(None, "python3"), ("python9", "python9")])
def test_continuous_integration_runs_the_command_of_the_readme_with_the_python_that_is_chosen(
    chosen: str | None, python: str, tmp_path: Path
) -> None:
    """In a folder where every program only says how it was called."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / "README.md").write_text((ROOT / "README.md").read_text())
    script = (ROOT / ".ci" / "run").read_text()
    (tmp_path / ".ci" / "run").write_text(script)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("python3", "python9", "iverilog", "g++", "make", "chromedriver", ".venv/bin/pip", ".venv/bin/pytest"):
        stub(programs / name if "/" not in name else tmp_path / name)
    for name in ("check", "check_kernels"):
        stub(tmp_path / "scripts" / name)
    env = {"PATH": f"{programs}:{os.environ['PATH']}"} | ({"PYTHON": chosen} if chosen else {})
    done = subprocess.run(["bash", ".ci/run"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert f"\n{python} -m venv .venv\npip install .[test]\npytest \n" in done.stdout
    assert done.stdout.endswith("\npytest \ncheck \ncheck_kernels \npytest \n")


def test_a_quick_run_leaves_out_what_is_slow_and_hands_on_what_else_is_asked(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "test").write_text((ROOT / "scripts" / "test").read_text())
    stub(tmp_path / ".venv" / "bin" / "pytest")

    def said(*arguments: str) -> str:
        command = ["bash", str(tmp_path / "scripts" / "test"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert said() == "pytest \n"
    assert said("-k", "law", "quick") == "pytest -k law quick\n"
    assert said("quick") == "pytest -m not slow\n"
    assert said("quick", "-n", "0") == "pytest -m not slow -n 0\n"


def stub(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('#!/bin/sh\necho "$(basename "$0") $*"\n')
    path.chmod(0o755)
