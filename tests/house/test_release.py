"""A release is complete, says what changed, and is refused in one line where it is not."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from data import ROOT
from script import script

CHANGES = """# Changes

## [Unreleased]

- nothing yet

## [1.2.0] - 2031-05-04

- exact things

## [1.20] - 2030-01-01

## [1.1.0]

- without a day
"""


@pytest.fixture(scope="module")
def release() -> Any:
    return script("release")


def test_the_version_is_named_in_one_place(release: Any) -> None:
    from hwsim import __version__

    assert release.version_of((ROOT / "pyproject.toml").read_text()) == __version__
    assert f'"{__version__}"' not in "".join(path.read_text() for path in (ROOT / "hwsim").rglob("*.py"))


def test_the_section_of_a_version_is_what_stands_under_its_number_and_day(release: Any) -> None:
    assert release.section_of(CHANGES, "1.2.0") == "- exact things"


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        ("1.3.0", "has no section '## [1.3.0] - YYYY-MM-DD'; give [Unreleased] that heading"),
        ("1.1.0", "has no section '## [1.1.0] - YYYY-MM-DD'; give [Unreleased] that heading"),
        ("1.20", "says nothing of 1.20; list what changed"),
    ],
)
def test_a_version_of_which_nothing_is_said_is_refused(release: Any, version: str, problem: str) -> None:
    with pytest.raises(release.NotReady) as refused:
        release.section_of(CHANGES, version)
    assert str(refused.value) == f"CHANGELOG.md {problem}"


def test_the_changelog_has_one_place_for_what_is_not_released(release: Any) -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert changelog.count("\n## [Unreleased]\n") == 1
    dated = changelog.replace("[Unreleased]", "[9.9.9] - 2031-05-04")
    assert "### Added" in release.section_of(dated, "9.9.9")


FILES = ("hwsim/cli/main.py", "arch/a.yaml", "arch/energy/e.yaml", "workloads/w.yaml", "tests/test_a.py", "LICENSE")


def test_a_wheel_holds_the_package_and_what_is_shipped_and_no_tests(release: Any) -> None:
    wanted = release.inside_wheel(FILES, "1.2.0")
    assert wanted == {
        "hwsim/cli/main.py",
        "hwsim/shipped/arch/a.yaml",
        "hwsim/shipped/arch/energy/e.yaml",
        "hwsim/shipped/workloads/w.yaml",
        "hwsim-1.2.0.dist-info/licenses/LICENSE",
    }
    found = [*wanted - {"hwsim/cli/main.py"}, "tests/test_a.py", "hwsim-1.2.0.dist-info/METADATA"]
    assert list(release.faults("x.whl", wanted, found, "hwsim-1.2.0.dist-info/")) == [
        "x.whl lacks hwsim/cli/main.py",
        "x.whl has tests/test_a.py, which is no part of it",
    ]


def test_a_source_distribution_holds_every_file(release: Any) -> None:
    assert release.inside_sdist(FILES, "1.2.0") == {f"hwsim-1.2.0/{path}" for path in FILES}


@pytest.fixture
def clone(tmp_path: Path, release: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of the last commit, for which the script takes itself."""
    if not (ROOT / ".git").exists():
        pytest.skip("these sources are no repository")
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", tmp_path / "clone"], check=True)
    monkeypatch.setattr(release, "ROOT", tmp_path / "clone")
    return tmp_path / "clone"


@pytest.mark.slow
def test_archives_of_a_clone_are_complete_and_a_changed_tree_is_refused(clone: Path, release: Any) -> None:
    version = release.version_of((clone / "pyproject.toml").read_text())
    release.check_tree()
    release.check_archives(*release.built(clone.parent / "dist", version), version)
    (clone / "hwsim" / "stray.py").write_text("")
    with pytest.raises(release.NotReady, match="1 files are not committed"):
        release.check_tree()
    with pytest.raises(release.NotReady, match=r"\.whl has hwsim/stray\.py, which is no part of it"):
        release.check_archives(*release.built(clone.parent / "dist", version), version)
