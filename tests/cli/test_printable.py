"""No name from a file reaches the terminal with what moves its cursor or hides its text."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command import complaint, printed
from data import ARCH, ROOT, TINY
from hwsim.cli.main import main

EVIL = "\x1b[2J\x9b31m\u202e\x07"
SHOWN = "\\x1b[2J\\x9b31m\\u202e\\x07"


def test_names_in_refusals_are_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    key = json.dumps(EVIL)
    (tmp_path / "chip.yaml").write_text(ARCH.read_text().replace("cols: 64", f"{key}: 64"))
    assert f"array.{SHOWN}: unknown field" in complaint(capsys, "check", "chip.yaml")
    (tmp_path / f"{EVIL}.yaml").write_text("a: [")
    assert complaint(capsys, "check", f"{EVIL}.yaml").startswith(f"{SHOWN}.yaml:")
    (tmp_path / "scale.cfg").write_text(f"[general]\n{EVIL} = 3\n")
    assert SHOWN[:4] in complaint(capsys, "scalesim", "scale.cfg", "scale.cfg")
    (tmp_path / "w.yaml").write_text(TINY)
    arrays: dict[str, Any] = {EVIL: np.zeros(1)}
    np.savez(tmp_path / "w.npz", **arrays)
    assert "lacks one.weight" in complaint(capsys, "trace", "w.yaml", "--weights", "w.npz")
    arrays |= {"one.weight": np.zeros((3, 4), np.float32)}
    np.savez(tmp_path / "w.npz", **arrays)
    assert f"has {SHOWN}" in complaint(capsys, "trace", "w.yaml", "--weights", "w.npz")
    assert SHOWN in complaint(capsys, "run", "int4_array", "rnnt", "--json", f"{EVIL}/")


def test_names_in_what_is_printed_are_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    chip, topology = f"{EVIL}.yaml", f"{EVIL}.csv"
    (tmp_path / chip).write_text(ARCH.read_text())
    (tmp_path / topology).write_text(f"Layer name, M, N, K,\n{EVIL}, 4, 4, 4,\n")
    (tmp_path / "scale.cfg").write_text((ROOT / "examples" / "scalesim" / "scale.cfg").read_text())
    for args in (
        ("check", chip),
        ("run", chip, "lstm_lm", "--json", f"{EVIL}.json"),
        ("run", chip, "lstm_lm", "--json", "-"),
    ):
        for text in printed(capsys, *args):
            assert all(line.isprintable() for line in text.split("\n"))
    assert main(["scalesim", "scale.cfg", topology]) in (0, 2)
    for text in capsys.readouterr():
        assert all(line.isprintable() for line in text.split("\n"))
    assert json.loads((tmp_path / f"{EVIL}.json").read_text())["provenance"]["files"][chip]
    assert os.path.exists(chip)
