"""The command line as tests call it, inside their own process or as the installed program."""

import sys
from pathlib import Path

import pytest

from hwsim.cli.main import main

HWSIM = Path(sys.executable).with_name("hwsim")


def printed(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[str, str]:
    assert main(args) == 0
    out, err = capsys.readouterr()
    return out, err


def complaint(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """The one line with which a command refuses."""
    assert main(args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    line = err.removeprefix("hwsim: ").removesuffix("\n")
    assert line.isprintable()
    return line
