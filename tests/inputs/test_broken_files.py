"""Every broken file gives one line that names the place, the value, the law and the remedy."""

from pathlib import Path

import pytest

from command import complaint
from data import ARCH, PRICES, RNNT
from hwsim.errors import FileProblem, UserError
from hwsim.inputs.check import check
from hwsim.inputs.files import LARGEST_TEXT, Kind
from strategies.broken_files import (
    ANALOG_CHIP,
    BIT_SERIAL_CHIP,
    BROKEN_ANALOG_CHIPS,
    BROKEN_BIT_SERIAL_CHIPS,
    BROKEN_CHIPS,
    BROKEN_DEVICES,
    BROKEN_ENERGY_OF_CHIPS,
    BROKEN_PLACES,
    BROKEN_PRICES,
    BROKEN_TEMPORAL_CHIPS,
    BROKEN_WORKLOADS,
    OTHER_WORKLOADS,
    PLACED,
    TEMPORAL_CHIP,
    broken,
)

ARCH_TEXT, RNNT_TEXT, PRICES_TEXT = ARCH.read_text(), RNNT.read_text(), PRICES.read_text()


def line(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError) as caught:
        check(str(path))
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}:")
    return message.removeprefix(f"{path}:").strip()


@pytest.mark.parametrize(("old", "new", "message"), BROKEN_CHIPS)
def test_broken_chips(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert line(tmp_path / "chip.yaml", broken(ARCH_TEXT, old, new)) == message


@pytest.mark.parametrize(("old", "new", "message"), BROKEN_TEMPORAL_CHIPS)
def test_broken_chips_of_temporal_arrays(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert line(tmp_path / "chip.yaml", broken(TEMPORAL_CHIP, old, new)) == message


@pytest.mark.parametrize(("old", "new", "message"), BROKEN_BIT_SERIAL_CHIPS)
def test_broken_chips_of_bit_serial_arrays(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert line(tmp_path / "chip.yaml", broken(BIT_SERIAL_CHIP, old, new)) == message


@pytest.mark.parametrize("text", [TEMPORAL_CHIP, BIT_SERIAL_CHIP])
def test_the_arrays_without_multipliers_that_are_broken_here_are_valid(text: str, tmp_path: Path) -> None:
    file = tmp_path / "chip.yaml"
    file.write_text(text)
    assert f"name: {check(str(file)).name}\n" in text


@pytest.mark.parametrize(("old", "new", "message"), BROKEN_ENERGY_OF_CHIPS)
def test_broken_energies_of_chips(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert line(tmp_path / "chip.yaml", broken(ARCH_TEXT, old, new)) == message


@pytest.mark.parametrize(("old", "new", "message"), BROKEN_ANALOG_CHIPS)
def test_broken_chips_of_analog_tiles(
    old: str, new: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command, which also looks for the prices that the chip needs."""
    file = tmp_path / "chip.yaml"
    file.write_text(broken(ANALOG_CHIP, old, new))
    for command in (["check", str(file)], ["mvm", str(file), "--weight", "none.npy", "--input", "none.npy"]):
        assert complaint(capsys, *command).removeprefix(f"{file}:").strip() == message


def test_the_chip_of_analog_tiles_that_is_broken_here_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "chip.yaml"
    file.write_text(ANALOG_CHIP)
    assert check(str(file)).name == "crossbars"


@pytest.mark.parametrize(("old", "new", "message"), BROKEN_WORKLOADS)
def test_broken_workloads(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert line(tmp_path / "work.yaml", broken(RNNT_TEXT, old, new)) == message


@pytest.mark.parametrize(
    ("name", "old", "new", "message"), [(name, *case) for name, cases in OTHER_WORKLOADS.items() for case in cases]
)
def test_broken_workloads_of_other_kinds(name: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    text = (Kind.WORKLOAD.folder / f"{name}.yaml").read_text()
    assert line(tmp_path / "work.yaml", broken(text, old, new)) == message


@pytest.mark.parametrize(("old", "new", "message"), BROKEN_DEVICES)
def test_broken_dram_devices(old: str, new: str, message: str, tmp_path: Path) -> None:
    text = (Kind.DRAM.folder / "lpddr5_6400.yaml").read_text()
    assert line(tmp_path / "device.yaml", broken(text, old, new)) == message


@pytest.mark.parametrize(("old", "new", "message"), BROKEN_PLACES)
def test_broken_splits_over_cores(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert line(tmp_path / "work.yaml", broken(PLACED, old, new)) == message


@pytest.mark.parametrize(("old", "new", "message"), BROKEN_PRICES)
def test_broken_price_tables(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert line(tmp_path / "prices.yaml", broken(PRICES_TEXT, old, new)) == message


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("# nothing\n", "is empty"),
        (
            "just a text",
            "is neither chip, workload, price table nor DRAM device: shares no field with any of them",
        ),
        ("a: 1\n---\nb: 2\n", "2: holds a second document; one is read"),
        (b"name: \xff", "1: is not UTF-8: byte 0xff"),
        (b"name: a\x00b", "is not YAML: control characters are not allowed"),
        ("a: " * 50, "1: is not YAML: mapping values are not allowed in this context"),
        ("[" * 100_000, "1: is nested more than 40 deep"),
        (bomb(9), "5: stands for more than 20000 values"),
        ("&a [*a]", "1: alias *a has no complete anchor before it"),
        ("x" * (LARGEST_TEXT + 1), f"has {LARGEST_TEXT + 1} bytes; at most {LARGEST_TEXT} are read"),
        ('"\\ud800": 1', "1: is not YAML: found invalid Unicode character escape code"),
    ],
)
def test_files_that_are_no_documents(text: str | bytes, message: str, tmp_path: Path) -> None:
    assert line(tmp_path / "file.yaml", text) == message


def test_what_is_no_file(tmp_path: Path) -> None:
    for path, message in (
        (tmp_path, "is a directory; name a file"),
        (tmp_path / "none.yaml", "cannot be read: No such file or directory"),
        (Path("/dev/null"), "is not a regular file"),
    ):
        with pytest.raises(FileProblem, match=message):
            check(str(path))
