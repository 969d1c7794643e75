"""`--dram-banks` of `hwsim run`, and what `hwsim check` says of a chip's memory."""

import json
from pathlib import Path

import pytest

from command import complaint, printed
from data import ARCH, TINY


def test_a_run_also_replays_the_banks_of_its_dram(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Behind its screen, which is the same; in the JSON; and in a file of its own."""
    work = tmp_path / "work.yaml"
    work.write_text(TINY)
    alone = printed(capsys, "run", str(ARCH), str(work))[0]
    screen, err = printed(capsys, "run", str(ARCH), str(work), "--dram-banks", "--out", str(tmp_path / "out"))
    assert screen.startswith(alone)
    assert "DRAM banks, lpddr4_3200: 16 channels of lpddr4, 256 bits at 3200 MT/s; all" in screen
    assert "dram_banks.csv" in err
    written = json.loads((tmp_path / "out" / "result.json").read_text())
    assert written["dram_banks"]["transfers"] == written["dram_banks"]["all_transfers"]
    assert (tmp_path / "out" / "dram_banks.csv").read_text().startswith("device,type,channels,")


def test_what_a_chip_asks_of_its_memory_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    said = printed(capsys, "check", str(ARCH))[0]
    assert "int4_array: its DRAM port asks for 64.0 GB/s, 62.5 % of the 102 GB/s of 16 channels of lpddr4" in said
    narrow = tmp_path / "narrow.yaml"
    narrow.write_text(ARCH.read_text().replace("channels: 16", "channels: 10"))
    said = printed(capsys, "check", str(narrow))[0]
    assert (
        "100 % of the 64.0 GB/s of 10 channels of lpddr4, 160 bits at 3200 MT/s; refreshes alone leave 92.8 %" in said
    )
    silent = tmp_path / "silent.yaml"
    silent.write_text(
        ARCH.read_text().replace("device: lpddr4_3200, channels: 16, ", "").replace("  dram.device: assumed\n", "")
    )
    silent.write_text("\n".join(line for line in silent.read_text().split("\n") if "dram.channels" not in line))
    assert "DRAM" not in printed(capsys, "check", str(silent))[0]
    work = tmp_path / "work.yaml"
    work.write_text(TINY)
    assert complaint(capsys, "run", str(silent), str(work), "--dram-banks").startswith(
        f"{silent}, {work}: int4_array: dram.device: is not given"
    )
    assert complaint(capsys, "run", str(ARCH), str(work), "--dram-bursts", "9") == (
        "--dram-bursts = 9: says how much --dram-banks replays; give that too"
    )
