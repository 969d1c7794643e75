"""Writing result files: whole or not at all, and never through what is not a file."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from hwsim.errors import FileProblem, shown
from hwsim.report.partial import partial


def write_file(path: Path, text: str) -> None:
    """Write a file of text."""
    write_data(path, text.encode("utf-8", errors="backslashreplace"))


def write_data(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; a pipe or device that stands there gets the data and stays what it is."""
    write_binary(path, lambda file: file.write(data))


def write_binary(path: Path, writer: Callable[[BinaryIO], object]) -> None:
    """Write a file with a writer, whole or not at all; a pipe or device that stands there gets the data."""
    try:
        target = path.resolve()
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            with target.open("wb") as device:
                writer(device)
            return
        with partial(target) as part:
            writer(part)
    except (OSError, ValueError) as error:
        raise unwritable(path, "cannot be written", error) from error


def unwritable(path: Path, what: str, error: OSError | ValueError) -> FileProblem:
    """The error for a file or folder that the system does not let be made."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    name = str(path) if str(path).isprintable() and len(str(path)) < 200 else shown(str(path))
    return FileProblem(name, f"{what}: {reason}")
