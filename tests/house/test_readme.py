"""What the README says is what happens."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from command import printed
from data import ROOT

README = (ROOT / "README.md").read_text()


def commands() -> list[str]:
    """The lines of all shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.slow
def test_the_run_shown_is_the_true_output() -> None:
    shown = re.search(r"```\n\$ hwsim (.*?)\n(.*?)```", README, flags=re.DOTALL)
    assert shown is not None
    command = [str(Path(sys.executable).with_name("hwsim")), *shown[1].split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == shown[2].strip()


@pytest.mark.slow
def test_the_table_shown_is_the_true_output(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.search(r"\$ hwsim (table .*?)\n```\n\n", README, flags=re.DOTALL)
    assert shown is not None
    out, _ = printed(capsys, *shown[1].replace("\\\n", " ").split())
    assert README[shown.end() :].startswith(f"{out}\n")


@pytest.mark.slow
def test_the_figure_shown_draws_what_is_true(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows are compared, not pixels: another matplotlib draws another picture of them."""
    said = re.search(r"`hwsim (compare .*?) --out DIR`", README)
    shown = re.search(r"!\[.*?\]\((.*?)\.svg\)", README)
    assert said is not None
    assert shown is not None
    printed(capsys, *said[1].split(), "--out", str(tmp_path))
    drawn = ROOT / shown[1]
    assert (tmp_path / f"{drawn.name}.csv").read_text() == drawn.with_suffix(".csv").read_text()


def test_there_are_two_commands_of_one_line_each_that_set_up_all_they_need() -> None:
    run, test = commands()
    for command in (run, test):
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert run.endswith(".venv/bin/hwsim run arch/int4_array.yaml workloads/rnnt.yaml")
    assert test.endswith(".venv/bin/pytest")


@pytest.mark.slow
def test_the_python_shown_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(block, names)
    rtf, energy = capsys.readouterr().out.split()
    assert 0 < float(rtf) < 1 < float(energy)
    assert {"ops", "rows"} <= set(names)


@pytest.mark.parametrize("page", ["README.md", *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))])
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), target


def test_every_room_is_on_the_map() -> None:
    rooms = {path.name for path in (ROOT / "hwsim").iterdir() if path.is_dir() and path.name != "__pycache__"}
    for room in rooms:
        assert re.search(rf"\b{room}/", README), room
