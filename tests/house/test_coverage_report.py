"""The report of coverage adds up the files of a room, and names the least covered one first."""

from typing import Any

import pytest

from script import script


def file(lines: int, ran: int) -> dict[str, Any]:
    return {"summary": {"num_statements": lines, "covered_lines": ran}}


FILES = {
    "hwsim/errors.py": file(40, 40),
    "hwsim/kernels/tile.py": file(100, 90),
    "hwsim/kernels/jit.py": file(50, 50),
    "hwsim/inputs/yaml/scalars.py": file(30, 3),
    "hwsim/inputs/load.py": file(970, 970),
    "hwsim/price/__init__.py": file(0, 0),
}


@pytest.fixture(scope="module")
def report() -> Any:
    return script("coverage")


def test_rooms_are_sums_of_their_files_least_covered_first(report: Any) -> None:
    assert report.table(report.by_room(FILES)).splitlines() == [
        "room       lines  not run      run",
        "kernels      150       10   93.3 %",
        "inputs     1,000       27   97.3 %",
        "errors.py     40        0  100.0 %",
        "price          0        0  100.0 %",
        "all        1,190       37   96.9 %",
    ]


def test_one_room_is_shown_file_by_file(report: Any) -> None:
    assert [(found.name, found.lines, found.ran) for found in report.by_room(FILES, "inputs")] == [
        ("inputs/yaml/scalars.py", 30, 3),
        ("inputs/load.py", 970, 970),
        ("all", 1000, 973),
    ]


def test_a_room_that_there_is_not_is_refused_before_anything_runs(
    report: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.main(["kernel"]) == 2
    assert capsys.readouterr().err.startswith("scripts/coverage: no room 'kernel'; known: arrays, cli, ")
